"""What all conversations of a stage share."""

from collections.abc import Callable
from dataclasses import dataclass

from samvad.base.clock import Clock
from samvad.base.folders import Folders
from samvad.base.settings import StageSettings
from samvad.protocol.uplink import Message
from samvad.stage.engine import Engine
from samvad.stage.figures import Figures
from samvad.stage.keeper import Keeper


@dataclass(frozen=True, slots=True)
class Setting:
    """Folders, clock, engine, the way to the gates (`publish`) and to the disk (`keeper`)."""

    folders: Folders
    secret: bytes
    settings: StageSettings
    engine: Engine
    clock: Clock
    publish: Callable[[Message], None]
    keeper: Keeper
    figures: Figures
    window_s: float = 60.0
    """How much of a resumed recording gates get again: what their playlists hold."""

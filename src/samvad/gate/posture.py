"""What the machine is in, told by one gate process to the others through a small file.

The process that leads (leader.py) writes it when it changes; the others look twice a second.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samvad.gate.behaviour import Kind
from samvad.gate.detect import REASONS, State


@dataclass(frozen=True, slots=True)
class Posture:
    """`since_ms`: Unix time. `effort`: how much work the door asks of a newcomer, 0 none, else
    the expected number of tries (toll.py). `incident`: the open one's id, or ""."""

    state: State = State.QUIET
    since_ms: int = 0
    kinds: tuple[Kind, ...] = ()
    says: str = "calm"
    figures: Mapping[str, float] = field(default_factory=dict)
    effort: int = 0
    incident: str = ""

    @property
    def reason(self) -> str:
        """In words, for a log or a terminal; pages have their own in three languages."""
        try:
            return REASONS[self.says].format(**self.figures)
        except (KeyError, ValueError):
            return REASONS["calm"]

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


QUIET = Posture()


def posture_path(run: Path) -> Path:
    return run / "attack" / "posture.json"


def write(path: Path, posture: Posture) -> None:
    """Whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(posture.as_json()), encoding="utf-8")
    draft.replace(path)


def read(path: Path) -> Posture:
    """What is written; QUIET when nothing is, or nothing that can be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Posture(
            State(told["state"]),
            int(told["since_ms"]),
            tuple(Kind(kind) for kind in told["kinds"]),
            str(told["says"]),
            {str(name): float(value) for name, value in told["figures"].items()},
            int(told["effort"]),
            str(told["incident"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return QUIET

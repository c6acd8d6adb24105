"""The room as everybody may see it: who is here, who speaks, since when it is on air.

`stage` sends a RoomState to the gates at each change and four times a second while levels
move; a gate answers `state.json` from the newest one. Times are Unix milliseconds.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Where the programme is. Doors are the gate's to judge, from the plan and its clock."""

    OFF = "off"
    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RoomSpeaker:
    """One speaker. `level` is 0 (silence, -60 dBFS) to 1 (full scale) of the last 0.1 s."""

    id: str
    name: str
    here: bool = False
    muted: bool = False
    speaking: bool = False
    level: float = 0.0


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One sentence from the host."""

    text: str
    at_ms: int


ORDERS = ("auto", "hold", "force")


@dataclass(frozen=True, slots=True)
class LadderOrder:
    """What the host or operator ordered of the ladder (protocol/ladder.py).

    `mode`: "auto" (released: the gates climb by themselves), "hold" (it stays on the rung it
    had) or "force" (it goes to `rung`, 0 for none, and stays). `by` is the name of who ordered.
    """

    mode: str
    rung: int
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The finished recording, as `replay.m4a` in the event's recording folder."""

    bytes: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class RoomState:
    """A snapshot. `replay` is None until the finished file is in its place, `ladder` until
    somebody gives an order."""

    event: str
    phase: Phase = Phase.OFF
    live_since_ms: int | None = None
    ended_ms: int | None = None
    speakers: tuple[RoomSpeaker, ...] = ()
    status: StatusLine | None = None
    replay: Replay | None = None
    ladder: LadderOrder | None = None


def as_dict(state: RoomState) -> dict[str, Any]:
    return dataclasses.asdict(state)


def from_dict(data: Mapping[str, Any]) -> RoomState:
    """The inverse of `as_dict`. Raises KeyError, TypeError or ValueError on another form."""
    status, replay, order = data.get("status"), data.get("replay"), data.get("ladder")
    return RoomState(
        event=data["event"],
        phase=Phase(data["phase"]),
        live_since_ms=data.get("live_since_ms"),
        ended_ms=data.get("ended_ms"),
        speakers=tuple(RoomSpeaker(**s) for s in data.get("speakers", ())),
        status=StatusLine(**status) if status else None,
        replay=Replay(**replay) if replay else None,
        ladder=LadderOrder(**order) if order else None,
    )

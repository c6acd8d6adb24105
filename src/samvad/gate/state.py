"""state.json: what everybody may know of an event, as bytes. Pure."""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from samvad.gate.ladder import Standing
from samvad.protocol.ladder import Rung
from samvad.protocol.plan import EventPlan
from samvad.protocol.playlist import Form
from samvad.protocol.room import Phase, Replay, RoomState


class Situation(StrEnum):
    """Where an event is, as listeners see it."""

    ANNOUNCED = "announced"
    DOORS = "doors"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


OPEN = (Situation.DOORS, Situation.LIVE)
OVER = (Situation.ENDED, Situation.CANCELLED)


@dataclass(frozen=True, slots=True)
class Counts:
    """Honest counts (docs/counts.md): `listening` fetched what is to be heard just now, `admitted`
    hold a seat, `in_line` have a number that was not called; `peak` of listening; `refused` and
    `joined` (seats given) in total."""

    listening: int = 0
    admitted: int = 0
    seats: int = 0
    in_line: int = 0
    refused: int = 0
    peak: int = 0
    joined: int = 0


def situation_of(plan: EventPlan, room: RoomState | None, wall_ms: int) -> Situation:
    """What the stage says goes before the plan's times; what the plan has closed stays closed."""
    if plan.off:
        return Situation.CANCELLED
    if plan.ended or (room is not None and room.phase is Phase.ENDED):
        return Situation.ENDED
    if room is not None and room.phase is Phase.LIVE:
        return Situation.LIVE
    return Situation.DOORS if plan.doors_open(wall_ms) else Situation.ANNOUNCED


def rounded(counts: Counts) -> Counts:
    """Counts with two digits that mean something: 112,480 is 110,000."""

    def two(number: int) -> int:
        step: int = 10 ** max(0, len(str(number)) - 2)
        return round(number / step) * step

    about = {name: two(number) for name, number in dataclasses.asdict(counts).items()}
    return Counts(**about | {"seats": counts.seats})


def rung_json(standing: Standing, rungs: tuple[Rung, ...]) -> dict[str, Any] | None:
    """The rung that holds, for state.json and serving.json; None at the ladder's foot."""
    if not standing.n:
        return None
    return {
        "n": standing.n,
        "of": standing.of,
        "effects": list(standing.effects),
        "says": dict(rungs[standing.n - 1].says),
        "since_ms": standing.since_ms,
        "by": standing.by,
    }


def status_json(room: RoomState | None) -> dict[str, Any] | None:
    """The host's line, or None."""
    line = room.status if room else None
    return {"text": line.text, "at_ms": line.at_ms} if line else None


def as_json(
    plan: EventPlan,
    room: RoomState | None,
    *,
    counts: Counts,
    form: Form,
    lean: str | None,
    replay: Replay | None,
    back: bool = False,
    captions: bool = False,
    replay_path: str,
    wall_ms: int,
    rung: dict[str, Any] | None = None,
    promise_ms: int | None = None,
    certificate: dict[str, Any] | None = None,
    mark: str = "",
) -> bytes:
    """The bytes of state.json. `mark`: that of serving.json."""
    here = {s.id: s for s in room.speakers} if room is not None else {}
    names = [(s.name, here.get(s.id)) for s in plan.speakers]
    names += [(s.name, s) for i, s in here.items() if i not in {p.id for p in plan.speakers}]
    said = {
        "event": plan.event,
        "slug": plan.slug,
        "title": plan.title,
        "state": situation_of(plan, room, wall_ms).value,
        "starts_ms": plan.starts_ms,
        "doors_ms": plan.doors_ms,
        "live_since_ms": room.live_since_ms if room else None,
        "ended_ms": room.ended_ms if room else None,
        "now_ms": wall_ms,
        "speakers": [
            {
                "name": name,
                "here": s.here if s else False,
                "muted": s.muted if s else False,
                "speaking": s.speaking if s else False,
                "level": round(s.level, 2) if s else 0.0,
            }
            for name, s in names
        ],
        "counts": dataclasses.asdict(counts),
        "status": status_json(room),
        "rung": rung,
        "promise_ms": promise_ms,
        "certificate": certificate,
        "latency": form.value,
        "lean": lean,
        "back": back,
        "captions": captions,
        "mark": mark,
        "replay": {"url": replay_path, "bytes": replay.bytes, "duration_ms": replay.duration_ms}
        if replay
        else None,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()

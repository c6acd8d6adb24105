"""serving.json: one object for all who wait, however many, made from the house's cells."""

import json
import zlib
from typing import Any

from samvad.gate.door import NEAR_MS, far_ms
from samvad.gate.house import House
from samvad.gate.state import Situation, status_json
from samvad.protocol.passes import Lane
from samvad.protocol.plan import EventPlan
from samvad.protocol.room import RoomState

_DOOR = {Situation.ANNOUNCED: "early", Situation.DOORS: "open", Situation.LIVE: "open"}


def as_json(
    plan: EventPlan,
    room: RoomState | None,
    *,
    situation: Situation,
    house: House | None,
    closed: bool,
    rung: dict[str, Any] | None,
    promise_ms: int | None,
    now: float,
    wall_ms: int,
) -> bytes:
    """The bytes of serving.json. `house` None: there is no line (over, or not yet)."""
    waiting = house.waiting if house is not None else 0
    rate_per_s = house.moves_per_s(now) if house is not None else 0.0
    lanes = house.lines.queues if house is not None else {}
    used = {lane.name.lower(): queue for lane, queue in lanes.items() if queue.joined}
    said: dict[str, Any] = {
        "event": plan.event,
        "state": situation.value,
        "now_ms": wall_ms,
        "starts_ms": plan.starts_ms,
        "doors_ms": plan.doors_ms,
        "door": "closed" if closed else _DOOR.get(situation, "over"),
        "serving": house.reached(Lane.ANYONE) if house is not None else 0,
        "lanes": {name: queue.called for name, queue in used.items()},
        "closed_upto": {name: queue.closed_upto for name, queue in used.items()},
        "joined": {name: queue.joined for name, queue in used.items()},
        "waiting": waiting,
        "rate_per_s": round(rate_per_s, 2),
        "poll_ms": [NEAR_MS, far_ms(waiting, rate_per_s > 0)],
        "status": status_json(room),
        "rung": rung,
        "promise_ms": promise_ms,
        "mark": mark(situation, closed, room, rung, promise_ms),
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def mark(
    situation: Situation,
    closed: bool,
    room: RoomState | None,
    rung: dict[str, Any] | None,
    promise_ms: int | None,
) -> str:
    """What of serving.json is news to all who wait (news.py): another mark, other news. It is
    the same from each gate process."""
    about = (situation.value, closed, status_json(room), rung, promise_ms)
    return f"{zlib.crc32(repr(about).encode()):x}"

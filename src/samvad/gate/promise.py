"""For when the recording is promised, in Unix milliseconds. Pure."""

from samvad.protocol.plan import PROMISE_MIN, EventPlan
from samvad.protocol.room import RoomState

HOUR_MS, QUARTER_MS = 3_600_000, 900_000


def by_rung(plan: EventPlan, room: RoomState | None, wall_ms: int) -> int:
    """When a rung says "later". The recording is there so long after the end; the end is taken to
    be an hour after the beginning, or after now, whichever is later. On the quarter of an hour."""
    began_ms = (room.live_since_ms if room else None) or plan.starts_ms or wall_ms
    ends_ms = max(began_ms, wall_ms) + HOUR_MS
    ready_ms = ends_ms + (plan.promise_min or PROMISE_MIN) * 60_000
    return -(-ready_ms // QUARTER_MS) * QUARTER_MS


def once_over(plan: EventPlan | None, room: RoomState | None) -> int | None:
    """When it has ended; None while it has not."""
    if plan is None or room is None or room.live_since_ms is None or room.ended_ms is None:
        return None
    return room.ended_ms + (plan.promise_min or PROMISE_MIN) * 60_000

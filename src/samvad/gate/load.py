"""What the gates of a machine bear, read from their counters: the ladder's readings. Pure.

A `Glimpse` is all processes' counters at one moment; two of them make the readings of the time
between. Counters are kept by process index: their files outlive the processes.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

WAIT_BOUNDS_MS = (5, 10, 20, 50, 100, 150, 250, 400, 600, 1000, 1500, 2000, 3000, 6000)
"""Upper bounds of the buckets of waits; one more bucket holds what is longer."""

HOSTILE = ("malformed", "tickets_forged", "refused_by_source", "timeouts_head")
"""Counters that a crowd of listeners hardly moves, whatever its size."""
ATTACK_PER_S = 200.0
ATTACK_SHARE = 0.05
"""An attack is seen when so many hostile things a second happen, and so many for each request
that is none: a crowd of a hundred thousand has its odd clients too."""

WINDOW_S = 5.0
"""Readings are of so much time: enough waits for a 99th percentile, soon enough to act on."""

Counted = Mapping[str, int]


def wait_counter(place: int) -> str:
    """The name of the counter of a bucket of waits."""
    if place == len(WAIT_BOUNDS_MS):
        return "waited_longer"
    return f"waited_{WAIT_BOUNDS_MS[place]}_ms"


def wait_place(waited_s: float) -> int:
    """Which bucket a wait belongs to."""
    waited_ms = waited_s * 1000
    for place, bound in enumerate(WAIT_BOUNDS_MS):
        if waited_ms <= bound:
            return place
    return len(WAIT_BOUNDS_MS)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Counters of the processes that live, by their index, at `now` (monotonic seconds)."""

    now: float
    processes: Mapping[int, Counted]


def readings(before: Glimpse, after: Glimpse) -> dict[str, float]:
    """cpu, mbit, p99_ms and attack of the time between; nothing when there was none.

    Processes that are in one of the two only are left out. `p99_ms` is missing when nothing
    was measured.
    """
    seconds = after.now - before.now
    if seconds <= 0:
        return {}
    grown = [
        {name: max(0, value - older.get(name, value)) for name, value in newer.items()}
        for index, newer in after.processes.items()
        if (older := before.processes.get(index)) is not None
    ]
    if not grown:
        return {}

    def total(*names: str) -> int:
        return sum(one.get(name, 0) for one in grown for name in names)

    hostile = total(*HOSTILE) / seconds
    good = total("answers_2xx", "answers_3xx") / seconds
    found = {
        "cpu": min(1.0, max(one.get("cpu_ms", 0) for one in grown) / 1000 / seconds),
        "mbit": total("bytes") * 8 / 1e6 / seconds,
        "attack": float(hostile >= max(ATTACK_PER_S, ATTACK_SHARE * good)),
    }
    waits = [total(wait_counter(place)) for place in range(len(WAIT_BOUNDS_MS) + 1)]
    if any(waits):
        found["p99_ms"] = _percentile(waits, 0.99)
    return found


def share_in_use(held: int, seats: int) -> float:
    """The reading `seats`. Where there are none, all are taken."""
    return min(1.0, held / seats) if seats > 0 else 1.0


def _percentile(counts: list[int], share: float) -> float:
    """Within its bucket as if spread evenly; what is longer than all bounds counts as double."""
    bounds = (0.0, *map(float, WAIT_BOUNDS_MS), 2.0 * WAIT_BOUNDS_MS[-1])
    rank, below = share * sum(counts), 0
    for place, count in enumerate(counts):
        if count and below + count >= rank:
            within = (rank - below) / count
            return bounds[place] + (bounds[place + 1] - bounds[place]) * within
        below += count
    return bounds[-1]


class Meter:
    """Readings over the last WINDOW_S, from a glimpse each second."""

    def __init__(self) -> None:
        self._seen: deque[Glimpse] = deque()
        """Of the last two windows."""

    def look(self, glimpse: Glimpse) -> dict[str, float]:
        """Take a glimpse; the readings now."""
        self._seen.append(glimpse)
        while len(self._seen) > 1 and glimpse.now - self._seen[1].now >= 2 * WINDOW_S:
            self._seen.popleft()
        return readings(self._a_window_ago(), glimpse)

    def lasting(self, found: Mapping[str, float]) -> dict[str, float]:
        """`found` at the last look, but a wait only as far as the window before had it too. One
        that does not come again is of the machine, not of its load: nothing is to be given up for
        it."""
        lasting, before = dict(found), readings(self._seen[0], self._a_window_ago())
        now_ms = lasting.pop("p99_ms", None)
        if now_ms is not None and before:
            lasting["p99_ms"] = min(now_ms, before.get("p99_ms", now_ms))
        return lasting

    def _a_window_ago(self) -> Glimpse:
        now = self._seen[-1].now
        return next(
            (seen for seen in reversed(self._seen) if now - seen.now >= WINDOW_S), self._seen[0]
        )

"""Many timers, cheaply: a list for each tick of 2 ms. Pure; time is an argument.

To move a timer is to note it again; the older note is recognised as stale when its tick comes.
"""

from typing import Generic, Protocol, TypeVar

TICK_S = 0.002
_PER_S = 500


class Timed(Protocol):
    """`due`: monotonic seconds. `tick`: the wheel's own note, 0 when in none."""

    due: float
    tick: int


T = TypeVar("T", bound=Timed)


class Timers(Generic[T]):
    """Wakes each item in the tick in which it is due, never before its time."""

    def __init__(self, now: float) -> None:
        self._ticks: dict[int, list[T]] = {}
        self._at = int(now * _PER_S)

    def set(self, item: T) -> None:
        """Note `item` for its `due`. It is in one tick at a time; an infinite one is in none."""
        due = item.due
        if due == float("inf"):
            item.tick = 0
            return
        tick = int(due * _PER_S) + 1
        if tick <= self._at:
            tick = self._at + 1
        if tick == item.tick:
            return
        item.tick = tick
        notes = self._ticks.get(tick)
        if notes is None:
            self._ticks[tick] = [item]
        else:
            notes.append(item)

    def due(self, now: float) -> list[T]:
        """Items whose time has come, in the order of their ticks."""
        until = int(now * _PER_S)
        come: list[T] = []
        ticks = self._ticks
        while self._at < until:
            self._at += 1
            notes = ticks.pop(self._at, None)
            if notes is not None:
                for item in notes:
                    if item.tick == self._at:
                        item.tick = 0
                        come.append(item)
        return come

    def sleep_s(self, now: float, most_s: float) -> float:
        """How long nothing is due, at most `most_s`; looks at most 50 ticks ahead."""
        for ahead in range(1, 51):
            if self._at + ahead in self._ticks:
                return min(max((self._at + ahead) * TICK_S - now, 0.0), most_s)
        return min(50 * TICK_S, most_s)

"""The ladder, climbed: which rung an event stands on, second by second. Pure.

Under load one rung at a time, each after its own `after_s` since the last step, and back by
its `back_after_s`: since a rung's `under` is not above its `over`, it cannot flap. By order it
goes at once. What the rungs are is the plan's (protocol/ladder.py); times: `now` monotonic
seconds, `wall_ms` Unix.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from samvad.protocol.ladder import Rung
from samvad.protocol.room import LadderOrder

GAP_S = 5.0
"""Without a reading for longer nothing is known "on end": what was counted begins anew."""

LOAD, HOLD, FORCE = "load", "hold", "force"
BY = (LOAD, HOLD, FORCE)

Readings = Mapping[str, float]
"""Metric (protocol.ladder.METRICS) to its value now. One that is missing is not known: it
neither climbs a rung nor leaves one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`n` of `of` rungs are climbed (0: none), since `since_ms`, by load or by an order."""

    n: int = 0
    of: int = 0
    effects: tuple[str, ...] = ()
    since_ms: int = 0
    by: str = LOAD

    @property
    def effect(self) -> str | None:
        """Of the rung it stands on."""
        return self.effects[-1] if self.effects else None


class Ladder:
    """One event's. Whoever takes over from another caller begins at `n`, climbed at `since_ms`."""

    def __init__(self, rungs: tuple[Rung, ...], n: int = 0, since_ms: int = 0) -> None:
        self._rungs = rungs
        self._n = min(max(n, 0), len(rungs))
        self._since_ms = since_ms
        self._over_since: float | None = None
        self._under_since: float | None = None
        self._last = float("-inf")

    @property
    def rungs(self) -> tuple[Rung, ...]:
        return self._rungs

    def set_rungs(self, rungs: tuple[Rung, ...], wall_ms: int) -> None:
        """The plan was changed: stay on the rung of the same effect, or the next above it."""
        if rungs == self._rungs:
            return
        kept = {rung.effect for rung in self._rungs[: self._n]}
        places = [n for n, rung in enumerate(rungs, start=1) if rung.effect in kept]
        self._rungs = rungs
        self._go(places[-1] if places else 0, wall_ms)
        self._begin_anew()

    def step(
        self, now: float, wall_ms: int, readings: Readings, order: LadderOrder | None = None
    ) -> Standing:
        """What holds from now on. To be called about each second."""
        if now - self._last > GAP_S:
            self._begin_anew()
        self._last = now
        by = LOAD
        if order is not None and order.mode == FORCE:
            by = FORCE
            self._go(min(max(order.rung, 0), len(self._rungs)), wall_ms)
            self._begin_anew()
        elif order is not None and order.mode == HOLD:
            by = HOLD
            self._begin_anew()
        else:
            self._climb(now, wall_ms, readings)
        effects = tuple(rung.effect for rung in self._rungs[: self._n])
        return Standing(self._n, len(self._rungs), effects, self._since_ms, by)

    def _climb(self, now: float, wall_ms: int, readings: Readings) -> None:
        above = self._rungs[self._n] if self._n < len(self._rungs) else None
        here = self._rungs[self._n - 1] if self._n else None
        if above is None or not _is_over(above, readings):
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now
        if here is None or not _is_under(here, readings):
            self._under_since = None
        elif self._under_since is None:
            self._under_since = now
        over_s = now - self._over_since if self._over_since is not None else None
        under_s = now - self._under_since if self._under_since is not None else None
        # Up goes first: under one metric's threshold and over another's is over.
        if above is not None and over_s is not None:
            if over_s >= above.after_s:
                self._go(self._n + 1, wall_ms)
        elif here is not None and under_s is not None and under_s >= here.back_after_s:
            self._go(self._n - 1, wall_ms)

    def _go(self, n: int, wall_ms: int) -> None:
        if n != self._n:
            self._n, self._since_ms = n, wall_ms
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._over_since = self._under_since = None


def _is_over(rung: Rung, readings: Readings) -> bool:
    return any(readings.get(name, float("-inf")) >= at for name, at in rung.over.items())


def _is_under(rung: Rung, readings: Readings) -> bool:
    return all(readings.get(name, float("inf")) < at for name, at in rung.under.items())

"""Who climbs the ladder: one process of the machine for each event, and the others follow.

It is the one that keeps the event's history (watch.py); when it dies another goes on, from the
rung that stands on the board. Which rung it is decides ladder.py, from what load.py reads
(`Watch.readings`).
"""

from typing import Any

from samvad.base.clock import Moment
from samvad.gate.diary import Diary
from samvad.gate.ladder import Ladder
from samvad.gate.load import share_in_use
from samvad.gate.register import Register
from samvad.gate.watch import Watch
from samvad.protocol.journal import PROMISE, RUNG


class Climbers:
    """`each_second` after the watch's."""

    def __init__(self, register: Register[Any], watch: Watch, diary: Diary) -> None:
        self._register, self._watch, self._diary = register, watch, diary
        self._ladders: dict[str, Ladder] = {}

    def each_second(self, at: Moment) -> None:
        """One step of each ladder that is this process's to climb."""
        led = self._watch.kept
        for name in self._ladders.keys() - led:
            del self._ladders[name]
        for name in led:
            self._climb(name, self._watch.readings, at)

    def _climb(self, name: str, readings: dict[str, float], at: Moment) -> None:
        event = self._register.housed(name)
        if event is None or event.plan is None or not event.is_open(at.wall_ms):
            return
        ladder = self._ladders.get(name)
        if ladder is None:
            before = event.standing
            ladder = Ladder(event.plan.ladder, before.n, before.since_ms)
            self._ladders[name] = ladder
        ladder.set_rungs(event.plan.ladder, at.wall_ms)
        counts = event.counts(at)
        seats = {"seats": share_in_use(counts.admitted, counts.seats)}
        order = event.room.ladder if event.room is not None else None
        before = event.standing
        now = ladder.step(at.now, at.wall_ms, readings | seats, order)
        promised_ms = event.stand(now, at)
        if now.n != before.n:
            who = order.by if order is not None and now.by != "load" else ""
            effect = now.effect or ""
            self._diary.note(name, RUNG, at.wall_ms, n=now.n, effect=effect, by=now.by, who=who)
        if promised_ms is not None:
            self._diary.note(name, PROMISE, at.wall_ms, by_ms=promised_ms)

"""One shard of a crowd: thousands of visits over non-blocking sockets, in one thread.

Open load: arrivals and reloads keep their times whatever the server does. Bounded: listeners,
connections, seconds; the documents it remembers. Load goes to loopback only (target.py).
"""

import gc
import resource
import select
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from samvad.base.errors import PlainError
from samvad.rehearsal import pacer
from samvad.rehearsal.answer import BadAnswer, Heads
from samvad.rehearsal.habit import Habit, Leave, Start, tail_of
from samvad.rehearsal.health import Health
from samvad.rehearsal.library import Library
from samvad.rehearsal.line import SCRATCH, STARVED, Broken, Got, Line, how_of
from samvad.rehearsal.permit import permits
from samvad.rehearsal.sound import NEVER
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.target import target_of
from samvad.rehearsal.timers import Timers
from samvad.rehearsal.trial import Trial, files_of_a_process, source_of
from samvad.rehearsal.visit import Asks, Visit

IN, OUT = select.EPOLLIN, select.EPOLLOUT
BATCH = 256
"""Ready sockets handled before the timers have their turn."""
ARRIVALS = 128
"""Arrivals begun in a turn."""
SWEEPS_S = 2.0
"""Each line is looked at once in so long (or in a quarter of what it may wait for an answer): is
its answer overdue, has its sound stopped? Of 230,000 lines that is a tenth of a core."""
_SWEEP_PARTS = 200
ORDERLY = 8
"""At the end, one connection in so many is closed in order; the others are reset."""


class _Guest(Visit):
    """A visit and its connections."""

    __slots__ = ("lines", "source")

    lines: list["Line[_Guest] | None"]
    source: str


class Herd:
    """`run` once. `tally` and `health` may be read by `report`, which is called each second."""

    def __init__(self, trial: Trial) -> None:
        """Raises PlainError for a trial out of bounds, or not against loopback."""
        trial.check()
        self.trial = trial
        self._target, path = target_of(trial.url, permits(trial))
        self._target.check()
        self.tally, self.health = Tally(), Health()
        self._library, self._heads = Library(), Heads()
        self._chance = Random(f"visits {trial.seed} {trial.shard}")
        self._habit = Habit(
            start=trial.start,
            path=path.encode("latin-1"),
            tail=tail_of(self._target.host, path),
            state=trial.state.encode("latin-1"),
            low=trial.low,
            lean=trial.lean,
            long=trial.long,
            rendition=trial.rendition.encode("latin-1"),
            reload_s=trial.reload_s,
            state_every_s=trial.state_every_s if trial.state or trial.start is Start.PAGE else 0,
            assets=trial.assets,
            lines=trial.lines,
            door_only=trial.door_only,
            says_leave=trial.says_leave,
        )
        mine = trial.shard, trial.shards
        self._arrivals = pacer.share_of(
            pacer.in_waves(
                trial.waves or ((trial.listeners, 0.0, trial.arrive_s),), trial.shape, trial.seed
            ),
            *mine,
        )
        self._drops = pacer.share_of(
            pacer.drops(
                trial.listeners, trial.drop_share, trial.drop_from_s, trial.drop_to_s, trial.seed
            ),
            *mine,
        )
        self._tires = pacer.share_of(
            pacer.drops(
                trial.listeners,
                trial.leave_share,
                trial.leave_from_s,
                trial.leave_to_s,
                trial.seed + 1,
            ),
            *mine,
        )
        self._plays = _read_plays(trial)
        self._epoll = select.epoll()
        self._lines: list[Line[_Guest] | None] = [None] * (files_of_a_process() + 1)
        self._guests: set[_Guest] = set()
        self._silent: list[Line[_Guest]] = []
        self._timers: Timers[_Guest] = Timers(0.0)
        self._next_arrival = self._swept = 0
        self._began = self._waited_before = 0.0
        self._open = self._highest = 0
        self._scratch = bytearray(SCRATCH)
        self._view = memoryview(self._scratch)
        self._clock = time.monotonic

    # -- the loop ---------------------------------------------------------------------------

    def run(self, report: Callable[[], bool] | None = None, stop_fd: int = -1) -> None:
        """Until the trial is over, `report` says False, or `stop_fd` becomes readable."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        gc.collect()
        gc.freeze()
        gc.disable()  # visits are in no cycles; a collection would be a pause
        try:
            self._run(report, stop_fd)
        finally:
            gc.enable()
            gc.unfreeze()
            for number, line in enumerate((*self._lines, *self._silent)):
                if line is not None:
                    # Some end in order, so that it is seen whether the server ends them too.
                    line.close(reset=number % ORDERLY != 0)
            self._epoll.close()

    def _run(self, report: Callable[[], bool] | None, stop_fd: int) -> None:
        clock, poll, lines = self._clock, self._epoll.poll, self._lines
        if stop_fd >= 0:
            self._epoll.register(stop_fd, IN)
        began = self.trial.start_at or clock()
        until = began + self.trial.for_s
        cpu_before, self._waited_before = time.process_time(), _waited_s()
        self._timers, self._began = Timers(clock()), began
        report_at, sweep_at = began + 1.0, began
        sweep_s = min(SWEEPS_S, self.trial.timeout_s / 4) / _SWEEP_PARTS
        counted_at = now = clock()
        while now < until:
            ready = poll(self._sleep_s(now, min(report_at, sweep_at, until)), BATCH)
            turn_began = clock()
            for fd, mask in ready:
                line = lines[fd]
                if line is not None:
                    self._ready(line, mask)
                elif fd == stop_fd:
                    until = turn_began
            now = clock()
            for visit in self._timers.due(now):
                now = clock()
                self.health.late.add(now - visit.due)
                self._follow(visit, visit.wake(now), now)
            self._arrive(now)
            now = clock()
            if now >= sweep_at:
                self._sweep(now)
                sweep_at = max(sweep_at + sweep_s, now)
            if now >= report_at or now >= until:
                self.tally.listened_s += self.tally.playing_now * (now - counted_at)
                counted_at = now
                self._note_health(now - began, time.process_time() - cpu_before)
                report_at += 1.0
                if now < until and report is not None and not report():
                    until = now
            self.health.turn.add(clock() - turn_began)
        for visit in self._guests:
            visit.end(now)

    def _sleep_s(self, now: float, most: float) -> float:
        if self._next_arrival < len(self._arrivals):
            most = min(most, self._began + self._arrivals[self._next_arrival])
        return self._timers.sleep_s(now, max(0.0, most - now))

    def _note_health(self, wall_s: float, cpu_s: float) -> None:
        health = self.health
        health.wall_s, health.cpu_s, health.lines = wall_s, cpu_s, self._open
        health.waited_s = _waited_s() - self._waited_before
        with open("/proc/self/statm", "rb") as statm:
            health.memory_kb = int(statm.read().split()[1]) * resource.getpagesize() // 1024

    def _arrive(self, now: float) -> None:
        trial = self.trial
        for _ in range(ARRIVALS):
            number = self._next_arrival
            if number >= len(self._arrivals) or self._began + self._arrivals[number] > now:
                return
            self._next_arrival += 1
            at, drop = self._began + self._arrivals[number], self._drops[number]
            visit = _Guest(
                self._habit,
                self._library,
                self.tally,
                at,
                chance=self._chance,
                play=self._plays[number] if self._plays else b"",
                leave_at=at + trial.stay_s if trial.stay_s else NEVER,
                drop_at=self._began + drop if drop < NEVER else NEVER,
                away_s=trial.away_s,
                tires_at=self._began + self._tires[number],
            )
            visit.lines = [None] * trial.lines
            visit.source = (
                ""  # elsewhere, the address is this machine's own
                if self._target.permitted
                else source_of(number * trial.shards + trial.shard, trial.per_source)
            )
            self._guests.add(visit)
            now = self._clock()
            self.health.late.add(now - at)
            self._follow(visit, visit.wake(now), now)

    def _sweep(self, now: float) -> None:
        """Look at one part of the lines."""
        part = self._swept % _SWEEP_PARTS
        self._swept += 1
        size, timeout_s = self._highest // _SWEEP_PARTS + 1, self.trial.timeout_s
        for line in self._lines[part * size : (part + 1) * size]:
            if line is None:
                continue
            if line.index == 0 and now > line.visit.sound.dry_at:
                line.visit.sound.look(now)
            if line.sent_at and now - line.sent_at > timeout_s + line.visit.held_s(line.index):
                self._broke(line, "timeout", now)

    # -- visits and lines -------------------------------------------------------------------

    def _follow(self, visit: _Guest, asks: Asks | None, now: float) -> None:
        """Do what a visit wants, and wake it when it says."""
        if asks is None:
            self._hang_up(visit)
        else:
            for index, request, keep in asks:
                self._ask(visit, index, request, keep, now)
        if visit.due < NEVER or visit.tick:
            self._timers.set(visit)

    def _ask(self, visit: _Guest, index: int, request: bytes, keep: bool, now: float) -> None:
        line = visit.lines[index]
        if line is None:
            try:
                line = Line(visit, index, self._target, visit.source)
                self._epoll.register(line.fd, IN)
            except OSError as error:
                self._not_connected(visit, index, error, now)
                return
            visit.lines[index] = self._lines[line.fd] = line
            self._open += 1
            self._highest = max(self._highest, line.fd)
            self.tally.connects += 1
        try:
            line.send(request, keep, now)
            if line.writing:
                self._epoll.modify(line.fd, IN | OUT)
        except OSError as error:
            if line.served:
                self._again(line, now)
            else:
                self._broke(line, how_of(error), now)

    def _not_connected(self, visit: _Guest, index: int, error: OSError, now: float) -> None:
        if error.errno in STARVED:
            self.health.starved += 1
        self._follow(visit, visit.broke(index, how_of(error), now), now)

    def _again(self, line: Line[_Guest], now: float) -> None:
        """A kept connection was closed as it was to be used again: ask on a new one, as
        browsers do (Chromium repeats a POST too)."""
        visit, request, keep = line.visit, line.request, line.keep
        self.tally.reconnects += 1
        self._drop(line)
        self._ask(visit, line.index, request, keep, now)

    def _ready(self, line: Line[_Guest], mask: int) -> None:
        try:
            if line.writing and mask & ~IN:
                line.flush()
                if not line.writing:
                    self._epoll.modify(line.fd, IN)
                if not mask & IN:
                    return
            got, count = line.receive(self._scratch, self._view, self._heads)
        except OSError as error:
            self._lost(line, how_of(error))
            return
        except Broken as broken:
            self._broke(line, str(broken), self._clock())
            return
        except BadAnswer as bad:
            self._broke(line, f"malformed: {bad}", self._clock())
            return
        self.tally.bytes += count
        if got is Got.ANSWER:
            head, body, visit = line.head, line.body, line.visit
            assert head is not None
            if not line.done():
                self._drop(line)
            now = self._clock()
            self._follow(visit, visit.answered(line.index, head, body, now), now)
        elif got is Got.CLOSED:
            self._lost(line, "closed")

    def _lost(self, line: Line[_Guest], how: str) -> None:
        """The connection ended before the first byte of an answer."""
        if not line.sent_at:
            self._drop(line)  # it was idle: the server need not keep it
            return
        now = self._clock()
        if line.served and line.head is None:
            self._again(line, now)
        else:
            self._broke(line, how, now)

    def _broke(self, line: Line[_Guest], how: str, now: float) -> None:
        visit, asked = line.visit, line.sent_at > 0
        self._drop(line, reset=True)
        if asked:
            self._follow(visit, visit.broke(line.index, how, now), now)

    def _drop(self, line: Line[_Guest], reset: bool = False) -> None:
        line.visit.lines[line.index] = None
        self._lines[line.fd] = None
        self._open -= 1
        line.close(reset)

    def _hang_up(self, visit: _Guest) -> None:
        """All its lines end, in the way of this trial."""
        leave = self.trial.leave
        for line in visit.lines:
            if line is None:
                continue
            if leave is Leave.SILENT:
                # Not a word more: the socket stays, unread, as a vanished phone's would at the
                # far end.
                self._epoll.unregister(line.fd)
                self._lines[line.fd] = visit.lines[line.index] = None
                self._silent.append(line)
            else:
                self._drop(line, reset=leave is Leave.RESET)
        if visit.due == NEVER:
            self._guests.discard(visit)


def _waited_s() -> float:
    """Seconds this process was ready to run and did not (proc(5), schedstat)."""
    try:
        with open("/proc/self/schedstat", "rb") as schedstat:
            return int(schedstat.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _read_plays(trial: Trial) -> list[bytes]:
    """This shard's lines of the file with everybody's playlist. Raises PlainError."""
    if not trial.plays:
        return []
    try:
        lines = Path(trial.plays).read_bytes().splitlines()
    except OSError as error:
        raise PlainError(f"{trial.plays} cannot be read: {error.strerror}.") from None
    if len(lines) < trial.listeners:
        raise PlainError(f"{trial.plays} has {len(lines)} lines for {trial.listeners} listeners.")
    return lines[trial.shard : trial.listeners : trial.shards]

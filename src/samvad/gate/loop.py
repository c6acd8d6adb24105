"""One thread's event loop: epoll, a few timers, one reading of the clocks a millisecond.

Not asyncio: a connection here is one object and a request one method call, which is what keeps
a Python gate at nginx's cost (docs/adr/0002-gate.md).
"""

import contextlib
import logging
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Protocol

from samvad.base.clock import Clock, Moment

log = logging.getLogger("gate")

IN, OUT = select.EPOLLIN, select.EPOLLOUT
BATCH = 256
"""Ready descriptors handled in a turn; the rest come in the next one."""
STRANGERS = 16
"""Of those who have proven nothing, so many are handled in a turn, and as many for each of"""
PER_OTHERS = 100
"""so many others. What is more waits: a listener has at most so much before them, however many
come. Counted, for time goes on while another process has the core."""
STRANGERS_TIGHT = 8
"""The same while an attack is seen: a turn for half as many costs a newcomer a tenth more, and a
listener waits half as long."""
FEW = 8
"""A turn with no more than so many is not long, and not worth a second look at the clock."""
CALM_S = 0.25
"""So often those are looked at who are in no hurry: many together, in a turn that comes anyway. A
word of the host has two seconds, of which a page that waits takes one and a half (line.ts)."""
GRAIN_S = 0.001
"""How old a turn's time may be; and how long work gathers where turns follow closely."""
LONGEST_SLEEP_S = 1.0
NEVER = float("inf")
STEP_GRAINS, STEP_RESTS = 2, 3
"""From one step of long work to the next pass so many grains at least, and so many times as long
as the step took: such work has a quarter of a core at most, wherever a listener's answer is due."""


class Handler(Protocol):
    """What belongs to a descriptor."""

    def ready(self, mask: int) -> None:
        """Go on. `mask` is a hint: it may be that of another who had this number before."""

    def broken(self) -> None:
        """`ready` has failed: a bug. Nobody else may suffer from it."""


class _Timer:
    __slots__ = ("call", "due", "every_s")

    def __init__(self, call: Callable[[], None], due: float, every_s: float) -> None:
        self.call, self.due, self.every_s = call, due, every_s


def next_due(due: float, every_s: float, now: float) -> float:
    """When what was due is due again: in step with its beginning, so that what began together stays
    together, and one waking is for all."""
    return due + every_s * (int((now - due) / every_s) + 1) if every_s else now


class Loop:
    """`moment` is this turn's time; `date` and `date_close` end the head of an answer."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._strange, self._calm = select.epoll(), select.epoll()
        self._set_of: dict[int, select.epoll] = {}
        """Which of the three a descriptor is in."""
        self.watch(self._strange.fileno(), _Strangers(self), IN)
        self._timers: list[_Timer] = []
        self._next_timer = NEVER
        self._again: list[Callable[[], None]] = []
        self._spare: list[Callable[[], bool]] = []
        self._patient: deque[Callable[[], None]] = deque()
        """Strangers who have asked for several things at once, and wait for their turns."""
        self._others = 0
        """Ready in this turn, strangers not counted."""
        self.strangers = STRANGERS
        """How many of them are handled, and how many accepted, at a time."""
        self.longest_turn_s = 0.0
        self._turned_at = -NEVER
        self._gathers = False
        """Whether the last turn came within a grain of the one before."""
        self.date = self.date_close = b""
        self.moment = Moment(clock.now(), clock.wall_ms())
        self._set_date()
        self.every(CALM_S, self._look_at_calm)

    # -- descriptors ------------------------------------------------------------------------

    def watch(self, fd: int, handler: Handler, mask: int, *, stranger: bool = False) -> None:
        """`stranger`: of all these only some have their turn at a time. Raises OSError."""
        chosen = self._among(stranger)
        chosen.register(fd, mask)
        self._set_of[fd] = chosen
        self._handlers[fd] = handler

    def change(self, fd: int, mask: int) -> None:
        """Raises OSError, also for one that is not watched any more."""
        self._set_of.get(fd, self._epoll).modify(fd, mask)

    def _among(self, stranger: bool) -> select.epoll:
        return self._strange if stranger else self._epoll

    def _move(self, fd: int, mask: int, chosen: select.epoll) -> None:
        before = self._set_of[fd]
        if chosen is not before:
            chosen.register(fd, mask)
            before.unregister(fd)
            self._set_of[fd] = chosen

    def know(self, fd: int, mask: int, *, stranger: bool) -> None:
        """It is a stranger from now on, or no more; who is calm stays so. Raises OSError."""
        if self._set_of[fd] is not self._calm:
            self._move(fd, mask, self._among(stranger))

    def calm(self, fd: int, mask: int) -> bool:
        """What comes next is in no hurry: to wake for it alone costs more than to answer it.
        False: the kernel has no memory for it, and all stays as it is."""
        try:
            self._move(fd, mask, self._calm)
        except OSError:
            return False
        return True

    def rouse(self, fd: int, mask: int, *, stranger: bool) -> None:
        """The inverse. Raises OSError."""
        self._move(fd, mask, self._among(stranger))

    def _look_at_calm(self) -> None:
        ready = self._calm.poll(0, BATCH)
        self._handle(ready)
        if len(ready) == BATCH:
            self.soon(self._look_at_calm)

    def spare(self, work: Callable[[], bool]) -> None:
        """Do this when the others have had their turn; again, while it says that there is more, if
        they were many. What is left then is to be asked for again."""
        self._spare.append(work)

    def _use_spare(self) -> None:
        works, self._spare = self._spare, []
        if self._patient:
            works.append(self._let_patient)
        for _ in range(1 + self._others // PER_OTHERS):
            works = [work for work in works if work()]
        if works:
            # Another gate on this core has listeners, and they wait for this one's strangers. Only
            # now: whoever yields goes behind all it shares its core with, by a time slice.
            os.sched_yield()
            self.hurry()

    def let_strangers(self) -> bool:
        """Some of them; whether there may be more."""
        ready = self._strange.poll(0, self.strangers)
        self._handle(ready)
        return len(ready) == self.strangers

    def _let_patient(self) -> bool:
        for _ in range(min(len(self._patient), self.strangers)):
            self._patient.popleft()()
        return bool(self._patient)

    def forget(self, fd: int) -> None:
        """To be called before the descriptor is closed, which is what takes it from the epoll set:
        nobody here holds a second descriptor of the same file (epoll(7), question 6)."""
        self._handlers.pop(fd, None)
        self._set_of.pop(fd, None)

    def hand_over(self, fd: int) -> None:
        """The same for a descriptor that stays open: somebody else will watch it."""
        watched_by = self._set_of[fd]
        self.forget(fd)
        with contextlib.suppress(OSError):
            watched_by.unregister(fd)

    # -- time -------------------------------------------------------------------------------

    def _read_clocks(self, now: float) -> None:
        before = self.moment
        self.moment = Moment(now, self.clock.wall_ms())
        if self.moment.wall_ms // 1000 != before.wall_ms // 1000:
            self._set_date()

    def _set_date(self) -> None:
        date = f"Date: {formatdate(self.moment.wall_ms // 1000, usegmt=True)}\r\n".encode()
        self.date, self.date_close = date + b"\r\n", date + b"Connection: close\r\n\r\n"

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Call again and again, the first time in the next turn."""
        self._timers.append(_Timer(call, self.moment.now, seconds))
        self._next_timer = self.moment.now

    def every_in_steps(self, seconds: float, begin: Callable[[], Iterator[None]]) -> None:
        """The same for what takes long: a step of it, and others have their turns before the next
        one. It begins anew when it has ended, if that is later."""
        _Stepwise(self, seconds, begin)

    def once(self, call: Callable[[], None]) -> Callable[[float], None]:
        """What is returned takes seconds: when they have passed `call` is called, once."""
        timer = _Timer(call, NEVER, NEVER)
        self._timers.append(timer)

        def after(seconds: float) -> None:
            timer.due = self.clock.now() + seconds
            self._next_timer = min(self._next_timer, timer.due)

        return after

    def soon(self, call: Callable[[], None], *, stranger: bool = False) -> None:
        """Call in the next turn, which comes at once. `stranger`: when it is one of those who have
        their turn then."""
        (self._patient if stranger else self._again).append(call)

    def hurry(self) -> None:
        """This turn has left something undone, or was for nobody: the next one is not put off to
        gather more."""
        self._gathers = False

    def _run_timers(self, now: float) -> None:
        for timer in self._timers:
            if timer.due <= now:
                timer.due = next_due(timer.due, timer.every_s, now)
                try:
                    timer.call()
                except Exception:
                    log.exception("a periodic task failed")
        self._next_timer = min(timer.due for timer in self._timers)

    # -- turning ----------------------------------------------------------------------------

    def turn(self) -> None:
        """Wait for something to do, and do it."""
        sleep_s = 0.0
        if not self._has_more():
            if self._gathers:
                self._gather()
            # Counted from the last turn's time: late by what that turn took, at most.
            sleep_s = min(max(self._next_timer - self.moment.now, 0.0), LONGEST_SLEEP_S)
        ready = self._epoll.poll(sleep_s, BATCH)
        now = self.clock.now()
        self._gathers, self._turned_at = now - self._turned_at < GRAIN_S, now
        if now - self.moment.now >= GRAIN_S:
            self._read_clocks(now)
        self._others = len(ready)
        self._handle(ready)
        short = len(ready) <= FEW and not self._has_more()
        if not short:
            again, self._again = self._again, []
            for call in again:
                call()
            if self._spare or self._patient:
                self._use_spare()
        if now >= self._next_timer:
            self._run_timers(now)
        elif short:
            return
        self.longest_turn_s = max(self.longest_turn_s, self.clock.now() - now)

    def _has_more(self) -> bool:
        """Whether there is something to do that no descriptor tells of."""
        return bool(self._again or self._spare or self._patient)

    def _gather(self) -> None:
        """Let what comes within the rest of the grain come together. To wake, to ask the kernel and
        to go to sleep again costs as much as a short answer, so under load a turn is for several.
        Whoever comes after a quiet millisecond is not made to wait."""
        rest_s = self._turned_at + GRAIN_S - self.clock.now()
        if rest_s > 0.0:
            time.sleep(rest_s)
            self._turned_at += GRAIN_S  # who comes soon after that is under load as well

    def _handle(self, ready: list[tuple[int, int]]) -> None:
        handlers = self._handlers
        for fd, mask in ready:
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler.ready(mask)
                except Exception:
                    handler.broken()

    def close(self) -> None:
        self._epoll.close()
        self._strange.close()
        self._calm.close()


class _Strangers:
    """Some of them have something to say."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def ready(self, mask: int) -> None:
        self._loop.spare(self._loop.let_strangers)

    def broken(self) -> None:
        """Cannot be."""


class _Stepwise:
    def __init__(self, loop: Loop, seconds: float, begin: Callable[[], Iterator[None]]) -> None:
        self._loop, self._begin = loop, begin
        self._steps: Iterator[None] | None = None
        self._go_on_after = loop.once(self._go_on)
        loop.every(seconds, self._start)

    def _start(self) -> None:
        if self._steps is None:
            self._steps = self._begin()
            self._go_on()

    def _go_on(self) -> None:
        assert self._steps is not None
        began = self._loop.clock.now()
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
        except Exception:
            self._steps = None
            log.exception("a periodic task failed")
        else:
            took_s = self._loop.clock.now() - began
            self._go_on_after(max(STEP_GRAINS * GRAIN_S, STEP_RESTS * took_s))


class Signals:
    """SIGTERM and SIGINT as a readable descriptor, so that they end the sleep of a turn."""

    def __init__(self, loop: Loop) -> None:
        self.came = False
        self._loop = loop
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        loop.watch(self._read.fileno(), self, IN)

    def _note(self, number: int, frame: object) -> None:
        self.came = True

    def ready(self, mask: int) -> None:
        with contextlib.suppress(OSError):
            self._read.recv(64)

    def broken(self) -> None:
        self.came = True

    def close(self) -> None:
        self._loop.forget(self._read.fileno())
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

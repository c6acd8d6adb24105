"""How long a request waits in the gate: a request of the gate's own, ten times a second.

The kernel hands out what is ready in the order in which it became so. The probe makes a
descriptor of its own ready and sees when its turn comes; it counts from the moment at which
it was *meant* to, so a turn that takes long is not missed.
"""

import contextlib
import os

from samvad.base.clock import Clock
from samvad.gate.counters import INDEX, Counters
from samvad.gate.load import WAIT_BOUNDS_MS, wait_counter, wait_place
from samvad.gate.loop import IN, Loop, next_due

EVERY_S = 0.1
MOST_S = 60.0
"""A process that was stopped for longer is not behind by more probes than fit into this."""

_BUCKETS = [INDEX[wait_counter(place)] for place in range(len(WAIT_BOUNDS_MS) + 1)]


class Probe:
    def __init__(self, loop: Loop, clock: Clock, counters: Counters) -> None:
        self._loop, self._clock, self._count = loop, clock, counters.values
        self._due = loop.moment.now  # as the loop's timer has it
        self._meant: float | None = None
        """When the probe that is out was meant to be answered."""
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        loop.watch(self._fd, self, IN)
        loop.every(EVERY_S, self._knock)

    def _knock(self) -> None:
        if self._meant is None:
            self._meant = self._due
            os.eventfd_write(self._fd, 1)
        self._due = next_due(self._due, EVERY_S, self._loop.moment.now)

    def ready(self, mask: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        self._loop.hurry()  # this is no load
        if self._meant is None:
            return
        now = self._clock.now()
        meant, self._meant = max(self._meant, now - MOST_S), None
        while meant <= now:  # those that should have been sent meanwhile waited too
            self._count[_BUCKETS[wait_place(now - meant)]] += 1
            meant += EVERY_S

    def broken(self) -> None:
        """Only this figure is lost."""

    def close(self) -> None:
        self._loop.forget(self._fd)
        os.close(self._fd)

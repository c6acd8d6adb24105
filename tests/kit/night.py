"""A night at the door in virtual time: the real line, pace, calls and seat table, and a crowd.

Arrivals, who has gone meanwhile and how long somebody stays are drawn beforehand from a seed;
nothing here decides who comes in.
"""

import heapq
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from samvad.gate.calls import Calls
from samvad.gate.line import CELLS, Lane, Pace, Queue
from samvad.gate.seats import NoSeat, Seats
from samvad.protocol.ticket import Ticket

TICK_S = 0.1
SECRET = b"a night in virtual time"
_COUNTED = -1.0
"""No time of a call: this one has come already and only looks again."""


@dataclass(frozen=True)
class Night:
    """What the evening is like. Times in seconds from the doors; before them it is negative."""

    arrivals: int
    arrive_s: float = 600.0
    early: int = 0
    seats: int = 115_000
    per_s: float = 2_000.0
    stays_s: float = 1_500.0
    gone: float = 0.15
    lasts_s: float = 1_800.0
    gates: int = 4


@dataclass
class Told:
    """What happened."""

    joined: int = 0
    called: int = 0
    admitted: int = 0
    left: int = 0
    most_held: int = 0
    too_late: int = 0
    """Called, come, and no seat free at that moment: they are first when one is."""
    admitted_by_second: list[int] = field(default_factory=list)
    waiting_by_second: list[int] = field(default_factory=list)
    first_full_s: float | None = None
    buckets: list[int] = field(default_factory=list)
    """At which number each bucket begins."""
    queue: Queue | None = None


def live_through(night: Night, folder: Path, seed: int = 1) -> Told:
    """Play the night. Takes about 2 µs an arrival and 10 µs an admission of real time."""
    dice = np.random.default_rng(seed)
    told = Told()
    queue = told.queue = Queue(Lane.ANYONE, [0] * CELLS, SECRET)
    # A claim never lapses here: whoever leaves says so, and nobody else does.
    gates = [Seats(folder / "seats", night.seats, 1e6, n) for n in range(night.gates)]
    pace, calls = Pace(night.per_s), Calls()
    coming: list[tuple[float, int, float]] = []  # when, a number to tell them apart, called at
    leaving: list[tuple[float, int, int, int]] = []
    held = knock = 0

    def begins() -> None:
        if not told.buckets or told.buckets[-1] != queue.closed_upto:
            told.buckets.append(queue.closed_upto)

    for _ in range(night.early):
        queue.join(-60_000, early=True)
    begins()
    queue.open_doors()
    begins()
    # Half of a herd comes in its first sixth: an exponential rise and fall of a crowd.
    when = np.sort(dice.beta(1.2, 3.5, night.arrivals) * night.arrive_s)
    ticks = round(night.lasts_s / TICK_S)
    edges = np.searchsorted(when, np.arange(1, ticks + 1) * TICK_S)
    before = 0
    admitted_now = 0
    for tick in range(ticks):
        now = (tick + 1) * TICK_S
        wall_ms = round(now * 1000)
        for _ in range(edges[tick] - before):
            queue.join(wall_ms)
        before = int(edges[tick])
        begins()
        while leaving and leaving[0][0] <= now:
            _, gate, seat, generation = heapq.heappop(leaving)
            gates[gate].leave(Ticket(seat, generation, 0))
            held -= 1
            told.left += 1
        allowed = pace.allow(now, night.seats - held, calls.expected(now), calls.shows)
        called = queue.call(allowed)
        begins()
        if called:
            calls.called(now, called)
            here = dice.random(called) >= night.gone
            delays = dice.uniform(0.5, 8.0, called)
            for delay in delays[here]:
                knock += 1
                heapq.heappush(coming, (now + float(delay), knock, now))
        while coming and coming[0][0] <= now:
            _, number, called_at = heapq.heappop(coming)
            gate = number % night.gates
            claimed = gates[gate].claim(now)
            if isinstance(claimed, NoSeat):
                told.too_late += 1
                calls.came(called_at)
                heapq.heappush(coming, (now + 1.0, number, _COUNTED))
                continue
            calls.came(called_at)
            calls.admitted(now)
            held += 1
            told.admitted += 1
            admitted_now += 1
            stays = float(dice.exponential(night.stays_s))
            heapq.heappush(leaving, (now + stays, gate, *claimed))
        if held >= night.seats and told.first_full_s is None:
            told.first_full_s = now
        if tick % 10 == 9:
            told.most_held = max(told.most_held, gates[0].held(now), held)
            told.admitted_by_second.append(admitted_now)
            told.waiting_by_second.append(queue.waiting)
            admitted_now = 0
    told.joined, told.called = queue.joined, queue.called
    for seats in gates:
        seats.close()
    return told

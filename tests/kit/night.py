"""A night at the door in virtual time: the real lines and seat table, and a crowd.

Arrivals, who has gone meanwhile and how long somebody stays are drawn beforehand from a seed;
nothing here decides who comes in.
"""

import heapq
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from samvad.gate.calls import CELLS as CALLS
from samvad.gate.line import CELLS, Queue
from samvad.gate.lines import FIGURES, USES, Lines
from samvad.gate.seats import NoSeat, Seats
from samvad.protocol.passes import Lane
from samvad.protocol.ticket import Ticket

TICK_S = 0.1
SECRET = b"a night in virtual time"
_WALKED_IN = -1
"""No number."""


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
    walked_in: int = 0
    """Came in at once: a seat was free, the pace allowed it, nobody waited."""
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
    lines = Lines(
        [0] * FIGURES,
        [0] * CALLS,
        {lane: [0] * CELLS for lane in Lane},
        {lane: bytearray(USES) for lane in Lane},
        SECRET,
    )
    queue = told.queue = lines.queues[Lane.ANYONE]
    # A claim never lapses here: whoever leaves says so, and nobody else does.
    gates = [Seats(folder / "seats", night.seats, 1e6, n) for n in range(night.gates)]
    coming: list[tuple[float, int, int]] = []  # when, one to tell them apart, their number
    leaving: list[tuple[float, int, int, int]] = []
    held = knock = 0

    def begins() -> None:
        if not told.buckets or told.buckets[-1] != queue.closed_upto:
            told.buckets.append(queue.closed_upto)

    for _ in range(night.early):
        queue.join(-60_000, early=True)
    begins()
    lines.tick(0.0, 0, night.per_s, doors_open=True)  # a moment before the seats are there
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
        while leaving and leaving[0][0] <= now:
            _, gate, seat, generation = heapq.heappop(leaving)
            gates[gate].leave(Ticket(seat, generation, 0))
            held -= 1
            told.left += 1
        arrived = int(edges[tick]) - before
        before = int(edges[tick])
        while arrived and lines.walk_in(Lane.ANYONE):
            arrived -= 1
            knock += 1
            told.walked_in += 1
            heapq.heappush(coming, (now, knock, _WALKED_IN))
        for _ in range(arrived):
            queue.join(wall_ms)
        begins()
        first = queue.called
        called = lines.tick(now, night.seats - held, night.per_s, doors_open=True)
        begins()
        if called:
            here = np.flatnonzero(dice.random(called) >= night.gone)
            delays = dice.uniform(0.5, 8.0, len(here))
            for nth, delay in zip(here.tolist(), delays.tolist(), strict=True):
                knock += 1
                heapq.heappush(coming, (now + delay, knock, first + nth))
        while coming and coming[0][0] <= now:
            _, one, number = heapq.heappop(coming)
            gate = one % night.gates
            claimed = gates[gate].claim(now)
            if isinstance(claimed, NoSeat):
                told.too_late += 1
                heapq.heappush(coming, (now + 1.0, one, number))
                continue
            if number != _WALKED_IN:
                lines.came(Lane.ANYONE, number, now)
            lines.admitted(now)
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

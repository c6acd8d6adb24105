"""All lanes of an event's line, its pace and its calls, on one set of cells. Pure.

Cells are board.py's, shared by the gates of a machine; whoever calls a method that writes
(`join`, `walk_in`, `came`, `admitted`, `tick`) holds their lock. `now` is monotonic seconds,
`wall_ms` Unix milliseconds.
"""

from collections.abc import Mapping, MutableSequence
from enum import IntEnum

from samvad.gate.calls import MEASURE_S, Calls
from samvad.gate.line import Place, Queue, Standing, refilled, to_call, wait_s
from samvad.protocol.passes import Lane

Cells = MutableSequence[int]


class Figure(IntEnum):
    """Single cells. Times are monotonic milliseconds unless they say Unix."""

    JOINED = 0  # seats given so far
    REFUSED = 1  # turned away for want of a seat, or by a rung
    PEAK = 2  # most listeners at once
    TICKED_MS = 3  # when the line last moved; 0: never
    PACED_MS = 4  # when the bucket of joins was last filled; 0: never
    TOKENS_MILLI = 5  # joins that the pace allows now, in thousandths
    ROOM = 6  # free seats that nobody who was called is expected to take
    RUNG = 7  # 0: none
    RUNG_SINCE_MS = 8  # Unix
    RUNG_BY = 9  # index in ladder.BY
    PROMISE_MS = 10  # Unix; 0: none
    REDUCED = 11  # listeners put out for the floor
    LEASED = 12  # seats this machine may use, of several machines (lease.py)
    LEASED_UNTIL_MS = 13
    MACHINES = 14  # how many there are; 0: not known
    OTHERS = 15  # the first of lease.SUMMED, counted by the others
    FULL_SINCE_MS = 48  # when the seats, and not the pace, began to hold the line; 0: they do not
    PACE_MILLI = 49  # joins a second that are allowed, in thousandths


# An enum's member costs more to look up than the cell it names.
_JOINED, _TOKENS_MILLI, _ROOM = (
    int(figure) for figure in (Figure.JOINED, Figure.TOKENS_MILLI, Figure.ROOM)
)

FIGURES = 64
"""Cells kept for them: new ones need no new file."""

LINE_S = 5
"""It is measured over so many seconds at least how fast the line moves; in front of a full house,
where it moves as people leave, over MEASURE_S at most."""

USES = 1 << 20
"""Numbers of a lane whose uses are kept, a byte each: more than are called in KEEP_S."""
MOST_USES = 2
"""A place is good for two: the answer to the first knock may be lost on its way."""


class Lines:
    """`secret` is the event's own; it decides the order inside each bucket."""

    def __init__(
        self,
        figures: Cells,
        calls: Cells,
        lanes: Mapping[Lane, Cells],
        uses: Mapping[Lane, MutableSequence[int]],
        secret: bytes,
    ) -> None:
        self._figures, self._uses = figures, uses
        self.calls = Calls(calls)
        self.queues = {lane: Queue(lane, lanes[lane], secret) for lane in Lane}
        self._by_number = tuple(self.queues[lane] for lane in sorted(Lane))
        self._upto = {lane: tuple(self.queues[n] for n in Lane if n <= lane) for lane in Lane}

    # -- looking ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Places given and not called yet, in all lanes."""
        return sum(queue.waiting for queue in self.queues.values())

    def standing(self, place: Place) -> Standing | None:
        """Where a place stands; None for one that was never given, or long ago."""
        return self.queues[place.lane].standing(place)

    def reached(self) -> list[int]:
        """The number that each lane has reached, counted from 1."""
        return [queue.called for queue in self.queues.values()]

    def reached_of(self, lane: int) -> int:
        """The same of one lane by its number: at a third of the price of an enum's look-up."""
        return self._by_number[lane].called

    def ahead(self, lane: Lane, standing: Standing) -> int:
        """People who come before this place, over all lanes."""
        before = sum(queue.waiting for other, queue in self.queues.items() if other < lane)
        return before + standing.ahead

    def moves_per_s(self, now: float) -> float:
        """How fast the line moves: those called a second who come; 0.0 where nobody can know.

        Once the house is full, it moves as fast as people leave: how fast people came in before
        says nothing then.
        """
        since_ms = self._figures[Figure.FULL_SINCE_MS]
        if since_ms:
            # Not that second itself: the last who came in while seats were free are in it.
            over_s = min(int(now) - since_ms // 1000, MEASURE_S)
            return self.calls.moves_per_s(now, over_s) if over_s >= LINE_S else 0.0
        if not self.calls.moved_before(now, LINE_S):
            return self._figures[Figure.PACE_MILLI] / 1000  # it has only just formed
        return self.calls.moves_per_s(now, LINE_S)

    def wait_s(self, ahead: int, final: bool, now: float) -> float | None:
        """How long one waits with so many people ahead; None where nobody can know. While seats
        are free, the pace holds the line; but only for as many as there are seats. While a number
        is not `final`, others of the same minute may yet come before it."""
        full = self._figures[Figure.FULL_SINCE_MS]
        most = ahead if final else 2 * self.waiting
        if not full and most >= self._figures[Figure.ROOM]:
            return None
        return wait_s(ahead, self.moves_per_s(now))

    # -- writing ----------------------------------------------------------------------------

    def join(self, lane: Lane, wall_ms: int, early: bool = False) -> Place:
        """The next place of a lane. `early`: before the doors, when all who come are one bucket."""
        return self.queues[lane].join(wall_ms, early)

    def walk_in(self, lane: Lane) -> bool:
        """Whether one who comes now need not wait: a seat is free, the pace allows it, and nobody
        stands before them. It is counted as taken."""
        figures = self._figures
        tokens, room = figures[_TOKENS_MILLI], figures[_ROOM]
        if tokens < 1000 or not room:
            return False
        for queue in self._upto[lane]:
            if not queue.empty:
                return False
        figures[_TOKENS_MILLI], figures[_ROOM] = tokens - 1000, room - 1
        return True

    def may_come(self, lane: Lane, number: int, now: float) -> bool:
        """Whether a number that was called still is: not too long ago, and not used up."""
        if self.queues[lane].called - number > USES:
            return False
        used = self._uses[lane][number % USES] >= MOST_USES
        return not used and self.calls.called_at(lane, number, now) is not None

    def came(self, lane: Lane, number: int, now: float) -> None:
        """One who was called has come in."""
        called_at = self.calls.called_at(lane, number, now)
        if called_at is not None and not self._uses[lane][number % USES]:
            self.calls.came(called_at)
        self._uses[lane][number % USES] += 1

    def admitted(self, now: float) -> None:
        """One has got a seat, in whatever way."""
        self.calls.admitted(now)
        self._figures[_JOINED] += 1

    def tick(self, now: float, free: int, per_s: float, doors_open: bool) -> int:
        """Call as many as there is room for, not faster than `per_s`; how many were called.

        `free` seats now. `per_s` 0: nobody may come in.
        """
        figures, now_ms = self._figures, max(1, int(now * 1000))
        figures[Figure.TICKED_MS] = now_ms
        figures[Figure.PACE_MILLI] = int(per_s * 1000) if doors_open else 0
        if not doors_open:
            return 0
        for queue in self.queues.values():
            queue.open_doors()
        # The first who come after a quiet time find the bucket full.
        paced_ms = figures[Figure.PACED_MS]
        since_s = (now_ms - paced_ms) / 1000 if paced_ms else 3600.0
        tokens = refilled(figures[Figure.TOKENS_MILLI] / 1000, since_s, per_s)
        expected, shows = self.calls.expected(now), self.calls.shows
        left = to_call(tokens, free, expected, shows)
        total = 0
        for lane, queue in self.queues.items():
            count = queue.call(min(left - total, USES // 2))
            if count:
                self._forget_uses(lane, queue.called - count, count)
                self.calls.called(now, lane, count, queue.called)
                total += count
        figures[Figure.PACED_MS] = now_ms
        figures[Figure.TOKENS_MILLI] = max(0, int((tokens - total * shows) * 1000))
        room = max(0, int(free - expected - total * shows)) if per_s else 0
        figures[Figure.ROOM] = room
        if room:
            figures[Figure.FULL_SINCE_MS] = 0
        elif figures[Figure.TOKENS_MILLI] >= 1000 and not figures[Figure.FULL_SINCE_MS]:
            figures[Figure.FULL_SINCE_MS] = now_ms
        return total

    def _forget_uses(self, lane: Lane, first: int, count: int) -> None:
        """These numbers are called now: the bytes that are theirs were somebody else's."""
        begin, uses = first % USES, self._uses[lane]
        here = min(count, USES - begin)
        uses[begin : begin + here] = bytes(here)
        uses[: count - here] = bytes(count - here)

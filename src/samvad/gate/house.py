"""The seats and the line of one event on one machine: what all its gate processes share.

A thin driver over seats.py and board.py; who comes next is decided in lines.py. `now` is monotonic
seconds, `wall_ms` Unix milliseconds. A table or a board that another gate keeps locked for too
long is an answer (NoSeat.BUSY, None), never a wait.
"""

from samvad.gate.board import Board
from samvad.gate.ladder import BY
from samvad.gate.ladder import Standing as OnLadder
from samvad.gate.lease import SUMMED
from samvad.gate.line import Place, Standing
from samvad.gate.lines import Figure, Lines
from samvad.gate.seats import LISTENING_S, NoSeat, Seats
from samvad.gate.state import Counts
from samvad.protocol.passes import Lane
from samvad.protocol.ticket import Ticket

TICK_MS = 100
"""The line moves so often, whichever gate does it."""

_TICKED_MS = int(Figure.TICKED_MS)

Seat = tuple[int, int]
"""A seat and its generation: what a ticket is made of."""


class House:
    """`secret` is the event's own, for the order in the line. `per_s`: joins a second at most,
    0 for a door that is closed. `doors_open`: whether anybody is called at all. `leased`: the
    event's seats are shared with other machines, and the board says how many are ours."""

    def __init__(self, seats: Seats, board: Board, secret: bytes, leased: bool = False) -> None:
        self.seats, self.board, self._leased = seats, board, leased
        self._limit = seats.limit
        self.lines = Lines(board.figures, board.calls, board.lanes, board.uses, secret)
        self.per_s = 0.0
        self.doors_open = False

    def set_seats(self, seats: int) -> None:
        """How many the event has."""
        self._limit = seats
        if not self._leased:
            self.seats.set_limit(seats)

    def _obey(self, now: float) -> None:
        """Bound the table by the lease. To be called under the board's lock."""
        if self._leased:
            good = now * 1000 < self.figure(Figure.LEASED_UNTIL_MS)
            self.seats.set_limit(min(self._limit, self.figure(Figure.LEASED)) if good else 0)

    # -- looking ----------------------------------------------------------------------------

    def figure(self, which: Figure) -> int:
        return self.board.figures[which]

    def standing(self, place: Place) -> Standing | None:
        """Where a place stands; None for one that was never given, or long ago."""
        return self.lines.standing(place)

    def may_come(self, lane: Lane, number: int, now: float) -> bool:
        """Whether a number that was called may still come in."""
        return self.lines.may_come(lane, number, now)

    @property
    def waiting(self) -> int:
        """Places given and not called yet."""
        return self.lines.waiting

    def reached(self, lane: Lane) -> int:
        """The number that the lane has reached, counted from 1."""
        return self.lines.queues[lane].called

    def ahead(self, lane: Lane, standing: Standing) -> int:
        """People who come before this place."""
        return self.lines.ahead(lane, standing)

    def rate_per_s(self, now: float) -> float:
        """Admissions a second, as measured over the last minute."""
        return self.lines.calls.per_s(now)

    def moves_per_s(self, now: float) -> float:
        """How fast the line moves now; 0.0 where nobody can know."""
        return self.lines.moves_per_s(now)

    def wait_s(self, ahead: int, final: bool, now: float) -> float | None:
        """How long one waits with so many people ahead; None where nobody can know."""
        return self.lines.wait_s(ahead, final, now)

    # -- coming in --------------------------------------------------------------------------

    def touch(self, ticket: Ticket, now: float, for_s: float = LISTENING_S) -> bool:
        """Keep a ticket's seat, as listening for so long; False when it is no more."""
        return self.seats.touch(ticket, now, for_s)

    def enter(self, lane: Lane, now: float) -> Seat | NoSeat | None:
        """A seat for one who need not wait; None: others stand before them, or the pace says so."""
        board = self.board
        if not board.lock():
            return NoSeat.BUSY
        try:
            if self._tick_is_due(now):
                self._tick(now)
            return self._seat(lane, now) if self.lines.walk_in(lane) else None
        finally:
            board.unlock()

    def come(self, lane: Lane, number: int, now: float) -> Seat | NoSeat:
        """A seat for one who was called."""
        with self.board.locked() as held:
            if not held:
                return NoSeat.BUSY
            seat = self._seat(lane, now)
            if not isinstance(seat, NoSeat):
                self.lines.came(lane, number, now)
            return seat

    def _seat(self, lane: Lane, now: float) -> Seat | NoSeat:
        if self._leased:
            self._obey(now)
        # All claims are made here, under the board's lock: the table needs none of its own.
        claimed = self.seats.claim_alone(now, lane)
        if not isinstance(claimed, NoSeat):
            self.lines.admitted(now)
        return claimed

    def join(self, lane: Lane, wall_ms: int, early: bool) -> Place | None:
        """A place in line; None while the board is busy."""
        with self.board.locked() as held:
            return self.lines.join(lane, wall_ms, early) if held else None

    def leave(self, ticket: Ticket, now: float = 0.0, grace_s: float = 0.0) -> None:
        """A listener has gone and said so; with `grace_s` the seat is kept a moment longer."""
        self.seats.leave(ticket, now, grace_s)

    # -- as time passes ---------------------------------------------------------------------

    def _tick_is_due(self, now: float) -> bool:
        # Another process's clock reading may be a little newer than ours.
        ticked_ms = self.board.figures[_TICKED_MS]
        return not ticked_ms or not -TICK_MS < int(now * 1000) - ticked_ms < TICK_MS

    def tick(self, now: float) -> None:
        """Let the line move, unless another gate has just done it."""
        if self._tick_is_due(now):
            with self.board.locked() as held:
                if held and self._tick_is_due(now):
                    self._tick(now)

    def _tick(self, now: float) -> None:
        self._obey(now)
        seats = self.seats
        free = max(0, seats.limit - seats.held(now))
        per_s = self.per_s / max(1, self.figure(Figure.MACHINES))
        self.lines.tick(now, free, per_s, self.doors_open)

    # -- several machines -------------------------------------------------------------------

    def note_lease(self, seats: int, until: float) -> None:
        """So many seats are this machine's, until then (monotonic seconds)."""
        until_ms = max(0, int(until * 1000)) if until > 0 else 0
        told = self.figure(Figure.LEASED), self.figure(Figure.LEASED_UNTIL_MS)
        if told != (seats, until_ms):
            with self.board.locked() as held:
                if held:
                    self.board.figures[Figure.LEASED] = seats
                    self.board.figures[Figure.LEASED_UNTIL_MS] = until_ms

    def note_others(self, machines: int, counts: Counts) -> None:
        """How many machines there are, and what the others count."""
        with self.board.locked() as held:
            if held:
                self.board.figures[Figure.MACHINES] = machines
                for n, name in enumerate(SUMMED):
                    self.board.figures[Figure.OTHERS + n] = getattr(counts, name)

    def with_others(self, counts: Counts) -> Counts:
        """These and what the other machines count; without a store nothing."""
        cells = self.board.figures
        both = {
            name: getattr(counts, name) + cells[Figure.OTHERS + n] for n, name in enumerate(SUMMED)
        }
        return Counts(**both, seats=counts.seats)

    def stand(self, standing: OnLadder, promise_ms: int) -> None:
        """Tell all gates which rung holds from now on."""
        with self.board.locked() as held:
            if not held:
                return
            figures = self.board.figures
            figures[Figure.RUNG_SINCE_MS] = standing.since_ms
            figures[Figure.RUNG_BY] = BY.index(standing.by)
            figures[Figure.PROMISE_MS] = promise_ms
            figures[Figure.RUNG] = standing.n

    def reduce(self, now: float, floor: int) -> int:
        """Put out who is above the floor, the anonymous and the newest first; how many."""
        out = self.seats.reduce(now, floor)
        if out:
            self.board.add(Figure.REDUCED, out)
        return out

    def note_peak(self, listening: int) -> None:
        """The most listeners there were."""
        if listening > self.figure(Figure.PEAK):
            with self.board.locked() as held:
                if held:
                    self.board.figures[Figure.PEAK] = max(self.figure(Figure.PEAK), listening)

    def close(self) -> None:
        """Let go of both files; they stay."""
        self.seats.close()
        self.board.close()

    def remove(self) -> None:
        """Let go of both for good: the event is over."""
        self.seats.remove()
        self.board.remove()

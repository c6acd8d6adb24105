"""The door: who comes in, who waits, who is sent away. Verdicts are values.

Pure but for the house it is given (house.py). Times: `now` monotonic seconds, `wall_ms` Unix.
A visitor carries what they are: a ticket (admitted), a place (in line), a pass (their lane).
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from samvad.gate.body import json_object
from samvad.gate.line import Place, Standing
from samvad.gate.place import Places
from samvad.gate.seats import NoSeat
from samvad.gate.state import OVER, Situation
from samvad.protocol.hls import master_path
from samvad.protocol.passes import Lane
from samvad.protocol.ticket import Ticket, Tickets

TICKET_MINUTES = 12 * 60
"""A ticket's signature is good for so long; its seat for as long as it is used."""

EARLY_MS = 30 * 60_000
"""So long before the doors one may come to wait for them."""
NEAR_MS, FAR_MS, FARTHEST_MS = 2_000, 12_000, 24_000
"""Between two looks at serving.json: when it is nearly one's turn, and at most."""
LOOKS_PER_S = 500
AGAIN_CALLED_MS = 1_000
AGAIN_BUSY_MS = 500
AGAIN_CLOSED_MS = 30_000
AGAIN_REDUCED_MS = 60_000
AGAIN_PROOF_MS = 1_000


class Reason(StrEnum):
    FULL = "full"
    """The table was busy: at once again."""
    NOT_OPEN = "not_open"
    ENDED = "ended"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    """By a rung of the ladder: nobody new. A place is still good."""
    REDUCED = "reduced"
    """By a rung of the ladder: put out, the ticket is void."""
    INVITE = "invite"
    """Only with a pass or the passphrase."""
    PROOF = "proof"
    """Only with a proof of work (toll.py): an attack is on, and nothing was shown."""


@dataclass(frozen=True, slots=True)
class Admit:
    """Come in; `ticket` stands in the playlists' URLs."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Wait:
    """In line. `number` and `serving` count from 1 in `lane`; those up to `serving` may come.
    `estimate_s`: None where nobody can know, as in front of a full house that nobody leaves."""

    place: str
    lane: Lane
    number: int
    serving: int
    final: bool
    ahead: int
    estimate_s: float | None
    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not now. `retry_after_ms` None: it is of no use to ask again."""

    reason: Reason
    retry_after_ms: int | None = None
    challenge: str = ""
    """For PROOF: what is to be solved, in JSON."""


Verdict = Admit | Wait | Refuse

_CANCELLED, _ENDED, _INVITE = map(Refuse, (Reason.CANCELLED, Reason.ENDED, Reason.INVITE))
_REDUCED = Refuse(Reason.REDUCED, AGAIN_REDUCED_MS)
_CLOSED = Refuse(Reason.CLOSED, AGAIN_CLOSED_MS)
_BUSY = Refuse(Reason.FULL, AGAIN_BUSY_MS)


@dataclass(frozen=True, slots=True)
class Shown:
    """What one shows at the door, as text: all of it may be missing or false. `closing`: who
    leaves has closed the page, or loads it again, which a page cannot tell apart."""

    ticket: str = ""
    place: str = ""
    pass_: str = ""
    phrase: str = ""
    closing: bool = False
    proof: str = ""


NOTHING_SHOWN = Shown()
_NOTHING = (b"{}", b"")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds now: of the plan, of the clock, and of the ladder.

    `closed`: no new seats. `reduced`: listeners were put out. `shuffled`: who comes before the
    doors is drawn by lot. `invited_only`: as it says.
    """

    situation: Situation
    doors_ms: int | None = None
    shuffled: bool = True
    invited_only: bool = False
    closed: bool = False
    reduced: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who knocks. `lane`: of their pass. `invited`: by a pass or the passphrase."""

    ticket: str = ""
    place: str = ""
    lane: Lane = Lane.ANYONE
    invited: bool = False
    challenge: str = ""
    """What one who shows nothing has to solve first; "" where nothing is asked."""


NOBODY = Visitor()
"""Who shows nothing, as nearly everybody does in the minute in which all come."""


class House(Protocol):
    """What the door asks of house.py."""

    def touch(self, ticket: Ticket, now: float) -> bool: ...

    def standing(self, place: Place) -> Standing | None: ...

    def may_come(self, lane: Lane, number: int, now: float) -> bool: ...

    def reached(self, lane: Lane) -> int: ...

    def ahead(self, lane: Lane, standing: Standing) -> int: ...

    @property
    def waiting(self) -> int: ...

    def wait_s(self, ahead: int, final: bool, now: float) -> float | None: ...

    def enter(self, lane: Lane, now: float) -> tuple[int, int] | NoSeat | None: ...

    def come(self, lane: Lane, number: int, now: float) -> tuple[int, int] | NoSeat: ...

    def join(self, lane: Lane, wall_ms: int, early: bool) -> Place | None: ...


class Door:
    """The door of one event."""

    def __init__(self, house: House, tickets: Tickets, places: Places) -> None:
        self._house, self._tickets, self._places = house, tickets, places

    def decide(self, terms: Terms, who: Visitor, now: float, wall_ms: int) -> Verdict:
        """The verdict on one who knocks."""
        situation = terms.situation
        if situation in OVER:
            return _CANCELLED if situation is Situation.CANCELLED else _ENDED
        held = self._tickets.verify(who.ticket, wall_ms) if who.ticket else None
        if held is not None and self._house.touch(held, now):
            return self._admit(held.seat, held.generation, wall_ms)
        if held is not None and terms.reduced:
            return _REDUCED
        place = self._places.verify(who.place) if who.place else None
        if place is not None:
            verdict = self._of_place(terms, place, now, wall_ms)
            if verdict is not None:
                return verdict
        if terms.invited_only and not who.invited:
            return _INVITE
        if who.challenge:
            return Refuse(Reason.PROOF, AGAIN_PROOF_MS, who.challenge)
        if situation is Situation.ANNOUNCED:
            return self._before_the_doors(terms, who.lane, now, wall_ms)
        if terms.closed:
            return _CLOSED
        seat = self._house.enter(who.lane, now)
        if seat is NoSeat.BUSY:
            return _BUSY
        if seat is None or isinstance(seat, NoSeat):
            return self._line_up(who.lane, False, now, wall_ms)
        return self._admit(*seat, wall_ms)

    def _admit(self, seat: int, generation: int, wall_ms: int) -> Admit:
        expires_min = wall_ms // 60_000 + TICKET_MINUTES
        return Admit(self._tickets.sign(Ticket(seat, generation, expires_min)))

    def _of_place(self, terms: Terms, place: Place, now: float, wall_ms: int) -> Verdict | None:
        """What somebody in line hears; None when the place is no more."""
        standing = self._house.standing(place)
        if standing is None:
            return None
        if not standing.called or terms.closed:
            return self._wait(place, standing, now)
        if not self._house.may_come(place.lane, standing.number, now):
            return None
        seat = self._house.come(place.lane, standing.number, now)
        if isinstance(seat, NoSeat):  # called in good faith; the next one that is free is theirs
            return self._wait(place, standing, now)
        return self._admit(*seat, wall_ms)

    def _before_the_doors(self, terms: Terms, lane: Lane, now: float, wall_ms: int) -> Verdict:
        if terms.doors_ms is None:
            return Refuse(Reason.NOT_OPEN, AGAIN_CLOSED_MS)
        too_early_ms = terms.doors_ms - wall_ms - EARLY_MS
        if too_early_ms > 0:
            return Refuse(Reason.NOT_OPEN, min(max(too_early_ms, 1_000), AGAIN_CLOSED_MS))
        return self._line_up(lane, terms.shuffled, now, wall_ms)

    def _line_up(self, lane: Lane, early: bool, now: float, wall_ms: int) -> Verdict:
        place = self._house.join(lane, wall_ms, early)
        standing = self._house.standing(place) if place is not None else None
        if place is None or standing is None:
            return _BUSY
        return self._wait(place, standing, now)

    def _wait(self, place: Place, standing: Standing, now: float) -> Wait:
        house, lane = self._house, place.lane
        ahead = house.ahead(lane, standing)
        estimate_s = house.wait_s(ahead, standing.final, now)
        again_ms = AGAIN_CALLED_MS
        if not standing.called:
            most_ms = far_ms(house.waiting, estimate_s is not None)
            again_ms = min(most_ms, look_again_ms(ahead, estimate_s))
        return Wait(
            place=self._places.sign(place),
            lane=lane,
            number=standing.number + 1,
            serving=house.reached(lane),
            final=standing.final,
            ahead=ahead,
            estimate_s=estimate_s,
            retry_after_ms=again_ms,
        )


def far_ms(waiting: int, moves: bool) -> int:
    """Between two looks of somebody far back, at most. A short line may look often: seats that
    come free all of a sudden are taken at once, and LOOKS_PER_S cost next to nothing. In a long
    one that `moves`, everybody can tell when it is nearly their turn."""
    return min(FARTHEST_MS if moves else FAR_MS, max(NEAR_MS, waiting * 1000 // LOOKS_PER_S))


def look_again_ms(ahead: int, estimate_s: float | None) -> int:
    """Until the next look at serving.json: half of the wait, within bounds. So the looks of
    somebody who waits for an hour are few, and of somebody who waits for a minute five. Where
    nothing moves, more often the fewer people are ahead."""
    half_ms = ahead * 10 + NEAR_MS if estimate_s is None else estimate_s * 500
    return int(min(FARTHEST_MS, max(NEAR_MS, half_ms)))


def read_shown(body: bytes) -> Shown | None:
    """What a knock's body shows; None when it is no JSON object of texts."""
    if body in _NOTHING or not body.strip():  # nearly all of a herd shows nothing
        return NOTHING_SHOWN
    if not body.lstrip().startswith(b"{"):
        return None  # said at once, without reading what it is
    said = json_object(body)
    if said is None:
        return None
    texts = {}
    for name, key in (("ticket", "ticket"), ("place", "place"), ("pass", "pass_")):
        text = said.get(name) or ""
        if not isinstance(text, str) or not text.isascii():
            return None
        texts[key] = text
    phrase, proof = said.get("phrase") or "", said.get("proof") or ""
    if not isinstance(phrase, str) or not isinstance(proof, str) or not proof.isascii():
        return None
    closing = said.get("closing") is True
    return Shown(**texts, phrase=phrase, closing=closing, proof=proof)


def admitted(event: str, verdict: Admit) -> bytes:
    """The door's answer to who may come in: of letters that JSON takes as they are."""
    ticket, play = verdict.ticket, master_path(event, verdict.ticket)
    return f'{{"verdict":"admit","ticket":"{ticket}","play":"{play}"}}'.encode()


def as_json(verdict: Wait | Refuse, replay: str | None = None) -> bytes:
    """The door's answer to anybody else. `replay` is the path of the recording, if there is one."""
    said: dict[str, Any]
    if isinstance(verdict, Refuse) and verdict.challenge:  # many, and each another: ready text
        text = f'"reason":"proof","replay":null,"retry_after_ms":{verdict.retry_after_ms}'
        return f'{{"verdict":"refuse",{text},"challenge":{verdict.challenge}}}'.encode()
    if isinstance(verdict, Wait):
        said = {
            "verdict": "wait",
            "number": verdict.number,
            "serving": verdict.serving,
            "retry_after_ms": verdict.retry_after_ms,
            "place": verdict.place,
            "lane": verdict.lane.name.lower(),
            "final": verdict.final,
            "ahead": verdict.ahead,
            "estimate_s": None if verdict.estimate_s is None else round(verdict.estimate_s, 1),
        }
    else:
        said = {
            "verdict": "refuse",
            "reason": verdict.reason.value,
            "replay": replay,
            "retry_after_ms": verdict.retry_after_ms,
        }
    return json.dumps(said, separators=(",", ":")).encode()

"""What listeners' pages tell of stops in the sound: POST /door/<event>/stalls.

A page tells it after a stop, once a minute at most, with its ticket; each seat is heard once a
minute. What a listener's own line did to it is among it, and other players tell nothing: it is
what was felt, not why. Holds no clock and no socket.
"""

from collections.abc import Hashable
from typing import TypeVar

from samvad.base.clock import Moment
from samvad.gate.answers import ANYWHERE, NEVER_STORED, REFUSALS, Answer
from samvad.gate.body import json_object
from samvad.gate.counters import INDEX, Counters
from samvad.gate.event import Event

MOST, MOST_MS = 60, 60_000
"""More stops, or longer ones, nobody has in a minute."""
MINUTE_S = 60.0
_HEARD = Answer(204, [NEVER_STORED, ANYWHERE])
_STALLED, _STALLS, _STALLED_MS = (INDEX[n] for n in ("stalled", "stalls", "stalled_ms"))
_FORGED = INDEX["tickets_forged"]

Token = TypeVar("Token", bound=Hashable)


class Stalls:
    def __init__(self, counters: Counters) -> None:
        self._count = counters.values
        self._told: set[tuple[str, int]] = set()
        """Seats that have told of this minute: no more than there are."""
        self._minute = -1

    def answer(self, event: Event[Token], body: bytes, at: Moment) -> Answer:
        told = _read(body)
        if told is None:
            return REFUSALS[400]
        ticket = event.tickets.verify(told[0], at.wall_ms) if event.plan is not None else None
        if ticket is None:
            self._count[_FORGED] += 1
            return REFUSALS[403]
        minute = int(at.now // MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._told.clear()
        seat = event.name, ticket.seat
        if seat in self._told:
            return _HEARD
        if not event.house.touch(ticket, at.now):
            return REFUSALS[410]
        self._told.add(seat)
        self._count[_STALLED] += 1
        self._count[_STALLS] += told[1]
        self._count[_STALLED_MS] += told[2]
        return _HEARD


def _read(body: bytes) -> tuple[str, int, int] | None:
    """Ticket, stops, and how long they were in all; None when it is none of it."""
    said = json_object(body)
    if said is None:
        return None
    ticket, stalls, lasted_ms = (said.get(n) for n in ("ticket", "stalls", "stalled_ms"))
    if not isinstance(ticket, str) or not ticket.isascii():
        return None
    if type(stalls) is not int or type(lasted_ms) is not int or stalls < 1 or lasted_ms < 0:
        return None
    return ticket, min(stalls, MOST), min(lasted_ms, MOST_MS)

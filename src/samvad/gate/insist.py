"""Who goes on with a ticket that was refused. Pure.

Who has shown a forged one and shows others: what is the same in the next request is compared, not
read again. Of a request that differs from one that was refused in nothing but its ticket only the
ticket is looked at. A good one, or anything else that is not the same, is answered as ever.

Who shows one that is void goes to the door, or does not: that is counted.
"""

import re
from typing import Self

from samvad.gate.http1 import Request
from samvad.protocol.ticket import Tickets

_ONE_PIECE = re.compile(rb"[\w\-]{1,64}")
"""What may stand between: nothing that could end a path, a line or a head."""

VOID_TIMES, VOID_S = 5, 10.0
"""So often within VOID_S a player may show a ticket that is void before it goes to the door: it
asks for its captions and its sound at a time, and may try once more."""


class Insisting:
    __slots__ = ("_head", "_least", "_tail", "_tickets")

    def __init__(self, head: bytes, tail: bytes, tickets: Tickets) -> None:
        self._head, self._tail, self._tickets = head, tail, tickets
        self._least = len(head) + len(tail)

    @classmethod
    def after(cls, request: Request, tickets: Tickets) -> Self | None:
        """`request` was refused for its ticket; None: it is not of the usual form."""
        pieces = request.target.split(b"/", 4)  # "", live, event, ticket, which playlist
        if request.method != b"GET" or not request.fields.usual or len(pieces) < 5:
            return None
        head = b"GET /live/%b/" % pieces[2]
        return cls(head, b"/%b HTTP/1.1%b" % (pieces[4], request.fields.raw), tickets)

    def refuses(self, data: bytes, wall_ms: int) -> bool:
        """Whether `data` is one whole request, the same but for a ticket, and that is no good."""
        head, tail = self._head, self._tail
        if len(data) <= self._least or not data.startswith(head) or not data.endswith(tail):
            return False
        shown = data[len(head) : -len(tail)]
        if _ONE_PIECE.fullmatch(shown) is None:
            return False
        return self._tickets.verify(shown, wall_ms) is None


class Void:
    """How often a connection has shown tickets that are void."""

    __slots__ = ("_began", "_times")

    def __init__(self) -> None:
        self._began, self._times = float("-inf"), 0

    def again(self, now: float) -> bool:
        """Once more; whether that is more than a player does."""
        if now - self._began >= VOID_S:
            self._began, self._times = now, 0
        self._times += 1
        return self._times > VOID_TIMES

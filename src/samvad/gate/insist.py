"""Who has shown a forged ticket and goes on showing others: what is the same in the next request is
compared, not read again. Pure.

Of a request that differs from one that was refused in nothing but its ticket only the ticket is
looked at. A good one, or anything else that is not the same, is answered as ever.
"""

import re
from typing import Self

from samvad.gate.http1 import Request
from samvad.protocol.ticket import Tickets

_ONE_PIECE = re.compile(rb"[\w\-]{1,64}")
"""What may stand between: nothing that could end a path, a line or a head."""


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

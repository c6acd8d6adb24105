"""Answers as ready bytes. Built once, sent many times, never changed.

On the wire an answer is `head`, then the loop's date and the empty line, then `body`: so the
date is right (RFC 9110, 6.6.1) and nothing is made for a request.
"""

import contextlib
from collections.abc import Sequence
from http import HTTPStatus

from samvad.gate.spans import FileSpan, MemoryFiles

Headers = Sequence[tuple[str, str]]

SMALL_BYTES = 24 * 1024
"""Answers up to this size are sent as one piece; larger ones in the pieces they are made of."""
SPLICED_BYTES = 8 * 1024
"""Bodies from this size on are sent from a memory file. With time to read them 16 kB cost as much
either way and 48 kB 40 % less; where the network is behind, and copies lie in memory until they are
taken, 16 kB cost two thirds (docs/adr/0011-lean.md)."""


class Answer:
    """Status line and headers (`head`, without the empty line) and what follows them."""

    __slots__ = ("_date", "_wire", "body", "head", "length", "small", "span", "status")

    def __init__(
        self,
        status: int,
        headers: Headers = (),
        body: tuple[bytes, ...] = (),
        span: FileSpan | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.span = span
        length = sum(map(len, body)) + (span.length if span else 0)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        # RFC 9110, 8.6: no Content-Length in a 204 ("MUST NOT") or, here, in a 304.
        if status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        self.head = ("\r\n".join(lines) + "\r\n").encode("latin-1")
        self.length = len(self.head) + length
        self.small = len(self.head) + sum(map(len, body)) <= SMALL_BYTES
        self._date = self._wire = b""

    def wire(self, date: bytes) -> bytes:
        """All of a small answer but its span; joined once a `date`, which is a second's object."""
        if self._date is not date:
            self._date, self._wire = date, b"".join((self.head, date, *self.body))
        return self._wire


class Form:
    """Answers that differ in their body alone: the head is made once."""

    __slots__ = ("_head", "_status")

    def __init__(self, status: int, headers: Headers) -> None:
        self._status = status
        head = Answer(status, headers).head
        self._head = head.removesuffix(b"Content-Length: 0\r\n") + b"Content-Length: %d\r\n"

    def filled(self, body: bytes) -> Answer:
        """The answer with this body, which is small."""
        answer = Answer.__new__(Answer)
        head = answer.head = self._head % len(body)
        answer.status, answer.body, answer.span = self._status, (body,), None
        answer.length, answer.small = len(head) + len(body), True
        answer._date = answer._wire = b""
        return answer


_memory = MemoryFiles()


def large(status: int, headers: Headers, body: tuple[bytes, ...]) -> Answer:
    """An answer that many will ask for, held as suits its size."""
    if sum(map(len, body)) >= SPLICED_BYTES:
        with contextlib.suppress(OSError):  # no descriptor is left: then as it is
            return Answer(status, headers, span=_memory.put(body))
    return Answer(status, headers, body)


def rest(buffers: Sequence[bytes | memoryview], sent: int) -> list[memoryview]:
    """What of `buffers` is left after `sent` bytes; views, not copies."""
    left: list[memoryview] = []
    for buffer in buffers:
        if sent >= len(buffer):
            sent -= len(buffer)
        else:
            left.append(memoryview(buffer)[sent:])
            sent = 0
    return left


ANYWHERE = ("Access-Control-Allow-Origin", "*")
NO_SNIFF = ("X-Content-Type-Options", "nosniff")
NEVER_STORED = ("Cache-Control", "no-store")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/json; charset=utf-8")

_ALLOW = ("Allow", "GET, HEAD, POST, OPTIONS")


def _refusal(status: int, *more: tuple[str, str]) -> Answer:
    text = f"{status} {HTTPStatus(status).phrase}\n".encode()
    return Answer(status, [TEXT, NEVER_STORED, ANYWHERE, NO_SNIFF, *more], (text,))


REFUSALS = {
    status: _refusal(status)
    for status in (400, 403, 404, 408, 410, 411, 413, 414, 417, 429, 431, 500, 501, 505)
} | {
    405: _refusal(405, _ALLOW),
    503: _refusal(503, ("Retry-After", "1")),
}
"""Constant bytes: a refusal costs less than the request did."""

FORGED, VOID = _refusal(403), _refusal(410)
"""For a ticket that does not verify, and one whose seat is no more, or in too many hands: by them a
connection knows why (insist.py)."""

PREFLIGHT = Answer(
    204,
    [
        _ALLOW,
        ANYWHERE,
        ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
        ("Access-Control-Allow-Headers", "content-type, range"),
        ("Access-Control-Max-Age", "86400"),
    ],
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

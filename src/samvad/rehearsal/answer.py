"""Answers' heads and chunked bodies (RFC 9112), as far as a light listener needs them. Pure.

Thousands of listeners get the same head within the same second, so heads are remembered.
"""

import re
from dataclasses import dataclass

MAX_HEAD = 16 * 1024
MAX_BODY = 2 * 1024 * 1024
"""Of a body that is kept (a page, a playlist)."""
_REMEMBERED = 4096

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?\r\n")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")
_DIGITS = re.compile(rb"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class BadAnswer(ValueError):
    """Bytes that are no answer by RFC 9112, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Head:
    """`length` None: chunked, or (not `chunked`) until the connection ends."""

    status: int
    length: int | None = 0
    chunked: bool = False
    close: bool = False
    gzip: bool = False
    retry_after_s: float = 0.0


class Heads:
    """Reads heads, each different one once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def read(self, head: bytes) -> Head:
        """`head` ends with its empty line. Raises BadAnswer."""
        known = self._known.get(head)
        if known is None:
            known = read_head(head)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[head] = known
        return known


def read_head(head: bytes) -> Head:
    """A status line and header section with its empty line. Raises BadAnswer."""
    line = _STATUS.match(head)
    if line is None:
        raise BadAnswer("no status line")
    status, at = int(line[2]), line.end()
    fields: dict[bytes, bytes] = {}
    while at < len(head) - 2:
        field = _FIELD.match(head, at)
        if field is None:
            raise BadAnswer("a header line that is none")
        name = field[1].lower()
        if name == b"content-length" and fields.get(name, field[2]) != field[2]:
            raise BadAnswer("two lengths")
        fields[name] = field[2]
        at = field.end()
    connection = fields.get(b"connection", b"").lower()
    close = b"close" in connection or (line[1] == b"0" and b"keep-alive" not in connection)
    length: int | None = None
    chunked = b"chunked" in fields.get(b"transfer-encoding", b"").lower()
    if status < 200 or status in (204, 304):
        length, chunked = 0, False
    elif not chunked and b"content-length" in fields:
        if not _DIGITS.fullmatch(fields[b"content-length"]):
            raise BadAnswer("a length that is no number")
        length = int(fields[b"content-length"])
    elif not chunked:
        close = True
    retry = fields.get(b"retry-after", b"")
    return Head(
        status=status,
        length=length,
        chunked=chunked,
        close=close,
        gzip=b"gzip" in fields.get(b"content-encoding", b"").lower(),
        retry_after_s=float(retry) if _DIGITS.fullmatch(retry) else 0.0,
    )


class Chunks:
    """A chunked body (RFC 9112, 7.1) as it comes. `body` holds it when `keep`."""

    __slots__ = ("_data", "_keep", "_left", "_trailer", "body")

    def __init__(self, keep: bool) -> None:
        self.body = bytearray()
        self._keep, self._data = keep, b""
        self._left, self._trailer = 0, False

    def feed(self, data: bytes) -> bool:
        """Take bytes; True when the body is complete. Raises BadAnswer."""
        data = self._data + data if self._data else data
        at = 0
        while True:
            if self._left > 2:
                taken = min(self._left - 2, len(data) - at)
                if self._keep:
                    self.body += data[at : at + taken]
                    if len(self.body) > MAX_BODY:
                        raise BadAnswer("too large")
                self._left -= taken
                at += taken
                if self._left > 2:
                    break
            if self._left:  # the CRLF behind a chunk
                if len(data) - at < 2:
                    break
                if data[at : at + 2] != b"\r\n":
                    raise BadAnswer("a chunk that is longer than it says")
                self._left, at = 0, at + 2
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > 1024:
                    raise BadAnswer("a chunk without a size")
                break
            if self._trailer:
                done, at = end == at, end + 2
                if done:
                    if at != len(data):
                        raise BadAnswer("bytes behind the answer")
                    self._data = b""
                    return True
                continue
            size = _CHUNK.fullmatch(data, at, end + 2)
            if size is None:
                raise BadAnswer("a chunk without a size")
            at = end + 2
            self._left = int(size[1], 16)
            if self._left:
                self._left += 2
            else:
                self._trailer = True
        self._data = data[at:]
        return False

"""One connection of a light listener: a request out, an answer in. Every call may fail.

Bodies that nobody wants are taken from the kernel without being copied (MSG_TRUNC, tcp(7)).
"""

import contextlib
import errno
import socket
from enum import Enum
from typing import Generic, TypeVar

from samvad.rehearsal.answer import MAX_BODY, MAX_HEAD, BadAnswer, Chunks, Head, Heads
from samvad.rehearsal.target import Target

SCRATCH = 256 * 1024
FIRST_READ = 2048
"""Of an answer whose body is not wanted: enough for its head."""
_IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: the port is chosen at connect, per pair of addresses, not at bind."""
_RESET_ON_CLOSE = b"\1\0\0\0\0\0\0\0"
"""struct linger {1, 0}"""

_NAMES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "no connection",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
}
STARVED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
"""The generator's own limits."""


G = TypeVar("G")
"""Whose line it is."""


class Got(Enum):
    """What reading brought."""

    MORE = "not complete"
    ANSWER = "complete"
    CLOSED = "closed before the first byte of an answer"


class Broken(Exception):
    """This connection is of no use any more; says how it ended."""


def how_of(error: OSError) -> str:
    return _NAMES.get(error.errno or 0, f"error {error.errno}")


class Line(Generic[G]):
    """`index`: its number in its visit. `sent_at`: when the request went out; 0.0 when idle."""

    __slots__ = (
        "_chunks",
        "_data",
        "_left",
        "_out",
        "_sock",
        "body",
        "fd",
        "head",
        "index",
        "keep",
        "request",
        "sent_at",
        "served",
        "visit",
        "writing",
    )

    def __init__(self, visit: G, index: int, target: Target, source: str) -> None:
        """Begin to connect. Raises OSError, and PlainError for a target that is not loopback."""
        target.check()
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.fd = self._sock.fileno()
        self.visit, self.index = visit, index
        self.head: Head | None = None
        self.body = b""
        self.request = self._out = self._data = b""
        self.keep = False
        self._chunks: Chunks | None = None
        self._left = self.served = 0
        self.sent_at = 0.0
        self.writing = False
        try:
            if family == socket.AF_INET and source:
                self._sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                self._sock.bind((source, 0))
            error = self._sock.connect_ex((target.address, target.port))
        except OSError:
            self._sock.close()
            raise
        if error not in (0, errno.EINPROGRESS):
            self._sock.close()
            raise OSError(error, "connect")

    def send(self, request: bytes, keep: bool, now: float) -> None:
        """Ask. What the kernel does not take yet goes out by `flush`. Raises OSError."""
        self.request, self.keep, self.sent_at = request, keep, now
        self.head, self._data, self.body = None, b"", b""
        try:
            sent = self._sock.send(request)
        except (BlockingIOError, InterruptedError):
            sent = 0
        self._out = request[sent:] if sent < len(request) else b""
        self.writing = bool(self._out)

    def flush(self) -> None:
        """The socket takes more, or its connection has failed. Raises OSError."""
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "connect")
        with contextlib.suppress(BlockingIOError, InterruptedError):
            self._out = self._out[self._sock.send(self._out) :]
        self.writing = bool(self._out)

    def receive(self, scratch: bytearray, view: memoryview, heads: Heads) -> tuple[Got, int]:
        """Read what is there; and how many bytes it was. Raises OSError, Broken, BadAnswer."""
        if self.head is not None and not self.keep and self._left:
            return self._skip(view)
        size = SCRATCH if self.keep or self._chunks else FIRST_READ
        try:
            count = self._sock.recv_into(view, size)
        except (BlockingIOError, InterruptedError):
            return Got.MORE, 0
        if count == 0:
            return self._end_of_input(), 0
        if not self.sent_at:
            raise BadAnswer("bytes nobody asked for")
        if self.head is None:
            at = 0 if self._data else scratch.find(b"\r\n\r\n", 0, count) + 4
            if at < 4:
                return self._slow_head(bytes(view[:count]), heads), count
            head = heads.read(bytes(view[:at]))
        else:
            at, head = 0, self.head
        if head.length is None or self.head is not None or head.status < 200:
            return self._slow_body(head, bytes(view[at:count]), heads), count
        have = count - at
        if have > head.length:
            raise BadAnswer("bytes behind the answer")
        self.head = head
        if have == head.length:
            if self.keep:
                self.body = bytes(view[at:count])
            return Got.ANSWER, count
        self._left = head.length - have
        if self.keep:
            if head.length > MAX_BODY:
                raise BadAnswer("too large")
            self._data = bytes(view[at:count])
            return Got.MORE, count
        got, more = self._skip(view)
        return got, count + more

    def _skip(self, view: memoryview) -> tuple[Got, int]:
        skipped = 0
        while self._left:
            size = self._left if self._left < SCRATCH else SCRATCH
            try:
                count = self._sock.recv_into(view, size, socket.MSG_TRUNC)
            except (BlockingIOError, InterruptedError):
                return Got.MORE, skipped
            if count == 0:
                raise Broken("cut")
            skipped += count
            self._left -= count
        return Got.ANSWER, skipped

    def _slow_head(self, data: bytes, heads: Heads) -> Got:
        """A head that comes in pieces."""
        self._data += data
        at = self._data.find(b"\r\n\r\n") + 4
        if at < 4:
            if len(self._data) > MAX_HEAD:
                raise BadAnswer("a head without an end")
            return Got.MORE
        rest, head = self._data[at:], heads.read(self._data[:at])
        self._data = b""
        return self._slow_body(head, rest, heads)

    def _slow_body(self, head: Head, data: bytes, heads: Heads) -> Got:
        """Whatever is not a whole answer in one read."""
        if head.status < 200:
            if head.status == 101:
                raise BadAnswer("another protocol")
            return self._slow_head(data, heads)
        if self.head is None:
            self.head = head
            self._left = head.length or 0
            self._chunks = Chunks(self.keep) if head.chunked else None
        if self._chunks is not None:
            if not self._chunks.feed(data):
                return Got.MORE
            self.body, self._chunks = bytes(self._chunks.body), None
            return Got.ANSWER
        if self.keep:
            self._data += data
            if len(self._data) > MAX_BODY:
                raise BadAnswer("too large")
        if head.length is None:
            return Got.MORE  # until the connection ends
        self._left -= len(data)
        if self._left < 0:
            raise BadAnswer("bytes behind the answer")
        if self._left:
            return Got.MORE
        self.body, self._data = self._data, b""
        return Got.ANSWER

    def _end_of_input(self) -> Got:
        if self.head is not None:
            if self.head.length is None and not self.head.chunked:
                self.body, self._data = self._data, b""
                return Got.ANSWER
            raise Broken("cut")
        if self._data:
            raise Broken("cut")
        return Got.CLOSED

    def done(self) -> bool:
        """The answer has been taken; whether the connection goes on."""
        assert self.head is not None
        self.sent_at = 0.0
        self.request = self.body = b""
        self.served += 1
        return not self.head.close

    def close(self, reset: bool = False) -> None:
        """Let go of the socket; with `reset` the peer is told so without ceremony."""
        with contextlib.suppress(OSError):
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        with contextlib.suppress(OSError):
            self._sock.close()

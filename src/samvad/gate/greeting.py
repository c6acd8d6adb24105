"""The first bytes of a connection that a declared proxy brings: a PROXY header, and nothing else
is read before it is whole. Then the connection is the client's own, as if it had come directly.
"""

import contextlib
import socket
from socket import SocketType as Socket
from typing import TYPE_CHECKING, Protocol

from samvad.gate.answers import REFUSALS
from samvad.gate.loop import IN
from samvad.gate.wheel import Timed, Wheel
from samvad.protocol.proxy_header import MOST, NoHeader, read

if TYPE_CHECKING:
    from samvad.gate.answerer import Answerer
    from samvad.gate.server import Server

GREETING_S = 3.0
"""Section 2 of the specification: "at least 3 seconds" for a header that a lost segment delays."""


class Late(Timed, Protocol):
    """What the server's wheel holds."""

    @property
    def closed(self) -> bool: ...

    def late(self) -> None:
        """Its deadline has passed."""


class Greeting:
    """Watches the socket until the header is there; then `Server.admit`."""

    def __init__(
        self, server: "Server", wheel: Wheel[Late], sock: Socket, site: "Answerer"
    ) -> None:
        self._server, self._wheel, self._sock, self._site = server, wheel, sock, site
        self.deadline, self.bucket, self._closed = 0.0, 0, False
        self._fd = sock.fileno()
        try:
            sock.setblocking(False)
            server.loop.watch(self._fd, self, IN)
        except OSError:
            sock.close()
            return
        wheel.set(self, server.loop.moment.now + GREETING_S)

    @property
    def closed(self) -> bool:
        return self._closed

    def ready(self, mask: int) -> None:
        try:
            told = read(self._sock.recv(MOST, socket.MSG_PEEK))
            if told is NoHeader.MORE:
                return
            if isinstance(told, NoHeader):
                self._end(refused=True)
                return
            self._sock.recv(told.taken)
            peer = told.client or self._sock.getpeername()[0]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end()
            return
        self._leave()
        self._server.admit(self._sock, peer, self._site)

    def broken(self) -> None:
        self._server.crashed()
        self._end()

    def late(self) -> None:
        self._server.counters.add("timeouts_head")
        self._end()

    def _leave(self) -> None:
        self._closed = True
        self._server.loop.hand_over(self._fd)
        self._wheel.drop(self)

    def _end(self, refused: bool = False) -> None:
        if self.closed:
            return
        self._leave()
        with contextlib.suppress(OSError):
            if refused:
                self._server.counters.add("malformed")
                self._sock.sendmsg((REFUSALS[400].head, self._server.loop.date_close))
        self._sock.close()

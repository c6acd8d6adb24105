"""Listening sockets and the connections they bring.

Bounded: connections in all, connections a source, accepts a turn. Survives what accept can
throw: a full table of descriptors, aborted connections, floods.
"""

import contextlib
import errno
import logging
import os
import socket

from samvad.base.errors import PlainError
from samvad.base.settings import GateSettings
from samvad.gate.answers import REFUSALS, Answer
from samvad.gate.connection import Answerer, Connection, State
from samvad.gate.counters import INDEX, Counters
from samvad.gate.loop import IN, Loop
from samvad.gate.wheel import Wheel
from samvad.protocol.client_addr import source_of

log = logging.getLogger("gate")

ACCEPTS = 64
"""Connections accepted from one socket in a turn."""
BACKLOG = 4096
PAUSE_S = 0.1
"""How long a socket is left alone when there are no descriptors."""

_ACCEPTED, _OPEN = INDEX["connections_accepted"], INDEX["connections_open"]
_GAVE_UP = {
    errno.ECONNABORTED,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOPROTOOPT,
    errno.EPERM,
    errno.EPROTO,
    errno.ETIMEDOUT,
}
"""accept(2): errors of the one connection that would have come; the next may be good."""


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket that other processes of this site may share. Raises PlainError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Connections inherit it: answers are written whole, there is nothing to wait for.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PlainError(
                f"Port {port} is taken by another program.",
                f"End that program, or set {setting} to a free port.",
            ) from None
        raise PlainError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.",
            f"Look at [public] host and {setting}.",
        ) from None
    return listener


class Server:
    """All connections of the process, whichever socket they came by."""

    def __init__(
        self, loop: Loop, settings: GateSettings, counters: Counters, connections: int
    ) -> None:
        """`connections`: most at a time, within what the open-files limit allows."""
        self.loop, self.counters, self.count = loop, counters, counters.values
        self.head_s, self.idle_s = settings.head_timeout_s, settings.idle_timeout_s
        self.send_s = settings.send_timeout_s
        self.ending = False
        self._most, self._most_by_source = connections, settings.connections_per_source
        self._connections: set[Connection] = set()
        self._sources: dict[str, int] = {}
        self._wheel: Wheel[Connection] = Wheel()
        self._listeners: list[_Listener] = []
        self._told = float("-inf")
        loop.every(0.5, self._look_at_deadlines)

    def add(self, listener: socket.socket, site: Answerer) -> None:
        """Answer connections to `listener` from `site`."""
        self._listeners.append(_Listener(self, listener, site))

    def __len__(self) -> int:
        return len(self._connections)

    # -- connections ------------------------------------------------------------------------

    def take(self, sock: socket.socket, peer: str, site: Answerer) -> None:
        """A new connection: let it in or send it away."""
        self.count[_ACCEPTED] += 1
        source = source_of(peer)
        if len(self._connections) >= self._most:
            self._send_away(sock, REFUSALS[503], "refused_full")
            return
        of_source = self._sources.get(source, 0)
        if of_source >= self._most_by_source:
            self._send_away(sock, REFUSALS[429], "refused_by_source")
            return
        try:
            sock.setblocking(False)
            connection = Connection(self, site, sock, source)
            self.loop.watch(sock.fileno(), connection, IN)
        except OSError:
            sock.close()
            return
        self._connections.add(connection)
        self._sources[source] = of_source + 1
        self.count[_OPEN] += 1
        self.set_deadline(connection, self.head_s)

    def _send_away(self, sock: socket.socket, refusal: Answer, counter: str) -> None:
        self.counters.add(counter)
        with contextlib.suppress(OSError):
            sock.setblocking(False)
            sock.sendmsg((refusal.head, self.loop.date_close, *refusal.body))
            # Without this, input that came meanwhile makes the close a reset, which can
            # overtake the answer.
            sock.shutdown(socket.SHUT_WR)
            sock.recv(16 * 1024)
        with contextlib.suppress(OSError):
            sock.close()

    def set_deadline(self, connection: Connection, seconds: float) -> None:
        self._wheel.set(connection, self.loop.moment.now + seconds)

    def gone(self, connection: Connection, fd: int) -> None:
        """A connection is about to close its socket."""
        self.loop.forget(fd)
        self._wheel.drop(connection)
        self._connections.discard(connection)
        self.count[_OPEN] = len(self._connections)
        left = self._sources[connection.source] - 1
        if left > 0:
            self._sources[connection.source] = left
        else:
            del self._sources[connection.source]

    def crashed(self) -> None:
        """Call it where an exception was caught that nobody expected."""
        self.counters.add("crashes")
        self._tell("a request failed: a bug")

    def lacked(self) -> None:
        """Call it where the system refused what an answer needs: descriptors, disk, memory."""
        self.counters.add("failures")
        self._tell("a request failed")

    def _tell(self, what: str) -> None:
        # Once a second: whoever can provoke it must not be able to fill the disk.
        if self.loop.moment.now - self._told >= 1.0:
            self._told = self.loop.moment.now
            log.exception(what)

    def _look_at_deadlines(self) -> None:
        for connection in self._wheel.due(self.loop.moment.now):
            if not connection.closed:
                connection.late()

    # -- the end ----------------------------------------------------------------------------

    def end(self) -> None:
        """Accept what has arrived, then nothing more; close what is idle. Answers that are
        under way go out whole, each as its connection's last."""
        self.ending = True
        for listener in self._listeners:
            listener.end()
        for connection in list(self._connections):
            if connection.state is State.WAITING:
                connection.give_up_waiting()
            elif connection.idle and connection.served:
                connection.close()

    def close(self) -> None:
        """Close everything at once."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.close()


class _Listener:
    """One listening socket."""

    def __init__(self, server: Server, sock: socket.socket, site: Answerer) -> None:
        self._server, self._sock, self._site = server, sock, site
        self._paused_until = 0.0
        # One descriptor is kept back: with none left a connection cannot even be closed.
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        server.loop.watch(sock.fileno(), self, IN)
        server.loop.every(PAUSE_S, self._wake)

    def ready(self, mask: int) -> None:
        self._accept(ACCEPTS)

    def broken(self) -> None:
        self._server.crashed()

    def _accept(self, most: int) -> bool:
        """Accept at most so many; whether there may be more."""
        for _ in range(most):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                if error.errno in _GAVE_UP:
                    continue
                self._starve(error)
                return False
            self._server.take(sock, address[0], self._site)
        return True

    def _starve(self, error: OSError) -> None:
        """No descriptor is left: use the spare one to send somebody away, and pause."""
        self._server.counters.add("accept_errors")
        log.warning("cannot accept: %s", error.strerror)
        with contextlib.suppress(OSError):
            os.close(self._spare)
        self._spare = -1
        with contextlib.suppress(OSError):
            self._sock.accept()[0].close()
        with contextlib.suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._paused_until = self._server.loop.moment.now + PAUSE_S
        self._server.loop.change(self._sock.fileno(), 0)

    def _wake(self) -> None:
        if self._paused_until and self._server.loop.moment.now >= self._paused_until:
            self._paused_until = 0.0
            self._server.loop.change(self._sock.fileno(), IN)

    def end(self) -> None:
        """Accept what has arrived: a closed socket would reset it."""
        while self._sock.fileno() >= 0 and self._accept(ACCEPTS):
            pass
        self.close()

    def close(self) -> None:
        if self._sock.fileno() < 0:
            return
        self._paused_until = 0.0
        self._server.loop.forget(self._sock.fileno())
        self._sock.close()
        if self._spare >= 0:
            os.close(self._spare)

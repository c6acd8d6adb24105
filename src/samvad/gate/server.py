"""Listening sockets and the connections they bring.

Bounded: connections in all, what a source may hold and open (guard.py), accepts a turn. Survives
what accept can throw: a full table of descriptors, aborted connections, floods. Where sockets run
short, those go first that have proven nothing, the oldest before the others.
"""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Collection, Iterator
from socket import SocketType as Socket

from samvad.base.errors import PlainError
from samvad.base.settings import GateSettings
from samvad.base.settings_attack import AttackSettings
from samvad.gate.answerer import Answerer
from samvad.gate.answers import REFUSALS, Answer
from samvad.gate.connection import Connection
from samvad.gate.connection_state import State
from samvad.gate.counters import INDEX, Counters
from samvad.gate.greeting import Greeting, Late
from samvad.gate.guard import ROUND_S, TICK_S, Guard
from samvad.gate.loop import IN, Loop
from samvad.gate.proxied import Forwarded, Throttled
from samvad.gate.rounds import Rounds
from samvad.gate.sources import Book, Entry, Rank
from samvad.gate.wheel import Wheel
from samvad.protocol.client_addr import source_of

log = logging.getLogger("gate")

BACKLOG = 4096
SEND_BUFFER = 256 * 1024
SENT_OFF = 20
"""Connections of banned sources closed in one step."""
SEARCHED = 1_000
"""Connections looked through for them in one step."""
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
        # So much of answers nobody takes the kernel holds for one connection, not megabytes.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
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


SHORT = 0.7
"""From this share of all sockets on, connections that have proven nothing may idle for less,"""
SHORTEST_S = 2.0
"""down to this, when none is left."""
FOR_ALL = 16
"""Connections of the machine's own (admin) that are taken whatever there is."""
_AWAY = {
    Entry.TOO_MANY: (429, "refused_by_source"),
    Entry.TOO_FAST: (429, "refused_pace"),
}


class Server:
    """All connections of the process, whichever socket they came by."""

    def __init__(
        self,
        loop: Loop,
        settings: GateSettings,
        counters: Counters,
        connections: int,
        guard: Guard | None = None,
    ) -> None:
        """`connections`: most at a time, within what the open-files limit allows."""
        self.loop, self.counters, self.count = loop, counters, counters.values
        self.head_s, self.idle_s = settings.head_timeout_s, settings.idle_timeout_s
        self.send_s = settings.send_timeout_s
        self.ending = False
        self._most = connections
        self.guard = guard or Guard(AttackSettings(), settings.connections_per_source, counters)
        self.read_rate = self.guard.read_rate
        self.guard.head_s, self.guard.send_s = self.head_s, self.send_s
        self._awake: set[Connection] = set()
        """All connections but those that rest."""
        self._resting: set[Connection] = set()
        self._others: Rounds[Connection] = Rounds(
            lambda: self._awake.difference(self.guard.new), ROUND_S
        )
        """Those that are looked at and have proven something (guard.py `new`)."""
        self._wheel: Wheel[Late] = Wheel()
        self._listeners: list[_Listener] = []
        self._told = float("-inf")
        self._throttled = Throttled()
        loop.every(0.5, self._look_at_deadlines)
        loop.every(TICK_S, self._watch)
        loop.every(ROUND_S, self._thin_out)

    def add(self, listener: socket.socket, site: Answerer, ours: bool = False) -> None:
        """Answer connections to `listener` from `site`. `ours`: they are the machine's own, on a
        loopback address, and no budget is theirs."""
        self._listeners.append(_Listener(self, listener, site, ours))

    def __len__(self) -> int:
        return len(self._awake) + len(self._resting)

    def _all(self) -> list[Connection]:
        return [*self._awake, *self._resting]

    # -- connections ------------------------------------------------------------------------

    def take(self, sock: Socket, peer: str, site: Answerer, ours: bool = False) -> None:
        """A new connection: let it in or send it away."""
        self.count[_ACCEPTED] += 1
        guard = self.guard
        if ours:
            self._let_in(sock, site, Book(peer, 0.0, 0.0, set()), Rank.PROVEN)
        elif peer not in guard.proxies:
            self.admit(sock, peer, site)
        elif guard.proxy_protocol:
            Greeting(self, self._wheel, sock, site)
        else:
            # It speaks for many, and says for whom in each request.
            book = Book(peer, 0.0, 0.0, set())
            self._let_in(sock, Forwarded(guard, site, self.loop), book, Rank.PROVEN)

    def admit(self, sock: Socket, peer: str, site: Answerer) -> None:
        """A connection of `peer`'s own, whoever brought it: let it in or send it away."""
        book, entry = self.guard.enter(source_of(peer), self.loop.moment.now)
        if entry is Entry.IN:
            if not self._let_in(sock, site, book, Rank.NEW):
                self.guard.books.gone(book)
        elif entry is Entry.BANNED:  # nothing is said to it: that is what costs least
            self.counters.add("refused_banned")
            with contextlib.suppress(OSError):
                sock.close()
        else:
            status, counter = _AWAY[entry]
            self._send_away(sock, REFUSALS[status], counter)

    def _let_in(self, sock: Socket, site: Answerer, book: Book, rank: Rank) -> bool:
        """Whether there was room for it; it may have been served and be gone by then."""
        if len(self) >= self._most and not self._has_room(rank):
            self._send_away(sock, REFUSALS[503], "refused_full")
            return False
        try:
            sock.setblocking(False)
        except OSError:
            sock.close()
            return False
        connection = Connection(self, site, sock, book, rank)
        if connection.begin():
            self._awake.add(connection)
            if connection.rank is Rank.NEW:
                self.guard.new[connection] = None
            self.count[_OPEN] += 1
            self._wheel.set(connection, connection.deadline)
        return True

    def _has_room(self, rank: Rank) -> bool:
        """Whether a full process takes one more."""
        if rank is Rank.NEW and not self._make_room():
            return False
        return len(self) < self._most + FOR_ALL

    def _make_room(self) -> bool:
        """Close the oldest that has proven nothing; False: all have."""
        new = self.guard.new
        while new:
            connection = next(iter(new))
            if self.guard.rank(connection) is Rank.NEW:
                self.counters.add("evicted")
                connection.close()
                return True
        return False

    def _watch(self) -> None:
        """A tick: a part of the connections is looked at."""
        found = self.guard.walk(self._others, self.loop.moment.now)
        self.counters.set("deep", len(self) - len(self.guard.new))
        for connection in found.fast:
            connection.throttle(self._throttled)
            self.counters.add("throttled")
        for connection in found.dull:
            connection.cut()

    def _thin_out(self) -> None:
        """Where sockets run short, those that have proven nothing are closed the sooner the fewer
        are left."""
        now, guard = self.loop.moment.now, self.guard
        filled = len(self) / self._most
        if filled < SHORT:
            return
        left = max(0.0, (1.0 - filled) / (1.0 - SHORT))
        most_s = SHORTEST_S + (self.idle_s - SHORTEST_S) * left
        for connection in list(guard.new):
            if now - connection.born <= most_s:
                break
            if guard.rank(connection) is Rank.NEW and self._rests_s(connection, now) > most_s:
                self.counters.add("evicted")
                connection.close()

    def rests(self, connection: Connection) -> None:
        """All it does is to wait for news: it cannot be too fast, and there is nothing to see in
        it until it `stirs`. That is most of a long line."""
        self.guard.rests(connection)
        self._awake.discard(connection)
        self._resting.add(connection)

    def stirs(self, connection: Connection) -> None:
        """It has asked for something else."""
        if connection in self._resting:
            self._resting.remove(connection)
            self._awake.add(connection)

    def _rests_s(self, connection: Connection, now: float) -> float:
        """How long it has done nothing of use."""
        if connection.idle and connection.served:
            return now - (connection.deadline - self.idle_s)
        return now - connection.born

    def send_off(self, sources: Collection[str]) -> Iterator[None]:
        """Close what banned sources hold, but for those who listen. In steps, for a flood holds
        thousands."""
        if not sources:
            return
        sources, done = set(sources), 0
        for number, connection in enumerate(self._all()):
            if connection.book.source in sources and self.guard.rank(connection) < Rank.PROVEN:
                connection.close()
                done += 1
            if done == SENT_OFF or number % SEARCHED == SEARCHED - 1:
                done = 0
                yield

    def _send_away(self, sock: Socket, refusal: Answer, counter: str) -> None:
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
        self._awake.discard(connection)
        self._resting.discard(connection)
        self.count[_OPEN] = len(self)
        self.guard.gone(connection, self.loop.moment.now)

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
        for connection in self._all():
            if connection.state is State.WAITING:
                connection.give_up_waiting()
            elif connection.idle and connection.served:
                connection.close()

    def close(self) -> None:
        """Close everything at once."""
        for listener in self._listeners:
            listener.close()
        for connection in self._all():
            connection.close()


class _Listener:
    """One listening socket."""

    def __init__(self, server: Server, sock: socket.socket, site: Answerer, ours: bool) -> None:
        self._server, self._sock, self._site, self._ours = server, sock, site, ours
        self._kind = int(sock.family), int(sock.type), sock.proto
        self._paused_until = 0.0
        # One descriptor is kept back: with none left a connection cannot even be closed.
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        server.loop.watch(sock.fileno(), self, IN)
        server.loop.every(PAUSE_S, self._wake)

    def ready(self, mask: int) -> None:
        self._server.loop.spare(self._go_on)

    def _go_on(self) -> bool:
        """Whether there may be more."""
        try:
            return self._sock.fileno() >= 0 and self._accept_some()
        except Exception:
            self.broken()
            return False

    def broken(self) -> None:
        self._server.crashed()

    def _accept_some(self) -> bool:
        """Whether there may be more."""
        server, site, kind = self._server, self._site, self._kind
        for _ in range(server.loop.strangers):
            try:
                # What socket.accept() calls, which beyond that looks up enums and wraps twice:
                # a twentieth of all that a new connection costs.
                fd, address = self._sock._accept()  # type: ignore[attr-defined]
                sock = Socket(*kind, fd)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                if error.errno in _GAVE_UP:
                    continue
                self._starve(error)
                return False
            server.take(sock, address[0], site, self._ours)
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
        while self._sock.fileno() >= 0 and self._accept_some():
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

"""One connection's bounds, seen from inside: what it holds while its peer misbehaves."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.base.clock import Moment
from samvad.base.settings import GateSettings
from samvad.gate.answers import Answer
from samvad.gate.connection import PIPELINED, READ, Connection
from samvad.gate.http1 import Request
from samvad.gate.loop import CALM_S
from tests.kit.clock import FakeClock
from tests.kit.one_connection import OneConnection

ASKED = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class Echo:
    """Answers each request at once with `size` bytes; holds back those for /wait."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked = 0
        self.waiting: list[Connection] = []
        self.dropped: list[Connection] = []

    def answer(self, request: Request, token: Connection, at: Moment) -> Answer | None:
        self.asked += 1
        if request.target == b"/bug":
            raise ZeroDivisionError
        if request.target == b"/wait":
            self.waiting.append(token)
            return None
        return Answer(200, [], (b"x" * self.size,))

    def drop(self, token: Connection) -> None:
        self.dropped.append(token)


class Rig(OneConnection):
    """A server with one connection, turned by hand."""

    def __init__(self, folder: Path, size: int = 10) -> None:
        self.site = Echo(size)
        super().__init__(folder / "counters", FakeClock(), "127.0.0.1", self.site)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.turn()

    def say(self, data: bytes) -> int:
        """As much of `data` as the kernel takes."""
        with contextlib.suppress(BlockingIOError):
            return self.peer.send(data)
        return 0

    def hear(self) -> bytes:
        got = b""
        with contextlib.suppress(BlockingIOError):
            while data := self.peer.recv(1 << 20):
                got += data
        return got

    @property
    def held(self) -> int:
        return len(self.connection._data)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_a_flood_of_pipelined_requests_is_read_no_faster_than_answered(rig: Rig) -> None:
    asked = 0
    for _ in range(300):
        asked += rig.say(ASKED * 1000)
        before = rig.site.asked
        rig.turn()
        assert rig.site.asked - before <= 2 * PIPELINED
        assert rig.held <= 2 * READ
        rig.hear()
    while rig.site.asked < asked // len(ASKED):
        before = rig.site.asked
        rig.turn()
        rig.hear()
        assert rig.site.asked > before
    assert not rig.connection.closed


def test_answers_nobody_takes_are_not_piled_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path, size=100_000)
    for _ in range(50):
        rig.say(ASKED * 1000)
        rig.turn()
        assert rig.held <= 2 * READ
        assert sum(map(len, rig.connection._out)) <= 101_000
    assert rig.site.asked < 20
    stuck = rig.site.asked
    rig.turn(20)
    assert rig.site.asked == stuck
    for _ in range(50):
        rig.hear()
        rig.turn()
    assert rig.site.asked > stuck
    rig.close()


def test_what_comes_while_one_waits_is_answered_afterwards_and_in_order(rig: Rig) -> None:
    rig.say(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + ASKED)
    rig.turn(3)
    assert rig.hear() == b""
    rig.say(ASKED * 5000)
    rig.turn(10)
    assert rig.held <= 2 * READ
    rig.site.waiting[0].resume(Answer(404, [], ()))
    rig.turn(5)
    got = rig.hear()
    assert got.startswith(b"HTTP/1.1 404 ")
    assert got.count(b"HTTP/1.1 200 ") > 10


def test_one_who_was_held_for_news_is_in_no_hurry_until_it_asks_for_more(
    rig: Rig,
) -> None:
    look = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
    rig.say(look)
    rig.turn(2)
    for held in range(1, 3):
        rig.site.waiting[-1].resume(Answer(200, [], ()), calm=True)
        assert rig.hear().startswith(b"HTTP/1.1 200 ")
        rig.say(look)
        rig.turn(3)
        assert len(rig.site.waiting) == held
        rig.clock.advance(CALM_S)
        rig.turn(3)
        assert len(rig.site.waiting) == held + 1
    rig.site.waiting[-1].resume(Answer(200, [], ()), calm=True)
    rig.hear()
    rig.say(ASKED)
    rig.clock.advance(CALM_S)
    rig.turn(3)
    assert rig.hear().startswith(b"HTTP/1.1 200 ")
    rig.say(ASKED)
    rig.turn(2)
    assert rig.hear().startswith(b"HTTP/1.1 200 "), "it has shown that it is in a hurry"
    rig.say(look)
    rig.turn(2)
    rig.site.waiting[-1].resume(Answer(200, [], ()), calm=True)
    rig.peer.close()
    rig.clock.advance(CALM_S)
    rig.turn(2)
    assert rig.connection.closed


def test_whose_turn_has_come_is_in_a_hurry_again(rig: Rig) -> None:
    look = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
    rig.say(look)
    rig.turn(2)
    rig.site.waiting[-1].resume(Answer(200, [], ()), calm=True)
    rig.say(look)
    rig.clock.advance(CALM_S)
    rig.turn(3)
    assert len(rig.site.waiting) == 2
    assert len(rig.server) == 1
    rig.site.waiting[-1].resume(Answer(200, [], ()))
    rig.hear()
    rig.say(ASKED)
    rig.turn(2)
    assert rig.hear().startswith(b"HTTP/1.1 200 "), "it knocks, and no time has passed"


def test_who_says_close_is_served_as_it_comes_and_never_watched(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[int] = []
    monkeypatch.setattr(rig.loop, "watch", lambda fd, *_, **__: watched.append(fd))
    peer, ours = socket.socketpair()
    peer.send(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    rig.server.take(ours, "192.0.2.7", rig.site)
    assert peer.recv(READ).endswith(b"\r\n\r\n" + b"x" * 10)
    assert peer.recv(READ) == b""
    assert not watched
    assert len(rig.server) == 1, "the rig's own"
    assert rig.counters.values[[*_names()].index("connections_open")] == 1
    assert rig.server.guard.books.of("192.0.2.7", 0.0).open == 0
    with peer:
        peer, ours = socket.socketpair()
    rig.server.take(ours, "192.0.2.7", rig.site)
    assert len(watched) == 1, "one who has not asked yet"
    assert rig.server.guard.books.of("192.0.2.7", 0.0).open == 1
    peer.close()


def test_the_last_answer_is_readable_although_more_was_sent_than_is_read(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    peer.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + b"x" * 3 * READ)
    rig.server.take(ours, "192.0.2.7", rig.site)
    with peer:
        assert peer.recv(READ).endswith(b"\r\n\r\n" + b"x" * 10)


def test_one_who_goes_while_waiting_is_dropped_once(rig: Rig) -> None:
    rig.say(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    rig.turn(2)
    rig.peer.shutdown(socket.SHUT_WR)
    rig.turn(2)
    assert rig.site.dropped == [rig.connection]
    assert rig.connection.closed
    rig.connection.close()
    assert len(rig.site.dropped) == 1


def test_deadlines(rig: Rig) -> None:
    settings = GateSettings()
    rig.say(ASKED)
    rig.turn(2)
    assert rig.hear()
    rig.clock.advance(settings.idle_timeout_s - 1)
    rig.turn(2)
    assert not rig.connection.closed
    rig.clock.advance(3)
    rig.turn(3)
    assert rig.connection.closed
    assert rig.counters.values[[*_names()].index("timeouts_idle")] == 1


def test_a_refusal_is_readable_although_more_was_sent(rig: Rig) -> None:
    rig.say(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n" + b"x" * 50_000)
    rig.turn(3)
    assert rig.hear().startswith(b"HTTP/1.1 505 ")
    assert not rig.connection.closed  # it lingers
    rig.clock.advance(2)
    rig.turn(3)
    assert rig.connection.closed


def test_a_bug_costs_one_answer_and_is_told_once_a_second(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.say(b"GET /bug HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
    rig.turn(3)
    assert rig.hear().count(b"HTTP/1.1 500 ") == 10
    assert rig.counters.values[[*_names()].index("crashes")] == 10
    assert len(caplog.records) == 1
    assert not rig.connection.closed


def test_a_bug_elsewhere_closes_its_connection_only(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samvad.gate.connection.take", lambda data, known: 1 // 0)
    rig.say(ASKED)
    rig.turn(2)
    assert rig.connection.closed
    assert rig.counters.values[[*_names()].index("crashes")] == 1


def _names() -> Iterator[str]:
    from samvad.gate.counters import COUNTERS

    return (about.name for about in COUNTERS)

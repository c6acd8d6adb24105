"""The entrance of a gate process: who is let in, closed, throttled and banned."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from samvad.base.clock import Moment
from samvad.base.params import replace
from samvad.base.settings import GateSettings
from samvad.base.settings_attack import AttackSettings
from samvad.gate import guard, posture
from samvad.gate.answers import REFUSALS, VOID, Answer
from samvad.gate.behaviour import WINDOW_S
from samvad.gate.connection import Connection
from samvad.gate.counters import INDEX, Counters
from samvad.gate.detect import State
from samvad.gate.guard import Guard
from samvad.gate.http1 import Request
from samvad.gate.insist import VOID_TIMES
from samvad.gate.loop import Loop
from samvad.gate.posture import Posture
from samvad.gate.server import Server
from samvad.gate.sources import Rank
from samvad.protocol import proxy_header
from tests.kit.clock import FakeClock


class Echo:
    """403 for /live/bad, 410 for a void ticket, 200 for everything else, with as many bytes as are
    asked for. A look that is to be held waits in `held`. `asked`: all targets, in order."""

    def __init__(self) -> None:
        self.held: list[Connection] = []
        self.asked: list[bytes] = []

    def answer(self, request: Request, token: Connection, at: Moment) -> Answer | None:
        self.asked.append(request.target)
        if request.target.endswith(b"?after"):
            self.held.append(token)
            return None
        if request.target == b"/live/bad":
            return REFUSALS[403]
        if request.target == b"/live/void":
            return VOID
        return Answer(200, [], (b"x" * int(request.target.partition(b"=")[2] or 0),))

    def drop(self, token: Connection) -> None:
        pass


def rank_of(target: bytes) -> Rank:
    if target.startswith(b"/live/good"):
        return Rank.PROVEN
    return Rank.DEEP if target.startswith(b"/door/") else Rank.NEW


class Rig:
    """A server turned by hand; peers may have any address."""

    def __init__(self, folder: Path, connections: int = 10, **attack: object) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.loop = Loop(self.clock)
        self.counters = Counters(folder / "counters")
        options = {n: attack.pop(n) for n in ("proxies", "proxy_protocol") if n in attack}
        self.guard = Guard(
            replace(AttackSettings(), **attack),
            GateSettings().connections_per_source,
            self.counters,
            run=folder,
            rank_of=rank_of,
            **options,  # type: ignore[arg-type]
        )
        self.server = Server(self.loop, GateSettings(), self.counters, connections, self.guard)
        self.loop.every(0.0, lambda: None)
        self.site = Echo()
        self.peers: list[socket.socket] = []

    def come(self, address: str, say: bytes = b"") -> socket.socket:
        peer, ours = socket.socketpair()
        peer.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.peers.append(peer)
        self.server.take(ours, address, self.site)
        if say:
            peer.send(say)
            self.turn(2)
        return peer

    def get(self, address: str, target: str) -> socket.socket:
        return self.come(address, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    def turn(self, times: int = 1, seconds: float = 0.0) -> None:
        for _ in range(times):
            self.clock.advance(seconds / times)
            self.loop.turn()

    def count(self, name: str) -> int:
        return self.counters.values[INDEX[name]]

    def second(self) -> None:
        self.turn(8, 1.0)
        self.judge()

    def judge(self) -> None:
        for _ in self.guard.judge_all(self.loop.moment):
            self.loop.turn()
        for _ in self.server.send_off(self.guard.look(self.loop.moment.now)):
            self.loop.turn()

    def close(self) -> None:
        self.server.close()
        self.guard.close()
        self.loop.close()
        for peer in self.peers:
            peer.close()


def is_open(peer: socket.socket) -> bool:
    try:
        while data := peer.recv(1 << 16):
            del data
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def heard(peer: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(BlockingIOError, ConnectionResetError):
        while data := peer.recv(1 << 16):
            got += data
    return got


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_when_sockets_are_all_taken_the_oldest_unproven_goes_and_a_listener_never(rig: Rig) -> None:
    listeners = [rig.get("203.0.113.1", "/live/good") for _ in range(4)]
    idle = [rig.come(f"203.0.113.{n}") for n in range(10, 16)]
    for n in range(20, 25):
        rig.get(f"203.0.113.{n}", "/page")
    assert [is_open(peer) for peer in idle] == [False] * 5 + [True]
    assert all(is_open(peer) for peer in listeners)
    assert rig.count("evicted") == 5
    assert rig.count("refused_full") == 0


def test_when_all_have_proven_something_the_next_is_refused(rig: Rig) -> None:
    listeners = [rig.get("203.0.113.1", "/live/good") for _ in range(10)]
    assert b" 503 " in heard(rig.come("203.0.113.9"))
    assert all(is_open(peer) for peer in listeners)


def test_the_machines_own_connections_are_taken_when_all_is_full(rig: Rig) -> None:
    for _ in range(10):
        rig.get("203.0.113.1", "/live/good")
    peer, ours = socket.socketpair()
    peer.setblocking(False)
    rig.peers.append(peer)
    rig.server.take(ours, "127.0.0.1", Echo(), ours=True)
    assert is_open(peer)


def test_idle_caps_shrink_as_sockets_run_short(rig: Rig) -> None:
    listener = rig.get("203.0.113.1", "/live/good")
    early = rig.get("203.0.113.2", "/page")
    rig.turn(10, 5.0)
    assert is_open(early)  # there is room: it may idle for a minute
    for n in range(7):
        rig.get(f"203.0.113.{n + 10}", "/page")
    rig.get("203.0.113.30", "/page")
    rig.turn(4, 1.0)
    assert not is_open(early)
    assert is_open(listener)


def test_a_reader_that_takes_a_byte_now_and_then_is_closed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, read_rate=1_000)
    try:
        slow = rig.get("203.0.113.2", "/page?n=400000")
        fair = rig.get("203.0.113.3", "/page?n=400000")
        for _ in range(60):
            with contextlib.suppress(BlockingIOError):
                slow.recv(200)
                fair.recv(20_000)
            rig.turn(2, 1.0)
        assert rig.count("timeouts_send") == 1
        assert not is_open(slow)
        assert is_open(fair)
    finally:
        rig.close()


SHORT = "/page?n=200"
"""The kernel takes it whole, whether anybody reads it or not."""


def tcp(rig: Rig, address: str, target: str) -> socket.socket:
    """As `rig.get`, over real TCP: there the kernel tells what was taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        peer.connect(listener.getsockname())
        ours, _ = listener.accept()
    peer.setblocking(False)
    rig.peers.append(peer)
    rig.server.take(ours, address, Echo())
    peer.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    rig.turn(3)
    return peer


@pytest.mark.parametrize("way", [Rig.get, tcp])
def test_a_reader_that_leaves_its_answer_in_the_kernel_is_seen_and_closed(
    rig: Rig, way: Callable[[Rig, str, str], socket.socket]
) -> None:
    n = 200 if way is Rig.get else 60_000
    stuck = way(rig, "203.0.113.2", f"/page?n={n}")
    listener = way(rig, "203.0.113.3", f"/live/good?n={n}")
    at_door = way(rig, "203.0.113.4", f"/door/event?n={n}")
    fair = way(rig, "203.0.113.5", SHORT)
    assert heard(fair)
    rig.turn(16, 4.0)
    assert rig.count("stuck") == 1  # who listens, or waits at a door, may have a bad line
    rig.turn(20, GateSettings().send_timeout_s)
    assert rig.count("timeouts_send") == 2
    assert rig.guard.books.of("203.0.113.2", 0.0).tally.unread == 1
    rig.turn(4, 2.0)
    assert rig.count("stuck") == 0
    for peer, lives in ((stuck, False), (at_door, False), (listener, True), (fair, True)):
        assert is_open(peer) is lives


def test_under_attack_a_reader_that_has_proven_nothing_has_seconds(rig: Rig) -> None:
    posture.write(posture.posture_path(rig.folder), Posture(State.ATTACK))
    rig.second()
    stuck, at_door = rig.get("203.0.113.2", SHORT), rig.get("203.0.113.4", "/door/event?n=200")
    slow = rig.get("203.0.113.5", "/page?n=20000")
    for _ in range(10):
        rig.turn(4, 1.0)
        slow.recv(1_200)  # a bad line: a page takes a quarter of a minute
    assert rig.count("timeouts_send") == 1
    assert [is_open(peer) for peer in (stuck, at_door, slow)] == [False, True, True]


@pytest.mark.parametrize("at_once", [3, 5, 40])
def test_who_asks_too_fast_is_told_429_and_begins_anew(tmp_path: Path, at_once: int) -> None:
    """Also when there is always more of its pipeline to answer."""
    rig = Rig(tmp_path, requests_rate=5)
    try:
        asked = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
        hasty, allowed = rig.come("203.0.113.2"), rig.come("127.0.0.1")
        told = b""
        for _ in range(40):
            for peer in (hasty, allowed):
                with contextlib.suppress(OSError):
                    peer.send(asked * at_once)
            rig.turn(4, 0.3)
            told += heard(hasty)
            heard(allowed)
        assert b" 429 " in told
        assert not is_open(hasty)
        assert is_open(allowed)
        assert rig.count("throttled") == 1
    finally:
        rig.close()


def test_who_is_held_for_news_is_not_looked_at_until_it_asks_for_more(tmp_path: Path) -> None:
    rig = Rig(tmp_path, requests_rate=5)
    try:
        asked = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
        peer = rig.get("203.0.113.2", "/door/event/serving.json?after")
        for _ in range(3):  # answered, and held again: that is all it does
            rig.site.held.pop().resume(Answer(200), calm=True)
            peer.send(b"GET /door/event/serving.json?after HTTP/1.1\r\nHost: a\r\n\r\n")
            rig.turn(4, 1.0)
        waiting = rig.site.held[0]
        looked: list[Connection] = []
        look = rig.guard._look
        rig.guard._look = lambda some, *more: looked.extend(some) or look(some, *more)  # type: ignore[method-assign,func-returns-value]
        rig.turn(8, 2.0)
        assert waiting not in looked
        assert rig.count("deep") == 1
        waiting.resume(Answer(200), calm=True)
        told = b""
        for _ in range(40):
            with contextlib.suppress(OSError):
                peer.send(asked * 5)
            rig.turn(4, 0.3)
            told += heard(peer)
        assert waiting in looked
        assert b" 429 " in told
        assert rig.count("deep") == 0
    finally:
        rig.close()


def test_a_source_of_forged_tickets_is_banned_and_its_connections_closed(rig: Rig) -> None:
    bad = b"GET /live/bad HTTP/1.1\r\nHost: a\r\n\r\n"
    first = rig.come("203.0.113.66")
    for _ in range(15):
        first.send(bad * 5)
        rig.turn(8)
        assert b" 403 " in heard(first)
    neighbour = rig.get("203.0.113.67", "/page")
    rig.second()
    assert not is_open(first)
    assert heard(rig.come("203.0.113.66")) == b""
    assert rig.count("refused_banned") == 1
    assert rig.count("bans") == 1
    assert is_open(neighbour)
    rig.turn(2, AttackSettings().ban_s + 1)
    rig.second()
    assert is_open(rig.get("203.0.113.66", "/page"))


VOIDED = b"GET /live/void HTTP/1.1\r\nHost: a\r\n\r\n"


def test_who_goes_on_with_a_void_ticket_is_no_listener_and_is_banned(rig: Rig) -> None:
    shared = rig.get("203.0.113.66", "/live/good")
    rig.turn(2, 2 * guard.ROUND_S)
    assert rig.guard.books.of("203.0.113.66", 0.0).proven == 1
    assert b" 200 " in heard(shared)
    for _ in range(80):
        shared.send(VOIDED)
        rig.turn(2, 0.02)
        assert b" 410 " in heard(shared)
    assert rig.count("harm_gone") == 80 - VOID_TIMES
    assert rig.guard.books.of("203.0.113.66", 0.0).proven == 0
    rig.second()
    assert rig.count("bans") == 1
    assert not is_open(shared)
    assert rig.count("harm_gone") == 80 - VOID_TIMES  # it is not counted once more as blamed
    for _ in range(80):  # over a connection each: blamed by its source
        peer = rig.come("203.0.113.67", VOIDED)
        assert b" 410 " in heard(peer)
        peer.close()
        rig.turn(2)
    rig.second()
    assert rig.count("bans") == 2
    assert rig.count("harm_gone") == 80 - VOID_TIMES + 80


def test_who_shows_a_good_ticket_goes_before_those_who_have_proven_nothing(rig: Rig) -> None:
    page = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
    others = [rig.get("203.0.113.30", "/page") for _ in range(3)]
    listener = rig.get("203.0.113.9", "/live/good")
    rig.turn(8, 1.0)
    rig.site.asked.clear()
    for peer in others:
        peer.send(page)
    listener.send(b"GET /live/good HTTP/1.1\r\nHost: a\r\n\r\n")
    rig.turn()
    assert rig.site.asked == [b"/live/good"] + [b"/page"] * 3
    listener.send(VOIDED * (VOID_TIMES + 1))  # a listener no more
    rig.turn(2)
    rig.site.asked.clear()
    others[0].send(page)
    listener.send(VOIDED)
    rig.turn()
    assert rig.site.asked == [b"/page", b"/live/void"]


def test_a_school_whose_seats_are_taken_back_is_not_blamed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, connections=300)
    try:
        pupils = [rig.get("203.0.113.8", "/live/good") for _ in range(200)]
        rig.turn(4, 1.0)
        for pupil in pupils:
            pupil.send(VOIDED * 3 + b"GET /door/event HTTP/1.1\r\nHost: a\r\n\r\n")
        rig.turn(4, 1.0)
        rig.second()
        assert rig.count("bans") == rig.count("harm_gone") == 0
        assert not rig.guard.books.of("203.0.113.8", 0.0).blocked
        assert all(is_open(pupil) for pupil in pupils)
    finally:
        rig.close()


def test_what_holds_on_is_seen_beside_any_number_of_listeners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LOOKED_AT", 20)
    monkeypatch.setattr(guard, "NEW_LOOKED_AT", 15)
    rig = Rig(tmp_path, connections=600)
    try:
        for _ in range(400):
            rig.get("203.0.113.1", "/live/good")
        rig.turn(40, 10.0)
        assert (rig.count("unproven"), rig.count("deep")) == (0, 400)
        halves = [rig.come(f"203.0.113.{n}", b"GET /page HTT") for n in range(10, 22)]
        reader = rig.get("203.0.113.99", "/page")
        rig.turn(8, guard.HOLDS_ON_S)
        rig.turn(1, guard.ROUND_S)
        assert rig.count("silent") == 12
        rig.turn(4, 1.0)
        assert rig.count("unproven") == 13
        for half in halves[:5]:  # one completes its request, others go
            half.close()
        halves[5].send(b"P/1.1\r\nHost: a\r\n\r\n")
        rig.turn(3, 3 * guard.ROUND_S)
        assert (rig.count("silent"), rig.count("unproven")) == (6, 8)
        assert is_open(reader)
    finally:
        rig.close()


def test_a_spare_connection_beside_one_that_waits_is_not_counted(rig: Rig) -> None:
    rig.get("203.0.113.2", "/door/event/serving.json")
    rig.turn(2, 2 * guard.ROUND_S)
    rig.second()
    rig.turn(4, 2 * WINDOW_S)
    rig.second()  # another window: of what was done before nothing is known
    rig.come("203.0.113.2")
    alone = rig.come("203.0.113.3")
    rig.turn(16, 4.0)
    assert rig.count("silent") == 1
    alone.close()
    rig.turn(2)
    assert (rig.count("silent"), rig.count("unproven")) == (0, 1)


def test_allowed_sources_and_those_where_people_listen_are_not_banned(rig: Rig) -> None:
    bad = b"GET /live/bad HTTP/1.1\r\nHost: a\r\n\r\n"
    listener = rig.get("203.0.113.66", "/live/good")
    for address in ("203.0.113.66", "127.0.0.1"):
        peer = rig.come(address)
        for _ in range(10):
            peer.send(bad * 5)
            rig.turn(8)
            assert b" 403 " in heard(peer)
    rig.second()
    assert rig.count("bans") == 0
    assert is_open(listener)


def test_a_proxy_header_names_the_source(tmp_path: Path) -> None:
    rig = Rig(tmp_path, proxies="10.0.0.1", proxy_protocol=True)
    asked = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
    try:
        header = proxy_header.write("203.0.113.5", 4711, "10.0.0.9", 443)
        peer = rig.come("10.0.0.1")
        for at in range(len(header)):
            peer.send(header[at : at + 1])
            rig.turn()
        assert len(rig.server) == 1
        peer.send(asked)
        rig.turn(2)
        assert b" 200 " in heard(peer)
        assert rig.guard.books.of("203.0.113.5", 0.0).open == 1
        whole = rig.come("10.0.0.1", header + asked)
        rig.turn(2)
        assert b" 200 " in heard(whole)
        # A proxy without a header, and a header without a declared proxy.
        assert b" 400 " in heard(rig.come("10.0.0.1", asked))
        assert b" 400 " in heard(rig.come("203.0.113.9", header + asked))
        late = rig.come("10.0.0.1", header[:20])
        rig.turn(4, 5.0)
        assert not is_open(late)
    finally:
        rig.close()


def test_forwarded_for_is_the_source_of_a_request_and_can_be_banned(tmp_path: Path) -> None:
    rig = Rig(tmp_path, proxies="10.0.0.1")

    def ask(client: str, target: str, peer: str = "10.0.0.1") -> bytes:
        said = f"GET {target} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n\r\n"
        return heard(rig.come(peer, said.encode()))

    try:
        for _ in range(80):
            assert b" 403 " in ask("203.0.113.5", "/live/bad")
            while rig.peers:
                rig.peers.pop().close()
            rig.turn(2)
        rig.second()
        assert b" 429 " in ask("203.0.113.5", "/page")
        assert b" 200 " in ask("203.0.113.6", "/page")
        # Somebody who connects directly changes nothing by what they write.
        assert b" 200 " in ask("203.0.113.5", "/page", peer="203.0.113.7")
    finally:
        rig.close()


def test_thousands_behind_one_address_are_not_blamed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, connections=400)
    asked = b"".join(
        b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target
        for target in (b"/page", b"/door/event", b"/door/event/serving.json")
    )
    try:
        for _ in range(20):  # each window a new load of people, who stay for a while
            peers = [rig.come("203.0.113.8", asked) for _ in range(300)]
            rig.turn(4, WINDOW_S / 4)
            rig.judge()
            while peers:
                peers.pop().close()
            rig.peers.clear()
            rig.turn(4, WINDOW_S / 2)
        assert rig.count("bans") == 0
        assert rig.count("refused_by_source") == 0
        assert rig.count("connections_accepted") == 6_000
    finally:
        rig.close()

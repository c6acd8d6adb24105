"""Bytes from the wild against a real gate: a clear status or a close; no crash, no leak."""

import contextlib
import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samvad.protocol.room import Phase, RoomState
from tests.kit.gates import (
    EVENT,
    START_MS,
    Gates,
    Programme,
    StageDouble,
    a_plan,
    read_all,
    running_gates,
)
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]

CORPUS = sorted((Path(__file__).parent / "corpus" / "http").iterdir())
STATUSES = {100, 200, 204, 206, 304, 400, 403, 404, 405, 408, 410, 411}
STATUSES |= {413, 414, 416, 417, 429, 431, 501, 503, 505}


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    env = {
        "SAMVAD_GATE_HEAD_TIMEOUT_S": "2",
        "SAMVAD_GATE_SEND_TIMEOUT_S": "2",
        "SAMVAD_GATE_CONNECTIONS_PER_SOURCE": "200",
    }
    with running_gates(tmp_path_factory.mktemp("fuzz"), 1, env) as gates:
        gates.plans.write(a_plan(seats=5))
        stage, programme = StageDouble(gates.folders), Programme(gates.secret)
        stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
        stage.say(*programme.segments(5))
        until_now(lambda: gates.get(f"/live/{EVENT}/state.json").status == 200, 10, "no event")
        before = _sockets(gates)
        yield gates
        until_now(lambda: _sockets(gates) <= before, 15, lambda: str(_open_files(gates)))
        files = [name for name in _open_files(gates) if str(gates.folders.data) in name]
        # Mappings hold a second descriptor of seats, board, history and bans; the log is stdout and
        # stderr.
        assert len(files) - len(set(files)) <= 5, files
        assert gates.processes[0].poll() is None
        assert gates.counter("crashes") == 0, gates.log.read_text()[-3000:]
        assert gates.get("/e/a-talk").status == 200
        stage.close()


def _open_files(gates: Gates) -> list[str]:
    folder = f"/proc/{gates.processes[0].pid}/fd"
    found = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"{folder}/{name}"))
    return found


def _sockets(gates: Gates) -> int:
    return sum(name.startswith("socket:") for name in _open_files(gates))


def _descriptors(gates: Gates) -> int:
    return len(os.listdir(f"/proc/{gates.processes[0].pid}/fd"))


def _statuses(got: bytes) -> list[int]:
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]*\r\n", got)]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(gates: Gates, path: Path) -> None:
    got = gates.raw(path.read_bytes(), end=True)
    expected = path.name.partition("-")[0]
    if expected == "close":
        assert got == b""
    else:
        assert got.startswith(f"HTTP/1.1 {expected} ".encode())


pieces = st.sampled_from([path.read_bytes() for path in CORPUS]) | st.binary(max_size=40)


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Corpus entries cut, joined, and with bytes changed; sent in several writes."""
    data = bytearray(b"".join(draw(st.lists(pieces, min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        if data:
            at = draw(st.integers(0, len(data) - 1))
            data[at] = draw(st.integers(0, 255))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    return [bytes(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(conversation=conversations(), waits_for_the_end=st.booleans())
def test_any_bytes_get_a_status_or_a_close(
    gates: Gates, conversation: list[bytes], waits_for_the_end: bool
) -> None:
    with gates.connect() as sock:
        try:
            for piece in conversation:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it was closed before all was said, which is its right
        if waits_for_the_end:
            got = read_all(sock)
            assert got == b"" or got.startswith(b"HTTP/1.1 ")
            assert set(_statuses(got)) <= STATUSES
    assert gates.processes[0].poll() is None


def test_resets_in_the_middle_of_everything(gates: Gates) -> None:
    """Clients that ask for much and tear the connection down without reading it."""
    draw = random.Random(3)
    asked = b"GET /e/a-talk HTTP/1.1\r\nHost: a\r\n\r\n" * 400
    for _ in range(200):
        sock = gates.connect()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with contextlib.suppress(OSError):
            sock.sendall(asked[: draw.randrange(len(asked))])
        sock.close()
    assert gates.get("/e/a-talk").status == 200


def test_a_reader_that_takes_nothing_is_closed(gates: Gates) -> None:
    path = gates.folders.replay(EVENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(20_000_000))
    with gates.connect() as sock:
        sock.sendall(f"GET /live/{EVENT}/replay.m4a HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        until_now(lambda: gates.counter("timeouts_send") == 1, 10, "it is not closed")
    # One who takes it, slowly but steadily, gets it.
    with gates.connect() as sock:
        sock.sendall(f"GET /live/{EVENT}/replay.m4a HTTP/1.0\r\n\r\n".encode())
        got = 0
        while data := sock.recv(1_000_000):
            got += len(data)
            time.sleep(0.05)
        assert got > 20_000_000


def test_more_connections_than_a_source_may_have(gates: Gates) -> None:
    held = []
    refused = 0
    try:
        for _ in range(260):
            sock = gates.connect()
            held.append(sock)
            sock.settimeout(0.001 if len(held) < 195 else 1.0)
            try:
                sock.sendall(b"GET /e/a-talk HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = sock.recv(4096)
                refused += answer.startswith(b"HTTP/1.1 429 ")
            except TimeoutError:
                pass
    finally:
        for sock in held:
            sock.close()
    assert refused >= 50
    until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "it stays shut")


def test_good_listeners_are_served_while_others_misbehave(gates: Gates) -> None:
    """Garbage and silence beside a reader: every request of the reader is answered."""
    stop = threading.Event()

    def misbehave(seed: int) -> None:
        draw = random.Random(seed)
        while not stop.is_set():
            with contextlib.suppress(OSError), gates.connect() as sock:
                sock.sendall(draw.choice(CORPUS).read_bytes()[: draw.randrange(1, 300)])
                if draw.random() < 0.5:
                    sock.recv(1000)

    others = [threading.Thread(target=misbehave, args=(seed,)) for seed in range(4)]
    for other in others:
        other.start()
    try:
        end = time.monotonic() + 3
        served = 0
        while time.monotonic() < end:
            assert gates.get("/e/a-talk").status == 200
            served += 1
        assert served > 20
    finally:
        stop.set()
        for other in others:
            other.join()


def test_no_descriptors_left_is_survived(tmp_path: Path) -> None:
    """A process that may open 60 files, and a hundred who knock: it answers whom it can."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    env = {"SAMVAD_GATE_CONNECTIONS": "1000"}
    with running_gates(tmp_path, 1, env) as gates:
        gates.plans.write(a_plan())
        until_now(lambda: gates.get("/e/a-talk").status == 200, 10, "no page")
        pid = gates.processes[0].pid
        used = _descriptors(gates)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 20, hard[1]))
        held = [socket.create_connection(("127.0.0.1", gates.port), 5) for _ in range(100)]
        until_now(
            lambda: "accept_errors" and b"cannot accept" in gates.log.read_bytes(), 10, "no want"
        )
        for sock in held:
            sock.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, hard)
        until_now(lambda: gates.get("/e/a-talk").status == 200, 10, "it does not come back")
        assert gates.counter("accept_errors") > 0
        until_now(lambda: _descriptors(gates) <= used + 1, 10, "descriptors leak")

"""A crowd against real gates and against servers that do wrong."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.rehearsal.habit import Leave, Start
from samvad.rehearsal.herd import Herd
from samvad.rehearsal.line import Line
from samvad.rehearsal.pacer import Shape
from samvad.rehearsal.shards import Crowd
from samvad.rehearsal.tally import ASSET, DOOR, MEDIA, PAGE, PLAYLIST, RELOAD, STATE, Tally
from samvad.rehearsal.target import Target, check_loopback, target_of
from samvad.rehearsal.trial import Trial
from tests.kit.bad_servers import BadServer, live_playlist, ok
from tests.kit.gates import EVENT, Gates, running_gates
from tests.kit.on_air import OnAir
from tests.kit.until import until_now

HLS = Trial(
    url="http://127.0.0.1:9/hls/index.m3u8",
    listeners=20,
    arrive_s=0.3,
    for_s=2.5,
    start=Start.PLAY,
    lines=1,
    timeout_s=1.0,
)


def run(trial: Trial) -> Herd:
    herd = Herd(trial)
    herd.run()
    return herd


def against(server: BadServer, **changes: object) -> Tally:
    url = f"http://127.0.0.1:{server.port}/hls/index.m3u8"
    try:
        return run(replace(HLS, **{"url": url, **changes})).tally  # type: ignore[arg-type]
    finally:
        server.close()


# -- where load may go ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1",
        "10.0.0.1",
        "0.0.0.0",
        "8.8.8.8",
        "::",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "x",
        "",
    ],
)
def test_load_goes_to_loopback_only(address: str) -> None:
    with pytest.raises(PlainError, match="loopback only"):
        check_loopback(address)
    with pytest.raises(PlainError, match="loopback only"):
        Line(None, 0, Target(address, 80, "x"), "")
    if address not in ("x", ""):
        url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
        with pytest.raises(PlainError, match="loopback only"):
            Herd(replace(HLS, url=url))
        with pytest.raises(PlainError, match="loopback only"):
            Crowd(replace(HLS, url=url))


def test_loopback_is_127_and_colon_one() -> None:
    for url in ("http://127.0.0.1:81/a?b=c", "http://127.99.3.4/a?b=c", "http://[::1]:81/a?b=c"):
        target, path = target_of(url)
        check_loopback(target.address)
        assert path == "/a?b=c"
    for url in (
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
        "127.0.0.1",
        "http://a@127.0.0.1/",
        "http://127.0.0.1:x/",
    ):
        with pytest.raises(PlainError):
            target_of(url)


@pytest.mark.parametrize(
    "changes",
    [
        {"listeners": 0},
        {"listeners": 2_000_000},
        {"for_s": 1e9},
        {"for_s": 0},
        {"arrive_s": 4.0},
        {"lines": 7},
        {"per_source": 0},
        {"listeners": 900_000},
        {"shard": 1},
        {"plays": "/nowhere"},
    ],
)
def test_a_trial_is_bounded(changes: dict[str, object]) -> None:
    with pytest.raises(PlainError):
        Herd(replace(HLS, **changes))  # type: ignore[arg-type]


# -- against a real gate ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnAir]:
    env = {"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "1000"}
    page = (
        "<!doctype html><title>A talk</title>"
        f'<script type="application/json" id="config">{{"event": "{EVENT}"}}</script>'
    )
    with running_gates(tmp_path_factory.mktemp("crowd"), 1, env) as gates:
        on_air = OnAir(gates, seats=600, page=page)
        yield on_air
        on_air.close()
        assert gates.counter("crashes") == 0, gates.log.read_text()
        assert gates.counter("malformed") == 0
        assert gates.counter("tickets_forged") == 0


def at_gate(gates: Gates, **changes: object) -> Trial:
    trial = Trial(
        url=f"{gates.url}/e/a-talk",
        listeners=200,
        arrive_s=1.0,
        for_s=6.0,
        state_every_s=1.0,
        timeout_s=8.0,
    )
    return replace(trial, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_two_hundred_plain_listeners(air: OnAir) -> None:
    requests = air.gates.counter("requests")
    herd = run(at_gate(air.gates))
    tally = herd.tally
    assert (tally.arrived, tally.admitted, tally.playing_now) == (200, 200, 200)
    assert (tally.errors, tally.refused, tally.jumps, tally.went_back) == ({}, 0, 0, 0)
    assert (tally.stalls, tally.stalled_now) == (0, 0)
    # Joining is four segments; then about one each 1.92 s.
    assert 200 * 5 <= tally.segments <= 200 * 8
    assert tally.took[PAGE].total == tally.took[DOOR].total == 200
    assert tally.took[STATE].total >= 200 * 3
    assert tally.took[RELOAD].total == 0
    assert tally.connects == 200  # all over one kept connection each
    assert tally.first_sound.percentile(1.0) < 3.0
    asked = sum(h.total for h in tally.took)
    # What the gate counted itself; some requests are under way when the trial ends.
    until_now(lambda: air.gates.counter("requests") >= requests + asked, 5)
    assert air.gates.counter("requests") <= requests + asked + 210 + 10
    assert herd.health.lines == 200


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_low_latency_listeners_and_drops(air: OnAir) -> None:
    tally = run(
        at_gate(
            air.gates,
            listeners=100,
            low=True,
            drop_share=0.3,
            drop_from_s=2.5,
            drop_to_s=3.0,
            away_s=1.0,
            leave=Leave.SILENT,
        )
    ).tally
    assert 15 <= tally.dropped == tally.came_back <= 45
    assert tally.playing_now == 100
    assert (tally.errors, tally.stalls) == ({}, 0)
    assert tally.admitted == 100 + tally.dropped
    assert tally.took[RELOAD].total > 100 * 6
    assert tally.took[MEDIA].total > 100 * 8  # parts


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_shards_add_up_and_share_the_seats(air: OnAir) -> None:
    seen: list[int] = []
    trial = at_gate(air.gates, listeners=90, for_s=4.0, shape=Shape.AT_ONCE, arrive_s=0.0)
    with Crowd(trial, shards=3) as crowd:
        pids = crowd.pids
        end = crowd.run(lambda now: seen.append(now.tally.arrived))
    assert len(pids) == 3
    assert end.heard_of == 3
    assert (end.tally.arrived, end.tally.playing_now) == (90, 90)
    assert end.tally.errors == {}
    assert end.health.lines == 90
    assert end.health.wall_s == pytest.approx(4.0, abs=0.5)
    assert len(seen) >= 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_a_full_house_is_a_line_not_errors(tmp_path: Path) -> None:
    with running_gates(tmp_path, 1, {"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0"}) as gates:
        on_air = OnAir(gates, seats=30)
        tally = run(
            at_gate(
                gates, listeners=50, for_s=3.0, start=Start.DOOR, url=f"{gates.url}/door/{EVENT}"
            )
        ).tally
        on_air.close()
    assert tally.playing_now == tally.admitted == 30
    assert tally.queued == tally.in_line_now == 50 - tally.admitted
    assert (tally.refusals, tally.renumbered, tally.out_of_order) == ({}, 0, 0)
    assert tally.errors == {}


# -- against servers that do wrong ------------------------------------------------------------


def test_a_good_server_of_another_maker() -> None:
    began = time.monotonic()
    server = BadServer(
        lambda _, path: ok(live_playlist(began) if "index" in path else bytes(30_000))
    )
    tally = against(server)
    assert (tally.errors, tally.stalls, tally.late) == ({}, 0, 0)
    assert tally.playing_now == 20
    assert tally.bytes > tally.segments * 30_000 > 0
    # Each four listeners have an address of their own.
    assert len(set(server.peers)) == 5
    assert all(peer.startswith("127.1.1.") for peer in server.peers)


@pytest.mark.slow
def test_a_server_that_stalls() -> None:
    began = time.monotonic()
    served, until = itertools.count(1), 0.0

    def answer(_: int, path: str) -> bytes:
        nonlocal until
        if "index" in path:
            return ok(live_playlist(began))
        if next(served) == 20 * 8:  # by now they play, with 3 s of sound; nothing comes for 6 s
            until = time.monotonic() + 6
        time.sleep(max(0.0, until - time.monotonic()))
        return ok(b"x" * 1000)

    tally = against(BadServer(answer), for_s=12.0, timeout_s=10.0)
    assert tally.stalls >= 20
    assert tally.late >= 20
    assert tally.took[MEDIA].percentile(0.999) > 1.5
    assert tally.errors == {}
    assert tally.stalled_s > 20 * 0.2


def test_a_server_that_never_answers() -> None:
    tally = against(BadServer(lambda _, path: time.sleep(30) or b""))
    assert tally.errors["master timeout"] >= 20
    assert tally.playing_now == 0
    assert tally.late >= 20


def test_a_server_that_drops_some() -> None:
    began = time.monotonic()

    def answer(number: int, path: str) -> bytes | None:
        if "index" in path:
            return ok(live_playlist(began))
        if number % 10 == 0:
            return ok(b"x" * 1000)[:500] if number % 20 else None
        return ok(b"x" * 1000)

    server = BadServer(answer)
    tally = against(server)
    asked = [n for n, p in enumerate(server.requests) if "index" not in p and n % 10 == 0]
    broken = tally.errors.get("media reset", 0) + tally.errors.get("media timeout", 0)
    assert 0 < broken <= len(asked)
    # One that is reset on a used connection is asked for again at once, as browsers do.
    assert tally.reconnects > 0
    assert tally.errors.get("media timeout", 0) > 0  # half an answer, and then nothing


def test_a_server_that_cuts_answers_short() -> None:
    began = time.monotonic()
    server = BadServer(
        lambda _, path: ok(live_playlist(began)) if "index" in path else ok(bytes(5000))[:4000],
        close_after=1,
    )
    tally = against(server)
    assert set(tally.errors) == {"media cut"}
    assert tally.segments == 0


def test_a_server_that_closes_kept_connections_is_followed() -> None:
    began = time.monotonic()
    server = BadServer(
        lambda _, path: ok(live_playlist(began) if "index" in path else b"x" * 100), close_after=3
    )
    tally = against(server)
    assert (tally.errors, tally.stalls, tally.playing_now) == ({}, 0, 20)
    assert tally.connects > 40


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "master 500"),
        (b"220 mail.example ESMTP\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"),
        (ok(b"<html>"), "playlist unreadable"),
        (None, "reset"),
    ],
)
def test_errors_have_names(reply: bytes | None, error: str) -> None:
    tally = against(BadServer(lambda _, path: reply), listeners=4, for_s=1.0)
    assert tally.errors
    assert all(error in kind for kind in tally.errors), tally.errors


def test_answers_in_pieces_chunks_and_with_interim_ones() -> None:
    began = time.monotonic()

    def answer(number: int, path: str) -> bytes:
        body = live_playlist(began) if "index" in path else bytes(3000)
        if number % 3 == 0:
            return b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(body)
        half = len(body) // 2
        pieces = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
            half,
            body[:half],
            len(body) - half,
            body[half:],
        )
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces

    tally = against(BadServer(answer))
    assert (tally.errors, tally.stalls, tally.playing_now) == ({}, 0, 20)


def test_nobody_there() -> None:
    herd = run(replace(HLS, for_s=1.0))  # port 9: discard
    assert set(herd.tally.errors) == {"master refused"}
    assert herd.tally.arrived == 20
    assert herd.health.starved == 0


def test_assets_over_several_lines() -> None:
    page = (
        f'<script type="application/json" id="config">{{"event": "{EVENT}"}}</script>'
        '<link rel="stylesheet" href="/a/x.css"><script src="/a/event.js"></script>'
    ).encode()
    server = BadServer(
        lambda _, path: ok(
            page if "/e/" in path else b'import "./more.js"' if "event" in path else b""
        )
    )
    try:
        url = f"http://127.0.0.1:{server.port}/e/x"
        herd = run(
            replace(HLS, url=url, start=Start.PAGE, assets=True, lines=3, listeners=5, for_s=1.0)
        )
    finally:
        server.close()
    assert herd.tally.took[ASSET].total == 15
    assert {"/a/x.css", "/a/event.js", "/a/more.js"} <= set(server.requests)
    assert herd.tally.connects == 10
    assert herd.tally.took[PLAYLIST].total == 0
    assert herd.tally.errors == {"door unreadable": herd.tally.took[DOOR].total}


# -- the generator itself ---------------------------------------------------------------------


def test_it_says_when_it_is_the_limit_itself() -> None:
    """Its loop is held up for 0.3 s each second: the server is fine."""
    began = time.monotonic()
    server = BadServer(lambda _, path: ok(live_playlist(began) if "index" in path else b"x" * 100))
    herd = Herd(replace(HLS, url=f"http://127.0.0.1:{server.port}/hls/index.m3u8"))
    herd.run(lambda: time.sleep(0.3) or True)
    server.close()
    assert any("itself was late" in c for c in herd.health.complaints(1))
    assert herd.health.turn.longest_us > 290_000


@pytest.mark.slow
def test_shards_die_with_their_parent() -> None:
    server = BadServer(lambda _, path: ok(b"", "Connection: close"))
    code = (
        "from samvad.rehearsal.shards import Crowd; from samvad.rehearsal.trial import Trial; "
        "from samvad.rehearsal.habit import Start; "
        f"t = Trial('http://127.0.0.1:{server.port}/', 4, 1.0, 60.0, start=Start.PLAY); "
        "crowd = Crowd(t, shards=2); print(*crowd.pids, flush=True); crowd.run()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in re.findall(r"\d+", parent.stdout.readline())]
        assert len(pids) == 2
        until_now(lambda: len(server.peers) >= 2, 10)
        for pid in pids:
            os.kill(pid, signal.SIGINT)  # Ctrl-C is the parent's to answer
        seen = len(server.requests)
        until_now(lambda: len(server.requests) > seen + 2, 10)
        assert all(map(_alive, pids))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until_now(lambda: not any(map(_alive, pids)), 10)
    finally:
        parent.kill()
        parent.stdout.close()
        server.close()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

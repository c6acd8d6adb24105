"""Real gate processes over real sockets: one evening from the announcement to the recording."""

import contextlib
import dataclasses
import gzip
import http.client
import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.protocol.journal import COUNTS, read_from
from samvad.protocol.playlist_reader import read_master, read_media
from samvad.protocol.room import Phase, Replay, RoomSpeaker, RoomState, StatusLine
from samvad.protocol.uplink import Forget
from tests.kit.gates import (
    EVENT,
    START_MS,
    Gates,
    Programme,
    StageDouble,
    a_plan,
    fetch,
    read_all,
    running_gates,
)
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]

LIVE = RoomState(EVENT, Phase.LIVE, START_MS, speakers=(RoomSpeaker("s1", "Asha", here=True),))


class Evening:
    """Gates, a stage and a programme of ten segments on air."""

    def __init__(self, gates: Gates, seats: int = 10) -> None:
        self.gates = gates
        self.programme = Programme(gates.secret)
        self._ticket = ""
        gates.plans.write(a_plan(seats=seats))
        self.stage = StageDouble(gates.folders)
        self.stage.say(LIVE, *self.programme.inits(), *self.programme.segments(10))
        self.on_air()

    def on_air(self) -> None:
        """Wait until every process knows of the newest part."""
        count = len(self.gates.processes)
        until_now(
            lambda: all(self.newest() == self.programme.msn for _ in range(4 * count)),
            10,
            lambda: self.gates.log.read_text()[-1000:],
        )

    def newest(self) -> int:
        """The msn that comes next, as the process that happens to answer sees it."""
        knock = self.gates.knock(ticket=self._ticket)
        if knock.get("verdict") != "admit":
            return -1
        self._ticket = knock["ticket"]
        base = knock["play"].rpartition("/")[0]
        reply = self.gates.get(f"{base}/aac/index.m3u8")
        return read_media(reply.text).next_part[0] if reply.status == 200 else -1


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    env = {"SAMVAD_GATE_HEAD_TIMEOUT_S": "1"}
    with running_gates(tmp_path_factory.mktemp("evening"), 1, env) as gates:
        evening = Evening(gates, seats=1000)
        yield evening
        evening.stage.close()
        assert gates.counter("crashes") == 0, gates.log.read_text()


def _play(gates: Gates) -> str:
    admitted = gates.knock()
    assert admitted["verdict"] == "admit", admitted
    return str(admitted["play"])


# -- the path of a listener -------------------------------------------------------------------


def test_page_door_ticket_playlists_media(evening: Evening) -> None:
    gates = evening.gates
    page = gates.get("/e/a-talk", Accept_Language="gu-IN,en;q=0.5")
    assert page.text == a_plan().pages["gu"]
    assert gates.get(f"/e/{EVENT}?lang=en").text == a_plan().pages["en"]
    play = _play(gates)
    variants = read_master(gates.get(play).text)
    assert [v.uri for v in variants] == ["aac/index.m3u8", "opus/index.m3u8"]
    for variant in variants:
        base = f"{play.rpartition('/')[0]}/{variant.uri.rpartition('/')[0]}/"
        media = read_media(gates.get(base + "index.m3u8").text)
        rendition = variant.uri.partition("/")[0]
        init = gates.get(_resolve(base, media.segments[0].map_uri))
        assert init.body == f"init of {rendition}".encode()
        assert init.headers["Content-Type"] == "audio/mp4"
        segment = gates.get(_resolve(base, media.segments[-1].uri))
        parts = [gates.get(_resolve(base, p.uri)).body for p in media.segments[-1].parts]
        assert segment.body == b"".join(parts)
        assert segment.body.startswith(f"{rendition} 0.".encode())
        assert "immutable" in segment.headers["Cache-Control"]
        assert segment.headers["Access-Control-Allow-Origin"] == "*"


def _resolve(base: str, uri: str) -> str:
    return os.path.normpath(base + uri)


def test_a_mistyped_link_is_told_in_the_readers_language(evening: Evening) -> None:
    reply = evening.gates.get("/e/a-tolk", Accept_Language="hi")
    assert (reply.status, reply.headers["Content-Language"]) == (404, "hi")
    assert "ऐसा कोई संवाद नहीं है।" in reply.text


def test_playlists_come_with_gzip_to_those_who_take_it(evening: Evening) -> None:
    base = _play(evening.gates).rpartition("/")[0]
    plain = evening.gates.get(f"{base}/aac/index.m3u8")
    zipped = evening.gates.get(f"{base}/aac/index.m3u8", Accept_Encoding="gzip, br")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 2


def test_a_blocking_reload_is_answered_when_its_part_comes(evening: Evening) -> None:
    gates = evening.gates
    base = _play(gates).rpartition("/")[0]
    msn, part = read_media(gates.get(f"{base}/aac/index.m3u8").text).next_part
    answers: list[tuple[float, int, bytes]] = []

    def ask() -> None:
        query = f"_HLS_msn={msn}&_HLS_part={part}"
        reply = gates.get(f"{base}/aac/index.m3u8?{query}")
        answers.append((time.monotonic(), reply.status, reply.body))

    waiting = [threading.Thread(target=ask) for _ in range(10)]
    for thread in waiting:
        thread.start()
    until_now(lambda: gates.counter("waiting") == 10, 10, "ten do not wait")
    said = time.monotonic()
    evening.stage.say(*evening.programme.next())
    for thread in waiting:
        thread.join(10)
    assert len(answers) == 10
    assert all(at >= said and status == 200 for at, status, _ in answers)
    for _, _, body in answers:
        newest = read_media(body.decode()).parts[-1]
        assert (newest.msn, newest.index) == (msn, part)
    assert gates.counter("waiting") == 0


def test_the_hinted_part_is_answered_when_it_comes(evening: Evening) -> None:
    gates = evening.gates
    base = _play(gates).rpartition("/")[0]
    media = read_media(gates.get(f"{base}/opus/index.m3u8").text)
    assert media.hint is not None
    with gates.connect() as sock:
        path = _resolve(f"{base}/opus/", media.hint)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        until_now(lambda: gates.counter("waiting") == 1, 10, "nobody waits")
        _, opus = evening.programme.next()
        evening.stage.say(_, opus)
        assert read_all(sock).endswith(opus.body)


def test_who_goes_while_waiting_is_forgotten(evening: Evening) -> None:
    gates = evening.gates
    base = _play(gates).rpartition("/")[0]
    msn, part = read_media(gates.get(f"{base}/aac/index.m3u8").text).next_part
    with gates.connect() as sock:
        query = f"_HLS_msn={msn}&_HLS_part={part}"
        sock.sendall(f"GET {base}/aac/index.m3u8?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        until_now(lambda: gates.counter("waiting") == 1, 10, "nobody waits")
    until_now(lambda: gates.counter("waiting") == 0, 10, "one still waits")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("_HLS_msn=999999", 400),
        ("_HLS_part=1", 400),
        ("_HLS_msn=abc", 400),
        ("_HLS_msn=0", 200),
        ("_HLS_msn=0&_HLS_part=77", 200),
        ("something=else", 200),
    ],
)
def test_directives(evening: Evening, query: str, status: int) -> None:
    base = _play(evening.gates).rpartition("/")[0]
    assert evening.gates.get(f"{base}/aac/index.m3u8?{query}").status == status


def test_forged_tickets_are_forbidden(evening: Evening) -> None:
    play = _play(evening.gates)
    base, _, name = play.rpartition("/")
    forged = base[:-1] + ("A" if base[-1] != "A" else "B")
    for path in (f"{forged}/{name}", f"{forged}/aac/index.m3u8", f"/live/{EVENT}/x/{name}"):
        assert evening.gates.get(path).status == 403
    assert evening.gates.get(f"/live/zzzzzz9999/{base.rpartition('/')[2]}/{name}").status == 404


def test_state_counts_those_who_fetch_playlists(evening: Evening) -> None:
    gates = evening.gates
    before = gates.get(f"/live/{EVENT}/state.json").json
    assert before["state"] == "live"
    assert before["speakers"][0]["here"] is True
    for _ in range(5):
        gates.get(_play(gates))
    until_now(
        lambda: (
            gates.get(f"/live/{EVENT}/state.json").json["counts"]["listening"]
            >= before["counts"]["listening"] + 5
        ),
        5,
        "the five are not counted",
    )
    said = gates.get(f"/live/{EVENT}/state.json")
    assert said.headers["Cache-Control"] == "public, max-age=1"
    assert abs(said.json["now_ms"] - time.time() * 1000) < 3000


def test_a_look_at_the_line_is_held_until_the_host_says_something(evening: Evening) -> None:
    gates, path = evening.gates, f"/door/{EVENT}/serving.json"
    seen = json.loads(gates.get(path).text)
    # Who names nothing, or what is over, is answered at once.
    assert json.loads(gates.get(f"{path}?after=0").text)["mark"] == seen["mark"]
    got: list[dict[str, object]] = []
    looks = [
        threading.Thread(
            target=lambda: got.append(json.loads(gates.get(f"{path}?after={seen['mark']}").text))
        )
        for _ in range(5)
    ]
    before = gates.counter("waits")
    for look in looks:
        look.start()
    until_now(lambda: gates.counter("waits") == before + 5, 5, "all looks to be held")
    assert got == []
    said = StatusLine("We go on, with fewer listeners.", START_MS)
    evening.stage.say(dataclasses.replace(LIVE, status=said))
    try:
        for look in looks:
            look.join(5)
        assert [one["status"] for one in got] == [
            {"text": "We go on, with fewer listeners.", "at_ms": START_MS}
        ] * 5
        assert {one["mark"] for one in got} != {seen["mark"]}
        assert gates.counter("waiting") == 0
    finally:
        evening.stage.say(LIVE)


def test_a_new_plan_is_on_the_page_within_a_second(evening: Evening) -> None:
    gates = evening.gates
    gates.plans.write(a_plan(seats=1000, revision=3, slug="new-name", pages={"en": "new page"}))
    until_now(lambda: gates.get("/e/new-name").body == b"new page", 2, "the plan is not taken")
    assert gates.get("/e/a-talk").status == 404
    # A lower revision changes nothing.
    gates.plans.write(a_plan(seats=1000, revision=2))
    time.sleep(0.6)
    assert gates.get("/e/new-name").body == b"new page"
    gates.plans.write(a_plan(seats=1000, revision=4))
    until_now(lambda: gates.get("/e/a-talk").status == 200, 2, "the plan is not taken")


# -- HTTP as browsers, caches and players use it ------------------------------------------------


def _media_path(evening: Evening) -> str:
    base = _play(evening.gates).rpartition("/")[0] + "/aac/"
    return _resolve(base, read_media(evening.gates.get(base + "index.m3u8").text).segments[-1].uri)


def test_keep_alive_and_head(evening: Evening) -> None:
    path = _media_path(evening)
    connection = http.client.HTTPConnection("127.0.0.1", evening.gates.port, timeout=10)
    connection.request("GET", path)
    whole = connection.getresponse()
    body = whole.read()
    sock = connection.sock
    for _ in range(5):
        connection.request("HEAD", path)
        head = connection.getresponse()
        assert head.read() == b""
        assert head.headers["Content-Length"] == str(len(body))
        assert head.headers["ETag"] == whole.headers["ETag"]
    assert connection.sock is sock
    connection.close()


def test_ranges_and_conditions_on_media(evening: Evening) -> None:
    path = _media_path(evening)
    whole = evening.gates.get(path)
    tag = whole.headers["ETag"]
    part = evening.gates.get(path, Range="bytes=4990-5009")
    assert (part.status, part.body) == (206, whole.body[4990:5010])
    assert part.headers["Content-Range"] == f"bytes 4990-5009/{len(whole.body)}"
    assert evening.gates.get(path, Range="bytes=-5").body == whole.body[-5:]
    assert evening.gates.get(path, Range="bytes=999999-").status == 416
    assert evening.gates.get(path, Range="bytes=0-1,5-6").body == whole.body
    assert evening.gates.get(path, If_None_Match=tag).status == 304
    assert evening.gates.get(path, Range="bytes=0-1", If_Range='"other"').body == whole.body
    assert evening.gates.get(path, Range="bytes=0-1", If_Range=tag).status == 206


def test_pipelined_requests_are_answered_in_order(evening: Evening) -> None:
    path = _media_path(evening)
    asked = [path, "/absent", f"/live/{EVENT}/state.json", path] * 20
    sent = "".join(f"GET {p} HTTP/1.1\r\nHost: a\r\n\r\n" for p in asked)
    sent += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    got = evening.gates.raw(sent.encode())
    statuses = []
    while got:
        head, _, rest = got.partition(b"\r\n\r\n")
        statuses.append(int(head.split()[1]))
        lengths = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line
        ]
        got = rest[lengths[0] :]
    assert statuses == [200, 404, 200, 200] * 20 + [404]


def test_a_request_in_pieces_and_a_client_that_asks_first(evening: Evening) -> None:
    body = b'{"ticket": ""}'
    head = f"POST /door/{EVENT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n".encode()
    with evening.gates.connect() as sock:
        for byte in head:
            sock.send(bytes([byte]))
        sock.sendall(b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b'"verdict":"admit"' in read_all(sock)


def test_http10_and_a_client_that_sends_and_closes_its_side(evening: Evening) -> None:
    path = _media_path(evening)
    got = evening.gates.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode(), end=True)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close" in got.partition(b"\r\n\r\n")[0]
    assert len(got.partition(b"\r\n\r\n")[2]) == 15_000


def test_other_methods(evening: Evening) -> None:
    url = evening.gates.url
    preflight = fetch(f"{url}/door/{EVENT}", "OPTIONS")
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Length" not in preflight.headers
    assert fetch(f"{url}/door/{EVENT}", "GET").status == 405
    assert fetch(f"{url}{_media_path(evening)}", "POST", body=b"x").status == 405
    assert fetch(f"{url}/e/a-talk", "DELETE").status == 405
    assert fetch(f"{url}/e/a-talk", "BREW").status == 501
    assert fetch(f"{url}/door/{EVENT}", "POST", body=b"[").status == 400
    assert fetch(f"{url}/door/{EVENT}", "POST", body=b"x" * 9999).status == 413
    assert fetch(f"{url}/door/nosuchevent", "POST", body=b"").status == 404


def test_a_slow_head_is_told_and_closed(evening: Evening) -> None:
    began = time.monotonic()
    with evening.gates.connect() as sock:
        sock.sendall(b"GET / HT")
        got = read_all(sock)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < time.monotonic() - began < 6


def test_drops_of_a_head_do_not_prolong_it(evening: Evening) -> None:
    began = time.monotonic()
    with evening.gates.connect() as sock:
        sock.settimeout(0.2)
        answer = b""
        while not answer and time.monotonic() - began < 10:
            sock.sendall(b"X")
            with contextlib.suppress(TimeoutError):
                answer = sock.recv(100)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 6


def test_every_date_is_now(evening: Evening) -> None:
    from email.utils import parsedate_to_datetime

    date = parsedate_to_datetime(evening.gates.get("/absent").headers["Date"])
    assert abs(date.timestamp() - time.time()) < 3


def test_metrics_and_health(evening: Evening) -> None:
    assert evening.gates.admin("/health").json["ok"] is True
    text = evening.gates.admin("/metrics").text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.split(" ")) == 2
    assert evening.gates.counter("requests") > 10
    assert evening.gates.admin("/live").status == 404
    # The admin port serves nothing of the crowd's, and the crowd's nothing of its.
    assert evening.gates.get("/metrics").status == 404


# -- what goes wrong ----------------------------------------------------------------------------


def test_a_stage_that_comes_back_goes_on_under_the_same_urls(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        base = _play(gates).rpartition("/")[0]
        before = read_media(gates.get(f"{base}/aac/index.m3u8").text)
        evening.stage.close()
        assert gates.get(f"{base}/aac/index.m3u8").status == 200  # what it has, it keeps
        evening.programme.restart()
        evening.stage.open()  # sends its window again, then what is new
        evening.stage.say(*evening.programme.segments(2))
        until_now(lambda: evening.newest() == evening.programme.msn, 10, "no new segments")
        after = read_media(gates.get(f"{base}/aac/index.m3u8").text)
        assert [s.uri for s in after.segments[:10]] == [s.uri for s in before.segments]
        assert [s.discontinuity for s in after.segments] == [0] * 10 + [1] * 2
        evening.stage.close()


def test_a_killed_gate_comes_back_with_window_and_seats(tmp_path: Path) -> None:
    with running_gates(tmp_path, 2) as gates:
        evening = Evening(gates)
        play = _play(gates)
        for index, process in enumerate(list(gates.processes)):
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            assert gates.get(play).status == 200  # the other one serves
            gates.start(index)
            gates.processes.remove(process)
            gates.wait_healthy()
            evening.on_air()
        assert gates.get(play).status == 200
        # The same listener, with the same seat.
        ticket = play.split("/")[3]
        again = gates.knock(ticket=ticket)
        assert again["ticket"][:10] == ticket[:10]
        evening.stage.close()


def test_seats_are_shared_by_all_processes(tmp_path: Path) -> None:
    with running_gates(tmp_path, 3) as gates:
        gates.plans.write(a_plan(seats=7))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        time.sleep(0.5)  # all three have read the plan: they look every 0.25 s
        verdicts = [gates.knock() for _ in range(30)]
        assert sum(v["verdict"] == "admit" for v in verdicts) == 7
        waiting = [v for v in verdicts if v["verdict"] == "wait"]
        assert [v["number"] for v in waiting] == list(range(1, 24))
        assert all(v["retry_after_ms"] > 0 for v in waiting)
        served = gates.get(f"/door/{EVENT}/serving.json")
        assert served.headers["Cache-Control"] == "public, max-age=1"
        assert (served.json["serving"], served.json["waiting"]) == (0, 23)
        # Who leaves says so, and the first in line is called.
        tickets = [v["ticket"] for v in verdicts if v["verdict"] == "admit"]
        assert gates.leave(tickets[0]) == 204
        until_now(
            lambda: gates.get(f"/door/{EVENT}/serving.json").json["serving"] == 1, 5, "not called"
        )
        again = [gates.knock(place=v["place"]) for v in waiting]
        assert [v["verdict"] for v in again].count("admit") == 1
        assert sorted(v["number"] for v in again if "number" in v) == list(range(2, 24))
        assert gates.get(f"/live/{EVENT}/state.json").json["counts"]["seats"] == 7
        until_now(
            lambda: (
                gates.get(f"/live/{EVENT}/state.json").json["counts"]
                == {
                    "listening": 0,
                    "admitted": 7,
                    "seats": 7,
                    "in_line": 22,
                    "refused": 0,
                    "peak": 0,
                    "joined": 8,
                }
            ),
            5,
            lambda: gates.get(f"/live/{EVENT}/state.json").text,
        )
        # On the door, but not on air.
        play = [v["play"] for v in verdicts if v["verdict"] == "admit"][1]
        silent = gates.get(play)
        assert (silent.status, silent.headers["Retry-After"]) == (503, "1")


def test_doors_open_at_their_time(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        doors_ms = int(time.time() * 1000) + 1500
        gates.plans.write(a_plan(doors_ms=doors_ms, starts_ms=doors_ms + 900_000))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        early = gates.knock()
        assert (early["verdict"], early["number"], early["final"]) == ("wait", 1, False)
        assert gates.get(f"/live/{EVENT}/state.json").json["state"] == "announced"
        assert gates.get(f"/door/{EVENT}/serving.json").json["door"] == "early"
        until_now(
            lambda: gates.knock(place=early["place"])["verdict"] == "admit",
            5,
            "the doors stay shut",
        )
        assert int(time.time() * 1000) >= doors_ms


def test_a_seat_nobody_uses_goes_to_somebody_else(tmp_path: Path) -> None:
    with running_gates(tmp_path, env={"SAMVAD_GATE_SEAT_HOLD_S": "5"}) as gates:
        evening = Evening(gates, seats=1)
        line = Waiting(gates)
        first = until_now(line.admitted, 15, "no seat comes free")
        line = Waiting(gates)
        assert not line.admitted()
        second = until_now(line.admitted, 15, "the seat does not come free")
        assert gates.get(first).status == 410
        assert gates.get(second).status == 200
        evening.stage.close()


class Waiting:
    """One who knocks until there is a seat, and keeps the place."""

    def __init__(self, gates: Gates) -> None:
        self._gates, self._place = gates, ""

    def admitted(self) -> str:
        """What to play; "" as long as there is no seat."""
        said = self._gates.knock(place=self._place)
        self._place = said.get("place", "")
        return str(said.get("play", ""))


def _mp4(duration_s: int, size: int) -> bytes:
    mvhd = struct.pack(">IIIII", 0, 1, 2, 1000, duration_s * 1000) + bytes(80)
    mvhd = struct.pack(">I4s", 8 + len(mvhd), b"mvhd") + mvhd
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0)
    head += struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    return head + struct.pack(">I4s", size, b"mdat") + os.urandom(size - 8)


def test_the_end_and_the_recording(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        base = _play(gates).rpartition("/")[0]
        ended = RoomState(EVENT, Phase.ENDED, START_MS, START_MS + 60_000)
        evening.stage.say(ended)
        until_now(lambda: read_media(gates.get(f"{base}/aac/index.m3u8").text).ended, 5, "no end")
        assert gates.get(f"/live/{EVENT}/state.json").json["replay"] is None
        assert gates.knock() == {
            "verdict": "refuse",
            "reason": "ended",
            "replay": None,
            "retry_after_ms": None,
        }
        path = gates.folders.replay(EVENT)
        path.parent.mkdir(parents=True)
        recording = _mp4(90, 5_000_000)
        path.write_bytes(recording)
        evening.stage.say(
            RoomState(EVENT, Phase.ENDED, START_MS, START_MS + 60_000, replay=Replay(1, 1))
        )
        said = until_now(
            lambda: gates.get(f"/live/{EVENT}/state.json").json["replay"], 5, "no recording"
        )
        url = f"/live/{EVENT}/replay.m4a"
        assert said == {"url": url, "bytes": len(recording), "duration_ms": 90_000}
        assert gates.knock()["replay"] == url
        whole = gates.get(url)
        assert whole.body == recording
        part = gates.get(url, Range="bytes=1000000-3999999")
        assert (part.status, part.body) == (206, recording[1_000_000:4_000_000])
        assert gates.get(url, If_None_Match=whole.headers["ETag"]).status == 304
        # The window is forgotten some time after the end; the page and the recording stay.
        evening.stage.say(Forget(EVENT))
        until_now(lambda: gates.get(f"{base}/aac/index.m3u8").status == 410, 5, "still there")
        assert gates.get("/e/a-talk").status == 200
        evening.stage.close()


def test_a_gate_started_after_the_end_knows_it(tmp_path: Path) -> None:
    gates_folder = tmp_path / "recordings" / EVENT
    gates_folder.mkdir(parents=True)
    (gates_folder / "replay.m4a").write_bytes(_mp4(7, 1000))
    with running_gates(tmp_path) as gates:
        gates.plans.write(a_plan(ended=True))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        state = gates.get(f"/live/{EVENT}/state.json").json
        assert (state["state"], state["replay"]["duration_ms"]) == ("ended", 7_000)
        assert gates.knock()["reason"] == "ended"


def test_a_crowd_beyond_the_limit_gets_plain_hls(tmp_path: Path) -> None:
    with running_gates(tmp_path, env={"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "3"}) as gates:
        evening = Evening(gates)
        plays = [_play(gates) for _ in range(4)]

        def latency() -> object:
            for play in plays:
                gates.get(play)
            return gates.get(f"/live/{EVENT}/state.json").json["latency"] == "plain"

        until_now(latency, 10, "it stays low", every=0.3)
        text = gates.get(f"{plays[0].rpartition('/')[0]}/aac/index.m3u8").text
        assert "EXT-X-PART" not in text
        assert len(read_media(text).segments) == 10
        evening.stage.close()


def test_sigterm_finishes_what_is_being_sent(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        path = gates.folders.replay(EVENT)
        path.parent.mkdir(parents=True)
        path.write_bytes(_mp4(9, 8_000_000))
        idle = gates.connect()
        idle.sendall(b"GET /absent HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 404")
        base = _play(gates).rpartition("/")[0]
        msn, part = read_media(gates.get(f"{base}/aac/index.m3u8").text).next_part
        waiting = gates.connect()
        query = f"_HLS_msn={msn}&_HLS_part={part}"
        waiting.sendall(f"GET {base}/aac/index.m3u8?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        reading = gates.connect()
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reading.sendall(
            f"GET /live/{EVENT}/replay.m4a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".encode()
        )
        got = reading.recv(1000)
        until_now(lambda: gates.counter("waiting") == 1, 5, "nobody waits")
        gates.processes[0].send_signal(signal.SIGTERM)
        assert idle.recv(1000) == b""
        assert read_all(waiting).startswith(b"HTTP/1.1 503 ")
        got += read_all(reading)
        assert len(got.partition(b"\r\n\r\n")[2]) == path.stat().st_size
        assert gates.processes[0].wait(10) == 0
        with pytest.raises(ConnectionRefusedError):
            gates.connect()
        for sock in (idle, waiting, reading):
            sock.close()
        evening.stage.close()


def test_counts_are_written_down_while_on_air(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        journal = tmp_path / "journal" / "gate-0.jsonl"
        facts = until_now(
            lambda: [f for f, _ in read_from(journal, 0) if f.kind == COUNTS], 25, "no counts"
        )
        assert facts[0].event == EVENT
        told = {"listening", "admitted", "seats", "in_line", "refused", "peak", "joined"}
        assert set(facts[0].data) == told
        assert facts[0].data["admitted"] >= 1
        evening.stage.close()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        from samvad.base.errors import PlainError
        from samvad.gate.server import listen

        with pytest.raises(PlainError) as caught:
            listen("127.0.0.1", port, "[gate] port")
        assert str(port) in caught.value.says
        assert "[gate] port" in caught.value.mend


def test_a_damaged_plan_leaves_what_there_is(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        gates.plans.write(a_plan())
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        (gates.folders.plans / f"{EVENT}.json").write_text(json.dumps({"schema": 1}))
        until_now(lambda: gates.counter("plan_complaints") == 1, 5, "nobody complains")
        assert gates.get("/e/a-talk").status == 200

"""Real gate processes over real sockets: the path of a listener."""

import dataclasses
import gzip
import json
import threading
import time

import pytest

from samvad.protocol.playlist_reader import read_master, read_media
from samvad.protocol.room import StatusLine
from tests.kit.gate_evening import LIVE, Evening, play_of, resolve
from tests.kit.gates import EVENT, START_MS, a_plan, read_all
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


def test_page_door_ticket_playlists_media(evening: Evening) -> None:
    gates = evening.gates
    page = gates.get("/e/a-talk", Accept_Language="gu-IN,en;q=0.5")
    assert page.text == a_plan().pages["gu"]
    assert gates.get(f"/e/{EVENT}?lang=en").text == a_plan().pages["en"]
    play = play_of(gates)
    variants = read_master(gates.get(play).text)
    assert [v.uri for v in variants] == ["aac/index.m3u8", "opus/index.m3u8"]
    for variant in variants:
        base = f"{play.rpartition('/')[0]}/{variant.uri.rpartition('/')[0]}/"
        media = read_media(gates.get(base + "index.m3u8").text)
        rendition = variant.uri.partition("/")[0]
        init = gates.get(resolve(base, media.segments[0].map_uri))
        assert init.body == f"init of {rendition}".encode()
        assert init.headers["Content-Type"] == "audio/mp4"
        segment = gates.get(resolve(base, media.segments[-1].uri))
        parts = [gates.get(resolve(base, p.uri)).body for p in media.segments[-1].parts]
        assert segment.body == b"".join(parts)
        assert segment.body.startswith(f"{rendition} 0.".encode())
        assert "immutable" in segment.headers["Cache-Control"]
        assert segment.headers["Access-Control-Allow-Origin"] == "*"


def test_a_mistyped_link_is_told_in_the_readers_language(evening: Evening) -> None:
    reply = evening.gates.get("/e/a-tolk", Accept_Language="hi")
    assert (reply.status, reply.headers["Content-Language"]) == (404, "hi")
    assert "ऐसा कोई संवाद नहीं है।" in reply.text


def test_playlists_come_with_gzip_to_those_who_take_it(evening: Evening) -> None:
    base = play_of(evening.gates).rpartition("/")[0]
    plain = evening.gates.get(f"{base}/aac/index.m3u8")
    zipped = evening.gates.get(f"{base}/aac/index.m3u8", Accept_Encoding="gzip, br")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 2


def test_a_blocking_reload_is_answered_when_its_part_comes(evening: Evening) -> None:
    gates = evening.gates
    base = play_of(gates).rpartition("/")[0]
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
    base = play_of(gates).rpartition("/")[0]
    media = read_media(gates.get(f"{base}/opus/index.m3u8").text)
    assert media.hint is not None
    with gates.connect() as sock:
        path = resolve(f"{base}/opus/", media.hint)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        until_now(lambda: gates.counter("waiting") == 1, 10, "nobody waits")
        _, opus = evening.programme.next()
        evening.stage.say(_, opus)
        assert read_all(sock).endswith(opus.body)


def test_who_goes_while_waiting_is_forgotten(evening: Evening) -> None:
    gates = evening.gates
    base = play_of(gates).rpartition("/")[0]
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
    base = play_of(evening.gates).rpartition("/")[0]
    assert evening.gates.get(f"{base}/aac/index.m3u8?{query}").status == status


def test_forged_tickets_are_forbidden(evening: Evening) -> None:
    play = play_of(evening.gates)
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
        gates.get(play_of(gates))
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

"""The most usual requests, which are answered by their target alone: as if they had been read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.gate.answers import SMALL_BYTES, SPLICED_BYTES, large
from samvad.gate.counters import INDEX
from samvad.gate.http1 import Fields, Request, take
from samvad.protocol.playlist_reader import read_media
from tests.kit.gates import EVENT
from tests.live.test_gate_forged import Rig, what_is_read

BROWSER = b"\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n"
COUNTED = ("requests", "answers_2xx", "answers_4xx", "bytes")


class Listening(Rig):
    """A listener with a ticket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ticket = self.house.knock()["ticket"]
        self.list = f"/live/{EVENT}/{self.ticket}/aac/index.m3u8"

    def ask(self, path: str, *fields: str) -> bytes:
        more = "".join(f"{field}\r\n" for field in fields)
        self.peer.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode())
        self.loop.turn()
        self.loop.turn()
        return self.peer.recv(1 << 18)

    def counted(self) -> list[int]:
        return [self.counters.values[INDEX[name]] for name in COUNTED]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    rig = Listening(tmp_path)
    yield rig
    rig.close()


def test_what_comes_again_is_the_same_and_counts_the_same(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = listening.ask(listening.list)
    assert first.startswith(b"HTTP/1.1 200 ")
    once = listening.counted()
    read = what_is_read(monkeypatch)
    listening.clock.advance(5.0)
    again = listening.ask(listening.list)
    assert again.partition(b"Date: ")[0] == first.partition(b"Date: ")[0]
    assert again.partition(b"\r\n\r\n")[2] == first.partition(b"\r\n\r\n")[2]
    assert read == []
    assert listening.counted() == [2 * count for count in once]
    connection = listening.connection
    assert (connection.asked, connection.last) == (2, listening.list.encode())
    assert connection.deadline == listening.loop.moment.now + listening.server.idle_s


def test_a_segment_is_the_whole_one_or_the_part_that_is_asked_for(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = listening.ask(listening.list).partition(b"\r\n\r\n")[2].decode()
    path = f"/live/{EVENT}/m/{read_media(text).segments[-1].uri.rpartition('/')[2]}"
    read = what_is_read(monkeypatch)
    whole = listening.ask(path).partition(b"\r\n\r\n")[2]
    assert read == []
    assert len(whole) > 100
    for _ in range(2):  # with a range nothing is at once, however often it comes
        part = listening.ask(path, "Range: bytes=10-19")
        assert part.startswith(b"HTTP/1.1 206 ")
        assert part.partition(b"\r\n\r\n")[2] == whole[10:20]
    assert len(read) == 2
    assert listening.ask(path).partition(b"\r\n\r\n")[2] == whole


@pytest.mark.parametrize("size", [SMALL_BYTES - 2_000, SMALL_BYTES, SPLICED_BYTES, 120_000])
def test_an_object_of_any_size_comes_whole(listening: Listening, size: int) -> None:
    path = f"/live/{EVENT}/m/long.m4s"
    body = bytes(n % 251 for n in range(size))
    ready = listening.house.site._ready
    ready[path.encode()] = large(200, [], (body[:1000], body[1000:]))
    for _ in range(3):
        got = listening.ask(path)
        until = b"\r\n\r\n"
        while len(got.partition(until)[2]) < size:
            got += listening.peer.recv(1 << 18)
        assert got.partition(until)[2] == body


def test_a_seat_that_was_given_back_is_refused_and_counted_once(listening: Listening) -> None:
    for _ in range(2):
        assert b" 200 " in listening.ask(listening.list)[:20]
    house = listening.house
    house.leave(listening.ticket)
    house.pass_s(30.0)
    assert house.knock()["verdict"] == "admit"  # somebody else
    gone = house.site._counters.values
    before = gone[INDEX["tickets_gone"]]
    assert listening.ask(listening.list).startswith(b"HTTP/1.1 410 ")
    assert gone[INDEX["tickets_gone"]] == before + 1
    assert listening.connection.last == b""  # it proves nothing any more


def test_two_at_a_time_are_both_answered(listening: Listening) -> None:
    one = listening.ask(listening.list).partition(b"\r\n\r\n")[2]
    request = f"GET {listening.list} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    listening.peer.send(request + request)
    listening.loop.turn()
    listening.loop.turn()
    assert listening.peer.recv(1 << 18).count(one) == 2


def test_whatever_is_at_once_is_what_would_have_been_answered(listening: Listening) -> None:
    site, at = listening.house.site, listening.house.at
    ticket = f"/live/{EVENT}/{listening.ticket}"
    paths = [f"{ticket}/{what}" for what in ("master.m3u8", "captions/index.m3u8")]
    paths += [f"{ticket}/aac/{what}" for what in ("index.m3u8", "long.m3u8", "lean.json")]
    paths += [f"{ticket}/aac/index.m3u8?_HLS_msn=x", f"/live/{EVENT}/state.json", "/", "/nowhere"]
    at_once = 0
    for path in paths:
        request, _ = take(b"GET " + path.encode() + b" HTTP/1.1" + BROWSER)
        assert isinstance(request, Request)
        answer = site.answer(request, "who", at)
        same = site.at_once(request.target, request.fields, "who", at)
        assert answer is not None
        if same is not None:
            assert same is answer or same.wire(b"") == answer.wire(b"")
            at_once += 1
    assert at_once >= 4


@pytest.mark.parametrize(
    "fields",
    [Fields(host=True, range=b"bytes=0-"), Fields(host=True, if_none_match=b'"a"'), Fields()],
)
def test_where_more_than_the_target_matters_nothing_is_at_once(fields: Fields) -> None:
    assert not fields.tail
    assert Fields(host=True).tail == b" HTTP/1.1\r\n\r\n"

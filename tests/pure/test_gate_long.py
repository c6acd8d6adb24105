"""Long segments, and lean.json: what a lean listener is told, and what it finds there."""

import json
from typing import Any

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate import lean
from samvad.gate.answers import REFUSALS
from samvad.gate.live import LiveEvent
from samvad.gate.objects import Ready
from samvad.gate.reload import LONGEST_S
from samvad.gate.seats import AHEAD_MAX_S
from samvad.protocol.hls import media_path
from samvad.protocol.media import (
    LONG_S,
    PAIR_S,
    PARTS_PER_SEGMENT,
    SEGMENT_S,
    SEGMENTS_PER_LONG,
)
from samvad.protocol.playlist import LONG_TARGET_S, Form
from samvad.protocol.playlist_reader import read_master, read_media
from tests.kit.gates import EVENT, Programme

SECRET = bytes(32)


class Air:
    """A LiveEvent, the programme that feeds it, and all bodies it was fed with, in order."""

    def __init__(self, window_s: float = 60.0) -> None:
        self.ready: Ready = {}
        self.programme = Programme(SECRET)
        self.live: LiveEvent[str] = LiveEvent(EVENT, self.ready, self.programme.key, window_s)
        self.said: list[bytes] = []
        for init in self.programme.inits():
            self.live.take(init)

    def parts(self, count: int) -> list[str]:
        released: list[str] = []
        for _ in range(count):
            for part in self.programme.next(100):
                released += self.live.take(part)
                if part.rendition == "aac":
                    self.said.append(part.body)
        return released

    def segments(self, count: int) -> list[str]:
        return self.parts(count * PARTS_PER_SEGMENT)

    def object(self, name: str) -> bytes | None:
        """What a listener gets for a name at once, as the site answers it."""
        path = media_path(EVENT, name).encode()
        if path not in self.ready and not self.live.made_now(name):
            return None
        return b"".join(self.ready[path].body)

    def names(self, rendition: str = "aac") -> dict[str, Any]:
        answer = self.live.names(rendition, zipped=False)
        assert answer.status == 200
        told: dict[str, Any] = json.loads(answer.body[0])
        return told

    def long_text(self) -> str:
        return self.live.long_playlist("aac", zipped=False).body[0].decode()


def name_of(uri: str | None) -> str:
    assert uri is not None
    return uri.rpartition("/")[2].removesuffix(".m4s")


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.booleans())
def test_a_long_playlist_is_one_that_others_read(runs: list[int], ended: bool) -> None:
    """Whatever the encoder does: numbers go on, every object is there, nothing twice."""
    air = Air()
    for n, parts in enumerate(runs):
        if n:
            air.programme.restart()
        air.parts(parts)
    if ended:
        air.live.end()
    if air.live.long_playlist("aac", zipped=False) is REFUSALS[503]:
        return
    text = air.long_text()
    theirs, ours = m3u8.loads(text), read_media(text)
    assert theirs.target_duration == LONG_TARGET_S
    assert theirs.is_endlist == ended
    assert len(theirs.segments) == len(ours.segments) > 0
    heard = b""
    for segment in theirs.segments:
        assert 0 < segment.duration <= LONG_S + 1e-9
        body = air.object(name_of(segment.uri))
        assert body
        heard += body
    said = b"".join(air.said)
    at = 0
    for piece in heard.split(b"aac ")[1:]:
        at = said.index(b"aac " + piece, at) + 1
    wall = [s.program_date_time.timestamp() for s in theirs.segments]
    assert wall == sorted(set(wall))


def test_without_a_break_it_is_the_programme_in_threes() -> None:
    air = Air()
    air.segments(11)
    seen = read_media(air.long_text())
    assert (seen.target_s, seen.hold_back_s, seen.media_sequence) == (6, 18, 0)
    assert not seen.can_block_reload
    bodies = [air.object(name_of(s.uri)) for s in seen.segments]
    each = SEGMENTS_PER_LONG * PARTS_PER_SEGMENT
    assert bodies == [b"".join(air.said[n * each : (n + 1) * each]) for n in range(3)]
    air.segments(1)
    assert len(read_media(air.long_text()).segments) == 4
    air.segments(40)
    late = read_media(air.long_text())
    assert late.media_sequence > 0
    wanted = len(late.segments) * LONG_S
    assert 60 - LONG_S <= wanted <= 60 + LONG_S


def test_its_objects_go_with_the_window() -> None:
    air = Air()
    air.segments(12)
    first = name_of(read_media(air.long_text()).segments[0].uri)
    assert air.object(first)
    before = len(air.ready)
    air.segments(300)
    assert air.object(first) is None
    assert len(air.ready) < 3 * before + 600
    air.live.forget()
    assert all(path.endswith(b".mp4") for path in air.ready) or not air.ready


def test_the_master_tells_newcomers_what_the_rungs_want() -> None:
    air = Air()
    air.segments(6)

    def variants() -> list[str]:
        text = air.live.master(zipped=False).body[0].decode()
        return [v.uri for v in read_master(text)]

    assert variants() == ["aac/index.m3u8", "opus/index.m3u8"]
    assert (air.live.latency, air.live.lean) == (Form.LOW, None)
    air.live.stand(("plain",))
    assert (air.live.latency, air.live.lean) == (Form.PLAIN, None)
    assert "PART-INF" not in air.live.playlist("aac", False, False).body[0].decode()
    air.live.stand(("plain", "long", "lean_new"))
    assert variants() == ["opus/long.m3u8", "aac/long.m3u8"]
    assert (air.live.latency, air.live.lean) == (Form.LONG, "new")
    assert read_media(air.live.playlist("aac", False, False).body[0].decode()).target_s == 2
    air.live.stand(("plain", "long", "lean_new", "lean_all"))
    assert air.live.lean == "all"
    air.live.stand(())
    assert variants() == ["aac/index.m3u8", "opus/index.m3u8"]
    air.live.form = Form.PLAIN
    assert air.live.latency is Form.PLAIN


def test_names_are_told_before_there_is_anything_under_them() -> None:
    air = Air()
    air.parts(8 * PARTS_PER_SEGMENT + 2)
    told = air.names()
    plain, long = told["plain"], told["long"]
    assert (plain["first"], told["ready"], told["parts"]) == (0, 8, 2)
    assert len(plain["names"]) == 8 + lean.AHEAD
    assert lean.AHEAD * SEGMENT_S > lean.AGAIN_S + 2 * PAIR_S
    assert lean.AGAIN_S + PAIR_S < lean.LISTENING_S < AHEAD_MAX_S
    there = [air.object(name) is not None for name in plain["names"]]
    assert there == [True] * 8 + [False] * lean.AHEAD
    longs = [air.object(name) is not None for name in long["names"]]
    assert longs == [True] * 2 + [False] * (len(longs) - 2)
    pairs = [air.object(name) is not None for name in told["pair"]["names"]]
    assert pairs == [True] + [False] * (len(pairs) - 1)

    air.segments(30)
    first = plain["first"]
    for name, n in zip(plain["names"][:38], range(first, first + 38), strict=True):
        said = air.said[n * PARTS_PER_SEGMENT : (n + 1) * PARTS_PER_SEGMENT]
        assert air.object(name) == b"".join(said)
    each = SEGMENTS_PER_LONG * PARTS_PER_SEGMENT
    for name, n in zip(long["names"][:12], range(long["first"], long["first"] + 12), strict=True):
        assert air.object(name) == b"".join(air.said[n * each : (n + 1) * each])
    for name, n in zip(told["pair"]["names"][:6], range(6), strict=True):
        assert air.object(name) == b"".join(air.said[n * 2 * each : (n + 1) * 2 * each])

    later = air.names()
    assert later["pair"]["first"] == 38 // 6 - lean.PAIR_BACK
    assert (later["ready"], later["plain"]["first"]) == (lean.BACK, 38 - lean.BACK)
    assert later["plain"]["names"][0] == plain["names"][38 - lean.BACK]
    assert later["at_ms"] - told["at_ms"] == (38 - lean.BACK) * 1920


def test_a_name_that_was_told_can_be_waited_for() -> None:
    air = Air()
    air.parts(8 * PARTS_PER_SEGMENT)
    told = air.names()
    assert air.live.awaited(told["plain"]["names"][8], "one", 0.0)
    assert air.live.awaited(told["plain"]["names"][9], "two", 0.0)
    assert air.live.awaited(told["long"]["names"][2], "three", 0.0)
    assert not air.live.awaited(told["long"]["names"][1], "there", 0.0), "it can be made at once"
    assert air.object(told["long"]["names"][1])
    assert air.live.awaited(told["pair"]["names"][1], "pair", 0.0)
    assert not air.live.awaited("A" * 22, "guess", 0.0)
    assert air.parts(2) == []
    assert air.parts(1) == ["one", "three"], "segment 8 completes the third long one"
    assert air.object(told["long"]["names"][2])
    assert air.live.expire(LONGEST_S) == ["two", "pair"]


def test_when_the_encoder_begins_anew_waiting_is_over_and_new_names_are_told() -> None:
    air = Air()
    air.parts(8 * PARTS_PER_SEGMENT + 1)
    told = air.names()
    assert air.live.awaited(told["plain"]["names"][8], "whole", 0.0)
    assert air.live.awaited(told["plain"]["names"][9], "never", 0.0)
    assert air.live.awaited(told["long"]["names"][2], "long", 0.0)
    air.programme.restart()
    assert air.parts(1) == ["whole", "long"]
    assert air.object(told["long"]["names"][2]) == b"".join(air.said[18:-1])
    assert air.object(told["plain"]["names"][8]) == air.said[-2], "as much as there was of it"
    assert air.live.names("aac", zipped=False) is REFUSALS[503]
    assert air.parts(2) == ["never"]
    assert air.object(told["plain"]["names"][9]) is None
    air.segments(1)
    anew = air.names()
    assert anew["discontinuity"] == told["discontinuity"] + 1
    assert (anew["plain"]["first"], anew["ready"]) == (9, 2)
    assert air.object(anew["plain"]["names"][1])


@pytest.mark.parametrize("rendition", ["aac", "opus"])
def test_lean_json_is_small_and_both_are_told(rendition: str) -> None:
    air = Air()
    air.segments(40)
    plain = air.live.names(rendition, zipped=False)
    assert plain.length < 3500
    assert air.live.names(rendition, zipped=True).length < plain.length
    air.live.end()
    assert air.live.names(rendition, zipped=False) is REFUSALS[503]

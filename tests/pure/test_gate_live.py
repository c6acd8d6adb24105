"""Shelves, windows and blocking reload: what a stage sends, in any of its moods, to playlists."""

import os
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate.answers import REFUSALS, Answer
from samvad.gate.live import LINGER_S, LiveEvent
from samvad.gate.objects import SEGMENTS_TO_BEGIN, Ready, Shelf
from samvad.gate.reload import (
    LONGEST_S,
    Directives,
    Position,
    Reload,
    Waiters,
    judge,
    parse,
    reached,
)
from samvad.protocol.hls import media_path
from samvad.protocol.ladder import LONG, PLAIN
from samvad.protocol.media import PARTS_PER_SEGMENT, Init, Part
from samvad.protocol.playlist_reader import read_media
from tests.kit.gates import EVENT, Programme

SECRET = bytes(32)


def sent(answer: Answer) -> bytes:
    """What follows its head: its own bytes, or those of a memory file."""
    if answer.span is None:
        return b"".join(answer.body)
    return os.pread(answer.span.file.fd, answer.span.length, answer.span.start)


class OnAir:
    """A LiveEvent and the programme that feeds it."""

    def __init__(self, window_s: float = 60.0) -> None:
        self.ready: Ready = {}
        self.programme = Programme(SECRET)
        self.live: LiveEvent[str] = LiveEvent(EVENT, self.ready, self.programme.key, window_s)
        self.feed(self.programme.inits())

    def feed(self, messages: Iterable[Init | Part]) -> list[str]:
        return [token for message in messages for token in self.live.take(message)]

    def text(self, skip: bool = False) -> str:
        return self.live.playlist("aac", skip, zipped=False).body[0].decode()

    def body(self, name: str, ending: str = "m4s") -> bytes:
        return sent(self.ready[media_path(EVENT, name, ending).encode()])

    def bodies(self) -> list[bytes]:
        """What a player that follows the playlist would hear."""
        seen = read_media(self.text())
        uris = [s.uri for s in seen.segments] + [p.uri for p in seen.open_parts]
        return [self.body(uri.rpartition("/")[2].removesuffix(".m4s")) for uri in uris]


def test_a_segment_is_its_parts_one_after_the_other() -> None:
    air = OnAir()
    parts = air.programme.segments(2)
    air.feed(parts)
    aac = [p for p in parts if p.rendition == "aac" and p.msn == 1]
    assert air.body(aac[0].segment) == b"".join(p.body for p in aac)
    assert air.body(aac[1].name) == aac[1].body
    assert air.body(aac[0].init, "mp4") == b"init of aac"


def test_nothing_is_playable_before_two_whole_segments() -> None:
    """hls.js 1.7.4 hammers a playlist of one (SEGMENTS_TO_BEGIN)."""
    air = OnAir()
    for _ in range(SEGMENTS_TO_BEGIN * PARTS_PER_SEGMENT):
        assert not air.live.playable
        assert air.live.reload("aac", Directives(), False, "me", 0.0) is REFUSALS[503]
        air.feed(air.programme.next())
    assert air.live.playable


def test_repeats_change_nothing() -> None:
    air = OnAir()
    parts = air.programme.segments(40)
    air.feed(parts)
    text, size, names = air.text(), air.live.size, set(air.ready)
    air.feed(parts)
    assert (air.text(), air.live.size, set(air.ready)) == (text, size, names)


def test_the_window_moves_and_what_left_it_can_still_be_fetched() -> None:
    air = OnAir(window_s=15.0)
    parts = air.programme.segments(100)
    air.feed(parts)
    seen = read_media(air.text())
    assert 15.0 <= sum(s.duration_s for s in seen.segments) < 15.0 + 2
    # 6.2.2: downloadable for the longest playlist's duration after leaving it.
    gone = next(p for p in parts if p.rendition == "aac" and p.msn == seen.media_sequence - 7)
    assert air.body(gone.segment)
    held = {name for name in air.ready if name.endswith(b".m4s")}
    assert len(held) <= 2 * 4 * (30 / 1.92 + 2)
    assert air.live.size == sum(
        len(sent(a)) for n, a in air.ready.items() if n.endswith(b".m4s")
    ) - sum(len(air.body(p.segment)) for p in parts if p.part == 0 and _held(air, p.segment))


def _held(air: OnAir, name: str) -> bool:
    return media_path(EVENT, name).encode() in air.ready


def test_an_encoder_that_begins_anew_goes_on_with_a_discontinuity() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    air.feed(air.programme.next())  # cut off after one part
    air.programme.restart()
    air.feed(air.programme.segments(2))
    seen = read_media(air.text())
    assert [s.msn for s in seen.segments] == [0, 1, 2, 3, 4, 5]
    assert [s.discontinuity for s in seen.segments] == [0, 0, 0, 0, 1, 1]
    assert seen.segments[3].duration_s == pytest.approx(0.64)
    assert len(set(air.bodies())) == 6


def test_a_gate_that_missed_more_than_the_window_begins_anew() -> None:
    air = OnAir(window_s=15.0)
    air.feed(air.programme.segments(5))
    air.programme.segments(50)  # while the gate was cut off
    air.feed(air.programme.segments(5))
    seen = read_media(air.text())
    assert [s.msn for s in seen.segments] == [55, 56, 57, 58, 59]


def test_a_gate_that_joins_in_mid_segment_waits_for_the_next() -> None:
    air = OnAir()
    parts = air.programme.segments(3)
    air.feed(p for p in parts if (p.msn, p.part) > (0, 0))
    assert read_media(air.text()).media_sequence == 1


def test_a_segment_of_another_name_is_not_mixed_in() -> None:
    # The disk lost the newest part, and the encoder begins anew under its number.
    air = OnAir()
    air.feed(air.programme.segments(2))
    air.feed(air.programme.next())
    air.programme.part, air.programme.discontinuity = 0, 1
    air.feed(air.programme.segments(2))
    texts = [body[:9] for body in air.bodies()]
    assert texts == [b"aac 0.0.0", b"aac 0.1.0", b"aac 0.2.0", b"aac 1.3.0"]


def test_the_end_completes_what_is_open_and_late_parts_still_count() -> None:
    air = OnAir()
    air.feed(air.programme.segments(1))
    air.live.end()
    air.feed(air.programme.next())
    air.feed(air.programme.next())
    seen = read_media(air.text())
    assert seen.ended
    assert [s.duration_s for s in seen.segments] == pytest.approx([1.92, 1.28])
    assert air.bodies()[1].startswith(b"aac 0.1.0 ")
    assert len(air.bodies()[1]) == 10_000


def test_what_is_forgotten_is_gone() -> None:
    air = OnAir()
    air.feed(air.programme.segments(5))
    air.live.forget()
    assert air.ready == {}
    assert air.live.size == 0


def test_memory_is_bounded_whatever_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samvad.gate.live.MAX_BYTES", 500_000)
    air = OnAir(window_s=600.0)
    for _ in range(300):
        air.feed(air.programme.next(size=10_000))
        assert air.live.size <= 500_000
    assert len(air.ready) < 100
    assert len(air.bodies()) > 3


@given(st.lists(st.sampled_from(["part", "restart", "hole", "again"]), max_size=60))
def test_whatever_the_stage_goes_through_the_playlist_is_whole(moods: list[str]) -> None:
    """Listed segments exist, hold just their parts, and are numbered one after the other."""
    air = OnAir(window_s=15.0)
    said: list[Part] = []
    for mood in moods:
        if mood == "restart":
            air.programme.restart()
        elif mood == "hole":
            air.programme.next()
        elif mood == "again":
            air.feed(said[-12:])
        else:
            parts = air.programme.next(size=60)
            said += parts
            air.feed(parts)
    by_name = {p.name: p for p in said}
    if not air.live.playable:
        return
    seen = read_media(air.text())
    assert [s.msn for s in seen.segments] == [
        seen.media_sequence + i for i in range(len(seen.segments))
    ]
    for segment, body in zip(seen.segments, air.bodies(), strict=False):
        mine = [p for p in by_name.values() if p.segment in segment.uri and p.rendition == "aac"]
        assert body == b"".join(p.body for p in mine)
        assert segment.wall_ms == mine[0].wall_ms
        assert segment.duration_s == pytest.approx(0.64 * len(mine))


# -- blocking reload ------------------------------------------------------------------------


def test_a_waiter_is_released_by_its_part_and_not_before() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    assert air.live.reload("aac", Directives(3, 1), False, "me", 0.0) is None
    assert air.feed(air.programme.next()) == []
    assert air.feed(air.programme.next()) == ["me"]
    assert isinstance(air.live.reload("aac", Directives(3, 1), False, "me", 0.0), Answer)


def test_renditions_have_waiters_of_their_own() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    air.live.reload("aac", Directives(3, 0), False, "a", 0.0)
    air.live.reload("opus", Directives(3, 0), False, "o", 0.0)
    aac, opus = air.programme.next()
    assert air.feed([opus]) == ["o"]
    assert air.feed([aac]) == ["a"]


def test_the_hinted_part_can_be_waited_for() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    hint = read_media(air.text()).hint
    assert hint is not None
    name = hint.rpartition("/")[2].removesuffix(".m4s")
    assert not air.live.awaited("somebody-elses", "me", 0.0)
    assert air.live.awaited(name, "me", 0.0)
    assert air.feed(air.programme.next()) == ["me"]
    assert air.body(name).startswith(b"aac 0.3.0 ")


def test_a_hint_is_given_only_when_names_can_be_told_beforehand() -> None:
    shelf = Shelf(EVENT, "aac", {}, b"another key".ljust(32), 60.0)
    for part in Programme(SECRET, renditions=("aac",)).segments(2):
        shelf.add(part)
    assert shelf.hint is None


def test_the_end_releases_everybody() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    air.live.reload("aac", Directives(3, 0), False, "me", 0.0)
    assert air.live.end() == ["me"]
    # 6.2.5.2: "MUST ignore _HLS_msn and _HLS_part if the Playlist contains EXT-X-ENDLIST".
    assert isinstance(air.live.reload("aac", Directives(900, 0), False, "me", 0.0), Answer)


def test_who_was_near_the_edge_gets_parts_for_a_while_after_the_step_away_from_it() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    air.live.stand([PLAIN])

    def gets(asked: Directives, now: float) -> bytes | None:
        answer = air.live.reload("aac", asked, False, "me", now)
        return None if answer is None else b"".join(answer.body)

    newcomer = gets(Directives(None, None), 0.0)
    assert newcomer is not None
    assert b"EXT-X-PART" not in newcomer
    assert gets(Directives(3, 0), 100.0) is None  # it waits, as before
    air.live.drop("me")
    there = gets(Directives(2, 1), 100.0 + LINGER_S - 0.01)
    assert there is not None
    assert b"EXT-X-PART" in there
    late = gets(Directives(3, 1), 100.0 + LINGER_S)
    assert late is not None, "the plain form answers at once"
    assert b"EXT-X-PART" not in late
    # The next step away from parts begins anew; steps beyond it do not.
    air.live.stand([PLAIN, LONG])
    assert gets(Directives(3, 1), 200.0) is not None
    air.live.stand([])
    air.live.stand([PLAIN])
    assert gets(Directives(3, 1), 300.0) is None


def test_after_three_target_durations_a_waiter_is_told_to_give_up() -> None:
    air = OnAir()
    air.feed(air.programme.segments(3))
    air.live.reload("aac", Directives(3, 0), False, "early", 10.0)
    air.live.reload("aac", Directives(3, 0), False, "late", 11.0)
    air.live.reload("aac", Directives(3, 0), False, "gone", 11.0)
    air.live.drop("gone")
    assert air.live.expire(10.0 + LONGEST_S - 0.01) == []
    assert air.live.expire(10.0 + LONGEST_S) == ["early"]
    assert air.live.expire(99.0) == ["late"]
    assert LONGEST_S == 6.0


AT = Position(msn=10, part=1, complete=9)
WHOLE = Position(msn=10, part=2, complete=10)


@pytest.mark.parametrize(
    ("msn", "part", "at", "verdict"),
    [
        (None, None, AT, Reload.READY),
        (9, None, AT, Reload.READY),
        (0, 99, AT, Reload.READY),  # long gone: "even if it is no longer in the Playlist"
        (10, 0, AT, Reload.READY),
        (10, 1, AT, Reload.READY),
        (10, None, AT, Reload.WAIT),  # not whole yet
        (10, 2, AT, Reload.WAIT),
        (10, 5, AT, Reload.WAIT),  # ahead by 4, and 3 / 0.64 = 4.7
        (10, 6, AT, Reload.TOO_FAR),
        (11, 0, AT, Reload.WAIT),
        (11, None, AT, Reload.WAIT),
        (12, None, AT, Reload.TOO_FAR),  # last Media Segment (9) plus two is 11
        (10**19, 0, AT, Reload.TOO_FAR),
        (10, None, WHOLE, Reload.READY),
        (10, 3, WHOLE, Reload.WAIT),  # treated as part 0 of 11
        (12, 0, WHOLE, Reload.WAIT),
        (13, 0, WHOLE, Reload.TOO_FAR),
        (11, 3, WHOLE, Reload.WAIT),
        (11, 4, WHOLE, Reload.TOO_FAR),
    ],
)
def test_judgement(msn: int | None, part: int | None, at: Position, verdict: Reload) -> None:
    assert judge(Directives(msn, part), at) is verdict


def test_a_part_beyond_a_segments_last_is_the_next_segments_first() -> None:
    assert not reached(10, 3, WHOLE)
    assert reached(10, 3, Position(11, 0, 10))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Directives()),
        (b"utm_source=x&y", Directives()),
        (b"_HLS_msn=7", Directives(7)),
        (b"_HLS_msn=7&_HLS_part=0&_HLS_skip=YES", Directives(7, 0, True)),
        (b"_HLS_skip=v2", Directives(skip=True)),
        (b"_HLS_skip=maybe", Directives()),
        (b"_HLS_part=1", None),
        (b"_HLS_msn=-1", None),
        (b"_HLS_msn=1.5", None),
        (b"_HLS_msn=", None),
        (b"_HLS_msn=%31", None),
        (b"_HLS_msn=\xd9\xa1", None),
        (b"_HLS_msn=" + b"9" * 21, None),
        (b"_HLS_msn=1&_HLS_msn=1", None),
    ],
)
def test_directives(query: bytes, expected: Directives | None) -> None:
    assert parse(query) == expected


@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 3)), max_size=30))
def test_waiters_are_released_once_and_never_early(wishes: list[tuple[int, int | None]]) -> None:
    waiters: Waiters[int] = Waiters()
    for token, (msn, part) in enumerate(wishes):
        waiters.add(token, msn, part, now=0.0)
    seen: list[int] = []
    for msn in range(10):
        for part in range(3):
            at = Position(msn, part, msn if part == 2 else msn - 1)
            for token in waiters.release(at):
                assert reached(*wishes[token], at)
                seen.append(token)
    assert sorted(seen) == list(range(len(wishes)))
    assert len(waiters) == 0

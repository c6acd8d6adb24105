"""What a player takes from real playlists, written by protocol/playlist.py."""

import pytest

from samvad.protocol.playlist import Form, Window, WindowPart, WindowSegment, render_media
from samvad.protocol.playlist_reader import MediaPlaylist, read_media
from samvad.rehearsal.listener_follow import Follower, Piece

PART_48K = 30_720


def window(
    first: int, last: int, parts: int = 3, *, ended: bool = False, discontinuity_at: int = 10**6
) -> Window:
    """Segments `first` to `last` of three parts each; the last one has `parts` so far."""
    segments = []
    for msn in range(first, last + 1):
        count = parts if msn == last else 3
        listed = tuple(WindowPart(f"p{msn}-{n}", PART_48K) for n in range(count))
        broken = int(msn >= discontinuity_at)
        segments.append(
            WindowSegment(
                msn=msn,
                name=f"s{msn}",
                init=f"init{broken}",
                wall_ms=1_000_000 + msn * 1920,
                discontinuity=broken,
                parts=listed,
                complete=count == 3,
            )
        )
    hint = None if ended else "hint"
    return Window(tuple(segments), discontinuity_before=0, hint=hint, ended=ended)


def low(*args: int, ended: bool = False, discontinuity_at: int = 10**6) -> MediaPlaylist:
    made = window(*args, ended=ended, discontinuity_at=discontinuity_at)
    return read_media(render_media(made, Form.LOW))


def plain(*args: int, ended: bool = False) -> MediaPlaylist:
    return read_media(render_media(window(*args, ended=ended), Form.PLAIN))


def names(pieces: list[Piece]) -> list[str]:
    return [p.uri.rpartition("/")[2].removesuffix(".m4s") for p in pieces]


def test_it_joins_the_hold_back_before_the_edge() -> None:
    follower = Follower()
    pieces = follower.take(low(0, 9, 2))
    # PART-HOLD-BACK is 1.92 s: three parts.
    assert names(pieces) == ["p8-2", "p9-0", "p9-1"]
    assert pieces[0].wall_ms == pytest.approx(1_000_000 + 8 * 1920 + 1280, abs=1)


def test_each_part_is_taken_once() -> None:
    follower = Follower()
    follower.take(low(0, 9, 2))
    assert follower.take(low(0, 9, 2)) == []
    assert names(follower.take(low(0, 10, 1))) == ["p9-2", "p10-0"]
    assert names(follower.take(low(1, 11, 3))) == ["p10-1", "p10-2", "p11-0", "p11-1", "p11-2"]
    assert follower.jumps == 0


def test_it_asks_for_the_part_that_comes_next() -> None:
    follower = Follower()
    assert follower.directives(low(0, 9, 2)) == "_HLS_msn=9&_HLS_part=2"
    assert follower.directives(low(0, 9, 3)) == "_HLS_msn=10&_HLS_part=0"
    assert follower.directives(plain(0, 9, 2)) == "", "plain playlists are polled"


def test_a_young_stream_is_joined_at_its_beginning() -> None:
    assert names(Follower().take(low(0, 0, 1))) == ["p0-0"]


def test_a_plain_playlist_is_joined_three_targets_back() -> None:
    # HOLD-BACK is 6 s: four segments of 1.92 s.
    assert names(Follower().take(plain(0, 9, 2))) == ["s5", "s6", "s7", "s8"]


def test_from_parts_to_segments_nothing_is_heard_twice() -> None:
    follower = Follower()
    follower.take(low(0, 9, 1))
    pieces = follower.take(plain(0, 10, 3))
    assert names(pieces) == ["s9", "s10"]
    assert pieces[0].skip_s == pytest.approx(0.64)
    assert pieces[0].duration_s == pytest.approx(1.28)
    assert pieces[0].wall_ms == pytest.approx(1_000_000 + 9 * 1920 + 640, abs=1)
    assert pieces[1].skip_s == 0


def test_from_segments_to_parts_nothing_is_lost() -> None:
    follower = Follower()
    follower.take(plain(0, 9, 3))
    assert names(follower.take(low(0, 10, 2))) == ["p10-0", "p10-1"]


def test_parts_that_are_no_longer_listed_are_taken_as_the_rest_of_their_segment() -> None:
    follower = Follower()
    follower.take(low(0, 9, 1))
    pieces = follower.take(low(5, 19, 1))  # 20 s later: segment 9 is listed without parts
    assert names(pieces)[0] == "s9"
    assert pieces[0].skip_s == pytest.approx(0.64)
    total_s = sum(p.duration_s for p in pieces)
    assert total_s == pytest.approx(1.28 + 9 * 1.92 + 0.64)
    assert follower.jumps == 0


def test_what_has_left_the_window_is_a_jump() -> None:
    follower = Follower()
    follower.take(low(0, 9, 3))
    pieces = follower.take(low(30, 35, 3))
    assert follower.jumps == 1
    assert names(pieces)[0] == "s30"


def test_a_restart_of_the_encoder_brings_another_init() -> None:
    follower = Follower()
    follower.take(low(0, 9, 3))
    pieces = follower.take(low(0, 10, 2, discontinuity_at=10))
    assert [p.discontinuity for p in pieces] == [1, 1]
    assert all("init1" in p.init for p in pieces)


def test_an_older_window_changes_nothing() -> None:
    """Another gate process may be a moment behind."""
    follower = Follower()
    follower.take(low(0, 9, 3))
    assert follower.take(low(0, 9, 1)) == []
    assert follower.take(low(0, 8, 3)) == []
    assert names(follower.take(low(0, 10, 1))) == ["p10-0"]


def test_rejoining_is_a_jump_to_the_edge() -> None:
    follower = Follower()
    follower.take(low(0, 9, 3))
    follower.rejoin()
    assert follower.jumps == 1
    assert names(follower.take(low(0, 3, 3))) == ["p3-0", "p3-1", "p3-2"]


def test_the_end_is_taken_to_the_last_part() -> None:
    follower = Follower()
    follower.take(low(0, 9, 1))
    last = low(0, 9, 3, ended=True)
    assert last.ended
    assert sum(p.duration_s for p in follower.take(last)) == pytest.approx(1.28)

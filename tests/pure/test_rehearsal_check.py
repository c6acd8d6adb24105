"""What full listeners notice, how the wait is judged, and what a crowd needs."""

import pytest

from samvad.protocol.playlist_reader import MediaPlaylist
from samvad.rehearsal.glance import read_glance
from samvad.rehearsal.listener_check import Continuity, Copies
from samvad.rehearsal.listener_follow import Piece
from samvad.rehearsal.place import Place
from samvad.rehearsal.sizing import need
from samvad.rehearsal.standing import Standing
from samvad.rehearsal.stream import Stream
from samvad.rehearsal.tally import MOST_WAITS, Tally
from samvad.rehearsal.verdict import Said, Verdict

RATE = 48_000


def piece(at_ms: float, discontinuity: int = 0) -> Piece:
    return Piece("u", "i", 0.64, at_ms, discontinuity)


def test_pieces_follow_each_other() -> None:
    seen = Continuity()
    for n in range(4):
        seen.piece(piece(n * 640.0), round(0.64 * RATE), RATE)
    assert (seen.gaps, seen.short) == (0, 0)
    seen.piece(piece(5 * 640.0), round(0.64 * RATE), RATE)  # one is missing
    assert seen.gaps == 1
    seen.piece(piece(9 * 640.0, discontinuity=1), round(0.64 * RATE), RATE)  # said so
    seen.rejoined()
    seen.piece(piece(20 * 640.0, discontinuity=1), round(0.64 * RATE), RATE)
    assert seen.gaps == 1
    seen.piece(piece(21 * 640.0, discontinuity=1), round(0.3 * RATE), RATE)
    assert seen.short == 1


def playlist(first: int) -> MediaPlaylist:
    from samvad.protocol.playlist_reader import read_media

    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    lines += ['#EXT-X-MAP:URI="i"', "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z"]
    for n in range(3):
        lines += ["#EXTINF:2,", f"s{first + n}"]
    return read_media("\n".join([*lines, ""]))


def test_a_playlist_that_stands_still_or_goes_back() -> None:
    seen = Continuity()
    for second in range(0, 20, 2):
        seen.playlist(playlist(second // 2), float(second))
    assert (seen.stale, seen.went_back) == (0, 0)
    for second in range(20, 40, 2):
        seen.playlist(playlist(9), float(second))
    assert seen.stale == 2  # each eight seconds
    seen.playlist(playlist(3), 41.0)
    assert seen.went_back == 1


def test_parts_that_go_with_the_form_are_nothing_that_went_back() -> None:
    from samvad.protocol.playlist_reader import read_media

    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:7"]
    lines += ['#EXT-X-MAP:URI="i"', "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z"]
    lines += ["#EXTINF:2,", "s7"]
    parts = ["#EXT-X-PART-INF:PART-TARGET=0.64"]
    open_part = ['#EXT-X-PART:DURATION=0.64,URI="p"']
    with_parts = "\n".join([*lines[:3], *parts, *lines[3:], *open_part, ""])
    without = "\n".join([*lines, ""])
    seen = Continuity()
    seen.playlist(read_media(with_parts), 0.0)
    seen.playlist(read_media(without), 1.0)
    assert seen.went_back == 0
    stream, tally = Stream(b"/x", False, 0.0), Tally()
    stream.read(read_glance(with_parts.encode()), tally)
    stream.read(read_glance(without.encode()), tally)
    assert tally.went_back == 0
    stream.read(read_glance(without.replace("SEQUENCE:7", "SEQUENCE:5").encode()), tally)
    assert tally.went_back == 1


def test_the_same_address_gives_the_same_bytes() -> None:
    copies = Copies()
    assert copies.same("a", b"1")
    assert copies.same("b", b"2")
    assert copies.same("a", b"1")
    assert not copies.same("a", b"x")
    assert copies.altered == 1


def place(number: int = 5, estimate_s: float | None = 30.0, final: bool = True) -> Place:
    return Place(b"t", "anyone", number, final, b"/s", 1.0, estimate_s)


@pytest.mark.parametrize(
    ("said_s", "real_s", "honest"),
    [
        *((30.0, 30.0, True), (30.0, 44.0, True), (30.0, 90.0, False), (2.0, 11.0, True)),
        *((2.0, 40.0, False), (600.0, 8.0, False), (600.0, 70.0, True)),
    ],
)
def test_what_was_said_of_the_wait_is_held_against_it(
    said_s: float, real_s: float, honest: bool
) -> None:
    tally = Tally()
    standing = Standing(tally)
    standing.line_up(place(estimate_s=said_s), 100.0)
    assert (tally.queued, tally.in_line_now) == (1, 1)
    assert standing.let_in(100.0 + real_s) == real_s
    assert (tally.honest, tally.misled) == ((1, 0) if honest else (0, 1))
    assert tally.waits == [(said_s, real_s)]
    assert tally.in_line_now == 0


def test_a_wait_of_which_nothing_was_said_is_no_lie() -> None:
    tally = Tally()
    standing = Standing(tally)
    standing.line_up(place(estimate_s=None), 0.0)
    standing.line_up(place(estimate_s=40.0), 60.0)  # by now it is known
    standing.let_in(100.0)
    assert (tally.honest, tally.misled, tally.waits) == (1, 0, [(40.0, 40.0)])


def test_a_wait_that_is_longer_than_was_said_counts_though_it_is_not_over() -> None:
    tally = Tally()
    for _ in range(2):
        Standing(tally).line_up(place(estimate_s=5.0), 0.0)
    standing = Standing(tally)
    standing.line_up(place(estimate_s=5.0), 0.0)
    standing.end(10.0)
    assert tally.misled == 0
    standing.end(60.0)
    assert tally.misled == 1


def test_who_is_turned_away_and_then_let_in_was_not() -> None:
    tally = Tally()
    standing = Standing(tally)
    full = Verdict(Said.REFUSE, 1.0, reason="full")
    standing.knocked(full)
    standing.knocked(full)
    assert tally.turned_away_now == 1
    standing.knocked(Verdict(Said.ADMIT))
    standing.let_in(1.0)
    assert tally.turned_away_now == 0
    standing.knocked(full)  # it had its evening
    assert tally.turned_away_now == 0


def test_tallies_with_waits_add_up_and_stay_bounded() -> None:
    one, two = Tally(), Tally()
    for n in range(MOST_WAITS):
        one.waited_for(float(n), float(n))
    two.waited_for(1.0, 99.0)
    one.merge(two)
    assert (one.honest, one.misled) == (MOST_WAITS, 1)
    assert len(one.waits) == MOST_WAITS
    again = Tally.from_json(one.as_json())
    assert again.waits == one.waits
    assert again.misled == 1


def test_the_plan_for_eight_million() -> None:
    needed = need(8_000_000, 64_000, 5.76)
    # 8 million times 64 kbit/s is 512 Gbit/s; heads and playlists come on top.
    assert 512 < needed.gbit_s < 700
    assert needed.requests_per_s == pytest.approx(8e6 * (2 / 5.76 + 1 / 5.6))
    assert needed.joins_per_s == pytest.approx(133_333, rel=0.001)
    assert 100 < needed.cores < 500
    assert needed.gates >= needed.listening_cores
    assert not needed.proven
    # Longer segments are the lever: the same crowd with two-second ones asks far more.
    assert need(8_000_000, 64_000, 1.92).requests_per_s > 1.8 * needed.requests_per_s
    assert need(8_000_000, 64_000, 5.76, tls=False).tls_cores == 0


def test_a_certificate_goes_before_assumptions() -> None:
    needed = need(100_000, 64_000, 5.76, certified=(30_000, 500.0, 2))
    assert needed.proven
    assert needed.gates == 2 * 4  # joins (1,667/s) take four machines, seats as many
    assert need(100_000, 64_000, 5.76, certified=(30_000, 100.0, 2)).gates == 2 * 17

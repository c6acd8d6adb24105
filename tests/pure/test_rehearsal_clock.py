"""A listener's ears without sound: what is played when, and what it cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.rehearsal.listener_clock import PlayerClock, Playing

PART = 0.64


def fed(start_after_s: float, *arrivals: float, audible: float | None = 0.0) -> PlayerClock:
    """A player whose parts of 0.64 s arrive at these moments, made one after the other from 0."""
    player = PlayerClock(start_after_s)
    for count, now in enumerate(arrivals):
        player.add(now, PART, 1_000_000 + count * PART * 1000, audible)
    return player


def test_it_begins_once_enough_lies_in_its_buffer() -> None:
    player = fed(3 * PART, 10.0, 10.5)
    assert player.state is Playing.BUFFERING
    player.add(11.0, PART, 0, None)
    assert player.state is Playing.PLAYING
    assert player.started_at == 11.0


def test_latency_is_the_age_of_the_sample_that_plays() -> None:
    player = fed(PART, 10.0)
    player.advance(10.5)
    assert player.latency_ms(1_002_500) == pytest.approx(2000)
    assert PlayerClock(1.0).latency_ms(1_000_000) is None


def test_it_stalls_at_the_moment_its_buffer_is_dry_and_counts_the_silence() -> None:
    player = fed(PART, 10.0)
    player.advance(12.0)
    assert player.state is Playing.STALLED
    assert player.played_s == pytest.approx(PART)
    assert player.stalled_s(12.0) == pytest.approx(12.0 - 10.64)
    player.add(13.0, PART, 0, None)
    player.advance(13.2)
    assert player.state is Playing.PLAYING
    assert player.stalls == 1
    assert player.stalled_s(13.2) == pytest.approx(13.0 - 10.64)


def test_a_part_in_time_is_no_stall() -> None:
    player = fed(PART, 10.0, 10.63, 11.27, 11.91)
    player.advance(12.5)
    assert player.stalls == 0
    assert player.played_s == pytest.approx(2.5)


def test_after_a_stall_the_buffer_is_filled_again_first() -> None:
    player = fed(2 * PART, 10.0, 10.0)
    player.advance(12.0)
    player.add(12.0, PART, 0, None)
    assert player.state is Playing.STALLED
    player.add(12.5, PART, 0, None)
    assert player.state is Playing.PLAYING


def test_the_first_sound_is_the_first_that_can_be_heard() -> None:
    player = fed(PART, 10.0, audible=None)
    player.add(10.1, PART, 0, 0.25)
    player.advance(10.8)
    assert player.first_sound_at is None
    player.advance(11.0)
    assert player.first_sound_at == pytest.approx(10.64 + 0.25)
    player.add(11.0, PART, 0, 0.0)
    player.advance(11.5)
    assert player.first_sound_at == pytest.approx(10.64 + 0.25)


def test_the_end_of_the_stream_is_no_stall() -> None:
    player = fed(2 * PART, 10.0)
    assert player.state is Playing.BUFFERING
    player.end_of_stream(10.1)
    assert player.state is Playing.PLAYING, "what there is is played, though it is little"
    player.advance(11.0)
    assert player.state is Playing.DONE
    assert player.stalls == 0
    assert player.played_s == pytest.approx(PART)


def test_the_end_during_a_stall_closes_its_account() -> None:
    player = fed(PART, 10.0)
    player.advance(12.0)
    player.end_of_stream(12.0)
    assert player.state is Playing.DONE
    assert player.stalled_s(99.0) == pytest.approx(12.0 - 10.64)


def test_a_stream_without_any_media_ends_at_once() -> None:
    player = PlayerClock(1.0)
    player.end_of_stream(5.0)
    assert player.state is Playing.DONE


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 2.0)), min_size=1, max_size=40),
    st.floats(0, 3),
)
def test_time_is_accounted_for_whatever_arrives_when(
    arrivals: list[tuple[float, float]], start_after_s: float
) -> None:
    player, now, total = PlayerClock(start_after_s), 100.0, 0.0
    for gap, duration_s in arrivals:
        now += gap
        player.add(now, duration_s, now * 1000, 0.0)
        total += duration_s
    now += 5
    player.advance(now)
    assert player.played_s + player.buffered_s == pytest.approx(total)
    if player.started_at is not None:
        since = now - player.started_at
        assert player.played_s + player.stalled_s(now) == pytest.approx(since, abs=1e-6)

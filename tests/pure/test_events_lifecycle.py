"""The life of an event: the table, and what the clock brings about."""

import itertools

import pytest

from samvad.events import lifecycle
from samvad.events.lifecycle import TRANSITIONS, Happening, State, after, before, due

HOUR = 3600_000
START = 1_800_000_000_000


def test_every_state_has_its_row():
    assert set(TRANSITIONS) == set(State)


def test_what_is_over_stays_over():
    assert {State.ENDED, State.CANCELLED} == lifecycle.OVER
    for state, happening in itertools.product(lifecycle.OVER, Happening):
        assert after(state, happening) is None


def test_from_announcement_to_end():
    state = State.ANNOUNCED
    for happening, then in (
        (Happening.DOORS_DUE, State.DOORS),
        (Happening.WENT_LIVE, State.LIVE),
        (Happening.ENDED, State.ENDED),
    ):
        state = after(state, happening)
        assert state is then


@pytest.mark.parametrize("happening", [Happening.CANCEL, Happening.LAPSED, Happening.POSTPONED])
def test_a_live_event_can_only_end(happening):
    assert after(State.LIVE, happening) is None
    assert after(State.LIVE, Happening.ENDED) is State.ENDED


def test_late_facts_find_their_way():
    """The worker was down while doors opened; then all facts come at once."""
    assert after(State.ANNOUNCED, Happening.WENT_LIVE) is State.LIVE
    assert after(State.ANNOUNCED, Happening.ENDED) is State.ENDED


def test_every_state_can_be_reached_and_every_happening_used():
    reached = {then for ways in TRANSITIONS.values() for then in ways.values()}
    assert reached | {State.ANNOUNCED} == set(State)
    assert {h for ways in TRANSITIONS.values() for h in ways} == set(Happening)


@pytest.mark.parametrize("happening", Happening)
def test_before_is_the_table_read_backwards(happening):
    for state in State:
        assert (state in before(happening)) == (after(state, happening) is not None)


@pytest.mark.parametrize(
    ("state", "starts", "now", "expected"),
    [
        (State.ANNOUNCED, START, START - lifecycle.DOORS_BEFORE_MS - 1, None),
        (State.ANNOUNCED, START, START - lifecycle.DOORS_BEFORE_MS, Happening.DOORS_DUE),
        (State.ANNOUNCED, None, 0, Happening.DOORS_DUE),
        (State.DOORS, START, START + HOUR, None),
        (State.DOORS, START, START + 12 * HOUR - 1, None),
        (State.DOORS, START, START + 12 * HOUR, Happening.LAPSED),
        (State.ANNOUNCED, START, START + 100 * HOUR, Happening.LAPSED),
        (State.DOORS, None, START + 10_000 * HOUR, None),
        (State.LIVE, START, START + 100 * HOUR, None),
        (State.ENDED, START, START + 100 * HOUR, None),
        (State.CANCELLED, START, START, None),
    ],
)
def test_what_is_due(state, starts, now, expected):
    happening = due(state, starts, now)
    assert happening is expected
    assert happening is None or after(state, happening) is not None


def test_doors_open_a_quarter_of_an_hour_before():
    assert lifecycle.doors_ms(START) == START - 15 * 60_000
    assert lifecycle.doors_ms(None) is None

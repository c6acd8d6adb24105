"""Who is started, ended and killed, and when: no processes, no clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.cli.supervise import (
    MOST_DELAY_S,
    SOUND_AFTER_S,
    TRANSITIONS,
    Died,
    Event,
    Group,
    Kill,
    Start,
    State,
    Supervisor,
    Terminate,
    delay_s,
)

GROUPS = [Group(("stage",), 6.0), Group(("gate-0", "gate-1"), 3.0), Group(("web",), 3.0)]
NAMES = [name for group in GROUPS for name in group.names]


def standing(now: float = 100.0) -> Supervisor:
    """All have been started and have answered at `now`."""
    supervisor = Supervisor(GROUPS)
    supervisor.tick(now)
    for name in NAMES:
        supervisor.answered(name, now)
    return supervisor


def test_the_delay_doubles_from_a_fifth_of_a_second_to_ten_seconds() -> None:
    assert [delay_s(n) for n in (1, 2, 3, 4, 5, 6, 7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0]
    assert delay_s(100_000) == MOST_DELAY_S


def test_every_state_answers_every_event_that_can_reach_it() -> None:
    assert set(TRANSITIONS) == set(State)
    for state in State:
        assert Event.END in TRANSITIONS[state], f"{state} cannot be ended"


def test_everything_is_started_once() -> None:
    supervisor = Supervisor(GROUPS)
    assert supervisor.tick(5.0) == [Start(name) for name in NAMES]
    assert supervisor.tick(5.0) == []
    assert supervisor.next_due() is None


def test_the_site_stands_when_all_have_answered() -> None:
    supervisor = Supervisor(GROUPS)
    supervisor.tick(0.0)
    for name in NAMES[:-1]:
        supervisor.answered(name, 1.0)
    assert not supervisor.all_up()
    supervisor.answered(NAMES[-1], 1.0)
    assert supervisor.all_up()


def test_one_that_dies_is_said_and_started_again_after_its_delay() -> None:
    supervisor = standing(100.0)
    assert supervisor.died("web", -9, 101.0) == [Died("web", -9, 0.2)]
    assert supervisor.next_due() == pytest.approx(101.2)
    assert supervisor.tick(101.1) == []
    assert supervisor.tick(101.2) == [Start("web")]
    assert supervisor.starts("web") == 2
    assert supervisor.died("web", 1, 101.3) == [Died("web", 1, 0.4)]


def test_half_a_minute_of_answering_forgives_earlier_deaths() -> None:
    supervisor = standing(100.0)
    for _ in range(4):
        supervisor.died("web", 1, 101.0)
        supervisor.tick(200.0)
    supervisor.answered("web", 300.0)
    assert supervisor.died("web", 1, 300.0 + SOUND_AFTER_S) == [Died("web", 1, 0.2)]


def test_answering_for_less_forgives_nothing() -> None:
    supervisor = standing(100.0)
    supervisor.died("web", 1, 101.0)
    supervisor.tick(200.0)
    supervisor.answered("web", 200.0)
    assert supervisor.died("web", 1, 200.0 + SOUND_AFTER_S - 0.1) == [Died("web", 1, 0.4)]


def test_answering_again_does_not_begin_the_half_minute_anew() -> None:
    supervisor = standing(100.0)
    supervisor.died("web", 1, 101.0)
    supervisor.tick(110.0)
    supervisor.answered("web", 110.0)
    supervisor.answered("web", 139.0)
    assert supervisor.died("web", 1, 110.0 + SOUND_AFTER_S) == [Died("web", 1, 0.2)]


def test_the_end_goes_group_by_group() -> None:
    supervisor = standing(100.0)
    assert supervisor.end(101.0) == [Terminate("stage")]
    assert supervisor.died("stage", 0, 102.0) == [Terminate("gate-0"), Terminate("gate-1")]
    assert supervisor.died("gate-1", 0, 102.1) == []
    assert supervisor.died("gate-0", 0, 102.2) == [Terminate("web")]
    assert not supervisor.all_down()
    assert supervisor.died("web", 0, 102.3) == []
    assert supervisor.all_down()
    assert supervisor.next_due() is None


def test_one_that_does_not_end_is_killed_after_its_grace_and_the_rest_goes_on() -> None:
    supervisor = standing(100.0)
    supervisor.end(101.0)
    assert supervisor.next_due() == pytest.approx(107.0)
    assert supervisor.tick(106.9) == []
    assert supervisor.tick(107.0) == [Kill("stage"), Terminate("gate-0"), Terminate("gate-1")]
    assert supervisor.died("stage", -9, 107.1) == []


def test_a_kill_that_did_not_take_is_repeated() -> None:
    supervisor = standing(100.0)
    supervisor.end(101.0)
    for name in ("stage", "gate-0", "gate-1"):
        supervisor.died(name, 0, 102.0)
    assert supervisor.tick(105.0) == [Kill("web")]
    assert supervisor.tick(105.5) == []
    assert supervisor.tick(106.0) == [Kill("web")]


def test_asked_to_end_a_second_time_it_kills_what_is_left() -> None:
    supervisor = standing(100.0)
    supervisor.end(101.0)
    supervisor.died("stage", 0, 101.5)
    assert supervisor.end(101.6) == [Kill("gate-0"), Kill("gate-1"), Kill("web")]
    for name in ("gate-0", "gate-1", "web"):
        supervisor.died(name, -9, 101.7)
    assert supervisor.all_down()


def test_nothing_is_started_again_once_the_end_has_begun() -> None:
    supervisor = standing(100.0)
    supervisor.end(101.0)
    assert supervisor.died("web", -9, 101.1) == []
    assert supervisor.tick(101.5) == []
    assert supervisor.state("web") is State.DOWN


def test_one_that_waits_for_its_start_when_the_end_comes_is_not_started() -> None:
    supervisor = standing(100.0)
    supervisor.died("stage", 1, 100.5)
    assert supervisor.end(100.6) == [Terminate("gate-0"), Terminate("gate-1")]
    assert supervisor.state("stage") is State.DOWN


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["tick", "answer", "die", "end"]),
            st.sampled_from(NAMES),
            st.floats(0, 20),
        ),
        max_size=60,
    )
)
def test_whatever_happens_the_end_is_reached_in_bounded_time(
    story: list[tuple[str, str, float]],
) -> None:
    """`running` plays the machine: a process that was started runs until it is killed or dies."""
    supervisor, now, running = Supervisor(GROUPS), 0.0, set[str]()

    def do(actions: list[object]) -> None:
        for action in actions:
            if isinstance(action, Start):
                assert action.name not in running, "started twice"
                running.add(action.name)
            elif isinstance(action, Kill | Terminate):
                assert action.name in running, "signalled without running"

    for what, name, pause in story:
        now += pause
        if what == "tick":
            do([*supervisor.tick(now)])
        elif what == "answer" and name in running:
            supervisor.answered(name, now)
        elif what == "die" and name in running:
            running.discard(name)
            do([*supervisor.died(name, 1, now)])
        elif what == "end":
            do([*supervisor.end(now)])
    if not supervisor.ending:
        do([*supervisor.end(now)])
    began = now
    while not supervisor.all_down():
        due = supervisor.next_due()
        assert due is not None
        now = max(now, due)
        assert now - began < 60, "no end in sight"
        for action in supervisor.tick(now):
            if isinstance(action, Kill) and action.name in running:
                running.discard(action.name)
                supervisor.died(action.name, -9, now)
    assert not running
    assert now - began <= sum(g.grace_s for g in GROUPS) + 2.0

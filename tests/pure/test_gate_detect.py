"""Quiet, surge, attack: what each second makes of them, and how long it takes."""

import re

import pytest

from samvad.gate.behaviour import Kind
from samvad.gate.detect import (
    LASTS_S,
    REASONS,
    TRANSITIONS,
    Detector,
    Judgement,
    Second,
    Signal,
    State,
)


def run(detector: Detector, start: float, seconds: int, **what: object) -> Judgement:
    judged = None
    for n in range(seconds):
        judged = detector.step(Second(start + n, **what))  # type: ignore[arg-type]
    assert judged is not None
    return judged


CALM = {"good": 50.0, "newcomers": 2.0, "open": 5_000, "deep": 4_000}
CROWD = {"good": 2_000.0, "newcomers": 500.0, "open": 5_000, "deep": 4_000, "knocks": 300.0}
HARM = {"good": 2_000.0, "harm": {Kind.TICKETS: 4_000.0}, "open": 5_000}


def test_every_state_has_a_way_back() -> None:
    assert set(LASTS_S) == set(TRANSITIONS)
    for state in State:
        assert any(to is state for to in TRANSITIONS.values())
        assert any(start is state for start, _ in TRANSITIONS)


def test_a_crowd_is_a_surge_and_never_an_attack() -> None:
    detector = Detector()
    assert run(detector, 0.0, 2, **CROWD).state is State.QUIET
    judged = run(detector, 2.0, 600, **CROWD)
    assert judged.state is State.SURGE
    assert "people who come to listen" in judged.reason
    assert run(detector, 602.0, 59, **CALM).state is State.SURGE
    assert run(detector, 661.0, 2, **CALM).state is State.QUIET


def test_harm_is_an_attack_within_two_seconds_and_says_which() -> None:
    detector = Detector()
    run(detector, 0.0, 60, **CROWD)
    assert run(detector, 60.0, 1, **HARM).state is State.SURGE
    judged = run(detector, 61.0, 1, **HARM)
    assert judged.state is State.ATTACK
    assert judged.kinds == (Kind.TICKETS,)
    assert "4000 harmful acts a second, 67%" in judged.reason


def test_an_attack_that_pauses_for_less_than_half_a_minute_has_not_ended() -> None:
    detector = Detector()
    run(detector, 0.0, 5, **HARM)
    for round_ in range(5):
        assert run(detector, 5.0 + 30 * round_, 28, **CALM).state is State.ATTACK
        run(detector, 33.0 + 30 * round_, 2, **HARM)
    assert run(detector, 200.0, 35, **CALM).state is State.QUIET


def test_one_odd_second_is_nothing() -> None:
    detector = Detector()
    for start in range(0, 60, 5):
        run(detector, float(start), 1, **HARM)
        assert run(detector, start + 1.0, 4, **CALM).state is State.QUIET


def test_a_few_odd_clients_of_a_huge_crowd_are_no_attack() -> None:
    judged = run(Detector(), 0.0, 60, good=40_000.0, harm={Kind.MALFORMED: 900.0})
    assert judged.state is State.QUIET


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ({"open": 2_000, "silent": 1_500}, Kind.SLOW, "send no request"),
        ({"open": 2_000, "stuck": 900}, Kind.READERS, "take no answer"),
        ({"open": 20_000, "unproven": 400, "stuck": 350}, Kind.READERS, "take no answer"),
        ({"open": 200, "runs": 900.0, "newcomers": 1_000.0}, Kind.PAGES, "go at once"),
        ({"open": 2_000, "knocks": 2_000.0, "deep": 50}, Kind.DOOR, "knocks at the door"),
        (
            {"deep": 20_000, "runs": 900.0, "newcomers": 1_000.0, "knocks": 880.0},
            Kind.DOOR,
            "go at once",
        ),
    ],
)
def test_attacks_that_do_little_are_seen_by_what_they_hold(
    what: dict[str, object], kind: Kind, words: str
) -> None:
    judged = run(Detector(), 0.0, 3, **what)
    assert judged.state is State.ATTACK
    assert judged.kinds == (kind,)
    assert words in judged.reason


@pytest.mark.parametrize(
    "what", [{"silent": 1_500}, {"stuck": 900}, {"stuck": 200, "silent": 150, "unproven": 360}]
)
def test_who_has_held_on_for_seconds_needs_no_second_look(what: dict[str, object]) -> None:
    detector = Detector()
    run(detector, 0.0, 10, **CALM)
    assert run(detector, 10.0, 1, open=2_000, **what).state is State.ATTACK


def test_spare_connections_of_a_crowd_are_no_attack() -> None:
    assert run(Detector(), 0.0, 60, **{**CALM, "silent": 450, "unproven": 900}).state is State.QUIET


def test_bad_lines_of_a_crowd_that_comes_are_no_attack() -> None:
    comes = {**CROWD, "open": 20_000, "unproven": 1_500, "stuck": 400}
    assert run(Detector(), 0.0, 60, **comes).state is State.SURGE
    few = {**CALM, "open": 40_000, "unproven": 550, "stuck": 500}
    assert run(Detector(), 0.0, 60, **few).state is State.QUIET


def test_knocks_of_those_who_stay_are_no_attack() -> None:
    what = {"open": 20_000, "knocks": 2_000.0, "deep": 15_000, "newcomers": 2_000.0}
    assert run(Detector(), 0.0, 20, **what).state is State.SURGE


def test_who_takes_over_goes_on_from_the_state_that_is() -> None:
    detector = Detector(State.ATTACK, 100.0)
    assert run(detector, 200.0, 10, **CALM).state is State.ATTACK
    assert run(detector, 210.0, 25, **CALM).state is State.QUIET


def test_reasons_have_what_they_name() -> None:
    for text in REASONS.values():
        assert re.sub(r"\{\w+(:[^}]+)?\}", "", text)
    assert {signal for _, signal in TRANSITIONS} == set(Signal)


def test_what_was_seen_is_named_until_the_attack_is_over() -> None:
    detector = Detector()
    run(detector, 0.0, 4, **HARM)
    banned = HARM | {"harm": {Kind.BANNED: 4_000.0}}
    assert run(detector, 4.0, 10, **banned).kinds == (Kind.BANNED, Kind.TICKETS)
    over = run(detector, 14.0, 900, **CALM)
    assert (over.state, over.kinds) == (State.QUIET, ())
    assert run(detector, 914.0, 4, **banned).kinds == (Kind.BANNED,)

"""Everybody in turn, a part at a time."""

import pytest

from samvad.gate.reading import ASKED_S, SLOW_S, Reading
from samvad.gate.rounds import Rounds


def test_all_have_a_turn_before_anybody_has_another() -> None:
    there = [1, 2, 3, 4, 5]
    rounds = Rounds(lambda: there, 0.25)
    assert rounds.part(2, 0.0) == [1, 2]
    there.append(6)  # who comes meanwhile has a turn in the next round
    assert [rounds.part(2, now) for now in (0.25, 0.5)] == [[3, 4], [5]]
    assert rounds.part(4, 0.75) == [1, 2, 3, 4]
    assert rounds.took_s == 0.75
    assert rounds.part(0, 1.0) == []
    assert rounds.part(4, 1.25) == [5, 6]
    there.clear()
    assert rounds.part(4, 1.5) == rounds.part(4, 1.75) == []
    assert rounds.took_s == 0.25


def test_nobody_has_a_turn_more_often_than_is_wanted() -> None:
    rounds = Rounds(lambda: [1], 0.25)
    parts = [rounds.part(2, now) for now in (0.0, 0.1, 0.2, 0.25, 0.3)]
    assert parts == [[1], [], [], [1], []]


def test_the_kernel_is_asked_about_a_reader_when_there_may_be_something_to_know() -> None:
    reader = Reading(1_000, 100.0)
    assert not reader.is_due(100.0 + SLOW_S - 0.1)
    assert reader.is_due(100.0 + SLOW_S)
    # It took what is borne for half a second: so much later it may be slow.
    assert reader.took_s(1_250, 102.0, 500.0) == pytest.approx(1.5)
    assert not reader.is_due(102.25)
    assert reader.is_due(102.5)
    assert reader.took_s(1_250, 102.5, 500.0) == pytest.approx(2.0)
    assert not reader.is_due(102.5 + ASKED_S - 0.1)  # it is known to be slow: no hurry
    assert reader.is_due(102.5 + ASKED_S)

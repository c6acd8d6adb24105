"""Who is held for news hears it at once, or after a while that there is none; in slices."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

from samvad.gate.news import AT_ONCE, NEAR_S, UNTIL_S, Look, News, listener_hold_s, look
from samvad.gate.turns import Turns
from samvad.protocol.playlist import Form

HOLD_S = 10.5
SEEN, NEW = Look("1"), "2"
T = TypeVar("T", bound=Hashable)


def take(news: News[T], now: float, mark: str, reached: Sequence[int] = ()) -> list[T]:
    return list(news.take(now, mark, reached))


def test_a_look_names_what_it_has_seen() -> None:
    assert look(b"after=00ff") == Look("00ff")
    assert look(b"after=00ff&near") == Look("00ff", near=True)
    assert look(b"after=00ff&until=3.1200") == Look("00ff", lane=3, number=1200)
    for other in (
        b"",
        b"after=",
        b"after=XY",
        b"after=1&x=2",
        b"near",
        b"after=" + b"1" * 17,
        b"lang=gu",
        b"after=1&until=4.1",
        b"after=1&until=3.",
        b"after=1&until=3.1234567890",
        b"after=1&near&until=3.1",
    ):
        assert look(other) is None


def test_it_is_held_for_nearly_as_long_as_one_would_have_waited() -> None:
    assert Look("1").hold_s(24.0) == 21.0
    assert Look("1", near=True).hold_s(24.0) == NEAR_S
    assert Look("1", near=True).hold_s(1.0) == 1.0


def test_held_until_there_is_news() -> None:
    news: News[str] = News()
    news.add("a", SEEN, 100.0, 0.5, HOLD_S)
    news.add("b", SEEN, 101.0, 0.5, HOLD_S)
    assert take(news, 102.0, "1") == []
    news.add("c", Look(NEW), 102.0, 0.5, HOLD_S)  # has seen it already
    assert take(news, 102.0, NEW) == ["a", "b"]
    assert len(news) == 1
    assert take(news, 102.0, NEW) == []
    assert take(news, 103.0, "3") == ["c"]


def test_held_for_so_long_at_most() -> None:
    news: News[str] = News()
    news.add("a", SEEN, 100.0, 0.5, HOLD_S)
    news.add("b", SEEN, 105.0, 0.5, HOLD_S)
    assert take(news, 100.0 + HOLD_S, "1") == []
    assert take(news, 101.0 + HOLD_S, "1") == ["a"]
    assert take(news, 106.0 + HOLD_S, "1") == ["b"]


def test_a_crowd_that_was_answered_together_spreads() -> None:
    news: News[int] = News()
    for n in range(100):
        news.add(n, SEEN, 100.0, n / 100, HOLD_S)
    seconds = [len(take(news, 100.0 + s, "1")) for s in range(30)]
    assert sum(seconds) == 100
    assert max(seconds) <= 20
    assert take(news, 100.0 + HOLD_S * 2, "1") == []


def test_a_crowd_is_answered_in_slices_and_nobody_is_forgotten() -> None:
    news: News[int] = News()
    for n in range(2 * AT_ONCE + 5):
        news.add(n, SEEN, 100.0, 0.5, HOLD_S)
    slices = [take(news, 100.1, NEW)]
    news.drop(2 * AT_ONCE)
    slices += [take(news, 100.1, NEW) for _ in range(3)]
    assert [len(s) for s in slices] == [AT_ONCE, AT_ONCE, 4, 0]
    assert sorted(n for s in slices for n in s) == list(range(2 * AT_ONCE)) + list(
        range(2 * AT_ONCE + 1, 2 * AT_ONCE + 5)
    )
    # The same for those whose time is over.
    for n in range(AT_ONCE + 1):
        news.add(n, Look(NEW), 200.0, 0.5, HOLD_S)
    assert [len(take(news, 300.0, NEW)) for _ in range(3)] == [AT_ONCE, 1, 0]


def test_who_goes_is_not_answered() -> None:
    news: News[str] = News()
    news.add("a", SEEN, 100.0, 0.5, HOLD_S)
    news.add("b", Look(NEW), 100.0, 0.5, HOLD_S)  # from now on "a" is to be answered
    news.drop("a")
    news.drop("b")
    news.drop("nobody")
    assert take(news, 200.0, NEW) == []
    assert len(news) == 0


def turn(number: int, lane: int = 3) -> Look:
    return Look("1", lane=lane, number=number)


def test_a_turn_that_comes_is_told_at_once() -> None:
    news: News[str] = News()
    news.add("far", turn(500), 100.0, 0.5, UNTIL_S)
    news.add("near", turn(12), 100.0, 0.5, UNTIL_S)
    news.add("guest", turn(12, lane=0), 100.0, 0.5, UNTIL_S)
    news.add("any", SEEN, 100.0, 0.5, UNTIL_S)
    assert take(news, 100.1, "1", [0, 0, 0, 11]) == []
    assert take(news, 100.2, "1", [0, 0, 0, 12]) == ["near"]
    assert take(news, 100.3, "1", [40, 0, 0, 12]) == ["guest"]
    assert take(news, 101.0 + UNTIL_S, "1", [40, 0, 0, 12]) == ["far", "any"]
    assert len(news) == 0
    assert take(news, 102.0 + UNTIL_S, "2", [40, 0, 0, 500]) == []


def test_it_is_said_for_whom_a_turn_has_come() -> None:
    news: News[str] = News()
    news.add("far", turn(500), 100.0, 0.0, UNTIL_S)
    news.add("near", turn(12), 101.0, 0.0, UNTIL_S)
    assert news.take(99.0 + UNTIL_S, "1", [0, 0, 0, 12]) == {"near": True, "far": False}
    news.add("looks on", turn(500), 200.0, 0.0, UNTIL_S)
    assert news.take(200.1, NEW, [0, 0, 0, 499]) == {"looks on": False}


def test_who_is_held_anew_waits_for_the_newer_turn() -> None:
    news: News[str] = News()
    news.add("a", turn(10), 100.0, 0.5, UNTIL_S)
    news.drop("a")
    news.add("a", turn(20), 100.0, 0.5, UNTIL_S)
    news.add("b", turn(10), 100.0, 0.5, UNTIL_S)
    assert take(news, 100.1, "1", [0, 0, 0, 10]) == ["b"]
    assert take(news, 100.1, "1", [0, 0, 0, 19]) == []
    assert take(news, 100.1, "1", [0, 0, 0, 20]) == ["a"]


def test_a_line_that_stands_still_leaves_nothing_behind() -> None:
    turns: Turns[int] = Turns()
    for round_ in range(50):
        for n in range(100):
            turns.add(n, 1000 * round_ + n)
        for n in range(100):
            turns.drop(n, 1000 * round_ + n)
    turns.drop(1, 1)
    assert len(turns._order) < 1_000
    turns.add(7, 5)
    assert turns.reached(10**9) == [7]
    assert turns.reached(10**9) == []


def test_a_small_crowd_looks_at_the_state_as_often_as_costs_next_to_nothing() -> None:
    assert listener_hold_s(Form.LOW, 100) is None
    assert [listener_hold_s(Form.PLAIN, n) for n in (0, 1_000, 2_500, 90_000)] == [2, 2, 5, 10]
    assert listener_hold_s(Form.LONG, 0) == 43


def test_who_names_a_turn_is_held_for_44_to_54_seconds() -> None:
    news: News[str] = News()
    for chance in (0.0, 0.999):
        news.add(str(chance), turn(500), 100.0, chance, UNTIL_S)
    assert take(news, 144.0, "1", [0, 0, 0, 12]) == []
    assert take(news, 145.0, "1", [0, 0, 0, 12]) == ["0.0"]
    assert take(news, 153.0, "1", [0, 0, 0, 12]) == []
    assert take(news, 155.0, "1", [0, 0, 0, 12]) == ["0.999"]

"""The line: numbers, their order inside a bucket, the pace, and a whole night of it."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate.calls import APPEAR_S, KEEP_S, Calls
from samvad.gate.calls import CELLS as CALLS
from samvad.gate.line import (
    BUCKET_MS,
    BUCKETS,
    CELLS,
    Place,
    Queue,
    permuted,
    refilled,
    restored,
    round_keys,
    to_call,
    wait_s,
)
from samvad.gate.lines import FIGURES, MOST_USES, USES, Figure, Lines
from samvad.protocol.passes import Lane
from tests.kit.night import Night, Told, live_through

SECRET = b"of this event"


def a_queue(secret: bytes = SECRET) -> Queue:
    return Queue(Lane.ANYONE, [0] * CELLS, secret)


def number(queue: Queue, place: Place) -> int:
    standing = queue.standing(place)
    assert standing is not None
    return standing.number


@given(st.integers(1, 3000), st.binary(min_size=1, max_size=64), st.integers(0, 10_000))
def test_each_place_of_a_bucket_is_taken_once(size: int, secret: bytes, bucket: int) -> None:
    keys = round_keys(secret, Lane.ANYONE, bucket)
    places = [permuted(n, size, keys) for n in range(size)]
    assert sorted(places) == list(range(size))
    assert [restored(p, size, keys) for p in places] == list(range(size))


def test_within_a_minute_at_random_between_minutes_first_come() -> None:
    queue = a_queue()
    first = [queue.join(1_000) for _ in range(500)]
    assert [number(queue, p) for p in first] == list(range(500)), "provisional: as they came"
    second = [queue.join(1_000 + BUCKET_MS) for _ in range(500)]
    numbers = [number(queue, p) for p in first]
    assert sorted(numbers) == list(range(500))
    assert numbers != list(range(500))
    assert all(number(queue, p) >= 500 for p in second)
    assert all(queue.standing(p).final for p in first)  # type: ignore[union-attr]
    assert not any(queue.standing(p).final for p in second)  # type: ignore[union-attr]


def test_another_event_has_another_order() -> None:
    orders = []
    for secret in (b"one", b"other"):
        queue = a_queue(secret)
        places = [queue.join(0, early=True) for _ in range(100)]
        queue.open_doors()
        orders.append([number(queue, p) for p in places])
    assert orders[0] != orders[1]


def test_whoever_comes_before_the_doors_waits_for_them() -> None:
    queue = a_queue()
    early = [queue.join(n * BUCKET_MS, early=True) for n in range(50)]
    assert {p.bucket for p in early} == {early[0].bucket}, "all of them are one bucket"
    assert queue.call(10) == 0
    queue.open_doors()
    late = queue.join(51 * BUCKET_MS)
    assert late.bucket > early[0].bucket
    assert queue.call(50) == 50
    assert all(queue.standing(p).called for p in early)  # type: ignore[union-attr]
    standing = queue.standing(late)
    assert standing is not None
    assert (standing.called, standing.ahead) == (False, 0)


def test_a_short_line_does_not_wait_for_the_minute_to_end() -> None:
    queue = a_queue()
    places = [queue.join(0) for _ in range(3)]
    assert queue.call(2) == 2
    assert sum(queue.standing(p).called for p in places) == 2  # type: ignore[union-attr]
    # Whoever joins in the same minute stands behind those who still wait.
    after = queue.join(1)
    assert number(queue, after) == 3
    assert queue.call(10) == 2
    assert queue.waiting == 0


@pytest.mark.parametrize(
    "place",
    [
        Place(Lane.ANYONE, 0, 5),
        Place(Lane.ANYONE, 1, 0),
        Place(Lane.ANYONE, 0, -1),
        Place(Lane.ANYONE, 99_999, 0),
        Place(Lane.ANYONE, -1, 0),
    ],
)
def test_a_place_that_was_never_given_stands_nowhere(place: Place) -> None:
    queue = a_queue()
    for _ in range(5):
        queue.join(0)
    assert queue.standing(place) is None


def test_the_memory_of_a_line_does_not_grow() -> None:
    cells = [0] * CELLS
    queue = Queue(Lane.ANYONE, cells, SECRET)
    first = queue.join(0)
    for minute in range(1, BUCKETS + 10):
        newest = queue.join(minute * BUCKET_MS)
    assert len(cells) == CELLS
    assert queue.standing(first) is None, "older than a day and a half"
    assert number(queue, newest) == queue.joined - 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), st.integers(0, 40)),
            st.tuples(st.just("call"), st.integers(0, 60)),
            st.tuples(st.just("minute"), st.integers(1, 3)),
            st.tuples(st.just("doors"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_whatever_happens_numbers_are_unique_and_nobody_is_overtaken(
    steps: list[tuple[str, int]],
) -> None:
    queue, wall_ms, early = a_queue(), 0, True
    places: list[Place] = []
    for what, n in steps:
        if what == "join":
            places += [queue.join(wall_ms, early) for _ in range(n)]
        elif what == "call":
            before = queue.called
            assert queue.call(n) == queue.called - before <= n
            assert not (early and queue.called), "somebody was called before the doors opened"
        elif what == "minute":
            wall_ms += n * BUCKET_MS
        elif early:
            queue.open_doors()
            early = False
        assert queue.called <= queue.joined == len(places)
        standings = [queue.standing(p) for p in places]
        numbers = [s.number for s in standings if s is not None]
        assert sorted(numbers) == list(range(len(places)))
        assert sum(s.called for s in standings if s is not None) == queue.called
        for one, other in itertools.pairwise(places):
            if one.bucket < other.bucket:
                assert number(queue, one) < number(queue, other)


def some_lines() -> tuple[Lines, list[int]]:
    figures = [0] * FIGURES
    cells = {lane: [0] * CELLS for lane in Lane}
    uses = {lane: bytearray(USES) for lane in Lane}
    return Lines(figures, [0] * CALLS, cells, uses, SECRET), figures


def test_the_pace_is_kept_and_does_not_pile_up() -> None:
    assert refilled(0.0, 1000.0, 100.0) == 50, "a burst of half a second at most"
    assert refilled(7.0, 0.1, 100.0) == pytest.approx(17)
    assert refilled(40.0, 5.0, 0.0) == 0, "a closed door keeps nothing for later"
    assert to_call(50.0, 30, 25.0, 1.0) == 5, "seats that are spoken for are not free"
    assert to_call(50.0, 10, 0.0, 0.5) == 20, "half of those called will come"
    assert to_call(0.4, 1000, 0.0, 1.0) == 0
    lines, _ = some_lines()
    for _ in range(2_000):
        lines.join(Lane.ANYONE, 0)
    called = sum(lines.tick(1.0 + n / 10, 100_000, 100.0, True) for n in range(1, 101))
    assert called == pytest.approx(1_040, abs=2), "the burst and 9.9 seconds"


def test_who_finds_nobody_waiting_walks_in_at_the_pace() -> None:
    lines, figures = some_lines()
    assert not lines.walk_in(Lane.ANYONE), "before the first tick nobody knows of room"
    lines.tick(1.0, 8, 10.0, True)
    assert [lines.walk_in(Lane.ANYONE) for _ in range(7)] == [True] * 5 + [False] * 2
    lines.tick(1.4, 3, 10.0, True)
    assert [lines.walk_in(Lane.ANYONE) for _ in range(4)] == [True] * 3 + [False], "the seats"
    assert figures[Figure.ROOM] == 0
    lines.tick(9.0, 5, 0.0, True)
    assert not lines.walk_in(Lane.GUEST), "nobody comes in through a closed door"


def test_nobody_walks_past_those_who_wait_but_for_a_better_lane() -> None:
    lines, figures = some_lines()
    lines.join(Lane.MEMBER, 0)
    figures[Figure.TOKENS_MILLI], figures[Figure.ROOM] = 5_000, 5
    assert not lines.walk_in(Lane.ANYONE)
    assert not lines.walk_in(Lane.MEMBER)
    assert lines.walk_in(Lane.GUEST)


def test_lanes_are_served_in_their_order() -> None:
    lines, _ = some_lines()
    for lane in reversed(Lane):
        for _ in range(3):
            lines.join(lane, 0)
    assert lines.waiting == 12
    last = lines.standing(Place(Lane.ANYONE, 0, 2))
    assert last is not None
    assert lines.ahead(Lane.ANYONE, last) == 9 + last.number
    lines.tick(1.0, 5, 1000.0, True)
    assert [lines.queues[lane].called for lane in Lane] == [3, 2, 0, 0]


def test_before_the_doors_nobody_is_called_and_then_all_are_shuffled() -> None:
    lines, _ = some_lines()
    places = [lines.join(Lane.ANYONE, 0, early=True) for _ in range(50)]
    assert lines.tick(1.0, 100, 1000.0, doors_open=False) == 0
    assert not any(s.final for p in places if (s := lines.standing(p)))
    assert lines.tick(2.0, 10, 1000.0, doors_open=True) == 10
    numbers = [s.number for p in places if (s := lines.standing(p))]
    assert sorted(numbers) == list(range(50))
    assert numbers != sorted(numbers)


def test_a_place_is_good_for_two_and_a_number_is_forgotten_in_time() -> None:
    lines, _ = some_lines()
    for _ in range(10):
        lines.join(Lane.ANYONE, 0)
    lines.tick(1.0, 10, 100.0, True)
    assert lines.may_come(Lane.ANYONE, 3, 2.0)
    for _ in range(MOST_USES):
        assert lines.may_come(Lane.ANYONE, 3, 2.0)
        lines.came(Lane.ANYONE, 3, 2.0)
    assert not lines.may_come(Lane.ANYONE, 3, 2.0)
    assert lines.may_come(Lane.ANYONE, 4, 2.0)
    assert not lines.may_come(Lane.ANYONE, 4, 2.0 + KEEP_S)


def test_absent_people_are_noticed() -> None:
    calls = Calls([0] * CALLS)
    for second in range(200):
        calls.called(float(second), Lane.ANYONE, 100, 100 * (second + 1))
        calls.came(second, 60)
        calls.admitted(float(second), 60)
    assert calls.per_s(199.5) == pytest.approx(60, rel=0.05)
    calls.called(200.0, Lane.ANYONE, 100, 20_100)
    assert calls.shows == pytest.approx(0.6, abs=0.02)
    assert calls.expected(200.0) == pytest.approx(60, abs=5)
    assert calls.expected(201.0 + APPEAR_S) == 0.0


def test_a_place_is_kept_for_five_minutes_after_its_call() -> None:
    calls = Calls([0] * CALLS)
    assert calls.called_at(Lane.ANYONE, 0, 1.0) is None
    for second in range(0, 2_000, 2):
        calls.called(float(second), Lane.ANYONE, 3, 3 * (second // 2 + 1))
    for number, second in ((2_999, 1998), (2_997, 1998), (2_996, 1996), (2_600, 1732)):
        assert calls.called_at(Lane.ANYONE, number, 1_999.0) == second
    assert calls.called_at(Lane.ANYONE, 3_000, 1_999.0) is None, "not called yet"
    called_at = calls.called_at(Lane.ANYONE, 2_997, 1_999.0 + KEEP_S - 1)
    assert called_at == 1998
    assert calls.called_at(Lane.ANYONE, 2_997, 1_999.0 + KEEP_S) is None
    assert calls.called_at(Lane.ANYONE, 5, 1_999.0) is None, "older than the rows"
    assert calls.called_at(Lane.GUEST, 0, 1_999.0) is None


def test_an_estimate_is_honest_or_there_is_none() -> None:
    assert wait_s(120, 2.0) == 60.0
    assert wait_s(120, 0.0) is None


# -- a night -----------------------------------------------------------------------------------


def fair(told: Told) -> None:
    """Inside each large bucket: chi-square tests that early and late arrivals fare alike."""
    queue = told.queue
    assert queue is not None
    for bucket, (begins, ends) in enumerate(itertools.pairwise(told.buckets)):
        size = ends - begins
        if size < 2_000:
            continue
        step = max(1, size // 20_000)
        arrived = np.arange(0, size, step)
        got = np.array([number(queue, Place(Lane.ANYONE, bucket, int(n))) for n in arrived])
        table, _, _ = np.histogram2d(arrived, got - begins, bins=(5, 10), range=[[0, size]] * 2)
        expected = len(arrived) / table.size
        chi_square = float(((table - expected) ** 2 / expected).sum())
        # 36 degrees of freedom: 78 is exceeded by chance once in 16,000.
        assert chi_square < 78, f"bucket {bucket} of {size}: {chi_square:.0f}"
        for n in (0, size // 2, size - 1):
            place = Place(Lane.ANYONE, bucket, n)
            assert queue.holder(number(queue, place), bucket) == place


def check(night: Night, told: Told) -> None:
    assert told.joined + told.walked_in == night.arrivals + night.early
    assert told.most_held <= night.seats
    assert told.admitted - told.left <= night.seats
    # It drains at the rate that was set, and no faster, until the house is as good as full;
    # at first a little slower, until it is known how many do not come when they are called.
    filling = round(0.8 * night.seats / night.per_s)
    rates = told.admitted_by_second[APPEAR_S + 8 : filling]
    assert float(np.median(rates)) == pytest.approx(night.per_s, rel=0.05)
    assert max(told.admitted_by_second) < night.per_s + 5 * night.per_s**0.5, "five deviations"
    # From then on as many come in as leave, and the house stays full.
    assert told.most_held > 0.97 * night.seats
    tail = told.admitted_by_second[-300:]
    assert float(np.mean(tail)) == pytest.approx(night.seats / night.stays_s, rel=0.25)
    # A full house at a call is rare: those who did not come were reckoned with.
    assert told.too_late < 0.02 * told.admitted
    fair(told)


def test_a_small_night(tmp_path: Path) -> None:
    night = Night(200_000, early=10_000, seats=6_000, per_s=100.0, stays_s=400.0, lasts_s=1_500.0)
    check(night, live_through(night, tmp_path))


@pytest.mark.slow
def test_the_night_of_eight_million(tmp_path: Path) -> None:
    """Ten minutes, 8,000,000 arrivals, a third of a million before the doors, 115,000 seats."""
    night = Night(8_000_000, early=330_000)
    told = live_through(night, tmp_path)
    check(night, told)
    assert told.joined + told.walked_in == 8_330_000

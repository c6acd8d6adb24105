"""Histograms and tallies: exact counts, percentiles within a bucket, and they add up."""

import math

from hypothesis import given
from hypothesis import strategies as st

from samvad.rehearsal.histogram import BUCKETS, Histogram, bucket_of, upper_us
from samvad.rehearsal.tally import NUMBERS, PLAYLIST, RELOAD, Tally

seconds = st.lists(st.floats(0, 4000, allow_nan=False), max_size=200)


def counted(values: list[float]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


def test_buckets_lie_side_by_side_without_gap_or_overlap() -> None:
    for bucket in range(BUCKETS - 1):
        assert bucket_of(upper_us(bucket)) == bucket
        assert bucket_of(upper_us(bucket) + 1) == bucket + 1


@given(st.integers(0, 2**32 - 1))
def test_a_bucket_is_at_most_a_32th_of_its_values_wide(us: int) -> None:
    upper = upper_us(bucket_of(us))
    assert us <= upper <= us + us // 32 + 1


@given(seconds.filter(bool), st.floats(0.001, 1))
def test_percentiles_are_those_of_the_sorted_list(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = counted(values).percentile(share)
    assert int(exact * 1e6) / 1e6 <= found <= exact * (1 + 1 / 32) + 2e-6


@given(seconds, seconds, seconds)
def test_merging_is_counting_together(a: list[float], b: list[float], c: list[float]) -> None:
    left = counted(a)
    left.merge(counted(b))
    left.merge(counted(c))
    right = counted(c)
    right.merge(counted(a))
    right.merge(counted(b))
    assert left == right == counted(a + b + c)
    assert left.total == len(a + b + c)


@given(seconds, seconds)
def test_what_came_since_is_what_came_later(before: list[float], later: list[float]) -> None:
    first, all_ = counted(before), counted(before + later)
    since = all_.since(first)
    assert since.total == len(later)
    first.merge(since)
    assert first.as_json()[1:] == all_.as_json()[1:]


@given(seconds)
def test_json_brings_it_back(values: list[float]) -> None:
    made = counted(values)
    assert Histogram.from_json(made.as_json()) == made


def test_nothing_counted_and_negative_and_endless() -> None:
    assert Histogram().percentile(0.99) == 0.0
    made = Histogram()
    made.add(-1.0)
    made.add(1e6, 3)
    assert made.total == 4
    assert made.percentile(1.0) == 1e6
    assert made.over(1.0) == 3


def test_late_answers_are_counted_exactly_and_meant_waits_are_none() -> None:
    tally = Tally()
    tally.answered(PLAYLIST, 1.0)
    tally.answered(PLAYLIST, 1.000001)
    tally.answered(RELOAD, 5.0)
    assert tally.late == 1
    assert tally.of(PLAYLIST, RELOAD).total == 3


def _tally(weight: int) -> Tally:
    made = Tally()
    for i, name in enumerate(NUMBERS):
        setattr(made, name, i * weight)
    made.failed("door reset")
    made.refuse("full" if weight == 1 else "ended")
    made.answered(PLAYLIST, weight)
    made.first_sound.add(weight)
    return made


def test_tallies_add_up_and_come_back_from_json() -> None:
    one, two = _tally(1), _tally(2)
    both = Tally.from_json(one.as_json())
    both.merge(Tally.from_json(two.as_json()))
    for name in NUMBERS:
        assert getattr(both, name) == getattr(one, name) + getattr(two, name)
    assert both.errors == {"door reset": 2}
    assert both.refusals == {"full": 1, "ended": 1}
    assert both.took[PLAYLIST].total == 2
    since = both.since(one)
    assert since.left == two.left
    assert since.playing_now == both.playing_now  # a gauge says what is now
    assert since.errors == {"door reset": 1}
    assert since.refusals == {"ended": 1}

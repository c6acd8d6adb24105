"""Arrival schedules are fixed by their seed; timers wake on time and never before."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.rehearsal.pacer import NEVER, Shape, arrivals, drops, share_of
from samvad.rehearsal.timers import TICK_S, Timers
from samvad.rehearsal.trial import SOURCES, source_of


@given(st.integers(0, 500), st.floats(0, 100), st.sampled_from(Shape), st.integers(0, 9))
def test_schedules_are_in_order_within_their_time_and_the_same_again(
    count: int, over_s: float, shape: Shape, seed: int
) -> None:
    times = arrivals(count, over_s, shape, seed)
    assert len(times) == count
    assert list(times) == sorted(times)
    assert all(0 <= at < over_s or at == 0 for at in times)
    assert times == arrivals(count, over_s, shape, seed)


def test_shapes() -> None:
    assert set(arrivals(5, 10, Shape.AT_ONCE)) == {0.0}
    assert list(arrivals(5, 10, Shape.UNIFORM)) == [0, 2, 4, 6, 8]
    assert arrivals(100, 10, Shape.POISSON, 1) != arrivals(100, 10, Shape.POISSON, 2)


def test_poisson_arrivals_in_a_second_vary_as_poisson_counts_do() -> None:
    times = arrivals(20_000, 200, Shape.POISSON, 7)
    a_second = [0] * 200
    for at in times:
        a_second[int(at)] += 1
    assert statistics.mean(a_second) == 100
    # A Poisson count's variance is its mean; the estimate from 200 of them is within 40 %.
    assert 60 < statistics.variance(a_second) < 140


@given(st.integers(0, 300), st.integers(1, 7))
def test_shards_share_a_schedule_without_loss(count: int, shards: int) -> None:
    times = arrivals(count, 60, Shape.POISSON)
    shares = [share_of(times, i, shards) for i in range(shards)]
    assert sorted(at for share in shares for at in share) == list(times)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_drops() -> None:
    times = drops(10_000, 0.25, 5, 9, seed=3)
    cut = [at for at in times if at < NEVER]
    assert 2300 < len(cut) < 2700
    assert all(5 <= at < 9 for at in cut)
    assert set(drops(10, 0, 0, 0)) == {NEVER}


@pytest.mark.parametrize(("count", "over_s"), [(-1, 1.0), (1, -1.0), (1, NEVER), (1, float("nan"))])
def test_impossible_schedules(count: int, over_s: float) -> None:
    with pytest.raises(ValueError, match="arrivals"):
        arrivals(count, over_s, Shape.POISSON)


class _Item:
    def __init__(self, due: float) -> None:
        self.due, self.tick = due, 0


@given(st.lists(st.floats(100, 103), max_size=50), st.lists(st.floats(0.0005, 0.3), max_size=40))
def test_timers_wake_each_once_in_time(dues: list[float], steps: list[float]) -> None:
    timers: Timers[_Item] = Timers(100.0)
    items = [_Item(due) for due in dues]
    for item in items:
        timers.set(item)
    now, woken = 100.0, []
    for step in [*steps, 5.0]:
        now += step
        for item in timers.due(now):
            assert item.due <= now
            woken.append(item)
        asleep = [i for i in items if i not in woken]
        assert all(i.due > now - 2 * TICK_S for i in asleep)
    assert sorted(map(id, woken)) == sorted(map(id, items))


def test_a_moved_timer_wakes_only_at_its_last_time() -> None:
    timers: Timers[_Item] = Timers(10.0)
    item = _Item(10.1)
    timers.set(item)
    item.due = 10.3
    timers.set(item)
    assert timers.due(10.2) == []
    assert 0 < timers.sleep_s(10.2, 5.0) <= 0.105
    assert timers.due(10.31) == [item]
    item.due = float("inf")
    timers.set(item)
    assert timers.due(100.0) == []


def test_sources_are_loopback_addresses_and_differ() -> None:
    import ipaddress

    found = [ipaddress.ip_address(source_of(i, 4)) for i in range(0, 400_000, 4)]
    assert len(set(found)) == len(found)
    assert all(ip.is_loopback and ip.packed[3] not in (0, 255) for ip in found)
    assert source_of(0, 4) == source_of(3, 4) != source_of(4, 4)
    assert source_of(SOURCES * 4, 4) == source_of(0, 4)

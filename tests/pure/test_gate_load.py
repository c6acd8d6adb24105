"""Readings for the ladder, from counters."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate.load import (
    WAIT_BOUNDS_MS,
    WINDOW_S,
    Glimpse,
    Meter,
    readings,
    share_in_use,
    wait_counter,
    wait_place,
)


def between(seconds: float, *processes: dict[str, int]) -> dict[str, float]:
    before = Glimpse(100.0, {i: dict.fromkeys(p, 1_000) for i, p in enumerate(processes)})
    after = {i: {k: v + 1_000 for k, v in p.items()} for i, p in enumerate(processes)}
    return readings(before, Glimpse(100.0 + seconds, after))


def test_the_busiest_process_all_bytes_and_the_waits_of_all() -> None:
    fast, slow = wait_counter(0), wait_counter(wait_place(0.3))
    found = between(
        2.0, {"cpu_ms": 500, "bytes": 250_000, fast: 99}, {"cpu_ms": 1500, "bytes": 0, slow: 1}
    )
    assert found["cpu"] == 0.75
    assert found["mbit"] == 1.0
    assert found["p99_ms"] <= 5.0
    assert found["attack"] == 0.0
    assert 250 < between(1.0, {fast: 98, slow: 2})["p99_ms"] <= 400


def test_what_is_not_there_twice_is_no_reading() -> None:
    assert readings(Glimpse(1.0, {}), Glimpse(2.0, {0: {"cpu_ms": 9}})) == {}
    assert readings(Glimpse(1.0, {0: {"cpu_ms": 9}}), Glimpse(1.0, {0: {"cpu_ms": 9}})) == {}
    assert "p99_ms" not in between(1.0, {"cpu_ms": 10})
    newly = readings(Glimpse(1.0, {0: {"cpu_ms": 9}}), Glimpse(2.0, {0: {"cpu_ms": 5}}))
    assert newly["cpu"] == 0.0, "a file that began anew"


@pytest.mark.parametrize(
    ("forged", "good", "seen"), [(199, 0, 0.0), (200, 0, 1.0), (200, 9_000, 0.0), (999, 9_000, 1.0)]
)
def test_an_attack_is_much_and_much_of_all(forged: int, good: int, seen: float) -> None:
    assert between(1.0, {"tickets_forged": forged, "answers_2xx": good})["attack"] == seen


@given(st.lists(st.floats(0, 10), min_size=1, max_size=300))
def test_the_99th_percentile_lies_in_the_right_bucket(waits: list[float]) -> None:
    counted: dict[str, int] = {}
    for wait in waits:
        name = wait_counter(wait_place(wait))
        counted[name] = counted.get(name, 0) + 1
    found = between(1.0, counted)["p99_ms"]
    true = sorted(waits)[-(-99 * len(waits) // 100) - 1]
    bounds = (0, *WAIT_BOUNDS_MS, 2 * WAIT_BOUNDS_MS[-1])
    place = wait_place(true)
    assert bounds[place] <= found <= bounds[place + 1]


def test_a_meter_looks_back_over_its_window() -> None:
    meter = Meter()
    used = 0
    for second in range(20):
        used += 1000 if second < 10 else 0
        found = meter.look(Glimpse(float(second), {0: {"cpu_ms": used}}))
    assert found["cpu"] == 0.0
    found = meter.look(Glimpse(20.0, {0: {"cpu_ms": used + 1000}}))
    assert found["cpu"] == pytest.approx(1 / WINDOW_S, rel=0.3)
    assert meter.lasting(found) == found


def test_seats_in_use_are_a_share_of_all() -> None:
    assert share_in_use(30, 40) == 0.75
    assert share_in_use(0, 0) == 1.0, "no seats are all taken"


def waiting(waits_s: dict[int, list[float]], seconds: int) -> Iterator[tuple[float, float | None]]:
    """p99_ms of each second, as felt and as lasting, when two gates are asked ten times a second
    and have let wait so long in these seconds."""
    meter, counted = Meter(), dict.fromkeys(map(wait_counter, range(len(WAIT_BOUNDS_MS) + 1)), 0)
    for second in range(seconds):
        slow = waits_s.get(second, [])
        for wait in [*slow, *[0.001] * (20 - len(slow))]:
            counted[wait_counter(wait_place(wait))] += 1
        found = meter.look(Glimpse(float(second), {0: dict(counted)}))
        if second >= WINDOW_S:
            yield found["p99_ms"], meter.lasting(found).get("p99_ms")


def test_a_stall_that_does_not_come_again_is_felt_and_gives_nothing_up() -> None:
    stall = [0.45, 0.35, 0.25, 0.15]
    felt, lasting = zip(*waiting({12: stall}, 30), strict=True)
    assert sum(ms >= 250 for ms in felt) == WINDOW_S
    assert max(ms for ms in lasting if ms is not None) <= 5
    assert None not in lasting[5:]
    again = enumerate(waiting(dict.fromkeys(range(12, 30, 4), stall), 30), 5)
    assert [second for second, (_, ms) in again if ms and ms >= 250] == [*range(17, 30)]


def test_turns_of_three_seconds_last() -> None:
    turns = [3.0 - n / 10 for n in range(20)]
    late = list(waiting(dict.fromkeys(range(10, 40, 3), turns), 40))
    assert min(ms for _, ms in late[15:] if ms is not None) > 2_000


def test_in_the_first_window_no_wait_is_known_to_last() -> None:
    assert [ms for _, ms in waiting({}, 8)][:2] == [None, pytest.approx(5, abs=5)]

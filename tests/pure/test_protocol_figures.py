"""Figures of several machines become one; rows of counts become rates."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate.counters import COUNTERS, Reading
from samvad.gate.figures import FIELDS, Row, Seen, sample, series
from samvad.gate.state import Counts
from samvad.protocol.figures import (
    CARRY_S,
    FIGURES,
    Figures,
    FiguresError,
    as_dict,
    from_dict,
    merge,
)

T = 1_790_000_000_000


def figures(at: list[int], alive: int = 2, of: int = 2, **columns: list[float | None]) -> Figures:
    whole = {about.name: columns.get(about.name, [None] * len(at)) for about in FIGURES}
    return Figures(T, alive, of, [T + second * 1000 for second in at], whole)


def row(at_ms: int, **values: float) -> Row:
    return at_ms, dict.fromkeys(FIELDS, math.nan) | values


def test_sums_are_added_and_the_worst_counts_where_a_sum_says_nothing() -> None:
    one = figures([0, 1], listening=[10, 12], p99_ms=[5, 9], rung=[1, 1], cpu=[0.2, 0.3])
    other = figures([0, 1], alive=1, listening=[1, 2], p99_ms=[80, 2], rung=[0, 2], cpu=[0.5, 0.1])
    both = merge([one, other])
    assert both.at_ms == [T, T + 1000]
    assert both.columns["listening"] == [11, 14]
    assert both.columns["p99_ms"] == [80, 9]
    assert both.columns["rung"] == [1, 2]
    assert both.columns["cpu"] == [0.5, 0.3]
    assert both.columns["mbit"] == [None, None]
    assert (both.alive, both.of) == (3, 4)


def test_a_machine_that_counts_out_of_step_stands_for_a_few_seconds_and_no_longer() -> None:
    one = figures(list(range(8)), listening=[100] * 8)
    other = figures([0, 2], listening=[5, 7])
    assert merge([one, other]).columns["listening"] == [105, 105, 107, 107, 107, 100, 100, 100]
    assert CARRY_S == 3


def test_the_first_row_after_since_is_whole() -> None:
    one, other = figures([0, 1, 2], listening=[1, 2, 3]), figures([1], listening=[50])
    late = merge([one, other], T + 1000)
    assert late.at_ms == [T + 2000]
    assert late.columns["listening"] == [53]
    assert merge([one], T + 2000).at_ms == []
    assert merge([]).at_ms == []


def test_rows_within_a_second_are_one() -> None:
    moved = Figures(T, 1, 1, [T + 430], figures([0], listening=[4]).columns)
    assert merge([moved]).at_ms == [T]
    assert merge([moved], T).at_ms == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: None,
        lambda d: [],
        lambda d: d | {"at_ms": None},
        lambda d: d | {"gates": {}},
        lambda d: d | {"figures": []},
        lambda d: d | {"figures": {"listening": [1]}},
        lambda d: d | {"figures": {"listening": ["x", 1]}},
    ],
)
def test_what_is_not_figures_is_refused(damage: Any) -> None:
    good = as_dict("event00001", figures([0, 1], listening=[1, None]))
    assert from_dict(good) == figures([0, 1], listening=[1, None])
    with pytest.raises(FiguresError):
        from_dict(damage(good))


def test_a_newer_gate_may_tell_more_and_an_older_one_less() -> None:
    told = as_dict("event00001", figures([0], listening=[1]))
    told["figures"]["news"] = [1]
    del told["figures"]["rung"]
    assert from_dict(told) == figures([0], listening=[1])


@given(
    st.lists(
        st.dictionaries(st.integers(0, 30), st.integers(0, 99), max_size=20), min_size=1, max_size=4
    ),
    st.integers(0, 30),
)
def test_asking_bit_by_bit_gives_what_asking_once_does(
    machines: list[dict[int, int]], cut: int
) -> None:
    def of(rows: dict[int, int], since: int) -> Figures:
        held = {s: n for s, n in sorted(rows.items()) if s > since}
        return figures(list(held), listening=[float(n) for n in held.values()])

    whole = merge([of(m, -1) for m in machines])
    first = merge([of({s: n for s, n in m.items() if s <= cut}, -1) for m in machines])
    rest = merge([of(m, cut - CARRY_S) for m in machines], T + cut * 1000)
    assert [*first.at_ms, *rest.at_ms] == whole.at_ms
    assert [*first.columns["listening"], *rest.columns["listening"]] == whole.columns["listening"]


def reading(**values: int) -> Reading:
    return Reading(1, True, {about.name: 0 for about in COUNTERS} | values)


def test_a_row_holds_the_event_what_the_machine_bears_and_the_gates_counters() -> None:
    counts = Counts(listening=7, admitted=9, seats=10, in_line=4, refused=2, peak=8, joined=20)
    made = sample(
        Seen(counts, rung=3),
        {"cpu": 0.5, "p99_ms": 20.0, "attack": 0.0, "seats": 1.0, "mbit": 3.0},
        [reading(requests=5, bytes=100, cpu_ms=30), None, reading(requests=6, bytes=50)],
    )
    assert set(made) == set(FIELDS)
    assert (made["listening"], made["admitted"], made["in_line"]) == (7, 9, 4)
    assert (made["joined"], made["refused"], made["rung"]) == (20, 2, 3)
    assert (made["cpu"], made["p99_ms"], made["attack"]) == (0.5, 20, 0)
    assert (made["requests"], made["bytes"], made["cpu_ms"]) == (11, 150, 30)
    assert math.isnan(sample(Seen(counts, 0), {}, [])["p99_ms"])


def test_counts_become_rates_and_gauges_stay() -> None:
    rows = [
        row(T, requests=100, bytes=0, listening=3),
        row(T + 1000, requests=150, bytes=1_000_000, listening=4),  # 8 Mbit
        row(T + 3000, requests=250, bytes=1_000_000, listening=math.nan),
    ]
    told = series(rows, 0, T + 3000, [reading(), None])
    assert told.at_ms == [T, T + 1000, T + 3000]
    assert told.columns["requests_per_s"] == [None, 50, 50]
    assert told.columns["mbit"] == [None, 8, 0]
    assert told.columns["listening"] == [3, 4, None]
    assert (told.alive, told.of) == (1, 2)
    later = series(rows, T, T + 3000, [])
    assert later.at_ms == [T + 1000, T + 3000]
    assert later.columns["requests_per_s"] == [50, 50]


def test_counters_that_begin_anew_make_no_negative_rate() -> None:
    rows = [row(T, requests=1000), row(T + 1000, requests=3), row(T + 2000, requests=5)]
    assert series(rows, 0, T, []).columns["requests_per_s"] == [None, None, 2]

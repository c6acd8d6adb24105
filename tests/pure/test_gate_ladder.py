"""Climbing the ladder: hysteresis, orders, and that it never flaps, whatever the load does."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from samvad.gate.ladder import GAP_S, Ladder, Standing
from samvad.protocol.ladder import DEFAULT_LADDER, LATER, METRICS, PRESETS, Rung
from samvad.protocol.room import LadderOrder

WALL_MS = 1_790_000_000_000
TWO = (
    Rung("plain", {"cpu": 0.6}, {"cpu": 0.4}, after_s=5, back_after_s=60),
    Rung("long", {"cpu": 0.7, "p99_ms": 400}, {"cpu": 0.5, "p99_ms": 200}, 5, 30),
)


def force(rung: int) -> LadderOrder:
    return LadderOrder("force", rung, "Asha", WALL_MS)


HOLD = LadderOrder("hold", 0, "Asha", WALL_MS)
AUTO = LadderOrder("auto", 0, "Asha", WALL_MS)


class Night:
    """A ladder and a clock that goes a second a step."""

    def __init__(self, rungs: tuple[Rung, ...] = TWO) -> None:
        self.ladder, self.now = Ladder(rungs), 1000.0

    def live(self, seconds: int, order: LadderOrder | None = None, **readings: float) -> Standing:
        """The standing after so many seconds of these readings."""
        for _ in range(seconds):
            standing = self.ladder.step(self.now, int(self.now * 1000), readings, order)
            self.now += 1
        return standing


def test_a_rung_is_climbed_after_its_time_and_left_after_its_own() -> None:
    night = Night()
    assert night.live(5, cpu=0.6).n == 0, "five seconds are over with the sixth reading"
    assert night.live(1, cpu=0.6) == Standing(1, 2, ("plain",), int(night.now - 1) * 1000)
    assert night.live(1000, cpu=0.5).n == 1, "between the two thresholds it stays"
    assert night.live(60, cpu=0.39).n == 1
    assert night.live(1, cpu=0.39) == Standing(0, 2, (), int(night.now - 1) * 1000)


def test_a_pause_of_the_load_begins_the_count_anew() -> None:
    night = Night()
    night.live(5, cpu=0.9)
    night.live(1, cpu=0.59)
    assert night.live(5, cpu=0.9).n == 0
    assert night.live(1, cpu=0.9).n == 1


def test_one_rung_at_a_time_each_after_its_own_while() -> None:
    night = Night()
    climbed = [night.live(1, cpu=1.0).n for _ in range(14)]
    assert climbed == [0] * 5 + [1] * 6 + [2] * 3


def test_any_metric_climbs_and_all_must_be_under_to_leave() -> None:
    night = Night()
    night.live(6, cpu=0.6)
    assert night.live(6, cpu=0.3, p99_ms=400).n == 2
    assert night.live(100, cpu=0.3, p99_ms=300).n == 2
    assert night.live(100, cpu=0.6, p99_ms=100).n == 2
    assert night.live(31, cpu=0.3, p99_ms=100).n == 1


def test_what_is_not_known_changes_nothing() -> None:
    night = Night()
    night.live(6, cpu=0.6)
    assert night.live(500).n == 1
    assert night.live(500, seats=1.0).n == 1


def test_after_a_gap_nothing_is_on_end() -> None:
    night = Night()
    night.live(5, cpu=0.9)
    night.now += GAP_S + 1
    assert night.live(5, cpu=0.9).n == 0
    assert night.live(1, cpu=0.9).n == 1


def test_an_order_goes_at_once_and_stays_until_it_is_released() -> None:
    night = Night()
    assert night.live(1, force(2), cpu=0.0) == Standing(
        2, 2, ("plain", "long"), int(night.now - 1) * 1000, "force"
    )
    assert night.live(300, force(2), cpu=0.0).n == 2
    assert night.live(300, force(0), cpu=1.0).n == 0
    held = night.live(300, HOLD, cpu=1.0)
    assert (held.n, held.by) == (0, "hold")
    assert night.live(5, AUTO, cpu=1.0).n == 0, "the count begins with the release"
    assert night.live(1, AUTO, cpu=1.0).n == 1


def test_a_rung_without_a_trigger_is_climbed_by_order_only_and_left_by_itself() -> None:
    night = Night((*TWO, Rung(LATER, after_s=1, back_after_s=10)))
    assert night.live(100, cpu=1.0, p99_ms=9e3).n == 2
    assert night.live(1, force(3), cpu=0.0).effects == ("plain", "long", "later")
    assert night.live(10, AUTO, cpu=1.0).n == 3
    assert night.live(1, AUTO, cpu=1.0).n == 2


def test_a_changed_plan_keeps_what_is_in_force() -> None:
    night = Night(DEFAULT_LADDER)
    night.live(1, force(4))
    night.ladder.set_rungs(PRESETS["gentle"], WALL_MS)
    standing = night.live(1, HOLD)
    assert standing.effects == ("plain", "long", "lean_new"), "gentle has no lean_all"
    night.ladder.set_rungs((), WALL_MS)
    assert night.live(1, AUTO, cpu=1.0).n == 0


def test_another_caller_takes_over_where_the_last_one_stood() -> None:
    ladder = Ladder(TWO, 1, WALL_MS)
    assert ladder.step(5.0, WALL_MS + 9, {"cpu": 0.5}) == Standing(1, 2, ("plain",), WALL_MS)


thresholds = st.dictionaries(st.sampled_from(sorted(METRICS)), st.floats(0, 1), max_size=5)


@given(
    st.sampled_from(sorted(PRESETS)),
    st.lists(st.tuples(thresholds, st.integers(1, 40)), max_size=30),
)
def test_it_never_flaps(preset: str, load: list[tuple[dict[str, float], int]]) -> None:
    """Steps are of one rung, and none comes before its rung's own time since the last one."""
    night = Night(PRESETS[preset])
    rungs = PRESETS[preset]
    steps: list[tuple[float, int]] = [(night.now, 0)]
    for readings, seconds in load:
        scaled = {name: value * min(METRICS[name], 10_000) for name, value in readings.items()}
        for _ in range(seconds):
            n = night.live(1, **scaled).n
            if n != steps[-1][1]:
                steps.append((night.now, n))
    for (before_at, before), (at, n) in itertools.pairwise(steps):
        assert abs(n - before) == 1
        wanted = rungs[n - 1].after_s if n > before else rungs[before - 1].back_after_s
        assert at - before_at >= wanted


orders = st.sampled_from(["auto", "hold", "force"])


@given(st.lists(st.tuples(orders, st.integers(-3, 12), st.floats(0, 1)), min_size=1))
def test_force_and_hold_win_over_any_load(said: list[tuple[str, int, float]]) -> None:
    night, n = Night(DEFAULT_LADDER), 0
    for mode, rung, cpu in said:
        order = LadderOrder(mode, rung, "Asha", WALL_MS)
        standing = night.live(7, order, cpu=cpu, p99_ms=cpu * 9_000)
        if mode == "force":
            assert standing.n == min(max(rung, 0), len(DEFAULT_LADDER))
        if mode == "hold":
            assert standing.n == n
        assert len(standing.effects) == standing.n
        n = standing.n

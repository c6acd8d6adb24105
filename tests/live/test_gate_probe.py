"""The gate's own request: how long one waits for its turn."""

from pathlib import Path

from samvad.gate.counters import INDEX, Counters
from samvad.gate.load import WAIT_BOUNDS_MS, wait_counter, wait_place
from samvad.gate.loop import Loop
from samvad.gate.probe import EVERY_S, Probe
from tests.kit.clock import FakeClock


def test_a_long_turn_is_seen_by_all_the_requests_that_waited_for_its_end(tmp_path: Path) -> None:
    clock, counters = FakeClock(), Counters(tmp_path / "counters")
    loop = Loop(clock)
    probe = Probe(loop, clock, counters)

    def waited() -> list[int]:
        names = [wait_counter(n) for n in range(len(WAIT_BOUNDS_MS) + 1)]
        return [counters.values[INDEX[name]] for name in names]

    try:
        for _ in range(2):
            loop.turn()
        for _ in range(20):
            clock.advance(EVERY_S)
            loop.turn()
            loop.turn()
        quick = waited()
        assert sum(quick) >= 19
        assert sum(quick[: wait_place(EVERY_S) + 1]) == sum(quick)
        clock.advance(1.0)  # a turn that took a second
        for _ in range(3):
            loop.turn()
        slow = [now - before for now, before in zip(waited(), quick, strict=True)]
        assert 9 <= sum(slow) <= 12, "ten of them were due in that second"
        assert slow[wait_place(0.95)] >= 3
    finally:
        probe.close()
        loop.close()

"""The gate's loop: work that takes long is done a step a turn."""

from collections.abc import Iterator

import pytest

from samvad.gate.loop import Loop
from tests.kit.clock import FakeClock


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop(FakeClock())
    yield loop
    loop.close()


def clock_of(loop: Loop) -> FakeClock:
    assert isinstance(loop._clock, FakeClock)
    return loop._clock


def test_a_step_is_done_a_turn_and_the_work_begins_anew_when_it_has_ended(loop: Loop) -> None:
    done: list[int] = []

    def work() -> Iterator[None]:
        for number in range(3):
            done.append(number)
            yield

    loop.every_in_steps(1.0, work)
    for expected in ([0], [0, 1], [0, 1, 2]):
        clock_of(loop).advance(0.9)  # a second has passed before it is done
        loop.turn()
        assert done == expected
    loop.turn()  # it ends
    clock_of(loop).advance(1.0)
    loop.turn()
    assert done == [0, 1, 2, 0]


def test_work_that_fails_is_begun_again(loop: Loop) -> None:
    begun: list[None] = []

    def work() -> Iterator[None]:
        begun.append(None)
        yield
        raise ValueError

    loop.every_in_steps(1.0, work)
    for _ in range(4):
        loop.turn()
        clock_of(loop).advance(0.5)
    assert len(begun) == 2

"""The gate's loop: work that takes long is done a step a turn."""

import socket
import time
from collections.abc import Iterator

import pytest

from samvad.gate.loop import GRAIN_S, IN, Loop
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


def test_turns_that_follow_closely_gather_unless_one_left_something_undone(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    loop.every(0.0, lambda: None)  # so that a turn never sleeps
    ours, theirs = socket.socketpair()
    theirs.send(b"x")

    class Listener:
        undone = False

        def ready(self, mask: int) -> None:
            if self.undone:
                loop.hurry()

        def broken(self) -> None:
            raise AssertionError

    listener = Listener()
    loop.watch(ours.fileno(), listener, IN)
    for _ in range(3):
        clock_of(loop).advance(GRAIN_S / 4)
        loop.turn()
    assert slept
    listener.undone = True
    loop.turn()
    slept.clear()
    for _ in range(3):
        clock_of(loop).advance(GRAIN_S / 4)
        loop.turn()
    assert not slept
    ours.close()
    theirs.close()


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

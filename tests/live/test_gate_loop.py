"""The gate's loop: who has a turn when, and long work in steps."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from samvad.gate.loop import GRAIN_S, IN, PER_OTHERS, STEP_GRAINS, STEP_RESTS, STRANGERS, Loop
from tests.kit.clock import FakeClock


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop(FakeClock())
    yield loop
    loop.close()


def clock_of(loop: Loop) -> FakeClock:
    assert isinstance(loop.clock, FakeClock)
    return loop.clock


def test_between_steps_others_have_their_turns_and_the_work_begins_anew_when_it_has_ended(
    loop: Loop,
) -> None:
    loop.every(0.0, lambda: None)  # so that a turn never sleeps
    done: list[int] = []
    took_s = 0.0

    def work() -> Iterator[None]:
        for number in range(3):
            done.append(number)
            clock_of(loop).advance(took_s)
            yield

    def turn_after(seconds: float) -> None:
        clock_of(loop).advance(seconds)
        loop.turn()

    loop.every_in_steps(1.0, work)
    loop.turn()
    turn_after(0.9 * STEP_GRAINS * GRAIN_S)
    assert done == [0]
    took_s = 0.01
    turn_after(0.2 * STEP_GRAINS * GRAIN_S)
    assert done == [0, 1]
    turn_after(0.9 * STEP_RESTS * took_s)
    assert done == [0, 1]
    took_s = 1.0  # its next beginning is passed over: it has not ended
    turn_after(0.2 * STEP_RESTS * took_s)
    turn_after(0.5)
    assert done == [0, 1, 2]
    turn_after(STEP_RESTS * took_s)  # it ends
    turn_after(1.0)
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


def test_whoever_is_known_goes_before_strangers_of_whom_some_have_their_turn(loop: Loop) -> None:
    loop.every(0.0, lambda: None)  # so that a turn never sleeps
    said: list[str] = []
    pairs: list[tuple[socket.socket, socket.socket]] = []

    class Says:
        def __init__(self, name: str, stranger: bool) -> None:
            self.name = name
            pairs.append(socket.socketpair())
            self.sock = pairs[-1][0]
            pairs[-1][1].send(b"x")
            loop.watch(self.sock.fileno(), self, IN, stranger=stranger)

        def ready(self, mask: int) -> None:
            said.append(self.name)
            self.sock.recv(1)

        def broken(self) -> None:
            raise AssertionError

    strangers = [Says("stranger", True) for _ in range(2 * STRANGERS + 1)]
    Says("known", False)
    loop.turn()
    assert said == ["known"] + ["stranger"] * STRANGERS
    loop.turn()
    assert len(said) == 1 + 2 * STRANGERS
    loop.turn()
    assert len(said) == 1 + len(strangers)
    said.clear()
    for one, (_, peer) in zip(strangers, pairs, strict=False):
        one.name = "known now" if one is strangers[-1] else "stranger"
        peer.send(b"x")
    loop.know(strangers[-1].sock.fileno(), IN, stranger=False)
    loop.turn()
    assert said == ["known now"] + ["stranger"] * STRANGERS
    loop.know(strangers[-1].sock.fileno(), IN, stranger=True)
    loop.change(strangers[-1].sock.fileno(), 0)
    for _ in range(3):
        loop.turn()
    assert said.count("stranger") == 2 * STRANGERS
    said.clear()
    loop.strangers = 3  # as while an attack is seen
    for _, peer in pairs[:STRANGERS]:
        peer.send(b"x")
    loop.turn()
    assert said == ["stranger"] * 3
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_strangers_have_their_turn_again_where_the_others_are_many(loop: Loop) -> None:
    loop.every(0.0, lambda: None)
    told = {"stranger": 0, "known": 0}
    pairs = [socket.socketpair() for _ in range(PER_OTHERS + 3 * STRANGERS)]

    class Talks:
        def __init__(self, name: str) -> None:
            self.name = name

        def ready(self, mask: int) -> None:
            told[self.name] += 1

        def broken(self) -> None:
            raise AssertionError

    done: list[int] = []

    def no_more() -> bool:
        done.append(len(done))
        return False

    loop.spare(no_more)
    for number, (ours, theirs) in enumerate(pairs):
        name = "known" if number < PER_OTHERS - 1 else "stranger"
        loop.watch(ours.fileno(), Talks(name), IN, stranger=name == "stranger")
        theirs.send(b"x")
    loop.turn()  # the others are ready, and so are strangers
    assert told == {"known": PER_OTHERS - 1, "stranger": 2 * STRANGERS}
    assert done == [0]
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_strangers_who_asked_for_more_at_once_go_on_a_few_in_a_turn_in_their_order(
    loop: Loop,
) -> None:
    done: list[int] = []

    def go_on(number: int) -> Callable[[], None]:
        def go() -> None:
            done.append(number)
            if number == 0 and done.count(0) < 3:
                loop.soon(go, stranger=True)  # has still more

        return go

    count = 2 * STRANGERS + 1
    for number in range(count):
        loop.soon(go_on(number), stranger=True)
    known: list[int] = []
    loop.soon(lambda: known.append(len(done)))
    loop.turn()
    assert known == [0]
    assert done == list(range(STRANGERS))
    loop.turn()
    assert done == list(range(2 * STRANGERS))
    loop.turn()
    assert done[2 * STRANGERS :] == [count - 1, 0]
    loop.turn()
    assert done[-1] == 0
    assert done.count(0) == 3

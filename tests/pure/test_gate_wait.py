"""What the door may say of the wait: only what can be known."""

import pytest

from samvad.gate import calls, line
from samvad.gate.lines import FIGURES, USES, Lines
from samvad.protocol.passes import Lane


def lines() -> Lines:
    return Lines(
        [0] * FIGURES,
        [0] * calls.CELLS,
        {lane: [0] * line.CELLS for lane in Lane},
        {lane: bytearray(USES) for lane in Lane},
        b"secret",
    )


class Evening:
    """A line in front of `free` seats; those who are called come at once."""

    def __init__(self, free: int, per_s: float) -> None:
        self.lines, self.free, self.per_s, self.now = lines(), free, per_s, 1000.0
        self.come = 0

    def join(self, count: int) -> None:
        for _ in range(count):
            self.lines.join(Lane.ANYONE, int(self.now * 1000))

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            called = self.lines.tick(self.now, self.free, self.per_s, True)
            for number in range(self.come, self.come + called):
                self.lines.came(Lane.ANYONE, number, self.now)
                self.lines.admitted(self.now)
            self.come += called
            self.free -= called


def test_while_seats_are_free_the_pace_is_the_wait() -> None:
    evening = Evening(free=1000, per_s=10.0)
    evening.join(600)
    evening.pass_time(0.1)
    assert evening.lines.wait_s(50, True, evening.now) == 5.0  # it has only just formed
    evening.pass_time(10.0)
    assert evening.lines.wait_s(100, True, evening.now) == pytest.approx(10.0, rel=0.25)
    # 499 wait for 899 seats: who has no final number yet may come after all who are to come.
    assert evening.lines.wait_s(100, False, evening.now) is None
    # Beyond the seats that are left, nobody can know.
    assert evening.lines.wait_s(evening.free + 1, True, evening.now) is None


def test_in_front_of_a_full_house_how_fast_it_filled_says_nothing() -> None:
    evening = Evening(free=100, per_s=50.0)
    evening.join(400)
    evening.pass_time(2.5)
    assert evening.free == 0
    assert evening.lines.waiting == 300
    for _ in range(60):
        evening.pass_time(1.0)
        assert evening.lines.wait_s(10, True, evening.now) is None
        assert evening.lines.moves_per_s(evening.now) == 0.0


def test_a_full_house_lets_the_line_move_as_people_leave() -> None:
    evening = Evening(free=100, per_s=50.0)
    evening.join(400)
    evening.pass_time(3.0)
    for _ in range(2):
        evening.free += 1
        evening.pass_time(4.0)
    assert evening.lines.wait_s(10, True, evening.now) is None  # two are no pace yet
    for _ in range(10):
        evening.free += 1
        evening.pass_time(4.0)
    assert evening.lines.wait_s(10, True, evening.now) == pytest.approx(40.0, rel=0.2)
    assert evening.lines.moves_per_s(evening.now) == pytest.approx(0.25, rel=0.2)


def test_when_all_leave_at_once_the_pace_holds_the_line_again() -> None:
    evening = Evening(free=100, per_s=10.0)
    evening.join(400)
    evening.pass_time(20.0)
    assert evening.lines.wait_s(50, True, evening.now) is None
    evening.free += 90
    evening.pass_time(6.0)
    assert evening.lines.wait_s(20, True, evening.now) == pytest.approx(2.0, rel=0.3)

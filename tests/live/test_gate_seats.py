"""The seat table: never more holders than seats, whoever claims, dies, leaves or comes back."""

import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from samvad.gate import seats as module
from samvad.gate.board import Board
from samvad.gate.seats import SHARED_PER_S, VOID, NoSeat, Seats
from samvad.protocol.ticket import Ticket
from tests.kit.until import until_now

HOLD_S = 60.0


def ticket(claimed: tuple[int, int] | NoSeat) -> Ticket:
    assert not isinstance(claimed, NoSeat), claimed
    return Ticket(claimed[0], claimed[1], expires_min=1)


def test_claims_until_full(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 3, HOLD_S)
    claimed = [seats.claim(100.0) for _ in range(3)]
    assert sorted(ticket(c).seat for c in claimed) == [0, 1, 2]
    assert seats.claim(100.1) is NoSeat.FULL
    assert seats.held(100.0) == 3


def test_two_gates_share_even_two_seats(tmp_path: Path) -> None:
    one, two = (Seats(tmp_path / "t", 2, HOLD_S, spread) for spread in (0, 1))
    assert ticket(one.claim(100.0)).seat != ticket(two.claim(100.0)).seat
    assert one.claim(100.5) is NoSeat.FULL
    assert two.claim(100.5) is NoSeat.FULL
    assert one.held(100.0) == two.held(100.0) == 2


def test_a_seat_that_is_used_is_kept_and_one_that_is_not_goes_to_somebody_else(
    tmp_path: Path,
) -> None:
    seats = Seats(tmp_path / "t", 1, HOLD_S)
    first = ticket(seats.claim(100.0))
    assert seats.touch(first, 150.0)
    assert seats.claim(160.0) is NoSeat.FULL
    assert seats.held(209.0) == 1
    second = ticket(seats.claim(211.0))
    assert second.generation != first.generation
    assert not seats.touch(first, 212.0)
    assert seats.touch(second, 212.0)


def test_somebody_who_slept_finds_the_seat_if_nobody_took_it(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 1, HOLD_S)
    mine = ticket(seats.claim(100.0))
    assert seats.held(500.0) == 0
    assert seats.touch(mine, 500.0)
    assert seats.held(500.0) == 1


def test_leaving_frees_the_seat_at_once(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 1, HOLD_S)
    mine = ticket(seats.claim(100.0))
    seats.leave(mine)
    theirs = ticket(seats.claim(101.0))
    seats.leave(mine)  # mine is no more: this changes nothing
    assert seats.touch(theirs, 101.0)


def test_a_page_that_is_closed_keeps_its_seat_for_a_moment(tmp_path: Path) -> None:
    """A reload says the same as a closed page; who comes back in time is not in line again."""
    seats = Seats(tmp_path / "t", 1, HOLD_S)
    held = ticket(seats.claim(1000.0))
    assert seats.leave(held, 1000.0, grace_s=5)
    assert seats.claim(1004.0) is NoSeat.FULL
    assert seats.touch(held, 1004.0)
    assert seats.claim(1004.0 + HOLD_S - 1) is NoSeat.FULL
    assert seats.touch(held, 1063.0)
    assert seats.leave(held, 1063.0, grace_s=5)
    assert seats.claim(1067.0) is NoSeat.FULL
    assert isinstance(seats.claim(1068.0), tuple)
    # Who is away already does not come back by leaving once more.
    gone = Seats(tmp_path / "u", 1, HOLD_S)
    left = ticket(gone.claim(1000.0))
    gone.leave(left)
    assert not gone.leave(left, 1000.0, grace_s=5)
    assert isinstance(gone.claim(1000.5), tuple)


def test_listening_is_those_who_were_seen_just_now(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 5, HOLD_S)
    one, two = ticket(seats.claim(100.0)), ticket(seats.claim(100.0))
    assert seats.listening(100.5) == 0, "to hold a seat is not to listen"
    seats.touch(one, 100.9)
    assert seats.listening(101.0) == 1, "in the second of the claim"
    seats.touch(one, 120.0)
    assert seats.listening(121.0) == 1
    assert seats.held(121.0) == 2
    seats.touch(two, 121.0, for_s=70.0)  # has what lasts for more than a minute
    assert seats.listening(121.0) == 2
    assert seats.listening(133.0) == 1
    seats.touch(two, 140.0)
    assert seats.listening(190.0) == 1, "an errand in between changes nothing"
    assert seats.listening(192.0) == 0


def test_the_newest_and_anonymous_are_put_out_first(tmp_path: Path) -> None:
    one, two = Seats(tmp_path / "t", 10, HOLD_S), Seats(tmp_path / "t", 10, HOLD_S)
    member = ticket(one.claim(105.0, lane=2))
    old, new = ticket(two.claim(100.0)), ticket(one.claim(104.0))
    guest = ticket(one.claim(106.0, lane=0))
    assert two.reduce(107.0, 4) == 0
    assert two.reduce(107.0, 3) == 1
    assert [one.touch(t, 107.0) for t in (member, old, new, guest)] == [True, True, False, True]
    assert one.reduce(107.0, 1) == 2
    assert [two.touch(t, 107.0) for t in (member, old, guest)] == [False, False, True]
    assert one.held(107.0) == 1


def test_tickets_outlive_every_gate(tmp_path: Path) -> None:
    before = Seats(tmp_path / "t", 2, HOLD_S)
    mine = ticket(before.claim(100.0))
    before.close()
    after = Seats(tmp_path / "t", 2, HOLD_S)
    assert after.touch(mine, 110.0)
    assert after.held(110.0) == 1


def test_after_a_boot_nobody_is_seated_but_old_tickets_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Seats(tmp_path / "t", 2, HOLD_S)
    mine = ticket(before.claim(5000.0))
    monkeypatch.setattr(module, "boot_id", lambda: b"another boot id.")
    after = Seats(tmp_path / "t", 2, HOLD_S)
    assert after.held(20.0) == 0
    assert after.touch(mine, 20.0)
    others = ticket(after.claim(20.0))
    assert others.seat != mine.seat


def test_a_seat_beyond_the_table_is_no_seat(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 2, HOLD_S)
    assert not seats.touch(Ticket(2, 0, 1), 100.0)
    assert not seats.touch(Ticket(0xFFFF_FFFF, 1, 1), 100.0)


def test_a_house_that_grows_has_room_and_one_that_shrinks_puts_nobody_out(tmp_path: Path) -> None:
    one, two = Seats(tmp_path / "t", 2, HOLD_S), Seats(tmp_path / "t", 2, HOLD_S)
    holders = [ticket(one.claim(100.0)), ticket(one.claim(100.0))]
    one.set_limit(4)
    holders += [ticket(one.claim(100.5)), ticket(one.claim(100.5))]
    two.set_limit(4)
    assert all(two.touch(holder, 101.0) for holder in holders)
    for seats in (one, two):
        seats.set_limit(3)
        assert seats.claim(101.0) is NoSeat.FULL
    assert all(two.touch(holder, 102.0) for holder in holders)
    one.leave(holders[0])
    assert one.held(102.0) == 3
    assert one.claim(102.0) is NoSeat.FULL  # three are held, three may be
    one.leave(holders[3])
    assert ticket(one.claim(103.0))
    assert one.held(103.0) == 3


def test_a_gate_that_sleeps_under_the_lock_does_not_stop_the_others(tmp_path: Path) -> None:
    import fcntl

    seats = Seats(tmp_path / "t", 2, HOLD_S)
    other = os.open(tmp_path / "t", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    began = time.monotonic()
    assert seats.claim(100.0) is NoSeat.BUSY
    assert time.monotonic() - began < 1.0
    os.close(other)
    assert ticket(seats.claim(100.0))


def test_a_large_house(tmp_path: Path) -> None:
    seats = Seats(tmp_path / "t", 20_000, HOLD_S)
    claimed = {ticket(seats.claim(100.0)).seat for _ in range(20_000)}
    assert len(claimed) == 20_000
    assert seats.claim(100.0) is NoSeat.FULL


class House(RuleBasedStateMachine):
    """Several tables' handles, as several processes have them, in any order of events."""

    tables = st.integers(0, 2)

    @initialize(limit=st.integers(1, 6))
    def open(self, limit: int) -> None:
        self.path = Path(f"/dev/shm/samvad-test-{os.getpid()}-{random.random()}")
        self.now, self.limit = 1000.0, limit
        self.most = limit
        self.handles = [Seats(self.path, limit, 10.0, spread) for spread in range(3)]
        self.tickets: list[Ticket] = []

    @rule(table=tables)
    def claim(self, table: int) -> None:
        claimed = self.handles[table].claim(self.now)
        if not isinstance(claimed, NoSeat):
            self.tickets.append(Ticket(*claimed, 1))

    @rule(table=tables, which=st.integers(0, 100))
    def touch(self, table: int, which: int) -> None:
        if self.tickets:
            self.handles[table].touch(self.tickets[which % len(self.tickets)], self.now)

    @rule(table=tables, which=st.integers(0, 100))
    def leave(self, table: int, which: int) -> None:
        if self.tickets:
            self.handles[table].leave(self.tickets[which % len(self.tickets)])

    @rule(table=tables)
    def die_and_come_back(self, table: int) -> None:
        self.handles[table].close()
        self.handles[table] = Seats(self.path, self.limit, 10.0, table)

    @rule(seconds=st.sampled_from([0.3, 1.0, 4.0, 9.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        # Who was put in before a shrink may stay; the bound comes down with those who go.
        self.most = max(self.limit, min(self.most, self._held()))

    @rule(limit=st.integers(1, 6))
    def change_the_limit(self, limit: int) -> None:
        self.limit = limit
        for handle in self.handles:
            handle.set_limit(limit)
        self.most = max(limit, min(self.most, self._held()))

    def _held(self) -> int:
        return self.handles[0].held(self.now)

    @invariant()
    def never_more_than_the_limit(self) -> None:
        if not hasattr(self, "handles"):
            return
        assert self._held() <= self.most
        # A seat has one good ticket at most.
        assert len({t.seat for t in self.tickets}) <= len(self.tickets)
        good = [t for t in self.tickets if self._good(t)]
        assert len({t.seat for t in good}) == len(good)

    def _good(self, ticket: Ticket) -> bool:
        words = self.handles[0]._words
        return int(words[4 * ticket.seat + 1]) == ticket.generation

    def teardown(self) -> None:
        if hasattr(self, "handles"):
            for handle in self.handles:
                handle.close()
            self.path.unlink()


TestHouse = House.TestCase
TestHouse.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def _gate(path: str, index: int, limit: int, seed: int) -> None:
    """Claims, touches and leaves without a pause, until killed."""
    seats, draw = Seats(Path(path), limit, 2.0, index), random.Random(seed)
    mine: list[Ticket] = []
    while True:
        now = time.monotonic()
        claimed = seats.claim(now)
        if not isinstance(claimed, NoSeat):
            mine.append(Ticket(*claimed, 1))
        for holder in list(mine):
            if draw.random() < 0.1:
                seats.leave(holder)
                mine.remove(holder)
            elif not seats.touch(holder, now):
                mine.remove(holder)


@pytest.mark.slow
def test_processes_that_are_killed_in_the_middle_leave_a_sound_table(tmp_path: Path) -> None:
    limit, path = 20, tmp_path / "t"
    watcher = Seats(path, limit, 2.0)
    context = multiprocessing.get_context("spawn")
    draw = random.Random(7)

    def start(index: int, seed: int) -> multiprocessing.process.BaseProcess:
        gate = context.Process(target=_gate, args=(str(path), index, limit, seed), daemon=True)
        gate.start()
        return gate

    gates = [start(index, index) for index in range(3)]
    # Under an even larger limit the table would have grown: its size is the proof of no excess.
    try:
        until_now(lambda: watcher.held(time.monotonic()) > 0, 30, "nobody came in")
        for round_ in range(6):
            end = time.monotonic() + draw.uniform(0.1, 0.4)
            while time.monotonic() < end:
                assert watcher.held(time.monotonic()) <= limit
            victim = draw.randrange(len(gates))
            pid = gates[victim].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            gates[victim].join(10)
            gates[victim] = start(victim, 100 + round_)
    finally:
        for gate in gates:
            gate.kill()
            gate.join(10)
    assert path.stat().st_size == 64 + 20 * limit
    # The seats of the dead come free by themselves, and all of them.
    until_now(lambda: watcher.held(time.monotonic()) == 0, 10, "seats of dead gates stay held")
    claimed = [watcher.claim(time.monotonic()) for _ in range(limit)]
    assert len({ticket(c).seat for c in claimed}) == limit


def test_a_gate_that_opens_the_table_waits_a_moment_for_another_one(tmp_path: Path) -> None:
    import fcntl

    Seats(tmp_path / "t", 2, HOLD_S).close()
    Board(tmp_path / "b").close()
    for name in ("t", "b"):
        other = os.open(tmp_path / name, os.O_RDWR)
        fcntl.flock(other, fcntl.LOCK_EX)
        release = threading.Timer(0.2, os.close, (other,))
        release.start()
        opened = Seats(tmp_path / "t", 2, HOLD_S) if name == "t" else Board(tmp_path / "b")
        opened.close()
        release.join()


def test_a_ticket_in_many_hands_is_sent_to_the_door_and_in_very_many_is_void(
    tmp_path: Path,
) -> None:
    one, other = Seats(tmp_path / "t", 10, 60.0), Seats(tmp_path / "t", 10, 60.0)
    shown = ticket(one.claim(100.0))
    # A listener with some tabs: one or two playlists a second each.
    for tenth in range(1_000, 1_300):
        assert one.touch(shown, tenth / 10)
    # Twenty share it, over both gates.
    taken = sum(gates.touch(shown, 140.0 + n / 100) for n in range(50) for gates in (one, other))
    assert SHARED_PER_S <= taken <= SHARED_PER_S + 2
    assert one.shared + other.shared == 100 - taken
    assert one.touch(shown, 142.0)
    # Who listens by lean.json is seen ahead: that is no way around.
    assert one.touch(shown, 143.0, 72.0)
    assert sum(one.touch(shown, 144.5) for _ in range(80)) == SHARED_PER_S
    for _ in range(VOID * SHARED_PER_S + 2):
        one.touch(shown, 146.0)
    assert one.voided == 1
    assert not other.touch(shown, 147.0)
    assert one.held(147.0) == 0

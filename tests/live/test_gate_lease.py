"""Seats among several machines: never more than there are, whoever joins, dies or is cut off."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from samvad.base.errors import PlainError
from samvad.gate.lease import Lease, Use
from samvad.gate.seats import NoSeat, Seats
from samvad.gate.store import Store
from samvad.protocol.room import Phase, RoomState
from samvad.protocol.ticket import Ticket
from tests.kit.gates import EVENT, START_MS, Programme, StageDouble, a_plan, running_gates
from tests.kit.store import StoreServer, running_store
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("store")]

LEASE_S = 60.0
HOLD_S = 10_000.0


class Machine:
    """One machine of a house: a table, a lease, a store that it reaches or not."""

    def __init__(self, house: "Houses", name: str) -> None:
        self.house, self.name = house, name
        self.path = Path(f"/dev/shm/samvad-lease-{os.getpid()}-{random.random()}")
        self.store = Store(house.server.url, name, LEASE_S)
        self.reached = True
        self.tickets: list[Ticket] = []
        self.boot()

    def boot(self) -> None:
        """Begin anew, with an empty table and no lease: all its listeners are gone."""
        self.path.unlink(missing_ok=True)
        self.seats = Seats(self.path, 0, HOLD_S)
        self.lease = Lease(LEASE_S)
        self.tickets = []
        self.alive = True

    def second(self) -> None:
        """What leads.py does each second."""
        now = self.house.now
        use = Use(self.house.limit, self.seats.held(now), self.house.waiting, 10.0, 1.0)
        asked = self.lease.ask(now, use)
        if self.reached:
            grant = self.store.lease(self.house.event, asked, int(now * 1000))
            self.lease.take(now, asked, grant)
        self.obey()

    def obey(self) -> None:
        now = self.house.now
        self.seats.set_limit(self.lease.limit(now))
        if now >= self.lease.until:
            self.seats.reduce(now, 0)

    def join(self) -> None:
        self.obey()
        claimed = self.seats.claim(self.house.now)
        if not isinstance(claimed, NoSeat):
            self.tickets.append(Ticket(*claimed, 1))

    def held(self) -> int:
        return self.seats.held(self.house.now) if self.alive else 0

    def close(self) -> None:
        self.seats.close()
        self.store.close()
        self.path.unlink(missing_ok=True)


class Houses(RuleBasedStateMachine):
    """Three machines and one store, in any order of events."""

    server: StoreServer
    which = st.integers(0, 2)

    @initialize(limit=st.integers(1, 60), waiting=st.sampled_from([0, 5, 500]))
    def open(self, limit: int, waiting: int) -> None:
        self.now, self.limit, self.waiting = 1_000.0, limit, waiting
        self.event = f"e{random.random()}"
        self.machines = [Machine(self, f"m{n}") for n in range(3)]
        self.pass_seconds(5)

    def pass_seconds(self, count: int) -> None:
        for _ in range(count):
            self.now += 1.0
            for machine in self.machines:
                if machine.alive:
                    machine.second()

    @rule(seconds=st.sampled_from([1, 2, 5, 20, 70]))
    def time_passes(self, seconds: int) -> None:
        self.pass_seconds(seconds)

    @rule(which=which, count=st.integers(1, 40))
    def join(self, which: int, count: int) -> None:
        if self.machines[which].alive:
            for _ in range(count):
                self.machines[which].join()

    @rule(which=which, count=st.integers(1, 40))
    def leave(self, which: int, count: int) -> None:
        machine = self.machines[which]
        for ticket in machine.tickets[:count]:
            machine.seats.leave(ticket)
        del machine.tickets[:count]

    @rule(which=which)
    def die(self, which: int) -> None:
        self.machines[which].alive = False

    @rule(which=which)
    def come_back(self, which: int) -> None:
        if not self.machines[which].alive:
            self.machines[which].seats.close()
            self.machines[which].boot()

    @rule(which=which)
    def be_cut_off(self, which: int) -> None:
        self.machines[which].reached = False

    @rule(which=which)
    def reach_it_again(self, which: int) -> None:
        self.machines[which].reached = True

    @rule()
    def the_store_loses_everything(self) -> None:
        # Those who are cut off at that moment are the one thing it can never know of.
        if all(machine.reached for machine in self.machines if machine.alive):
            with self.server.client() as client:
                client.flushall()
            self.pass_seconds(4)

    @invariant()
    def never_more_than_there_are(self) -> None:
        if hasattr(self, "machines"):
            assert sum(machine.held() for machine in self.machines) <= self.limit

    def teardown(self) -> None:
        if hasattr(self, "machines"):
            for machine in self.machines:
                machine.close()


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    with running_store() as store:
        yield store


def test_any_order_of_events(server: StoreServer) -> None:
    Houses.server = server
    case = Houses.TestCase()
    case.settings = settings(
        max_examples=40,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case.runTest()


class Two:
    """Two machines and their leases, without tables: what is held is what the test says."""

    def __init__(self, server: StoreServer, seats: int) -> None:
        self.now, self.seats = 1_000.0, seats
        self.event = f"e{random.random()}"
        self.stores = [Store(server.url, f"m{n}", LEASE_S) for n in range(2)]
        self.leases = [Lease(LEASE_S) for _ in range(2)]
        self.held, self.waiting = [0, 0], [0, 0]
        self.dead: set[int] = set()

    def second(self, count: int = 1) -> list[int]:
        for _ in range(count):
            self.now += 1.0
            for n in {0, 1} - self.dead:
                use = Use(self.seats, self.held[n], self.waiting[n], 100.0)
                asked = self.leases[n].ask(self.now, use)
                grant = self.stores[n].lease(self.event, asked, int(self.now * 1000))
                self.leases[n].take(self.now, asked, grant)
        return [lease.limit(self.now) for lease in self.leases]

    def close(self) -> None:
        for store in self.stores:
            store.close()


@pytest.fixture
def two(server: StoreServer) -> Iterator[Two]:
    two = Two(server, 1_000)
    yield two
    two.close()


def test_seats_go_where_the_traffic_is_and_come_back(two: Two) -> None:
    assert sum(two.second(6)) < 100, "nobody is there: a few each"
    two.waiting = [10_000, 0]
    one, other = two.second(3)
    assert one >= 500
    assert other <= 20
    two.held, two.waiting = [900, 0], [0, 10_000]
    one, other = two.second(4)
    assert one <= 900 + 20
    assert other >= 60, "the rest goes to where people wait"
    two.held = [100, 0]
    one, other = two.second(5)
    assert one <= 120
    assert other >= 500, "what is not used comes back"
    assert one + other <= 1_000


def test_a_dead_machines_seats_come_back_when_its_lease_is_over(two: Two) -> None:
    two.second(5)
    two.waiting = [10_000, 10_000]
    two.second(5)
    two.held, two.waiting = [500, 400], [0, 10_000]
    two.second(3)
    two.dead = {0}
    assert two.second(30)[1] <= 500
    assert two.second(40)[1] > 500


def test_a_line_gets_its_share_when_there_is_not_enough_for_both(two: Two) -> None:
    two.second(5)
    two.held, two.waiting = [490, 490], [900, 100]
    one, other = two.second(1)
    assert one + other <= 1_000
    assert one >= other


def test_what_is_no_address_of_a_store_is_said_so() -> None:
    with pytest.raises(PlainError, match=r"gate\.store"):
        Store("nonsense", "m", LEASE_S)


# -- real gates on two machines ---------------------------------------------------------------


def test_two_machines_share_the_seats_and_add_up_their_counts(
    tmp_path: Path, server: StoreServer
) -> None:
    env = {"SAMVAD_GATE_STORE": server.url}
    with (
        running_gates(tmp_path / "a", 2, env | {"SAMVAD_GATE_MACHINE": "a"}) as one,
        running_gates(tmp_path / "b", 2, env | {"SAMVAD_GATE_MACHINE": "b"}) as other,
    ):
        both = (one, other)
        stages = [StageDouble(gates.folders) for gates in both]
        for gates, stage in zip(both, stages, strict=True):
            gates.plans.write(a_plan(seats=40))
            programme = Programme(gates.secret)
            stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
            stage.say(*programme.segments(3))
        admitted = {id(one): 0, id(other): 0}
        waiting = {id(one): "", id(other): ""}

        def fill() -> bool:
            for gates in both:
                said = gates.knock(place=waiting[id(gates)])
                waiting[id(gates)] = said.get("place", "")
                admitted[id(gates)] += said.get("verdict") == "admit"
            return sum(admitted.values()) == 40

        until_now(fill, 30, lambda: f"{admitted}: {one.log.read_text()[-500:]}", every=0.02)
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            assert not any(g.knock().get("verdict") == "admit" for g in both)
        assert min(admitted.values()) > 0

        def told() -> bool:
            counts = [g.get(f"/live/{EVENT}/state.json").json["counts"] for g in both]
            return all((c["admitted"], c["seats"], c["joined"]) == (40, 40, 40) for c in counts)

        until_now(told, 10, lambda: other.get(f"/live/{EVENT}/state.json").text)
        # A ticket of one machine is none of the other's.
        ticket = one.knock(place=waiting[id(one)]).get("ticket")
        assert ticket is None
        for stage in stages:
            stage.close()


def test_a_store_that_is_away_puts_nobody_out(tmp_path: Path) -> None:
    with running_store() as mine:
        env = {"SAMVAD_GATE_STORE": mine.url, "SAMVAD_GATE_MACHINE": "a"}
        with running_gates(tmp_path, 2, env) as gates:
            stage, programme = StageDouble(gates.folders), Programme(gates.secret)
            gates.plans.write(a_plan(seats=40))
            stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
            stage.say(*programme.segments(3))
            said = {"place": ""}

            def let_in() -> bool:
                said.update(gates.knock(place=said["place"]))
                return said.get("verdict") == "admit"

            until_now(let_in, 15, "not let in")
            mine.process.kill()
            mine.process.wait(10)
            with pytest.raises(redis.RedisError), mine.client() as client:
                client.ping()
            until_now(lambda: "does not answer" in gates.log.read_text(), 10, "nobody noticed")
            assert gates.get(said["play"]).status == 200
            assert gates.knock(ticket=said["ticket"])["verdict"] == "admit"
            stage.close()

"""The gate process that leads: posture, proof of work, and the record of an incident."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samvad.base.clock import Moment
from samvad.gate import posture
from samvad.gate.counters import COUNTERS, Reading
from samvad.gate.detect import State
from samvad.gate.leader import CALM_S, Leader
from samvad.gate.sight import Sight, gather, sight_path
from samvad.protocol import incident_order
from samvad.protocol.incident import Cause, judge, together

START_MS = 1_790_000_000_000


class Rig:
    """A leader whose machine counts what a test says; its facts in the order of time."""

    def __init__(self, run: Path, proof: str = "attack") -> None:
        self.run, self.now = run, 1_000.0
        self.values = {about.name: 0 for about in COUNTERS}
        self.facts: list[tuple[int, dict[str, Any]]] = []
        self.listening = 10
        self.leader = self.another(proof)

    def another(self, proof: str = "attack") -> Leader:
        return Leader(
            self.run,
            1,
            proof,
            gates=lambda now: {0: Reading(1, True, dict(self.values))},
            opened=lambda at: {"event": self.listening},
            may_join_per_s=lambda: 50.0,
            diary=self,  # type: ignore[arg-type]
        )

    def note(self, event: str, kind: str, at_ms: int, **data: Any) -> None:
        assert (event, kind) == ("event", "incident")
        self.facts.append((at_ms, json.loads(json.dumps(data))))

    @property
    def at(self) -> Moment:
        return Moment(self.now, START_MS + int(self.now * 1000))

    def seconds(self, count: int, **grow: int) -> None:
        for _ in range(count):
            self.now += 1.0
            for name, amount in grow.items():
                self.values[name] += amount
            self.leader.each_second(self.at)

    @property
    def posture(self) -> posture.Posture:
        return posture.read(posture.posture_path(self.run))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    rig.seconds(5, answers_2xx=1_000)
    yield rig
    rig.leader.close()


ATTACK = {"answers_2xx": 1_000, "tickets_forged": 3_000, "knocks_bare": 400}


def test_an_attack_is_told_to_all_within_seconds_and_the_door_asks_for_work(rig: Rig) -> None:
    assert rig.posture.state is State.QUIET
    rig.seconds(3, **ATTACK)
    assert rig.posture.state is State.ATTACK
    assert rig.posture.effort >= 3  # 400 knock where 50 may come in
    assert rig.posture.incident
    rig.seconds(35, answers_2xx=1_000)
    assert rig.posture.state is State.QUIET
    assert rig.posture.effort == 0


def test_another_process_goes_on_when_the_leader_is_gone(rig: Rig) -> None:
    rig.seconds(3, **ATTACK)
    incident = rig.posture.incident
    other = rig.another()
    before = list(rig.facts)
    other.each_second(rig.at)
    assert rig.facts == before  # there is one that leads
    rig.leader.close()
    rig.leader = other
    rig.seconds(80, **ATTACK)
    assert rig.posture.incident == incident
    assert len({data["id"] for _, data in rig.facts}) == 1


def test_the_record_of_a_planted_mix_says_what_it_was(rig: Rig) -> None:
    rig.seconds(200, **ATTACK)
    rig.seconds(int(CALM_S) + 40, answers_2xx=1_000)
    (incident,) = together(rig.facts, "event")
    assert incident.opened_by == "detector"
    assert incident.to_ms is not None
    attacked = [minute for minute in incident.minutes if minute.state == "attack"]
    verdict = judge(attacked)
    assert verdict.cause is Cause.BOTH
    assert verdict.share == pytest.approx(0.75, abs=0.1)
    assert all(minute.lowest == 10 for minute in incident.minutes)


def test_demand_alone_is_what_an_operator_may_find(rig: Rig) -> None:
    incident_order.write(rig.run, True, "Asha")
    rig.seconds(150, answers_2xx=2_000, connections_accepted=400, admitted=300)
    assert rig.posture.state is State.SURGE
    incident_order.write(rig.run, False, "Asha")
    rig.seconds(2, answers_2xx=2_000)
    (incident,) = together(rig.facts, "event")
    assert (incident.opened_by, incident.closed_by) == ("Asha", "Asha")
    assert judge(incident.minutes).cause is Cause.DEMAND


def test_a_surge_that_listeners_feel_is_an_incident(rig: Rig) -> None:
    rig.seconds(10, answers_2xx=2_000, connections_accepted=400)
    assert rig.posture.incident == ""
    rig.seconds(5, answers_2xx=2_000, answers_5xx=300, connections_accepted=400)
    assert rig.posture.incident


@pytest.mark.parametrize(("proof", "effort"), [("always", 1), ("never", 0)])
def test_proof_of_work_by_setting(tmp_path: Path, proof: str, effort: int) -> None:
    rig = Rig(tmp_path, proof)
    rig.seconds(5, answers_2xx=100)
    assert (rig.posture.effort > 0) == (effort > 0)
    rig.leader.close()


def test_sights_of_several_processes_are_one(tmp_path: Path) -> None:
    for index in range(2):
        sight = Sight()
        sight.turn(START_MS)
        for number in range(200):
            sight.came(f"10.0.{index}.{number}")
            sight.came(f"10.0.9.{number}")
        sight.harmed("203.0.113.7", 500)
        sight.harmed(f"198.51.{index}.7", 100)
        sight.write(sight_path(tmp_path, index))
    seen = gather((sight_path(tmp_path, i) for i in range(3)), START_MS // 60_000)
    assert seen.newcomers == pytest.approx(600, rel=0.05)
    assert seen.harmful == 3
    assert seen.networks[0] == ("203.0.113.0/24", 1_000)
    assert gather([sight_path(tmp_path, 0)], 0).newcomers == 0

"""The ladder in real gate processes: climbed by one, followed by all; what each rung does."""

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samvad.protocol.ladder import EFFECTS, Rung
from samvad.protocol.plan import EventPlan
from samvad.protocol.room import LadderOrder, Phase, RoomState
from tests.kit.gates import (
    EVENT,
    LOOKS,
    START_MS,
    Gates,
    Programme,
    StageDouble,
    a_plan,
    running_gates,
)
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]

LADDER = tuple(
    Rung(effect, after_s=1.0, back_after_s=1.0, says={"en": f"Now {effect}."}) for effect in EFFECTS
)
LIVE = RoomState(EVENT, Phase.LIVE, START_MS)


class Show:
    """Two gate processes, a programme on air, and orders for its ladder."""

    def __init__(self, gates: Gates, **plan: Any) -> None:
        self.gates = gates
        self.plan: EventPlan = a_plan(ladder=LADDER, **plan)
        gates.plans.write(self.plan)
        programme = Programme(gates.secret)
        self.stage = StageDouble(gates.folders)
        self.stage.say(LIVE, *programme.inits(), *programme.segments(10))
        until_now(
            lambda: [self.said()["state"] for _ in range(LOOKS)] == ["live"] * LOOKS, 10, "not live"
        )

    def said(self) -> Any:
        reply = self.gates.get(f"/live/{EVENT}/state.json")
        return reply.json if reply.status == 200 else {"state": None}

    def serving(self) -> Any:
        return self.gates.get(f"/door/{EVENT}/serving.json").json

    def order(self, mode: str, rung: int = 0, by: str = "Asha") -> None:
        order = LadderOrder(mode, rung, by, int(time.time() * 1000))
        self.stage.say(dataclasses.replace(LIVE, ladder=order))

    def force(self, effect: str) -> None:
        """Go to the rung of this effect, and wait until every process follows."""
        n = EFFECTS.index(effect) + 1
        self.order("force", n)
        self.stands_on(n)

    def stands_on(self, n: int) -> None:
        def all_do() -> bool:
            told = [(self.said()["rung"] or {"n": 0})["n"] for _ in range(LOOKS)]
            return told == [n] * LOOKS

        until_now(all_do, 10, lambda: f"not on rung {n}: {self.said()['rung']}")


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    with running_gates(tmp_path, 2) as gates:
        show = Show(gates, seats=10, floor=2, promise_min=5)
        yield show
        show.stage.close()


def test_every_rung_does_what_it_says(show: Show) -> None:
    gates = show.gates
    inside = [gates.knock() for _ in range(4)]
    assert {v["verdict"] for v in inside} == {"admit"}
    show.force("plain")
    told = show.said()
    assert (told["latency"], told["lean"]) == ("plain", None)
    rung = told["rung"]
    assert (rung["n"], rung["of"], rung["effects"], rung["by"]) == (1, 8, ["plain"], "force")
    assert rung["says"] == {"en": "Now plain."}
    assert abs(rung["since_ms"] - time.time() * 1000) < 15_000
    assert show.serving()["rung"] == rung
    show.force("long")
    assert show.said()["latency"] == "long"
    show.force("lean_new")
    assert show.said()["lean"] == "new"
    show.force("lean_all")
    assert show.said()["lean"] == "all"
    show.force("closed")
    stranger = gates.knock()
    assert (stranger["verdict"], stranger["reason"]) == ("refuse", "closed")
    assert show.serving()["door"] == "closed"
    assert gates.knock(ticket=inside[0]["ticket"])["verdict"] == "admit"
    show.force("floor")

    def who_is_in() -> list[str]:
        again = [gates.knock(ticket=v["ticket"]) for v in inside]
        return [v["verdict"] if v["verdict"] == "admit" else v["reason"] for v in again]

    until_now(lambda: sorted(who_is_in()) == ["admit", "admit", "reduced", "reduced"], 10)
    show.force("later")
    promised_ms = show.said()["promise_ms"]
    assert promised_ms % 900_000 == 0
    assert promised_ms > time.time() * 1000 + 3_600_000
    assert show.serving()["promise_ms"] == promised_ms
    # All the way back: the house fills again, the promise is taken back with the rung.
    show.order("force", 0)
    show.stands_on(0)
    assert show.said()["promise_ms"] is None
    assert show.said()["latency"] == "low"
    until_now(lambda: gates.knock()["verdict"] == "admit", 10, "the door stays closed")
    until_now(lambda: show.said()["counts"]["refused"] >= 1, 5, "nobody counts the refused")
    kinds = journal(gates, "rung")
    assert [k["n"] for k in kinds] == [1, 2, 3, 4, 6, 7, 8, 0]
    assert {(k["by"], k["who"]) for k in kinds} == {("force", "Asha")}
    assert [k["by_ms"] for k in journal(gates, "promise")] == [promised_ms]


def test_a_closed_door_keeps_the_line(show: Show) -> None:
    gates = show.gates
    gates.plans.write(dataclasses.replace(show.plan, seats=2, revision=2))
    until_now(
        lambda: [show.said()["counts"]["seats"] for _ in range(LOOKS)] == [2] * LOOKS,
        5,
        "no such plan",
    )
    inside = [gates.knock() for _ in range(2)]
    waits = gates.knock()
    assert waits["verdict"] == "wait"
    show.force("closed")
    gates.leave(inside[0]["ticket"])
    time.sleep(0.5)  # five chances to call somebody
    assert show.serving()["serving"] == 0
    assert gates.knock(place=waits["place"])["number"] == 1
    show.order("auto")
    until_now(
        lambda: gates.knock(place=waits["place"])["verdict"] == "admit",
        15,
        lambda: json.dumps(show.serving()),
    )


def test_another_gate_goes_on_climbing_when_the_climber_dies(show: Show) -> None:
    show.force("long")
    for index, process in enumerate(list(show.gates.processes)):
        process.kill()
        process.wait(10)
        until_now(lambda: (show.said()["rung"] or {}).get("n") == 2, 5, "the rung is lost")
        show.force("plain" if index else "coarse")
        show.force("long")
        show.gates.start(index)
        show.gates.processes.remove(process)
        show.gates.wait_healthy()
    show.order("hold")
    until_now(lambda: show.said()["rung"]["by"] == "hold", 10, "nobody holds it")
    show.stands_on(2)


def test_seats_in_use_climb_a_rung_and_leave_it(tmp_path: Path) -> None:
    rungs = (Rung("plain", {"seats": 0.5}, {"seats": 0.3}, after_s=1.0, back_after_s=1.0),)
    with running_gates(tmp_path, 2) as gates:
        show = Show(gates, seats=4)
        gates.plans.write(dataclasses.replace(show.plan, ladder=rungs, revision=2))
        inside = [gates.knock()["ticket"] for _ in range(2)]
        show.stands_on(1)
        assert show.said()["rung"]["by"] == "load"
        for ticket in inside:
            gates.leave(ticket)
        show.stands_on(0)
        assert [k["by"] for k in journal(gates, "rung")] == ["load", "load"]
        show.stage.close()


def journal(gates: Gates, kind: str) -> list[dict[str, Any]]:
    """Facts of a kind that the gates have written, in the order of time."""
    facts = []
    for path in gates.folders.journal.glob("gate-*"):
        for line in path.read_text().splitlines():
            fact = json.loads(line)
            if fact["kind"] == kind:
                facts.append((fact["at_ms"], fact["data"]))
    return [data for _, data in sorted(facts, key=lambda f: f[0])]

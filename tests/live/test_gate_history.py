"""What the gates tell the console: the same from each, a row a second, whoever is killed."""

import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samvad.gate.figures import FIELDS
from samvad.gate.history import history_path, open_to_write, read, remove_if_old
from samvad.protocol.figures import KEPT_S, from_dict
from samvad.protocol.room import LadderOrder, Phase, RoomState
from tests.kit.gates import EVENT, Gates, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

T = 1_790_000_000_000


def values(listening: float) -> dict[str, float]:
    return dict.fromkeys(FIELDS, 0.0) | {"listening": listening}


def listening(rows: list[Any]) -> list[tuple[int, float]]:
    return [(at, row["listening"]) for at, row in rows]


def test_one_writes_and_the_next_goes_on(tmp_path: Path) -> None:
    path = history_path(tmp_path, EVENT)
    first = open_to_write(path)
    assert first is not None
    assert open_to_write(path) is None
    first.put(T + 10, values(1))
    first.put(T + 1010, values(2))
    first.close()
    second = open_to_write(path)
    assert second is not None
    second.put(T + 2500, values(3))
    assert listening(read(path, 0, T + 3000)) == [(T + 10, 1), (T + 1010, 2), (T + 2500, 3)]
    # Also the row before what was asked for, so that there is something to count from.
    assert listening(read(path, T + 1010, T + 3000)) == [(T + 1010, 2), (T + 2500, 3)]
    second.close()


def test_it_holds_a_quarter_of_an_hour_and_is_removed_after(tmp_path: Path) -> None:
    path = history_path(tmp_path, EVENT)
    history = open_to_write(path)
    assert history is not None
    for second in range(2500):
        history.put(T + second * 1000, values(second))
    now = T + 2499 * 1000
    rows = read(path, 0, now)
    assert len(rows) == KEPT_S
    assert [row["listening"] for _, row in rows] == list(range(2500 - KEPT_S, 2500))
    size = path.stat().st_size
    assert size < 200_000
    remove_if_old(path, now + KEPT_S * 1000)  # somebody writes it
    assert path.exists()
    history.close()
    remove_if_old(path, now)  # somebody would read it
    assert path.exists()
    remove_if_old(path, now + KEPT_S * 1000)
    assert not path.exists()
    assert read(path, 0, now) == []


def test_a_file_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    path = history_path(tmp_path, EVENT)
    history = open_to_write(path)
    assert history is not None
    history.put(T, values(1))
    history.close()
    path.write_bytes(b"x" * 100)
    assert read(path, 0, T) == []
    history = open_to_write(path)
    assert history is not None
    history.put(T, values(2))
    assert listening(read(path, 0, T)) == [(T, 2)]
    history.close()


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    with running_gates(tmp_path, 3) as running:
        running.plans.write(a_plan(seats=5))
        yield running


@pytest.fixture
def stage(gates: Gates) -> Iterator[StageDouble]:
    """On air."""
    double = StageDouble(gates.folders)
    double.say(RoomState(EVENT, phase=Phase.LIVE, live_since_ms=T))
    until_now(lambda: gates.counter("uplink_up") == 3, 20, "uplinks")
    yield double
    double.close()


def told(gates: Gates, query: str = "", event: str = EVENT) -> Any:
    reply = gates.admin(f"/events/{event}.json{query}")
    return reply.json if reply.status == 200 else {"at_ms": [], "status": reply.status}


@pytest.mark.slow
def test_each_process_tells_the_same_and_a_kill_tears_no_hole(
    gates: Gates, stage: StageDouble
) -> None:
    until_now(lambda: len(told(gates)["at_ms"]) >= 2, 10, "rows")
    assert [gates.knock()["verdict"] for _ in range(6)] == ["admit"] * 5 + ["wait"]
    until_now(lambda: told(gates)["figures"]["admitted"][-1] == 5, 10, "seats in the figures")
    assert told(gates)["figures"]["in_line"][-1] == 1
    for _ in range(3):
        gates.get("/live/nothing")
    figures = from_dict(until_now(lambda: _grown(told(gates)), 10, "rates"))
    assert (figures.alive, figures.of) == (3, 3)
    assert sum(v or 0 for v in figures.columns["joins_per_s"]) > 0
    assert sum(v or 0 for v in figures.columns["requests_per_s"]) > 0
    assert sum(v or 0 for v in figures.columns["mbit"]) > 0
    assert sum(v or 0 for v in figures.columns["cpu_sum"]) > 0
    assert {v for v in figures.columns["rung"] if v is not None} == {0}

    # Whoever answers (the kernel chooses by the connection): the same rows.
    since = f"?since={figures.at_ms[0]}"
    upto = figures.at_ms[-1]
    answers = {_upto(told(gates, since), upto) for _ in range(12)}
    assert len(answers) == 1
    assert json.loads(answers.pop())["at_ms"] == list(figures.at_ms[1:])
    assert told(gates, f"?since={upto + 60_000}")["at_ms"] == []

    # The one that writes is killed (each in turn, so it is among them): another goes on.
    for index in (0, 1):
        gates.processes[index].send_signal(signal.SIGKILL)
        gates.processes[index].wait(10)
        newest = told(gates)["at_ms"][-1]
        until_now(lambda n=newest: told(gates)["at_ms"][-1] > n, 10, "a row after the kill")
        gates.start(index)
        gates.wait_healthy()
        until_now(lambda: gates.counter("uplink_up") == 3, 20, "the uplink of the new one")
    rows = told(gates)["at_ms"]
    assert rows[0] == figures.at_ms[0]
    assert max(later - earlier for earlier, later in itertools.pairwise(rows)) < 6_000


def _grown(answer: Any) -> Any:
    return answer if sum(v or 0 for v in answer["figures"]["joins_per_s"]) else None


def _upto(answer: Any, at_ms: int) -> str:
    rows = sum(at <= at_ms for at in answer["at_ms"])
    columns = {name: column[:rows] for name, column in answer["figures"].items()}
    return json.dumps({"at_ms": answer["at_ms"][:rows], "figures": columns})


@pytest.mark.slow
def test_an_event_that_is_not_on_is_watched_once_it_was_asked_for(gates: Gates) -> None:
    other = "event00002"
    gates.plans.write(a_plan(event=other, slug="other", doors_ms=T * 2, starts_ms=T * 2))
    until_now(lambda: len(told(gates, event=other)["at_ms"]) >= 2, 15, "rows")


@pytest.mark.slow
def test_the_rung_that_is_ordered_is_in_the_figures(gates: Gates, stage: StageDouble) -> None:
    order = LadderOrder("force", 2, "Asha", T)
    room = RoomState(EVENT, phase=Phase.LIVE, live_since_ms=T, ladder=order)
    stage.say(room)
    until_now(lambda: 2 in told(gates)["figures"]["rung"][-1:], 15, "rung 2")
    figures = told(gates)["figures"]
    assert figures["cpu"][-1] is not None
    assert figures["p99_ms"][-1] is not None
    assert figures["attack"][-1] == 0


@pytest.mark.slow
def test_what_is_asked_wrongly(gates: Gates) -> None:
    assert gates.admin("/events/nosuchevent.json").status == 404
    assert gates.admin("/events/../secret.json").status == 404
    assert gates.admin(f"/events/{EVENT}.json?since=-1").status == 400
    assert gates.admin(f"/events/{EVENT}.json?since=1&x=2").status == 400
    assert gates.get(f"/events/{EVENT}.json").status == 404  # nothing for the crowd

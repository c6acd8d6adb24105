"""Whole rehearsals against small events with planted faults: each turns the verdict, by name."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from samvad.base.errors import PlainError
from samvad.rehearsal.conductor import Rehearsal
from samvad.rehearsal.pacer import Shape
from samvad.rehearsal.promise import Promise
from samvad.rehearsal.record import Row
from samvad.rehearsal.report import page
from samvad.rehearsal.scenario import Phase, Scenario, Wave
from tests.kit.bad_evening import BadEvening
from tests.kit.until import until_now

pytestmark = pytest.mark.slow

# What these tests are about is what the server does: the machine may be busy with others.
CALM = Promise(own_late_s=30.0, late=0.05, pauses=2)
SMALL = Scenario(
    name="small",
    title="A small evening",
    says="Some come.",
    listeners=24,
    for_s=11.0,
    waves=(Wave("herd", 1.0, 0.0, 2.0),),
    phases=(Phase("herd", 0.0, 6.0), Phase("listening", 6.0, 11.0)),
    promise=CALM,
    shape=Shape.UNIFORM,
    habits={"assets": True, "timeout_s": 6.0},
    full_share=0.0,
)


def rehearse(evening: BadEvening, **changes: Any) -> dict[str, Any]:
    rows: list[Row] = []
    try:
        told = Rehearsal(replace(SMALL, **changes), evening.page).run(rows.append)
    finally:
        evening.close()
    assert len(rows) >= 3
    assert "<h1" in page(told)
    return told


def broken(told: dict[str, Any]) -> dict[str, str]:
    return {f["name"]: f["says"] for f in told["findings"] if not f["kept"]}


def test_a_good_evening_is_kept() -> None:
    told = rehearse(BadEvening())
    assert told["verdict"] == "kept", told["why"]
    assert (told["arrived"], told["admitted"], told["errors"]) == (24, 24, 0)
    assert told["playing_peak"] == 24
    assert told["first_sound_ms"]["p99"] < 4000


def test_a_line_that_keeps_its_word_is_kept() -> None:
    told = rehearse(BadEvening(seats=10), promise=replace(CALM, seats=24))
    assert told["verdict"] == "kept", told["why"]
    assert told["waited"] == 14
    assert told["line"]["honest"] == 14
    assert len(told["line"]["waits_s"]) == 14
    # The wait is no part of the time to the first sound.
    assert told["wait_ms"]["p50"] >= 2900
    assert told["first_sound_ms"]["p50"] < 2500


def test_the_herd_comes_as_the_doors_open() -> None:
    evening = BadEvening(doors_in_s=9.0)
    came: list[float] = []
    scenario = replace(SMALL, waves=(Wave("herd", 1.0, 2.0, 0.5),), for_s=5.0)
    Rehearsal(scenario, evening.page, at_doors=True).run(
        lambda row: came.append(time.monotonic() - evening.began if row.arrived else 0.0)
    )
    evening.close()
    # Two seconds into the rehearsal, nine into the evening; noticed within a second or two.
    assert 9.0 <= next(at for at in came if at) <= 12.5
    late = BadEvening()
    with pytest.raises(PlainError, match="open already"):
        Rehearsal(scenario, late.page, at_doors=True).run(lambda row: None)
    late.close()


Planted = tuple[str, dict[str, Any], dict[str, Any], str, str]
PLANTED: tuple[Planted, ...] = (
    ("stands still", {}, {"for_s": 26.0}, "no pauses", "stood still"),
    ("drops segments", {}, {}, "errors: media", "media segments failed"),
    ("stale playlist", {}, {}, "fresh playlists", "stale"),
    ("oversells", {"seats": 10}, {}, "seats", "10 seats"),
    ("lies", {"seats": 10}, {}, "honest wait", "wrong wait: it said about 600 s"),
    ("leaks", {}, {"listeners": 80}, "connections end", "leaks connections"),
    ("waiting page fails", {"seats": 10}, {}, "errors: serving", "waiting page"),
    ("renumbers", {"seats": 10}, {}, "order of the line", "numbers changed"),
)


@pytest.mark.parametrize(
    ("fault", "evening", "changes", "name", "says"), PLANTED, ids=[p[0] for p in PLANTED]
)
def test_a_planted_fault_is_found_and_named(
    fault: str, evening: dict[str, Any], changes: dict[str, Any], name: str, says: str
) -> None:
    told = rehearse(BadEvening(fault, **evening), **changes)
    assert told["verdict"] == "broken"
    found = broken(told)
    assert name in found, found
    assert says in found[name]
    assert found[name] in told["why"]
    assert escape(found[name]) in page(told)


def test_a_pause_is_told_with_its_length_and_rhythm() -> None:
    told = rehearse(BadEvening("stands still"), for_s=28.0)
    says = broken(told)["no pauses"]
    assert "for up to 2 s" in says
    assert "about every 6 s" in says


def test_failures_are_laid_to_the_phase_they_happened_in() -> None:
    told = rehearse(BadEvening("waiting page fails", seats=10, fails_for_s=4.0))
    assert "during “herd”" in broken(told)["errors: serving"]


@pytest.fixture
def started() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    running: list[subprocess.Popen[str]] = []

    def start(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "samvad", "rehearse", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_command_writes_both_and_ctrl_c_ends_it_with_a_partial_report(
    started: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    evening = BadEvening()
    files = tmp_path / "out.json", tmp_path / "out.html"
    run = started(
        *(evening.page, "--listeners", "10", "--arrive", "1s", "--for", "5m", "--full", "0"),
        *("--json", str(files[0]), "--report", str(files[1])),
    )
    assert run.stderr is not None
    lines = iter(run.stderr.readline, "")
    assert any("arrived 10" in line for line in lines)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    evening.close()
    assert run.returncode == 1
    assert "broken" in out
    told = json.loads(files[0].read_text())
    assert told["partial"] is True
    assert told["verdict"] == "broken"
    assert told["arrived"] == 10
    assert "partial" in files[1].read_text()


def test_attacks_are_mixed_in_and_bounded(
    started: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    evening = BadEvening()
    run = started(
        *(evening.page, "--listeners", "5", "--arrive", "1s", "--for", "6s", "--full", "0"),
        *("--attack", "flood=40,slowloris=5,bad-tickets=20,connections=7,replay=10,hoard=4"),
        *("--json", str(tmp_path / "out.json")),
    )
    run.communicate(timeout=60)
    evening.close()
    attacks = {a["kind"]: a for a in json.loads((tmp_path / "out.json").read_text())["attacks"]}
    assert 40 * 3 <= attacks["flood"]["requests"] <= 40 * 6
    assert attacks["slowloris"]["held"] == 5
    assert attacks["connections"]["held"] == 7
    assert attacks["bad-tickets"]["answers"]["200"] > 0  # this server looks at no ticket
    assert attacks["replay"]["requests"] > 10
    assert 0 < attacks["hoard"]["answers"]["200"] <= 24
    peers = {p.split(".")[1] for p in evening.server.peers}
    assert len({p for p in peers if 200 <= int(p) <= 205}) == 6, peers  # an address space each


def test_workers_join_and_their_results_are_one(
    started: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    from tests.kit.ports import free_port

    evening, at = BadEvening(), f"127.0.0.1:{free_port()}"
    leader = started(
        *(evening.page, "--listeners", "31", "--arrive", "2s", "--for", "8s", "--full", "0"),
        *("--workers", "2", "--listen", at, "--json", str(tmp_path / "out.json")),
    )
    assert leader.stderr is not None
    lines = iter(leader.stderr.readline, "")
    assert any("Waiting for 2 workers" in line for line in lines)
    workers = [started("--join", at) for _ in range(2)]
    leader.communicate(timeout=90)
    for worker in workers:
        assert worker.wait(30) == 0
    evening.close()
    told = json.loads((tmp_path / "out.json").read_text())
    assert (told["arrived"], told["admitted"], told["errors"]) == (31, 31, 0)
    assert told["playing_peak"] == 31
    assert told["generator"]["machines"] == 3
    # Each machine has listeners of its own, and none has another's address.
    crowd = [p for p in evening.server.peers if p.startswith("127.1.")]
    assert len(set(crowd)) == 8  # four share one


def test_a_worker_ends_with_its_leader(
    started: Callable[..., "subprocess.Popen[str]"],
) -> None:
    from tests.kit.ports import free_port

    evening, at = BadEvening(), f"127.0.0.1:{free_port()}"
    leader = started(
        *(evening.page, "--listeners", "6", "--arrive", "1s", "--for", "5m", "--full", "0"),
        *("--workers", "1", "--listen", at),
    )
    assert leader.stderr is not None
    lines = iter(leader.stderr.readline, "")
    assert any("Waiting for 1 workers" in line for line in lines)
    worker = started("--join", at)
    until_now(lambda: len(evening.server.requests) > 30, 60)
    leader.kill()
    worker.wait(30)
    quiet = len(evening.server.requests)
    time.sleep(1.0)  # nothing must come any more: there is nothing to wait for
    assert len(evening.server.requests) <= quiet + 2
    evening.close()

"""What is kept, what is broken, and how it is said; pauses and the breaking point."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from samvad.base.errors import PlainError
from samvad.rehearsal import compare as comparing
from samvad.rehearsal.attack import Spoils
from samvad.rehearsal.health import Health
from samvad.rehearsal.promise import Figures, FullFigures, Promise, judge
from samvad.rehearsal.record import Record, Row, full_figures, pauses
from samvad.rehearsal.report import page
from samvad.rehearsal.result import result
from samvad.rehearsal.scenario import load
from samvad.rehearsal.sight import Sight
from samvad.rehearsal.steps import Stairs, finding
from samvad.rehearsal.tally import DOOR, MEDIA, PLAYLIST, Tally
from tests.house.tree import ROOT

GOOD = Figures(
    failed={"media": (0, 10_000, "", "")},
    answers=30_000,
    arrived=1000,
    admitted=1000,
    first_sound_p99_s=1.2,
    heard_first=1000,
    listener_hours=20.0,
    playing_peak=1000,
    seated_peak=1000,
    playlists=9000,
    seats=1000,
    opened=100,
    full=FullFigures(count=10, heard=10, behind_s=6.0),
)


def test_a_good_evening_is_kept_and_says_so() -> None:
    findings = judge(Promise(), GOOD)
    assert all(f.kept for f in findings), [f.says for f in findings if not f.kept]
    assert {"errors", "in time", "stalls", "seats", "served means heard"} <= {
        f.name for f in findings
    }


@pytest.mark.parametrize(
    ("changes", "name", "says"),
    [
        ({"failed": {"media": (100, 10_000, "404", "herd")}}, "errors: media", "during “herd”"),
        ({"failed": {"serving": (9, 90, "500", "")}}, "errors: serving", "waiting page"),
        ({"late": 600}, "in time", "2.0%"),
        ({"pauses": (5, 2.1, 30.2)}, "no pauses", "5 times, for up to 2 s, about every 30 s"),
        ({"first_sound_p99_s": 6.0}, "first sound", "6.0 s"),
        ({"stalled_listeners": 30}, "stalls", "30 of 1,000"),
        ({"lost": 100}, "nothing lost", "lost to listeners 100 times"),
        ({"went_back": 100}, "nothing lost", "went back 100 times"),
        ({"stale": 900}, "fresh playlists", "900 of 9,000 playlists were stale"),
        ({"heard_first": 500}, "let in means heard", "50.0%"),
        ({"seated_peak": 1500}, "seats", "1,500 were inside at once; the event has 1,000"),
        (
            {"queued": 90, "honest": 10, "misled": 80, "said_wait_s": 5.0, "real_wait_s": 300.0},
            "honest wait",
            "it said about 5 s, and it was 300 s",
        ),
        ({"queued": 5, "renumbered": 1}, "order of the line", "1 numbers changed"),
        ({"queued": 5, "out_of_order": 2}, "order of the line", "2 came in out of turn"),
        ({"queued": 5, "numbers_twice": 3}, "order of the line", "given twice"),
        ({"refused": 10}, "turned away", "10 of 1,000"),
        ({"leaked": 60}, "connections end", "leaks connections: 60"),
        ({"complaints": ("it was slow",)}, "generator", "prove nothing about the server"),
        (
            {"full": FullFigures(count=10, heard=5, reason="what they got was silence")},
            "served means heard",
            "Only 5 of 10",
        ),
        ({"full": FullFigures(count=10, heard=10, altered=2)}, "same for everybody", "2 media"),
        ({"full": FullFigures(count=10, heard=10, stale=3)}, "live", "stale"),
        ({"full": FullFigures(count=10, heard=10, behind_s=99.0)}, "live", "99.0 s old"),
        ({"arrived": 0}, "arrivals", "Nobody came"),
    ],
)
def test_each_promise_can_be_broken(changes: dict[str, Any], name: str, says: str) -> None:
    findings = judge(Promise(), dataclasses.replace(GOOD, **changes))
    broken = {f.name: f.says for f in findings if not f.kept}
    assert name in broken
    assert says in broken[name]
    assert not findings[0].kept  # what is broken is told first


def test_seats_of_the_scenario_go_before_those_of_the_server() -> None:
    findings = judge(Promise(seats=900), GOOD)
    assert any(f.name == "seats" and not f.kept and f.bound == 900 for f in findings)


@pytest.mark.parametrize("data", [{"erors": 0.1}, {"errors": "few"}, {"late": -1}, {"late": True}])
def test_a_promise_that_is_none(data: dict[str, Any]) -> None:
    with pytest.raises(PlainError):
        Promise.read(data)


def rows_with_pauses(at: list[int], lasts_s: float = 2.0, of: int = 100) -> list[Row]:
    return [
        Row(
            at_s=float(n),
            answers=100,
            late=30 if n in at else 1,
            longest_ms=lasts_s * 1000 if n in at else 400.0,
        )
        for n in range(of)
    ]


def test_pauses_are_counted_measured_and_timed() -> None:
    assert pauses(rows_with_pauses([])) == (0, 0.0, 0.0)
    assert pauses(rows_with_pauses([10, 40, 70])) == (3, 2.0, 30.0)
    assert pauses(rows_with_pauses([10, 11, 12, 40])) == (2, 2.0, 0.0)  # two say no rhythm
    assert pauses(rows_with_pauses([5, 10, 40, 90])) == (4, 2.0, 0.0)


def heard(**changes: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"verdict": "admit", "seconds": 20.0, "loudness_lufs": -20.0}
    about |= {"broken": 0, "jumps": 0, "stalls": 0, "stale": 0, "latency_ms": 5000}
    return about | {"waited_ms": 0, "inside_ms": 20_000} | changes


def test_full_listeners_are_judged_by_what_they_heard() -> None:
    told = [
        heard(),
        heard(loudness_lufs=None),
        heard(broken=2),
        heard(stalls=1),
        heard(verdict="refuse", seconds=0.0),
        heard(seconds=0.0, inside_ms=900),  # the end was there
        {"failed": "The playlist is gone."},
        {"altered": 3},
    ]
    found = full_figures(told)
    assert found is not None
    assert (found.count, found.heard, found.altered) == (5, 1, 3)
    assert found.behind_s == 5.0
    assert full_figures([]) is None


def a_tally(playing: int = 10, media: int = 500, failed: int = 0) -> Tally:
    tally = Tally()
    tally.arrived = tally.admitted = tally.came_in = tally.playing_now = playing
    tally.listened_s = playing * 60.0
    for _ in range(playing):
        tally.first_sound.add(0.8)
        tally.answered(DOOR, 0.01)
    for _ in range(media):
        tally.answered(MEDIA, 0.02)
        tally.answered(PLAYLIST, 0.01)
    for _ in range(failed):
        tally.failed("media 404")
    return tally


def a_result(**changes: Any) -> dict[str, Any]:
    scenario = load("night")
    record = Record(scenario.phases)
    tally, health = a_tally(**changes), Health(wall_s=3.0, cpu_s=0.5)
    for second in range(1, 6):
        record.second(float(second), tally, health, Sight(seats=50, cpu_s=second * 0.2, rung=1))
    figures = record.figures(tally, [])
    told = result(
        scenario=scenario,
        url="http://127.0.0.1:1/e/<x>",
        record=record,
        tally=tally,
        health=health,
        findings=judge(scenario.promise, figures),
        spoils=[Spoils("flood", 5, 5, {"200": 4}, 1, 3)],
        full=FullFigures(2, 2),
        knee=None,
        steps=(),
        partial=False,
        about={"version": "0", "at": "now", "machine": {"cpus": 2, "cpu": "x", "memory_gb": 1}},
        machines=1,
        processes=2,
    )
    return json.loads(json.dumps(told))


SCHEMA = json.loads((ROOT / "docs/reference/rehearsal-report.schema.json").read_text())


def test_the_result_keeps_to_its_schema() -> None:
    told = a_result()
    jsonschema.validate(told, SCHEMA)
    assert told["verdict"] == "kept", told["why"]
    lengths = {len(column) for column in told["series"].values()}
    assert lengths == {5}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told | {"verdict": "maybe"}, SCHEMA)


def test_the_report_is_one_page_that_fetches_nothing() -> None:
    told = a_result(failed=50)
    html = page(told)
    assert told["verdict"] == "broken"
    assert "The promise was broken" in html
    assert all(mark not in html for mark in ("<script", "src=", "@import", "url(", "<link"))
    assert "/e/&lt;x&gt;" in html  # what the target is called is no HTML of ours
    assert html.count("<svg") >= 6
    assert "announcement" in html


def test_two_results_are_compared() -> None:
    good, bad = a_result(), a_result(failed=50)
    assert not any(line.worse for line in comparing.compare(good, good))
    worse = {line.name for line in comparing.compare(good, bad) if line.worse}
    assert {"Verdict", "Errors", "Newly broken"} <= worse
    assert not any(line.worse for line in comparing.compare(bad, good))
    for text in (b"", b"[]", b"{}", b'{"schema": 2, "verdict": "kept"}'):
        with pytest.raises(PlainError):
            comparing.read(text)


def climb(breaks_at: int, generator: bool = False) -> Stairs:
    """Steps of 100, 200, 400, … each 10 s; from `breaks_at` listeners on, media fail."""
    stairs = [(100, 0.0), (100, 10.0), (200, 20.0), (400, 30.0)]

    def figures(tally: Tally, complaints: list[str]) -> Figures:
        return Record().figures(tally, complaints)

    climbing = Stairs(Promise(), stairs, arrive_s=5.0, every_s=10.0, figures=figures, cores=1)
    tally, health = Tally(), Health(wall_s=1.0)
    total = 0
    for second in range(1, 40):
        total += sum(count for count, at in stairs if at == second - 1)
        tally.merge(a_tally(playing=0, media=100, failed=0))
        tally.arrived = tally.came_in = tally.playing_now = total
        while tally.first_sound.total < total:
            tally.first_sound.add(0.5)
        if total >= breaks_at:
            if generator:
                health.starved = 5
            else:
                tally.failed("media reset")
        copied = Health(wall_s=1.0, starved=health.starved)
        if not climbing.second(float(second), tally, copied):
            break
    return climbing


def test_the_knee_is_the_last_step_that_was_kept() -> None:
    climbing = climb(breaks_at=400)
    knee = climbing.knee()
    assert knee.found
    assert knee.kept is not None
    assert knee.broke is not None
    assert (knee.kept.listeners, knee.kept.joins_per_s, knee.broke.listeners) == (200, 20.0, 400)
    assert len(climbing.steps) == 3  # and no more is tried
    assert "held up to 200 listeners" in finding(knee).says
    assert "media segments failed" in finding(knee).says


def test_a_generator_that_breaks_first_is_no_knee() -> None:
    knee = climb(breaks_at=400, generator=True).knee()
    assert not knee.found
    assert "the generator could do no more" in finding(knee).says


def test_no_knee_and_no_step() -> None:
    knee = climb(breaks_at=10_000).knee()
    assert (knee.found, knee.broke) == (False, None)
    assert "above that" in finding(knee).says
    assert not finding(climb(breaks_at=1).knee()).kept


def test_documents_name_every_bound(tmp_path: Path) -> None:
    text = (ROOT / "docs/reference/rehearsal-report.md").read_text()
    for field in dataclasses.fields(Promise):
        assert f"| `{field.name}` | {field.default:g} |" in text, field.name

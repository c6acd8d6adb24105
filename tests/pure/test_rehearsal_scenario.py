"""Scenarios: files, what the command line makes of them, and what a crowd is told."""

import pytest

from samvad.base.errors import PlainError
from samvad.protocol.permission import ATTACKS
from samvad.rehearsal.attack import MOST_CONNECTIONS, Attack
from samvad.rehearsal.habit import Leave, Start
from samvad.rehearsal.pacer import Shape, in_waves
from samvad.rehearsal.permit import wish_of
from samvad.rehearsal.scenario import load, names, read
from samvad.rehearsal.trial import Trial

URL = "http://127.0.0.1:1/e/x"
FILE = """
title = "T"
says = "S"
listeners = 100
for_s = 60
[[wave]]
name = "a"
share = 0.25
from_s = 0
over_s = 10
[[wave]]
name = "b"
share = 0.75
from_s = 20
over_s = 10
[drops]
share = 0.5
from_s = 30
to_s = 40
how = "silent"
[[attack]]
kind = "flood"
from_s = 20
to_s = 40
[[phase]]
name = "under attack"
from_s = 20
to_s = 40
attack = true
[promise]
late = 0.5
"""


def test_all_that_come_with_samvad_can_be_used() -> None:
    assert names() == ["breaking-point", "herd", "night", "siege", "soak", "steady"]
    for name in names():
        scenario = load(name)
        trial = scenario.trial(URL)
        trial_checked = Trial.from_json(trial.as_json())
        assert trial_checked == trial
        assert sum(count for count, _, _ in trial.waves) == trial.listeners
    night = load("night")
    assert {a.kind for a in night.attacks} >= {"flood", "slowloris", "bad-tickets", "replay"}
    assert night.habits["leave_share"] > 0.5
    assert night.habits["drop_share"] > 0


def test_a_file_becomes_a_trial() -> None:
    scenario = read("x", FILE)
    trial = scenario.trial(URL)
    assert trial.waves == ((25, 0.0, 10.0), (75, 20.0, 10.0))
    assert (trial.start, trial.leave, trial.drop_share) == (Start.PAGE, Leave.SILENT, 0.5)
    assert scenario.promise.late == 0.5
    assert scenario.trial("http://127.0.0.1:1/hls/index.m3u8").start is Start.PLAY


def test_another_length_stretches_all_times_and_arrivals_are_those_of_the_herd() -> None:
    scenario = read("x", FILE).stretched(120.0)
    assert scenario.attacks[0].from_s == 40.0
    assert scenario.phases[0].to_s == 80.0
    trial = scenario.arriving_in(5.0).trial(URL)
    assert trial.waves == ((25, 0.0, 20.0), (75, 40.0, 5.0))
    assert (trial.drop_from_s, trial.drop_to_s) == (60.0, 80.0)
    with pytest.raises(PlainError, match="do not fit"):
        scenario.arriving_in(100.0)


def test_the_siege_has_every_attack_but_the_one_that_takes_the_seats() -> None:
    siege = load("siege")
    assert {attack.kind for attack in siege.attacks} == set(ATTACKS) - {"hoard"}
    there = siege.at_stage("http://127.0.0.1:9")
    assert {attack.url for attack in there.attacks if attack.kind == "whip"} == {
        "http://127.0.0.1:9"
    }
    assert {attack.url for attack in there.attacks if attack.kind != "whip"} == {""}


def test_attacks_of_the_command_line() -> None:
    scenario = read("x", FILE)
    assert scenario.attacked_by(["none"]).attacks == ()
    assert not any(p.attack for p in scenario.attacked_by(["none"]).phases)
    slow, flood = scenario.attacked_by(["slowloris=7", "flood"]).attacks
    assert (slow.connections, slow.from_s, slow.to_s) == (7, 20.0, 60.0)
    assert flood.per_s == 500.0
    for wrong in ("tickle", "flood=many", "flood=1e9", "slowloris=0"):
        with pytest.raises(PlainError):
            scenario.attacked_by([wrong])


@pytest.mark.parametrize(
    "change",
    [
        ("listeners = 100", "listeners = 100\nwhat = 1"),
        ("share = 0.25", "share = 0.5"),
        ('title = "T"', ""),
        ("for_s = 60", "for_s = 'long'"),
        ('kind = "flood"', 'kind = "tickle"'),
        ("late = 0.5", "lateness = 0.5"),
        ('how = "silent"', 'how = "loudly"'),
        ("[promise]", "[promise"),
        ("[promise]", "[steps]\nstart = 1\ngrowth = 1\nevery_s = 10\narrive_s = 1\n[promise]"),
    ],
)
def test_files_that_cannot_be_used_say_why(change: tuple[str, str]) -> None:
    assert change[0] in FILE
    with pytest.raises(PlainError):
        read("x", FILE.replace(*change, 1))


def test_a_scenario_that_is_not_there() -> None:
    with pytest.raises(PlainError, match="no scenario"):
        load("nowhere")


def test_steps_grow_until_all_are_there() -> None:
    scenario = load("breaking-point")
    stairs = scenario.stairs()
    totals = [sum(n for n, _ in stairs[: i + 1]) for i in range(len(stairs))]
    assert totals[0] == 500
    assert totals[1] == 700
    assert totals == sorted(totals)
    assert totals[-1] <= scenario.listeners
    assert stairs[-1][1] + 15 <= scenario.for_s


def test_waves_are_one_schedule() -> None:
    times = in_waves(((3, 0.0, 3.0), (2, 10.0, 1.0)), Shape.UNIFORM)
    assert list(times) == [0.0, 1.0, 2.0, 10.0, 10.5]
    trial = Trial(URL, 5, 11.0, 20.0, waves=((3, 0.0, 3.0), (2, 10.0, 1.0)))
    trial.check()
    for waves in (((3, 0.0, 3.0),), ((3, 0.0, 3.0), (2, 19.5, 1.0)), ((5, -1.0, 2.0),)):
        with pytest.raises(PlainError):
            Trial(URL, 5, 11.0, 20.0, waves=waves).check()


def test_the_rate_asked_for_is_that_of_the_densest_moment() -> None:
    def rate(*waves: tuple[int, float, float]) -> float:
        count = sum(n for n, _, _ in waves)
        return wish_of(Trial(URL, count, 1.0, 100.0, waves=waves)).per_s

    assert rate((100, 0.0, 10.0)) == 10.0
    assert rate((100, 0.0, 10.0), (300, 10.0, 10.0)) == 30.0
    assert rate((100, 0.0, 10.0), (300, 5.0, 10.0)) == 40.0
    assert rate((50, 0.0, 0.0)) == 50.0  # at once: all in one second


def test_attacks_are_bounded() -> None:
    for per_s, connections in ((0.0, 1), (1e6, 1), (1.0, 0), (1.0, MOST_CONNECTIONS + 1)):
        with pytest.raises(PlainError):
            Attack("flood", 0.0, 1.0, per_s, connections).check()
    with pytest.raises(PlainError):
        Attack("flood", 2.0, 1.0, 1.0, 1).check()

"""Plans: written whole, read strictly, and a bad one never replaces a good one."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.plan import (
    DEFAULT_LADDER,
    DoorPlan,
    EventPlan,
    PlanError,
    PlanFolder,
    PlannedSpeaker,
    Rung,
    dumps,
    loads,
)

PLAN = EventPlan(
    event="evening1",
    slug="an-evening",
    revision=3,
    title="સંવાદ",
    seats=115_000,
    starts_ms=1_700_000_000_000,
    doors_ms=1_699_999_100_000,
    zone="America/New_York",
    on_air="host",
    speakers=(PlannedSpeaker("a1", "Asha", "host", "00" * 16),),
    pages={"en": "<!doctype html>"},
)


def test_a_plan_is_read_back() -> None:
    assert loads(dumps(PLAN)) == PLAN


def test_door_ladder_floor_and_promise_are_read_back_and_may_be_missing() -> None:
    rungs = (
        Rung("plain", {"seats": 0.5}, {"seats": 0.4}, 2.0, 30.0, {"gu": "થોડું મોડું"}),
        Rung("later"),
    )
    door = DoorPlan("invite", 500, "ab" * 32)
    plan = dataclasses.replace(PLAN, door=door, ladder=rungs, floor=9, promise_min=30)
    assert loads(dumps(plan)) == plan
    older = json.loads(dumps(PLAN))
    for name in ("door", "ladder", "floor", "promise_min"):
        del older[name]
    assert loads(json.dumps(older)) == PLAN
    assert PLAN.ladder == DEFAULT_LADDER


def test_keys_of_a_newer_version_are_ignored() -> None:
    newer = json.loads(dumps(PLAN)) | {"sundial": [1, 2]}
    assert loads(json.dumps(newer)) == PLAN


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": 2}, "schema"),
        ({"seats": "many"}, "seats"),
        ({"seats": -1}, "seats"),
        ({"seats": True}, "seats"),
        ({"event": "../etc"}, "event id"),
        ({"slug": "A b"}, "slug"),
        ({"on_air": "whenever"}, "on_air"),
        ({"speakers": [{"id": "x"}]}, "field"),
        ({"pages": {"en": 1}}, "pages"),
        ({"starts_ms": "8 pm"}, "starts_ms"),
        ({"door": {"way": "climb"}}, "door.way"),
        ({"door": {"joins_per_s": -1}}, "joins_per_s"),
        ({"door": {"passphrase_hash": 7}}, "passphrase_hash"),
        ({"door": 5}, "field"),
        ({"ladder": [1]}, "rung 1"),
        ({"ladder": [{"effect": "off"}]}, "'off'"),
        ({"floor": -1}, "floor"),
        ({"promise_min": 10**6}, "promise_min"),
    ],
)
def test_a_plan_that_cannot_be_used_says_which_part(change: dict[str, object], complaint: str):
    with pytest.raises(PlanError, match=complaint):
        loads(json.dumps(json.loads(dumps(PLAN)) | change))


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_garbage_is_a_plan_error(garbage: bytes | str) -> None:
    with pytest.raises(PlanError):
        loads(garbage)


def test_doors_open_at_their_time_and_not_after_the_end() -> None:
    assert PLAN.doors_ms is not None
    assert not PLAN.doors_open(PLAN.doors_ms - 1)
    assert PLAN.doors_open(PLAN.doors_ms)
    assert not loads(dumps(PLAN).replace('"ended": false', '"ended": true')).doors_open(2**50)


def test_a_reader_sees_each_change_once_and_a_bad_file_does_not_stop_it(tmp_path: Path) -> None:
    writer, reader = PlanFolder(tmp_path), PlanFolder(tmp_path)
    assert reader.changed() == ([], [])
    writer.write(PLAN)
    assert reader.changed() == ([PLAN], [])
    assert reader.changed() == ([], [])
    (tmp_path / "broken99.json").write_text("{")
    plans, complaints = reader.changed()
    assert plans == []
    assert len(complaints) == 1
    assert "broken99" in complaints[0]
    assert reader.changed() == ([], [])
    assert reader.read("evening1") == PLAN
    assert reader.read("broken99") is None
    assert reader.read("../evening1") is None

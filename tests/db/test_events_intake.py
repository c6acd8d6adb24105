"""Facts come up: once each, whatever crashes; and what the clock brings about."""

import datetime as dt
import json
import threading

import pytest
from django.db import OperationalError

from samvad.events import clockwork, intake, plans, service
from samvad.events.lifecycle import State
from samvad.events.models import Event, Fact, JournalCursor
from samvad.events.zones import unix_ms
from samvad.protocol.journal import (
    COUNTS,
    ENDED,
    INCIDENT,
    RECORDING_READY,
    RESUMED,
    WENT_LIVE,
    JournalWriter,
)
from samvad.protocol.plan import PlanFolder
from samvad.web import worker
from tests.kit.clock import FakeClock

pytestmark = pytest.mark.django_db(transaction=True)

AT = 1_800_000_000_000


@pytest.fixture
def stage(folders):
    writer = JournalWriter(folders.journal, "stage")
    yield writer
    writer.close()


@pytest.fixture
def evening(event, stage):
    """The facts of a whole conversation."""
    stage.append(event.pk, WENT_LIVE, AT)
    stage.append(event.pk, RESUMED, AT + 5_000)
    stage.append(event.pk, COUNTS, AT + 10_000, listening=40, admitted=50)
    stage.append(event.pk, COUNTS, AT + 20_000, listening=30, admitted=50)
    stage.append(event.pk, ENDED, AT + 60_000)
    stage.append(event.pk, RECORDING_READY, AT + 61_000, bytes=480_000, duration_ms=60_000)


def state(event):
    return Event.objects.get(pk=event.pk)


def test_an_evening_becomes_part_of_its_event(folders, event, evening):
    assert intake.take_all(folders.journal) == 6
    now = state(event)
    assert now.life is State.ENDED
    assert now.live_since == dt.datetime.fromtimestamp(AT / 1000, dt.UTC)
    assert now.ended_at == dt.datetime.fromtimestamp(AT / 1000 + 60, dt.UTC)
    assert (now.peak_listeners, now.replay_bytes, now.replay_ms) == (40, 480_000, 60_000)
    assert PlanFolder(folders.plans).read(event.pk).ended


def test_a_journal_read_twice_changes_nothing(folders, event, evening):
    intake.take_all(folders.journal)
    before = state(event)
    assert intake.take_all(folders.journal) == 0
    JournalCursor.objects.all().delete()  # as if the cursor were lost
    assert intake.take_all(folders.journal) == 0
    after = state(event)
    assert after.revision == before.revision
    assert Fact.objects.count() == 6


def test_a_torn_last_line_is_read_when_it_is_whole(folders, event, stage):
    stage.append(event.pk, WENT_LIVE, AT)
    path = folders.journal / "stage.jsonl"
    fact = {"v": 1, "writer": "stage", "seq": 2, "at_ms": AT}
    whole = json.dumps(fact | {"event": event.pk, "kind": ENDED, "data": {}})
    with open(path, "a") as torn:
        torn.write(whole[:30])
    assert intake.take_all(folders.journal) == 1
    assert state(event).life is State.LIVE
    with open(path, "a") as torn:
        torn.write(whole[30:] + "\n")
    assert intake.take_all(folders.journal) == 1
    assert state(event).life is State.ENDED


def test_a_torn_line_in_the_middle_is_passed_over(folders, event, stage):
    stage.append(event.pk, WENT_LIVE, AT)
    stage.close()
    with open(folders.journal / "stage.jsonl", "a") as torn:
        torn.write('{"v": 1, "writer": "sta')
    again = JournalWriter(folders.journal, "stage")
    again.append(event.pk, ENDED, AT + 1)
    assert intake.take_all(folders.journal) == 2
    assert state(event).life is State.ENDED
    stage._file = again._file  # closed by the fixture


def test_a_crash_between_effect_and_cursor_leaves_neither(folders, event, evening, monkeypatch):
    def crash(*args, **kwargs):
        raise RuntimeError("killed here")

    with monkeypatch.context() as broken:
        broken.setattr(JournalCursor, "save", crash)
        with pytest.raises(RuntimeError):
            intake.take_all(folders.journal)
    assert state(event).life is State.ANNOUNCED
    assert not Fact.objects.exists()
    assert intake.take_all(folders.journal) == 6
    assert state(event).life is State.ENDED


def test_a_crash_between_commit_and_plan_is_mended_in_the_next_round(
    folders, event, evening, monkeypatch
):
    def crash(event_id):
        raise RuntimeError("killed here")

    with monkeypatch.context() as broken:
        broken.setattr(plans, "write_or_leave", crash)
        with pytest.raises(RuntimeError):
            intake.take_all(folders.journal)
    assert state(event).life is State.ENDED
    assert not PlanFolder(folders.plans).read(event.pk).ended
    assert worker.round_trip(FakeClock()) == []
    assert PlanFolder(folders.plans).read(event.pk).ended


def test_long_journals_are_taken_in_batches(folders, event, stage, monkeypatch):
    monkeypatch.setattr(intake, "BATCH", 7)
    for second in range(30):
        stage.append(event.pk, COUNTS, AT + second, listening=second)
    assert intake.take_all(folders.journal) == 30
    assert state(event).peak_listeners == 29


def test_two_gates_and_a_stage_each_have_their_cursor(folders, event, stage):
    gates = [JournalWriter(folders.journal, f"gate-{n}") for n in range(2)]
    stage.append(event.pk, WENT_LIVE, AT)
    for number, gate in enumerate(gates):
        gate.append(event.pk, COUNTS, AT, listening=10 + number)
        gate.close()
    assert intake.take_all(folders.journal) == 3
    assert JournalCursor.objects.count() == 3
    assert state(event).peak_listeners == 11


@pytest.mark.parametrize(
    "data",
    [{}, {"listening": "many"}, {"listening": -4}, {"listening": 2**70}, {"listening": 1.5}],
)
def test_facts_of_odd_form_do_no_harm(folders, event, stage, data):
    stage.append(event.pk, COUNTS, AT, **data)
    stage.append("unknownevent", WENT_LIVE, AT)
    stage.append(event.pk, "from_the_future", 2**62)
    stage.append(event.pk, INCIDENT, -5, what="x")
    stage.append(event.pk, WENT_LIVE, AT)
    assert intake.take_all(folders.journal) == 5
    assert state(event).peak_listeners == 0
    assert state(event).life is State.LIVE


def test_a_cancelled_event_does_not_come_back(folders, event, stage):
    service.cancel_event(event)
    stage.append(event.pk, WENT_LIVE, AT)
    intake.take_all(folders.journal)
    assert state(event).life is State.CANCELLED


def test_a_shortened_journal_is_read_again(folders, event, evening):
    intake.take_all(folders.journal)
    path = folders.journal / "stage.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert intake.take_all(folders.journal) == 0
    assert state(event).life is State.ENDED


def test_doors_open_by_the_clock(folders, event, soon):
    quarter = unix_ms(soon) - 15 * 60_000
    assert clockwork.move_due(quarter - 1) == 0
    assert clockwork.move_due(quarter) == 1
    assert clockwork.move_due(quarter) == 0
    assert state(event).life is State.DOORS
    assert PlanFolder(folders.plans).read(event.pk).revision == 2


def test_what_nobody_began_did_not_take_place(folders, event, soon):
    half_a_day = unix_ms(soon) + 12 * 3600_000
    assert clockwork.move_due(half_a_day) == 1
    assert state(event).life is State.CANCELLED
    assert PlanFolder(folders.plans).read(event.pk).cancelled


def test_an_event_without_a_start_waits_for_ever(owner):
    event = service.create_event(owner, "Now")
    assert clockwork.move_due(2_000_000_000_000) == 0
    assert state(event).life is State.DOORS


def test_a_step_that_fails_leaves_the_others_their_work(event, evening, monkeypatch, caplog):
    def locked(*args):
        raise OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(clockwork, "move_due", locked)
        assert worker.round_trip(FakeClock()) == ["lifecycle"]
    assert state(event).life is State.ENDED
    assert "database is locked" in caplog.text
    assert worker.round_trip(FakeClock()) == []


def test_the_loop_ends_when_it_is_told(monkeypatch):
    over, rounds = threading.Event(), []

    def one(clock, renew):
        rounds.append(renew)
        if len(rounds) == 3:
            over.set()
        return ["journal"] if len(rounds) == 1 else []

    monkeypatch.setattr(worker, "round_trip", one)
    monkeypatch.setattr(worker, "PAUSE_S", 0.001)
    worker.loop(over, FakeClock())
    assert rounds == [True, False, False]  # pages are looked at once


def test_pages_are_looked_at_again_when_the_front_end_was_built(monkeypatch, settings, tmp_path):
    over, rounds = threading.Event(), []
    settings.ASSETS = tmp_path

    def one(clock, renew):
        rounds.append(renew)
        if len(rounds) == 2:
            (tmp_path / "manifest.json").write_text("{}")
        if len(rounds) == 4:
            over.set()
        return []

    monkeypatch.setattr(worker, "round_trip", one)
    monkeypatch.setattr(worker, "PAUSE_S", 0.001)
    worker.loop(over, FakeClock())
    assert rounds == [True, False, True, False]

"""The public log: for everybody, from facts alone; and promises, judged once."""

import datetime as dt

import pytest

from samvad.events import intake, promises
from samvad.events.models import Event, Fact
from samvad.protocol import journal
from samvad.protocol.journal import JournalWriter
from samvad.web import worker
from tests.kit.clock import FakeClock

pytestmark = pytest.mark.django_db(transaction=True)

AT = 1_800_000_000_000
MINUTE = 60_000


@pytest.fixture
def stage(folders):
    writer = JournalWriter(folders.journal, "stage")
    yield writer
    writer.close()


@pytest.fixture
def evening(event, stage, folders):
    """An hour with a warning, two rungs and its end; no recording yet."""
    stage.append(event.pk, journal.WENT_LIVE, AT)
    stage.append(event.pk, journal.STATUS, AT + MINUTE, text="There <b>seems</b> to be an attack.")
    stage.append(event.pk, journal.RUNG, AT + 2 * MINUTE, n=1, effect="plain", by="load")
    stage.append(
        event.pk, journal.RUNG, AT + 3 * MINUTE, n=6, effect="closed", by="force", who="Asha Patel"
    )
    stage.append(event.pk, journal.RUNG, AT + 4 * MINUTE, n=0, effect=None, by="load")
    stage.append(event.pk, journal.STATUS, AT + 5 * MINUTE, text="")
    most = {"peak": 1_240, "joined": 98_765, "refused": 4_321, "in_line": 55_555}
    stage.append(event.pk, journal.COUNTS, AT + 6 * MINUTE, listening=40, **most)
    stage.append(event.pk, journal.COUNTS, AT + 7 * MINUTE, listening=30, in_line=0, joined=-5)
    stage.append(event.pk, journal.ENDED, AT + 60 * MINUTE)
    intake.take_all(folders.journal)
    return Event.objects.get(pk=event.pk)


def kinds(event):
    return list(
        Fact.objects.filter(event=event.pk).order_by("at", "seq").values_list("kind", flat=True)
    )


def outcome(event):
    return Event.objects.get(pk=event.pk).promise


@pytest.mark.parametrize("who", ["client", "as_owner", "as_other", "as_staff"])
def test_everybody_reads_the_same_log(who, request, evening):
    page = request.getfixturevalue(who).get(f"/happened/{evening.pk}")
    assert page.status_code == 200
    assert "public" in page.headers["Cache-Control"]
    text = page.content.decode()
    order = [
        "On air.",
        "There &lt;b&gt;seems&lt;/b&gt; to be an attack.",
        "By the load: Sound came a few seconds later",
        "By order of Asha Patel: The door was closed to newcomers",
        "Everything is as it was again",
        "The host took the sentence away.",
        "The conversation ended.",
    ]
    places = [text.index(one) for one in order]
    assert places == sorted(places)
    for count in ("1,240", "98,765", "4,321", "55,555"):
        assert f'<dd class="number">{count}</dd>' in text
    for speaker in evening.speakers.all():
        assert speaker.token not in text


def test_before_it_begins_there_is_nothing(client, event):
    assert "Nothing has happened yet" in client.get(f"/happened/{event.pk}").content.decode()
    assert client.get("/happened/abcdefghij").status_code == 404


def test_odd_facts_do_no_harm(client, event, stage, folders):
    stage.append(event.pk, journal.RUNG, AT, n=3, effect="unheard-of", by=7)
    stage.append(event.pk, journal.RUNG, AT, n="x")
    stage.append(event.pk, journal.STATUS, AT, text=None)
    stage.append(event.pk, journal.PROMISE, AT, by_ms="soon")
    stage.append(event.pk, "whatever", AT)
    intake.take_all(folders.journal)
    text = client.get(f"/happened/{event.pk}").content.decode()
    assert "unheard-of" in text
    assert "whatever" not in text


@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_the_log_in_other_languages(lang, client, evening):
    text = client.get(f"/happened/{evening.pk}?lang={lang}").content.decode()
    assert "By order" not in text
    assert {"gu": "Asha Patel ના આદેશથી", "hi": "Asha Patel के आदेश से"}[lang] in text


def test_a_promise_kept(client, stage, folders, evening):
    due_ms = AT + 70 * MINUTE
    assert promises.check_due(AT + 61 * MINUTE) == 0
    assert outcome(evening) == ""
    assert "still due" in client.get(f"/happened/{evening.pk}").content.decode()
    stage.append(evening.pk, journal.RECORDING_READY, due_ms, bytes=9, duration_ms=9)
    intake.take_all(folders.journal)
    assert promises.check_due(due_ms + 5 * MINUTE) == 1
    assert outcome(evening) == "kept"
    assert kinds(evening)[-3:] == [
        journal.PROMISE,
        journal.RECORDING_READY,
        journal.PROMISE_KEPT,
    ]
    text = client.get(f"/happened/{evening.pk}").content.decode()
    assert "Promise kept" in text
    assert "<strong>kept</strong>" in text


def test_a_promise_missed_stays_missed(client, stage, folders, evening):
    due_ms = AT + 70 * MINUTE
    assert promises.check_due(due_ms) == 0
    assert promises.check_due(due_ms + 1) == 1
    assert outcome(evening) == "late"
    stage.append(evening.pk, journal.RECORDING_READY, due_ms + MINUTE, bytes=9, duration_ms=9)
    intake.take_all(folders.journal)
    assert promises.check_due(due_ms + 2 * MINUTE) == 0
    assert outcome(evening) == "late"
    text = client.get(f"/happened/{evening.pk}").content.decode()
    assert text.index("Promise not kept") < text.index("The recording is here")


def test_a_recording_that_came_late_while_the_worker_was_down_is_late(stage, folders, evening):
    stage.append(evening.pk, journal.RECORDING_READY, AT + 71 * MINUTE, bytes=9, duration_ms=9)
    intake.take_all(folders.journal)
    assert promises.check_due(AT + 600 * MINUTE) == 1
    assert outcome(evening) == "late"


def test_a_promise_made_at_a_rung_counts_too(client, stage, folders, evening):
    """What was promised first is what must be kept, also while it is still on air."""
    rung_ms = AT + 65 * MINUTE
    stage.append(evening.pk, journal.PROMISE, AT + 10 * MINUTE, by_ms=rung_ms)
    intake.take_all(folders.journal)
    Event.objects.filter(pk=evening.pk).update(state="live", ended_at=None)
    assert promises.check_due(rung_ms) == 0
    assert promises.due_at(Event.objects.get(pk=evening.pk)) == _moment(rung_ms)
    assert promises.check_due(rung_ms + 1) == 1
    assert outcome(evening) == "late"


def test_who_is_live_without_a_promise_is_not_judged(event, stage, folders):
    stage.append(event.pk, journal.WENT_LIVE, AT)
    intake.take_all(folders.journal)
    assert promises.check_due(AT + 6000 * MINUTE) == 0
    assert outcome(event) == ""


def _moment(ms):
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def test_nothing_is_promised_where_nothing_was_on_air(event, stage, folders):
    stage.append(event.pk, journal.ENDED, AT)
    intake.take_all(folders.journal)
    assert promises.check_due(AT + 600 * MINUTE) == 0
    assert promises.due_at(Event.objects.get(pk=event.pk)) is None
    assert kinds(event) == [journal.ENDED]


def test_the_worker_judges(evening):
    worker.round_trip(FakeClock(wall_ms=AT + 600 * MINUTE))
    assert outcome(evening) == "late"
    worker.round_trip(FakeClock(wall_ms=AT + 601 * MINUTE))
    assert kinds(evening).count(journal.PROMISE_LATE) == 1


def test_what_is_promised_is_what_the_host_said(evening):
    Event.objects.filter(pk=evening.pk).update(promise_min=90)
    event = Event.objects.get(pk=evening.pk)
    assert promises.due_at(event) == event.ended_at + dt.timedelta(minutes=90)

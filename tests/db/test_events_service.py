"""Events: made, changed, cancelled, ended; their links and their plans."""

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from samvad.base.errors import PlainError
from samvad.base.params import replace
from samvad.events import plans, service
from samvad.events.lifecycle import Happening, State
from samvad.events.models import Event, Speaker
from samvad.protocol import operator
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.journal import ENDED, RECORDING_READY, WENT_LIVE, JournalWriter
from samvad.protocol.plan import PlanFolder
from samvad.protocol.secret import token_for, token_hash

# Plans are written after a commit, so these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)


def plan(folders, event):
    found = PlanFolder(folders.plans).read(event.pk)
    assert found is not None
    return found


def test_a_new_event_has_its_plan_with_pages_in_three_languages(folders, event, soon):
    written = plan(folders, event)
    assert EVENT_RE.fullmatch(event.pk)
    assert (written.slug, written.revision, written.seats) == ("rivers-and-cities", 1, 500)
    assert written.starts_ms == soon.timestamp() * 1000
    assert written.doors_ms == written.starts_ms - 15 * 60_000
    assert (written.on_air, written.zone) == ("host", "Asia/Kolkata")
    assert [(s.name, s.role) for s in written.speakers] == [
        ("Asha Patel", "host"), ("Bela", "speaker"), ("ચંપા", "speaker")
    ]  # fmt: skip
    assert {s.token_hash for s in written.speakers} == {
        token_hash(s.token) for s in event.speakers.all()
    }
    assert set(written.pages) == {"en", "gu", "hi"}
    for lang, page in written.pages.items():
        assert f'<html lang="{lang}"' in page
        assert "Rivers and cities" in page
        assert "Who owns the water?" in page
    assert not Event.objects.get(pk=event.pk).plan_pending


def test_no_secret_is_in_the_plan(folders, event):
    raw = (folders.plans / f"{event.pk}.json").read_text()
    for speaker in event.speakers.all():
        assert speaker.token not in raw


def test_without_a_start_doors_are_open_and_the_first_voice_begins(folders, owner):
    event = service.create_event(owner, "Now")
    assert event.life is State.DOORS
    written = plan(folders, event)
    assert (written.starts_ms, written.doors_ms, written.on_air) == (None, None, "first_voice")
    assert [s.role for s in written.speakers] == ["host"]


def test_links_have_the_promised_form(event, settings):
    web, gate, stage = (
        settings.SAMVAD.web_url(), settings.SAMVAD.gate_url(), settings.SAMVAD.stage_url()
    )  # fmt: skip
    links = service.links(event)
    host = event.speakers.get(role="host")
    assert links["event"] == event.pk
    assert links["page"] == f"{gate}/e/rivers-and-cities"
    assert links["studio"] == f"{web}/studio/{event.pk}#{host.token}"
    assert links["console"].startswith(f"{web}/console/{event.pk}")
    assert [s["name"] for s in links["speakers"]] == ["Bela", "ચંપા"]
    for speaker in [*links["speakers"], links["host"]]:
        assert {"name", "link", "whip", "whep", "token"} <= set(speaker)
        assert speaker["link"] == f"{web}/studio/{event.pk}#{speaker['token']}"
        assert speaker["whip"] == f"{stage}/whip/{event.pk}"
        assert speaker["whep"] == f"{stage}/whep/{event.pk}"
    json.dumps(links)


def test_the_host_is_the_speaker_when_none_is_named(owner):
    links = service.links(service.create_event(owner, "Alone"))
    assert links["speakers"] == [links["host"]]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Rivers & Cities: 2026!", "rivers-cities-2026"),
        ("  Déjà vu  ", "deja-vu"),
        ("x" * 100, "x" * 64),
        ("A" * 63 + " b", "a" * 63),
        ("નદીઓ અને શહેરો", ""),
        ("नदी 2026", ""),
    ],
)
def test_addresses_from_titles(owner, title, slug):
    event = service.create_event(owner, title)
    assert event.slug == (slug or event.pk)


def test_two_events_of_one_title_have_two_addresses(owner):
    slugs = {service.create_event(owner, "Same title").slug for _ in range(3)}
    assert len(slugs) == 3


def test_nobody_can_take_another_events_id_as_address(owner, monkeypatch):
    with monkeypatch.context() as known:
        known.setattr(service, "_unused_id", lambda: "abcdefghij")
        service.create_event(owner, "નદીઓ")
    assert service.create_event(owner, "abcdefghij").slug != "abcdefghij"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "   "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"description": "x" * 4001}, "description"),
        ({"seats": 0}, "seats"),
        ({"seats": 10_000_001}, "seats"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"starts": dt.datetime(2027, 1, 1)}, "starts"),
        ({"speakers": [str(n) for n in range(13)]}, "speakers"),
        ({"speakers": ["Bela", "bela"]}, "speakers"),
        ({"speakers": ["x" * 81]}, "speakers"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(folders, owner, changes, field):
    with pytest.raises(service.EventError) as refused:
        service.create_event(owner, **{"title": "T", **changes})
    assert refused.value.field == field
    assert refused.value.says
    assert not Event.objects.exists()
    assert list(folders.plans.iterdir()) == []


def test_twelve_speakers_fit(owner):
    event = service.create_event(owner, "Full", speakers=[f"Speaker {n}" for n in range(12)])
    assert event.speakers.count() == 13


def test_a_change_grows_the_revision_and_keeps_the_links_of_those_who_stay(folders, event, soon):
    before = {s.name: s.token for s in event.speakers.all()}
    later = soon + dt.timedelta(days=1)
    changed = service.edit_event(
        event,
        title="Rivers",
        description="",
        starts=later,
        zone="Europe/Berlin",
        seats=7,
        speakers=["Dev", "bela"],
    )
    after = {s.name: s.token for s in changed.speakers.all()}
    assert after["Asha Patel"] == before["Asha Patel"]
    assert after["bela"] == before["Bela"]
    assert set(after) == {"Asha Patel", "Dev", "bela"}
    written = plan(folders, event)
    assert (written.revision, written.title, written.seats) == (2, "Rivers", 7)
    assert written.slug == "rivers-and-cities"
    assert [s.name for s in written.speakers] == ["Asha Patel", "Dev", "bela"]


def test_an_event_put_off_closes_its_doors_again(event, soon):
    service.move(event.pk, Happening.DOORS_DUE)
    changed = service.edit_event(
        event, title="T", description="", starts=soon, zone="UTC", seats=5, speakers=[]
    )
    assert changed.life is State.ANNOUNCED


@pytest.mark.parametrize("happening", [Happening.WENT_LIVE, Happening.ENDED, Happening.CANCEL])
def test_what_has_begun_or_is_over_is_not_changed(event, soon, happening):
    service.move(event.pk, happening)
    with pytest.raises(service.EventError):
        service.edit_event(
            event, title="New", description="", starts=soon, zone="UTC", seats=5, speakers=[]
        )
    with pytest.raises(service.EventError):
        service.cancel_event(event)
    assert Event.objects.get(pk=event.pk).title == "Rivers and cities"


def test_cancelled_is_in_the_plan(folders, event):
    service.cancel_event(event)
    written = plan(folders, event)
    assert (written.cancelled, written.ended, written.revision) == (True, False, 2)


def test_of_two_moves_at_once_one_wins(event):
    assert service.move(event.pk, Happening.WENT_LIVE)
    assert not service.move(event.pk, Happening.WENT_LIVE)
    assert not service.move(event.pk, Happening.CANCEL)
    assert Event.objects.get(pk=event.pk).revision == 2


def test_a_plan_that_could_not_be_written_is_written_later(folders, event, soon):
    folders.plans.joinpath(f"{event.pk}.json").unlink()
    folders.plans.rmdir()
    folders.plans.write_text("a file where the folder should be")
    service.edit_event(
        event, title="Saved", description="", starts=soon, zone="UTC", seats=5, speakers=[]
    )
    assert Event.objects.get(pk=event.pk).plan_pending
    assert plans.write_pending() == 0
    folders.plans.unlink()
    assert plans.write_pending() == 1
    assert plan(folders, event).title == "Saved"
    assert plans.write_pending() == 0


def test_a_plan_on_disk_is_not_written_twice(folders, event):
    before = (folders.plans / f"{event.pk}.json").stat().st_ino
    assert plans.write(event.pk) is False
    assert (folders.plans / f"{event.pk}.json").stat().st_ino == before


def test_pages_are_made_anew_when_the_site_changes(folders, event, settings):
    assert plans.renew_if_site_changed() == 1
    assert plans.write_pending() == 1
    assert plans.renew_if_site_changed() == 0
    public = replace(settings.SAMVAD.public, web_url="https://samvad.example")
    settings.SAMVAD = replace(settings.SAMVAD, public=public)
    assert plans.renew_if_site_changed() == 1
    assert plans.write_pending() == 1
    assert "https://samvad.example" in plan(folders, event).pages["gu"]


def test_show_knows_state_and_replay(event, settings):
    shown = service.show(event.pk)
    assert (shown["state"], shown["replay"]) == ("announced", None)
    Event.objects.filter(pk=event.pk).update(state="ended", replay_bytes=1, replay_ms=2)
    shown = service.show("rivers-and-cities")
    assert shown["state"] == "ended"
    assert shown["replay"] == f"{settings.SAMVAD.gate_url()}/live/{event.pk}/replay.m4a"
    with pytest.raises(PlainError, match="There is no event"):
        service.show("nothing")


def test_the_list_has_no_secrets(event):
    listed = json.dumps(service.list_events())
    assert event.pk in listed
    for speaker in event.speakers.all():
        assert speaker.token not in listed


def test_the_first_event_is_made_once(owner):
    event, made = service.ensure_first_event(owner)
    assert made
    assert service.ensure_first_event(owner) == (event, False)
    service.cancel_event(event)
    _, made = service.ensure_first_event(owner)
    assert made


class Stage(BaseHTTPRequestHandler):
    """Answers as the stage does; what it was asked is kept on the server."""

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.server.before_answer()
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def stage(settings):
    server = HTTPServer(("127.0.0.1", 0), Stage)
    server.asked, server.answer, server.before_answer = [], (200, b"{}"), lambda: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = replace(settings.SAMVAD.stage, port=server.server_port)
    settings.SAMVAD = replace(settings.SAMVAD, stage=port)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_end_goes_through_the_stage_and_is_known_at_once(folders, event, stage, settings):
    writer = JournalWriter(folders.journal, "stage")
    writer.append(event.pk, WENT_LIVE, 1_800_000_000_000)

    def close() -> None:
        writer.append(event.pk, ENDED, 1_800_000_060_000)
        writer.append(event.pk, RECORDING_READY, 1_800_000_061_000, bytes=9, duration_ms=60_000)
        writer.close()

    stage.before_answer = close
    ended = service.end_event(event.pk)
    token = token_for(settings.SITE_SECRET, "operator")
    assert stage.asked == [(f"/stage/{event.pk}/end", f"Bearer {token}")]
    assert ended.life is State.ENDED
    assert ended.replay_ms == 60_000
    assert plan(folders, event).ended
    service.end_event(event.pk)  # again: no error, and the stage is left alone
    assert len(stage.asked) == 1


def test_an_end_by_somebody_is_asked_for_in_their_name(event, stage, settings, monkeypatch):
    monkeypatch.setattr(service, "FACTS_WITHIN_S", 0.1)
    service.end_event(event.pk, "Asha Patel")
    ((path, bearer),) = stage.asked
    assert path == f"/stage/{event.pk}/end"
    key = bearer.removeprefix("Bearer ")
    assert operator.holder(settings.SITE_SECRET, event.pk, key, 0) == "Asha Patel"


def test_an_end_whose_facts_were_lost_is_an_end_all_the_same(folders, event, stage, monkeypatch):
    monkeypatch.setattr(service, "FACTS_WITHIN_S", 0.1)
    assert service.end_event(event.pk).life is State.ENDED
    assert plan(folders, event).ended


def test_a_stage_that_refuses_is_quoted(event, stage):
    stage.answer = (403, b'{"error": "x", "says": "Only the host may end it."}')
    with pytest.raises(PlainError, match="Only the host may end it"):
        service.end_event(event.pk)
    stage.answer = (500, b"oops")
    with pytest.raises(PlainError, match="500"):
        service.end_event(event.pk)
    assert Event.objects.get(pk=event.pk).life is State.ANNOUNCED


def test_a_stage_that_is_not_there_is_said_so(event, settings, stage):
    stage.server_close()
    with pytest.raises(PlainError, match="cannot be reached"):
        service.end_event(event.pk)
    assert Speaker.objects.filter(event=event).count() == 3

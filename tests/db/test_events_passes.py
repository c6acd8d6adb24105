"""Who gets which pass, and who gets none."""

import datetime as dt
import re
import time

import pytest
from django.conf import settings

from samvad.events import passes, service
from samvad.events.lifecycle import Happening
from samvad.events.terms import Terms
from samvad.events.zones import unix_ms
from samvad.protocol import passes as signed
from samvad.protocol.passes import Lane
from samvad.web import event_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def evening(owner, soon):
    """By priority, with two speakers."""
    return service.create_event(
        owner, "Rivers", starts=soon, speakers=["Bela", "Dev"], terms=Terms(way="priority")
    )


def lane(event, link, wall_ms=None):
    """The lane of the pass in `link`, as a gate reads it."""
    token = re.search(r"#pass=([\w-]+)", link).group(1)
    key = signed.key(settings.SITE_SECRET, event.pk)
    return signed.read(key, token, time.time_ns() // 1_000_000 if wall_ms is None else wall_ms)


def test_each_speaker_has_a_link_for_their_guests(evening):
    links = [s["guests"] for s in service.links(evening)["speakers"]]
    assert len(set(links)) == 2
    for link in links:
        assert link.startswith(f"http://127.0.0.1:8001/e/{evening.slug}#pass=")
        assert lane(evening, link) is Lane.GUEST
    assert [s["guests"] for s in service.links(evening)["speakers"]] == links, "it never changes"


@pytest.mark.parametrize(("way", "given"), [("shuffled", False), ("invite", True)])
def test_guests_have_links_where_they_open_something(owner, way, given):
    event = service.create_event(owner, "T", speakers=["Bela"], terms=Terms(way=way))
    assert bool(service.links(event)["speakers"][0]["guests"]) is given


def test_a_member_gets_a_members_pass(evening, as_other, as_owner, as_staff):
    for client in (as_other, as_owner, as_staff):
        answer = client.get(f"/events/{evening.pk}/member")
        assert answer.status_code == 302
        assert "private" in answer.headers["Cache-Control"]
        assert lane(evening, answer.headers["Location"]) is Lane.MEMBER


def test_nobody_is_sent_to_log_in_first(evening, client):
    answer = client.get(f"/events/{evening.pk}/member")
    assert answer.headers["Location"] == f"/accounts/login/?next=/events/{evening.pk}/member"


@pytest.mark.parametrize("way", ["shuffled", "first_come", "invite"])
def test_an_account_opens_nothing_elsewhere(owner, as_other, soon, way):
    event = service.create_event(owner, "T", starts=soon, terms=Terms(way=way))
    for path in ("member", "remind"):
        answer = as_other.get(f"/events/{event.pk}/{path}")
        assert answer.headers["Location"] == f"http://127.0.0.1:8001/e/{event.slug}"


def test_a_reminder_set_beforehand_is_a_pass_of_its_own(evening, client):
    links = {client.get(f"/events/{evening.pk}/remind").headers["Location"] for _ in range(2)}
    assert len(links) == 2
    for link in links:
        assert link.endswith("&remind")
        assert lane(evening, link) is Lane.REMINDER


def test_reminders_end_when_the_line_begins(evening):
    closes_ms = passes.reminders_close_ms(evening)
    assert closes_ms == unix_ms(evening.starts_at) - (15 + 30) * 60_000
    assert passes.reminder_link(evening, "x", closes_ms - 1)
    assert passes.reminder_link(evening, "x", closes_ms) == ""
    service.cancel_event(evening)
    assert passes.reminder_link(evening, "x", closes_ms - 1) == ""


def test_passes_outlive_a_postponement_and_end_after_a_month(evening):
    link = passes.guest_link(evening, evening.speakers.all()[1])
    starts_ms = unix_ms(evening.starts_at)
    assert lane(evening, link, starts_ms + 29 * 86_400_000) is Lane.GUEST
    assert lane(evening, link, starts_ms + 31 * 86_400_000) is None


def test_there_is_no_pass_for_what_is_not(client, as_other):
    assert client.get("/events/abcdefghij/remind").status_code == 404
    assert as_other.get("/events/abcdefghij/member").status_code == 404


def test_the_page_offers_what_helps(evening, owner, soon):
    config = event_page.context(evening, [])["config"]
    assert config["remind"].endswith(f"/events/{evening.pk}/remind?lang=en")
    assert config["member"].endswith(f"/events/{evening.pk}/member?lang=en")
    assert config["serving"] == f"/door/{evening.pk}/serving.json"
    assert config["ladder"][0] == "plain"
    plain = service.create_event(owner, "T", starts=soon)
    config = event_page.context(plain, [])["config"]
    assert (config["remind"], config["member"]) == ("", "")
    service.move(evening.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    evening.refresh_from_db()
    config = event_page.context(evening, [])["config"]
    assert (config["remind"], config["member"]) == ("", "")

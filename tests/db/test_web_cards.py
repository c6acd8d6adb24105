"""The event card: the reader's time and the announced one, and one form for all of its life."""

import datetime as dt
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from samvad.accounts import moves
from samvad.accounts.standing import Act
from samvad.events import reminders, service
from samvad.events.lifecycle import Happening
from samvad.events.models import Event
from samvad.events.moves import move
from samvad.web import words
from samvad.web.cards import card_of, cards_for


@dataclass
class Post:
    pk: str
    event: str


@pytest.fixture
def request_of(rf: RequestFactory):
    def make(user=None, zone=""):
        request = rf.get("/")
        request.user = user or AnonymousUser()
        if zone:
            request.COOKIES["samvad_zone"] = zone
        return request

    return make


def html(event, request):
    event = Event.objects.select_related("host").prefetch_related("speakers").get(pk=event.pk)
    card = card_of(event, request)
    return render_to_string("events/card.html", {"card": card}, request)


EIGHT = dt.datetime(2026, 8, 11, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("reader", "lang", "here", "there"),
    [
        ("Asia/Kolkata", "en", "Tue 11 Aug 2026, 5:30 am your time", "8:00 pm Eastern, Mon"),
        ("America/New_York", "en", "Mon 10 Aug 2026, 8:00 pm Eastern", ""),
        ("America/Toronto", "en", "Mon 10 Aug 2026, 8:00 pm Eastern", ""),
        ("America/Los_Angeles", "en", "Mon 10 Aug 2026, 5:00 pm your time", "8:00 pm Eastern"),
        ("", "en", "Mon 10 Aug 2026, 8:00 pm Eastern", ""),
    ],
)
def test_eight_pm_eastern(reader, lang, here, there):
    assert words.here_and_there(EIGHT, "America/New_York", reader, lang) == (here, there)


@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_it_says_so_in_every_language(lang):
    with translation.override(lang):
        here, there = words.here_and_there(EIGHT, "America/New_York", "Asia/Kolkata", lang)
    assert "5:30" in here
    assert "8:00" in there
    assert "Eastern" not in there
    assert "your" not in here


def test_zones_are_called_as_people_call_them():
    assert words.zone_called(EIGHT, "America/Chicago", "en") == "Central"
    assert words.zone_called(EIGHT, "Asia/Kolkata", "en") == "India Standard Time"
    assert words.zone_called(EIGHT, "Europe/Berlin", "en") == "Central European Summer Time"


@pytest.mark.django_db
def test_many_posts_cost_few_queries(owner, other, soon, request_of, django_assert_num_queries):
    events = [service.create_event(owner, f"E{n}", starts=soon) for n in range(20)]
    reminders.set_for(events[3], other)
    posts = [Post(str(n), event.pk) for n, event in enumerate(events)]
    posts += [Post("plain", ""), Post("again", events[3].pk), Post("gone", "abcdefghij")]
    request = request_of(other)
    with django_assert_num_queries(1):
        cards = cards_for(posts, request)
    assert set(cards) == {str(n) for n in range(20)} | {"again"}
    assert [key for key, card in cards.items() if card.reminded] == ["3", "again"]
    with django_assert_num_queries(0):
        assert cards_for([Post("plain", "")], request) == {}


@pytest.mark.django_db
def test_a_card_through_its_life(event, owner, other, request_of):
    request = request_of(other, "America/New_York")
    page = html(event, request)
    assert "Announced" in page
    assert "Remind me" in page
    assert "India Standard Time" in page
    assert "your time" in page
    assert "in 3 days" in page
    assert f"http://127.0.0.1:8001/live/{event.pk}/state.json" in page
    link = f"http://127.0.0.1:8001/e/{event.slug}?lang=en"
    assert link in page
    reminders.set_for(event, other)
    assert "Reminder is set" in html(event, request)
    move(event.pk, Happening.DOORS_DUE)
    assert "Doors are open" in html(event, request)
    move(event.pk, Happening.WENT_LIVE, live_since=timezone.now())
    page = html(event, request)
    assert "On air" in page
    assert "Remind" not in page
    assert link in page
    Event.objects.filter(pk=event.pk).update(replay_ms=5_527_000, peak_listeners=112480)
    move(event.pk, Happening.ENDED, ended_at=timezone.now())
    page = html(event, request)
    assert "1:32:07" in page
    assert "112,480 listeners at a time" in page
    assert "Hear it again" in page
    assert "data-state" not in page, "nothing more to ask"
    assert link in page, "one address, all its life"
    assert "Manage" not in page
    assert "Manage" in html(event, request_of(owner))


@pytest.mark.django_db
def test_a_card_of_one_who_is_suspended_says_only_that(event, owner, request_of):
    moves.move(owner, Act.SUSPEND, by=None, reason="rule 1")
    page = html(event, request_of())
    assert "withdrawn" in page
    assert "Rivers" not in page


@pytest.mark.django_db
def test_a_cancelled_one(event, request_of):
    service.cancel_event(event)
    page = html(event, request_of())
    assert "Cancelled" in page
    assert "Remind" not in page


@pytest.mark.django_db
def test_a_card_without_a_time(owner, request_of):
    page = html(service.create_event(owner, "Now"), request_of())
    assert "Begins when its first speaker is heard" in page
    assert "Remind" not in page


@pytest.mark.django_db
def test_a_zone_that_is_none_is_not_believed(event, request_of):
    for zone in ("Mars/Base", "../../etc", "x" * 100, "<script>"):
        assert "your time" not in html(event, request_of(zone=zone))

"""Reminders: spread, kept through a move, told once, with the pass of their lane."""

import datetime as dt
import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone
from icalendar import Calendar

from samvad.accounts import moves
from samvad.accounts.models import User
from samvad.accounts.standing import Act
from samvad.base.params import replace
from samvad.events import passes, reminders, service
from samvad.events.errors import EventError
from samvad.events.lifecycle import Happening
from samvad.events.models import Reminder
from samvad.events.moves import move
from samvad.events.terms import Terms
from samvad.notices import letters
from samvad.notices import service as notices
from samvad.protocol.passes import Lane
from samvad.web import off_links, told
from tests.db.conftest import logged_in
from tests.db.test_events_passes import lane

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def reader(other):
    """Bela, with a proven address, who reads Hindi in India."""
    EmailAddress.objects.create(user=other, email="bela@example.org", verified=True, primary=True)
    notices.wish(other, language="en", zone="Asia/Kolkata")
    return other


def kinds(user):
    return [notice.kind for notice in notices.of(user)]


def mails(now=None):
    """What is in the box now."""
    letters.send_due((now or timezone.now()) + MINUTE)
    return mail.outbox


def test_reminders_are_spread_and_each_keeps_its_moment(event):
    people = [User.objects.create_user(f"u{n}") for n in range(200)]
    due = [reminders.set_for(event, one).due_at for one in people]
    first, last = event.starts_at - 40 * MINUTE, event.starts_at - 20 * MINUTE
    assert all(first <= one <= last for one in due)
    minutes = {(one - first) // MINUTE for one in due}
    assert len(minutes) >= 15, "two hundred of them are in nearly each of twenty minutes"
    before = Reminder.objects.get(user=people[0])
    service.move_event(event, event.starts_at + dt.timedelta(days=1))
    reminders.tell_changes(timezone.now(), told.reminder)
    after = Reminder.objects.get(user=people[0])
    assert after.due_at - before.due_at == dt.timedelta(days=1)


def test_the_spread_is_a_setting(event, other, settings):
    settings.SAMVAD = replace(
        settings.SAMVAD,
        notices=replace(settings.SAMVAD.notices, reminder_spread_min=0, reminder_lead_min=5),
    )
    assert reminders.set_for(event, other).due_at == event.starts_at - 5 * MINUTE


def test_who_asks_late_is_reminded_on_the_way(settings, event):
    now = event.starts_at - 10 * MINUTE
    due = [reminders.due_at(event.starts_at, s, now) for s in (0, 600, 1200)]
    assert due == sorted(due)
    assert now <= due[0]
    assert due[2] < event.starts_at
    assert reminders.due_at(event.starts_at, 0, event.starts_at) is None
    assert reminders.due_at(None, 0, now) is None


def test_a_reminder_is_sent_once_by_all_ways(event, reader):
    row = reminders.set_for(event, reader)
    assert reminders.send_due(row.due_at - MINUTE, told.reminder) == 0
    assert reminders.send_due(row.due_at, told.reminder) == 1
    assert reminders.send_due(row.due_at, told.reminder) == 0
    assert kinds(reader) == ["event_starts"]
    assert notices.of(reader)[0].push_due is not None
    [letter] = mails(row.due_at)
    assert letter.subject == "“Rivers and cities” begins soon."
    assert f"http://127.0.0.1:8001/e/{event.slug}" in letter.body
    assert "India Standard Time" in letter.body
    off = letter.extra_headers["List-Unsubscribe"].strip("<>")
    off_links.end(off_links.read(off.rsplit("/", 1)[1]))
    assert not Reminder.objects.exists()


def test_a_reminder_opens_its_lane_when_it_was_set_in_time(owner, reader, soon):
    event = service.create_event(owner, "T", starts=soon, terms=Terms(way="priority"))
    row = reminders.set_for(event, reader)
    link = reminders.link(row)
    assert lane(event, link) is Lane.REMINDER
    assert "&remind" not in link
    assert reminders.link(row) == link, "it never changes"
    row.set_at = soon - 5 * MINUTE
    assert "#pass" not in reminders.link(row), "set when the line stood already"
    plain = service.create_event(owner, "T", starts=soon)
    assert "#pass" not in reminders.link(reminders.set_for(plain, reader))
    assert passes.reminders_close_ms(plain) is None


def test_without_a_proven_address_the_page_still_tells(event, other):
    row = reminders.set_for(event, other)
    reminders.send_due(row.due_at, told.reminder)
    assert kinds(other) == ["event_starts"]
    assert mails(row.due_at) == []


def test_a_move_is_told_once_with_the_old_time_and_a_new_calendar_entry(event, reader):
    reminders.set_for(event, reader)
    was = event.starts_at
    for days in (1, 2):
        service.move_event(event, was + dt.timedelta(days=days))
    now = timezone.now()
    assert reminders.tell_changes(now, told.reminder) == 1
    assert reminders.tell_changes(now, told.reminder) == 0
    assert kinds(reader) == ["event_moved"]
    [letter] = mails()
    assert "Before, it was to begin:" in letter.body
    calendar = next(a for a in letter.attachments if a.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "PUBLISH"
    [entry] = Calendar.from_ical(calendar.get_payload(decode=True)).walk("VEVENT")
    event.refresh_from_db()
    assert entry["SEQUENCE"] == event.sequence == 2
    assert entry.decoded("DTSTART") == was + dt.timedelta(days=2)


def test_a_new_title_is_no_news_but_seats_are_not_even_for_calendars(event, reader):
    reminders.set_for(event, reader)
    values = {
        "title": event.title, "description": event.description, "starts": event.starts_at,
        "zone": event.zone, "speakers": ["Bela", "ચંપા"],
    }  # fmt: skip
    event = service.edit_event(event, seats=7, **values)
    assert event.sequence == 0
    event = service.edit_event(event, seats=7, **values | {"title": "Rivers"})
    assert event.sequence == 1
    assert reminders.tell_changes(timezone.now(), told.reminder) == 0
    assert kinds(reader) == []


def test_a_cancellation_is_told_and_no_reminder_follows(event, reader):
    row = reminders.set_for(event, reader)
    service.cancel_event(event)
    assert reminders.tell_changes(timezone.now(), told.reminder) == 1
    assert kinds(reader) == ["event_cancelled"]
    [letter] = mails()
    calendar = next(a for a in letter.attachments if a.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "CANCEL"
    parsed = Calendar.from_ical(calendar.get_payload(decode=True))
    assert parsed["METHOD"] == "CANCEL"
    assert parsed.walk("VEVENT")[0]["STATUS"] == "CANCELLED"
    assert reminders.send_due(row.due_at, told.reminder) == 0
    assert kinds(reader) == ["event_cancelled"]


def test_an_event_that_took_place_is_no_change(event, reader):
    reminders.set_for(event, reader)
    move(event.pk, Happening.WENT_LIVE, live_since=timezone.now())
    move(event.pk, Happening.ENDED, ended_at=timezone.now())
    assert reminders.tell_changes(timezone.now(), told.reminder) == 0


def test_a_suspension_is_told_and_a_return_too(event, owner, reader, staff):
    reminders.set_for(event, reader)
    moves.move(owner, Act.SUSPEND, by=staff, reason="rule 1")
    reminders.tell_changes(timezone.now(), told.reminder)
    assert kinds(reader) == ["event_cancelled"]
    moves.move(owner, Act.REINSTATE, by=staff)
    reminders.tell_changes(timezone.now(), told.reminder)
    assert kinds(reader) == ["event_back", "event_cancelled"]
    assert Reminder.objects.get().due_at is not None
    first, second = mails()
    assert "after all" in second.subject
    assert first.attachments
    reminders.send_due(event.starts_at - 19 * MINUTE, told.reminder)
    assert kinds(reader)[0] == "event_starts"


def test_nothing_is_left_to_be_reminded_of(event, owner, other):
    service.cancel_event(event)
    with pytest.raises(EventError):
        reminders.set_for(event, other)


def test_setting_it_twice_changes_only_the_way(event, other):
    first = reminders.set_for(event, other)
    again = reminders.set_for(event, other, by_mail=False)
    assert (again.pk, again.due_at, again.by_mail) == (first.pk, first.due_at, False)
    assert reminders.unset(event, other)
    assert not reminders.unset(event, other)


def test_a_person_has_so_many(event, owner, other, soon, monkeypatch):
    monkeypatch.setattr(reminders, "MOST_A_PERSON", 1)
    reminders.set_for(event, other)
    second = service.create_event(owner, "T", starts=soon)
    with pytest.raises(EventError):
        reminders.set_for(second, other)


def test_the_page_for_everybody(client, event, owner, other):
    path = f"/events/{event.pk}/reminder"
    page = client.get(path).content.decode()
    assert "Rivers and cities" in page
    assert f"/events/{event.pk}/calendar.ics" in page
    answer = client.post(path)
    assert answer.headers["Location"].startswith("/accounts/login/?next=%2Fevents%2F")
    assert not Reminder.objects.exists()
    theirs = logged_in(other)
    theirs.cookies["samvad_zone"] = "Asia/Kolkata"
    answer = theirs.post(path, {"next": "/?page=2"})
    assert answer.headers["Location"] == "/?page=2"
    assert theirs.post(path, {"next": "https://evil.example/"}).headers["Location"] == path
    assert Reminder.objects.get().user == other
    assert notices.wishes(other).zone == "Asia/Kolkata"
    assert "Reminder is set" in theirs.get(path).content.decode()
    theirs.post(path, {"off": "1"})
    assert not Reminder.objects.exists()
    assert client.get("/events/abcdefghij/reminder").status_code == 404


def test_what_is_withheld_is_not_there(client, event, owner, other, staff):
    moves.move(owner, Act.SUSPEND, by=staff, reason="rule 1")
    for path in ("reminder", "calendar.ics", "remind"):
        assert client.get(f"/events/{event.pk}/{path}").status_code == 404, path
    for path in (f"/happened/{event.pk}", f"/e/{event.slug}", "/@asha/calendar.ics"):
        assert client.get(path).status_code == 404, path
    assert "Rivers" not in client.get("/").content.decode()


def test_letters_speak_the_readers_language(event, reader):
    notices.wish(reader, language="gu", zone="America/New_York")
    row = reminders.set_for(event, reader)
    reminders.send_due(row.due_at, told.reminder)
    [letter] = mails(row.due_at)
    assert re.search(r"[\u0a80-\u0aff]", letter.subject)
    assert "begins" not in letter.body
    assert "ભારતીય માનક સમય" in letter.body

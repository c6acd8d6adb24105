"""`.ics` files: one UID for good, the right zone, read by two parsers that are not ours."""

import datetime as dt
import zoneinfo

import icalendar
import pytest
import vobject

from samvad.events import service
from samvad.events.calendars import Appointment, Method, feed, one

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
STAMP = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)


def appointment(**more):
    values = {
        "uid": "abc@samvad.example",
        "sequence": 3,
        "starts": dt.datetime(2026, 8, 10, 20, 0, tzinfo=NEW_YORK),
        "title": "Rivers, cities; and \\ ચંપા " + "x" * 80,
        "description": "Who owns\nthe water?",
        "url": "https://samvad.example/e/rivers#pass=abc",
        "host": 'Asha "the" Patel',
        "host_url": "https://samvad.example/@asha",
        "alarm": dt.timedelta(minutes=31, seconds=7),
    }
    return Appointment(**values | more)


def parsed(body):
    """By both; they agree on what matters."""
    [mine] = icalendar.Calendar.from_ical(body).walk("VEVENT")
    theirs = vobject.readOne(body.decode())
    theirs.validate()
    entry = theirs.vevent
    assert entry.dtstart.value == mine.decoded("DTSTART")
    assert entry.summary.value == str(mine["SUMMARY"])
    assert entry.uid.value == str(mine["UID"])
    return mine, theirs


def test_both_parsers_read_the_same():
    body = one(appointment(), STAMP, Method.PUBLISH)
    mine, theirs = parsed(body)
    assert theirs.vevent.summary.value == appointment().title
    assert theirs.vevent.description.value.startswith("Who owns\nthe water?\n\nhttps://")
    assert theirs.vevent.sequence.value == "3"
    assert theirs.method.value == "PUBLISH"
    assert mine.decoded("DTSTART").astimezone(dt.UTC) == dt.datetime(2026, 8, 11, tzinfo=dt.UTC)
    assert theirs.vevent.valarm.trigger.value == -dt.timedelta(minutes=31, seconds=7)
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    assert body.endswith(b"END:VCALENDAR\r\n")


@pytest.mark.parametrize(
    "zone",
    [
        "America/New_York",
        "Asia/Kolkata",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "UTC",
    ],
)
@pytest.mark.parametrize("month", [1, 3, 7, 11])
def test_the_zone_in_the_file_says_what_the_zone_does(zone, month):
    """A program that knows no IANA names reads the VTIMEZONE alone, and is right."""
    starts = dt.datetime(2027, month, 20, 20, 0, tzinfo=zoneinfo.ZoneInfo(zone))
    body = one(appointment(starts=starts), STAMP, Method.PUBLISH)
    calendar = icalendar.Calendar.from_ical(body)
    tables = calendar.walk("VTIMEZONE")
    if zone == "UTC":
        assert tables == []
        assert b"DTSTART:20270" in body or b"DTSTART:2027" in body
        return
    assert [str(table["TZID"]) for table in tables] == [zone]
    # A name that nobody can look up, and a new one each time: vobject remembers them.
    anonymous = body.replace(zone.encode(), f"Own/{zone}-{month}".replace("/", "-").encode())
    read = vobject.readOne(anonymous.decode())
    told = read.vevent.dtstart.value
    assert told.astimezone(dt.UTC) == starts.astimezone(dt.UTC)


def test_a_cancellation():
    body = one(appointment(cancelled=True, sequence=4), STAMP, Method.CANCEL)
    mine, theirs = parsed(body)
    assert theirs.method.value == "CANCEL"
    assert mine["STATUS"] == "CANCELLED"
    assert mine.walk("VALARM") == []


def test_a_feed():
    body = feed("ચંપા’s", "https://samvad.example/@champa/calendar.ics",
                [appointment(uid=f"{n}@x") for n in range(3)], STAMP)  # fmt: skip
    calendar = icalendar.Calendar.from_ical(body)
    assert len(calendar.walk("VEVENT")) == 3
    assert len(calendar.walk("VTIMEZONE")) == 1
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in body.decode()
    vobject.readOne(body.decode()).validate()


@pytest.mark.django_db
def test_the_file_of_an_event_through_its_life(client, event, owner):
    path = f"/events/{event.pk}/calendar.ics"
    answer = client.get(path)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    before, theirs = parsed(answer.content)
    assert before["UID"] == f"{event.pk}@127.0.0.1"
    assert before.decoded("DTSTART") == event.starts_at
    assert "Asia/Kolkata" in answer.content.decode()
    assert theirs.vevent.url.value == f"http://127.0.0.1:8001/e/{event.slug}"
    service.move_event(event, event.starts_at + dt.timedelta(hours=1))
    moved, _ = parsed(client.get(path).content)
    assert moved["UID"] == before["UID"]
    assert moved["SEQUENCE"] > before["SEQUENCE"]
    service.cancel_event(event)
    off, theirs = parsed(client.get(path).content)
    assert theirs.method.value == "CANCEL"
    assert off["SEQUENCE"] > moved["SEQUENCE"]
    now = service.create_event(owner, "At once")
    assert client.get(f"/events/{now.pk}/calendar.ics").status_code == 404


@pytest.mark.django_db
def test_alarms_ring_at_different_moments(client, event):
    rings = set()
    for _ in range(12):
        body = client.get(f"/events/{event.pk}/calendar.ics").content
        alarm = icalendar.Calendar.from_ical(body).walk("VALARM")[0]
        rings.add(alarm.decoded("TRIGGER"))
    assert all(dt.timedelta(minutes=20) <= -one <= dt.timedelta(minutes=40) for one in rings)
    assert len(rings) > 3


@pytest.mark.django_db
def test_the_feed_of_a_host(client, event, owner, soon):
    service.create_event(owner, "Second", starts=soon + dt.timedelta(days=1), zone="UTC")
    service.cancel_event(event)
    body = client.get("/@asha/calendar.ics").content
    entries = icalendar.Calendar.from_ical(body).walk("VEVENT")
    assert {str(e["SUMMARY"]): str(e["STATUS"]) for e in entries} == {
        "Second": "CONFIRMED",
        "Rivers and cities": "CANCELLED",
    }
    assert client.get("/@nobody/calendar.ics").status_code == 404

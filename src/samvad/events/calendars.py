"""Conversations as iCalendar objects (RFC 5545, RFC 5546, RFC 7986). Pure.

One conversation has one UID for good. SEQUENCE grows with each change that calendars must learn
of, so that a newer copy (a download, a letter, the feed) replaces an older one.
"""

import datetime as dt
import zoneinfo
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from icalendar import Alarm, Calendar, vCalAddress, vDuration, vText, vUri
from icalendar import Event as Entry

from samvad.events.vtimezone import vtimezone

USUAL_LENGTH = dt.timedelta(hours=1)
"""Nobody knows how long a conversation takes; an hour keeps the place in a calendar."""
REFRESH = dt.timedelta(hours=1)


class Method(StrEnum):
    """What a calendar program is to do with an object (RFC 5546, section 1.4)."""

    PUBLISH = "PUBLISH"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Appointment:
    """A conversation for a calendar. `starts` is aware, in the announced zone (a ZoneInfo).
    `alarm` is how long before the start to ring; None: not at all."""

    uid: str
    sequence: int
    starts: dt.datetime
    title: str
    description: str
    url: str
    host: str
    host_url: str
    cancelled: bool = False
    length: dt.timedelta = USUAL_LENGTH
    alarm: dt.timedelta | None = None


def one(appointment: Appointment, stamp: dt.datetime, method: Method) -> bytes:
    """A calendar of one appointment, made at `stamp`."""
    calendar = _calendar(method)
    _put(calendar, [appointment], stamp)
    return bytes(calendar.to_ical())


def feed(name: str, url: str, appointments: Sequence[Appointment], stamp: dt.datetime) -> bytes:
    """A calendar to subscribe to."""
    calendar = _calendar(Method.PUBLISH)
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar["source"] = vUri(url, params={"VALUE": "URI"})
    calendar["refresh-interval"] = vDuration(REFRESH, params={"VALUE": "DURATION"})
    calendar["x-published-ttl"] = vDuration(REFRESH)
    _put(calendar, appointments, stamp)
    return bytes(calendar.to_ical())


def _put(calendar: Calendar, appointments: Sequence[Appointment], stamp: dt.datetime) -> None:
    """The zones that are spoken of, each once, and then the entries."""
    years: dict[zoneinfo.ZoneInfo, list[int]] = defaultdict(list)
    for appointment in appointments:
        zone = appointment.starts.tzinfo
        if isinstance(zone, zoneinfo.ZoneInfo) and zone.key != "UTC":
            years[zone].append(appointment.starts.year)
    for zone, spoken in years.items():
        calendar.add_component(vtimezone(zone, min(spoken), max(spoken)))
    for appointment in appointments:
        calendar.add_component(_entry(appointment, stamp))


def _calendar(method: Method) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Samvad//Samvad//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    return calendar


def _entry(one: Appointment, stamp: dt.datetime) -> Entry:
    entry = Entry()
    entry.add("uid", one.uid)
    entry.add("dtstamp", stamp.astimezone(dt.UTC))
    entry.add("sequence", one.sequence)
    entry.add("dtstart", one.starts)
    entry.add("dtend", one.starts + one.length)
    entry.add("summary", one.title)
    about = f"{one.description}\n\n{one.url}" if one.description else one.url
    entry.add("description", about)
    entry["url"] = vUri(one.url)
    entry.add("status", "CANCELLED" if one.cancelled else "CONFIRMED")
    organizer = vCalAddress(one.host_url)
    organizer.params["cn"] = vText(one.host.replace('"', "”"))
    entry["organizer"] = organizer
    if one.alarm is not None and not one.cancelled:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", one.title)
        alarm.add("trigger", -one.alarm)
        entry.add_component(alarm)
    return entry

"""Conversations for calendars, with this site's addresses in them."""

import datetime as dt
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.events import calendars, zones
from samvad.events.calendars import Appointment, Method
from samvad.events.models import Event
from samvad.protocol.hls import page_path

FEED_MOST = 200
"""Conversations in a feed, the newest."""


def uid(event_id: str) -> str:
    """The one name a conversation has in all calendars."""
    return f"{event_id}@{urlsplit(settings.SAMVAD.web_url()).hostname}"


def appointment(
    event: Event, *, url: str = "", alarm: dt.timedelta | None = None
) -> Appointment | None:
    """`event` for a calendar; None while it has no time. `url` "": the listeners' page."""
    starts = event.starts_at or event.live_since
    if starts is None:
        return None
    over = event.live_since is not None and event.ended_at is not None
    length = event.ended_at - starts if over and event.ended_at else calendars.USUAL_LENGTH
    return Appointment(
        uid=uid(event.pk),
        sequence=event.sequence,
        starts=starts.astimezone(zones.info(event.zone)).replace(microsecond=0),
        title=event.title,
        description=event.description,
        url=url or settings.SAMVAD.gate_url() + page_path(event.slug),
        host=event.host.shown_name,
        host_url=settings.SAMVAD.web_url() + reverse("profile", args=[event.host.handle]),
        cancelled=event.state == "cancelled" or event.withheld,
        length=max(length, dt.timedelta(minutes=1)),
        alarm=alarm,
    )


def one(event: Event, *, url: str = "", alarm: dt.timedelta | None = None) -> bytes | None:
    """The `.ics` file of `event`, which also takes it back when it was cancelled."""
    found = appointment(event, url=url, alarm=alarm)
    if found is None:
        return None
    method = Method.CANCEL if found.cancelled else Method.PUBLISH
    return calendars.one(found, dt.datetime.now(dt.UTC), method)


def feed(host: User) -> bytes:
    """What `host` announces and has announced, to subscribe to."""
    events = Event.objects.visible().filter(host=host, starts_at__isnull=False)
    newest = events.select_related("host").order_by("-starts_at")[:FEED_MOST]
    entries = [found for event in newest if (found := appointment(event))]
    return calendars.feed(
        _("Conversations of %(name)s") % {"name": host.shown_name},
        settings.SAMVAD.web_url() + reverse("host_calendar", args=[host.handle]),
        entries,
        dt.datetime.now(dt.UTC),
    )

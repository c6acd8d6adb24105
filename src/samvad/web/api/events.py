"""Conversations: announced, listed, looked at, moved, cancelled, and being reminded of them."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import AwareDatetime, Field

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.events import reminders, service
from samvad.events import terms as door
from samvad.events.lifecycle import State
from samvad.events.models import Event, Reminder
from samvad.events.terms import Terms
from samvad.protocol.hls import page_path, replay_path
from samvad.web.announcing import announce
from samvad.web.api.cursor import Cursor, Limit, Page, page
from samvad.web.api.keys import anybody, key, reader, who
from samvad.web.api.problems import ERRORS, Refused

router = Router()
WRITES = key(Scope.EVENTS)
READS = key(Scope.READ)


class EventOut(Schema):
    """A conversation as everybody may know it. `reminded`: the asker has set a reminder."""

    id: str
    url: str
    title: str
    description: str
    host: str
    speakers: list[str]
    state: str
    starts_at: dt.datetime | None
    zone: str
    seats: int
    way: str
    live_since: dt.datetime | None
    ended_at: dt.datetime | None
    peak_listeners: int
    replay: str | None
    replay_ms: int | None
    calendar: str
    happened: str
    reminded: bool


class Links(Schema):
    """What only its host may know: with such a link one speaks in that name."""

    studio: str
    console: str
    speakers: list[dict[str, str]]


class Announced(EventOut):
    """A conversation with its secret links, and the post that carries its card, if there is one."""

    links: Links
    post: str | None = None


class Announcing(Schema):
    """A conversation to be. Without `starts_at` its doors open at once. `post`: also write a post
    with its card, which says `post_text`."""

    title: str = Field(min_length=1, max_length=120)
    description: str = Field("", max_length=4000)
    starts_at: AwareDatetime | None = None
    zone: str = Field("UTC", max_length=64)
    seats: int | None = Field(None, ge=1, le=10_000_000)
    speakers: list[str] = Field(default_factory=list, max_length=12)
    way: str = Field("shuffled", pattern="^(first_come|shuffled|priority|invite)$")
    passphrase: str = Field("", max_length=200)
    post: bool = False
    post_text: str = Field("", max_length=20_000)


class Moving(Schema):
    """Another time. `zone` "" keeps the one it was announced in."""

    starts_at: AwareDatetime
    zone: str = Field("", max_length=64)


class Changing(Schema):
    """What is left out stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=120)
    description: str | None = Field(None, max_length=4000)
    seats: int | None = Field(None, ge=1, le=10_000_000)
    speakers: list[str] | None = Field(None, max_length=12)


class Reminding(Schema):
    """`mail` false: by notification and push alone."""

    mail: bool = True


class ReminderOut(Schema):
    """A reminder: `due_at` is the asker's own moment; others have others."""

    event: str
    due_at: dt.datetime | None
    mail: bool


@router.post("", auth=WRITES, response={201: Announced, **ERRORS})
def create(request: HttpRequest, said: Announcing) -> Any:
    """Announce a conversation."""
    host = who(request)
    _fits(said.starts_at)
    values = {
        "title": said.title,
        "description": said.description,
        "starts": said.starts_at,
        "zone": said.zone,
        "seats": said.seats,
        "speakers": said.speakers,
        "terms": Terms(way=said.way, passphrase=said.passphrase or None),
    }
    event, post = announce(host, values, post=said.post, text=said.post_text)
    return Status(201, _mine(event) | {"post": post.pk if post else None})


@router.get("", auth=anybody, response={200: Page[EventOut], **ERRORS})
def listed(
    request: HttpRequest, host: str = "", state: str = "", cursor: Cursor = "", limit: Limit = 20
) -> Any:
    """Conversations, the newest announced first; `host` and `state` narrow them down."""
    rows = Event.objects.visible().select_related("host").prefetch_related("speakers")
    if host:
        rows = rows.filter(host__handle=host.lower())
    if state:
        rows = rows.filter(state=state if state in set(State) else "none")
    reminded = _reminded(reader(request))
    return page(rows, cursor, limit, lambda event: shown(event, reminded), by=("-created_at", "pk"))


@router.get("/{event_id}", auth=anybody, response={200: EventOut, **ERRORS})
def show(request: HttpRequest, event_id: str) -> Any:
    """One conversation. 404 for one whose host is suspended."""
    return shown(_served(event_id), _reminded(reader(request)))


@router.get("/{event_id}/links", auth=READS, response={200: Announced, **ERRORS})
def links(request: HttpRequest, event_id: str) -> Any:
    """One's own conversation with its secret links."""
    return _mine(_own(event_id, who(request)))


@router.patch("/{event_id}", auth=WRITES, response={200: EventOut, **ERRORS})
def change(request: HttpRequest, event_id: str, said: Changing) -> Any:
    """Change one's own conversation before it begins."""
    event = _own(event_id, who(request))
    named = [s.name for s in event.speakers.all() if s.role == "speaker"]
    changed = service.edit_event(
        event,
        title=event.title if said.title is None else said.title,
        description=event.description if said.description is None else said.description,
        starts=event.starts_at,
        zone=event.zone,
        seats=event.seats if said.seats is None else said.seats,
        speakers=named if said.speakers is None else said.speakers,
        terms=door.terms_of(event),
    )
    return shown(_own(changed.pk, who(request)), set())


@router.post("/{event_id}/move", auth=WRITES, response={200: EventOut, **ERRORS})
def move(request: HttpRequest, event_id: str, said: Moving) -> Any:
    """Put one's own conversation off, or have it earlier. Who set a reminder is told."""
    event = _own(event_id, who(request))
    _fits(said.starts_at)
    service.move_event(event, said.starts_at, said.zone)
    return shown(_own(event.pk, who(request)), set())


@router.post("/{event_id}/cancel", auth=WRITES, response={200: EventOut, **ERRORS})
def cancel(request: HttpRequest, event_id: str) -> Any:
    """It will not take place. Who set a reminder is told."""
    event = _own(event_id, who(request))
    service.cancel_event(event)
    return shown(_own(event.pk, who(request)), set())


@router.put("/{event_id}/reminder", auth=WRITES, response={200: ReminderOut, **ERRORS})
def remind(request: HttpRequest, event_id: str, said: Reminding) -> Any:
    """Be reminded; may be repeated."""
    made = reminders.set_for(_served(event_id), who(request), by_mail=said.mail)
    return {"event": made.event_id, "due_at": made.due_at, "mail": made.by_mail}


@router.delete("/{event_id}/reminder", auth=WRITES, response={204: None, **ERRORS})
def forget(request: HttpRequest, event_id: str) -> Any:
    """No reminder any more; may be repeated."""
    reminders.unset(_served(event_id), who(request))
    return Status(204, None)


def shown(event: Event, reminded: set[str]) -> dict[str, Any]:
    """An event, whose host and speakers are loaded, as `EventOut` has it."""
    web, gate = settings.SAMVAD.web_url(), settings.SAMVAD.gate_url()
    return {
        "id": event.pk,
        "url": gate + page_path(event.slug),
        "title": event.title,
        "description": event.description,
        "host": event.host.handle,
        "speakers": [speaker.name for speaker in event.speakers.all()],
        "state": event.state,
        "starts_at": event.starts_at,
        "zone": event.zone,
        "seats": event.seats,
        "way": event.way,
        "live_since": event.live_since,
        "ended_at": event.ended_at,
        "peak_listeners": event.peak_listeners,
        "replay": gate + replay_path(event.pk) if event.replay_bytes is not None else None,
        "replay_ms": event.replay_ms,
        "calendar": web + reverse("event_calendar", args=[event.pk]),
        "happened": web + service.happened_path(event),
        "reminded": event.pk in reminded,
    }


def _fits(starts: dt.datetime | None) -> None:
    """To come, and within ten years. Raises Refused."""
    if starts is None:
        return
    now = timezone.now()
    try:
        fits = now - dt.timedelta(minutes=1) <= starts <= now + dt.timedelta(days=3653)
    except OverflowError:
        fits = False
    if not fits:
        raise Refused(422, "starts_at is over, or more than ten years away.")


def _mine(event: Event) -> dict[str, Any]:
    told = service.links(event)
    speakers = [
        {name: link[name] for name in ("name", "role", "link", "whip", "whep", "token")}
        for link in told["speakers"]
    ]
    secret = {"studio": told["studio"], "console": told["console"], "speakers": speakers}
    return shown(event, set()) | {"links": secret}


def _reminded(user: User | None) -> set[str]:
    if user is None:
        return set()
    return set(Reminder.objects.filter(user=user).values_list("event_id", flat=True))


def _served(event_id: str) -> Event:
    return _one(Event.objects.visible(), event_id)


def _own(event_id: str, host: User) -> Event:
    """404 for another's: what belongs to whom is nobody's business."""
    return _one(Event.objects.visible().filter(host=host), event_id)


def _one(events: Any, event_id: str) -> Event:
    found: Event | None = (
        events.select_related("host").prefetch_related("speakers").filter(pk=event_id[:32]).first()
    )
    if found is None:
        raise Http404
    return found

"""What may be done with events. Pages, the API and commands call these and nothing below.

Each change bumps the event's revision in the same transaction; its plan is written right
after the commit (and again by the worker, should that fail).
"""

import datetime as dt
import re
import time
import unicodedata
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.events import intake, lifecycle, passes, plans, stage_client, zones
from samvad.events import terms as door
from samvad.events.errors import EventError
from samvad.events.lifecycle import Happening, State
from samvad.events.models import Event, Speaker, new_event_id
from samvad.events.moves import move
from samvad.events.terms import Terms
from samvad.protocol.hls import SLUG_MAX, page_path, replay_path, whep_path, whip_path

SPEAKERS_MAX = 12
FACTS_WITHIN_S = 5.0
"""How long after the stage's answer its facts are waited for."""

FIRST_TITLE = "A first conversation"


def create_event(  # noqa: PLR0917
    host: User,
    title: str,
    description: str = "",
    starts: dt.datetime | None = None,
    zone: str = "UTC",
    seats: int | None = None,
    speakers: Sequence[str] = (),
    terms: Terms | None = None,
) -> Event:
    """A new event with its links, and its plan on disk.

    `starts` is aware; without it doors open at once and the first voice begins the programme.
    `seats` None: the setting gate.seats. `speakers` are names beside the host's own place; with
    none the host is the one speaker. `terms` None: the usual ones. Raises EventError (a PlainError)
    on what does not fit.
    """
    names = clean_names(speakers)
    if not host.may_act:
        raise EventError(_("This account cannot announce conversations now."))
    event = Event(
        id=_unused_id(),
        host=host,
        title=" ".join(title.split()),
        description=description.strip(),
        starts_at=starts,
        zone=zone,
        seats=settings.SAMVAD.gate.seats if seats is None else seats,
        state=State.ANNOUNCED if starts else State.DOORS,
        revision=1,
    )
    door.settle(event, terms or Terms())
    _check(event, starts)
    with transaction.atomic():
        event.slug = _free_slug(event.title, event.id)
        event.save(force_insert=True)
        Speaker.objects.create(event=event, name=host.shown_name, role=Speaker.HOST, position=0)
        for position, name in enumerate(names, start=1):
            Speaker.objects.create(event=event, name=name, position=position)
    _write_plan(event)
    return event


def edit_event(
    event: Event,
    *,
    title: str,
    description: str,
    starts: dt.datetime | None,
    zone: str,
    seats: int,
    speakers: Sequence[str],
    terms: Terms | None = None,
) -> Event:
    """Change an event that is not live or over yet. Links of speakers who stay stay valid.

    A speaker is known by name: a name that is gone loses its link, a new one gets a link. The
    address never changes. `terms` None: as they are. Raises EventError.
    """
    names = clean_names(speakers)
    with transaction.atomic():
        event = Event.objects.get(pk=event.pk)
        if not event.editable:
            raise EventError(
                _("This conversation has begun or is over."), _("It can no longer be changed.")
            )
        shown = (event.title, event.description, event.starts_at, event.zone)
        event.title = " ".join(title.split())
        event.description = description.strip()
        event.starts_at, event.zone, event.seats = starts, zone, seats
        door.settle(event, terms or door.terms_of(event))
        _check(event, starts)
        event.state = State.ANNOUNCED if starts else State.DOORS
        event.revision = F("revision") + 1
        if shown != (event.title, event.description, starts, zone):
            event.sequence = F("sequence") + 1
        event.save()
        _set_speakers(event, names)
    _write_plan(event)
    event.refresh_from_db()
    return event


def move_event(event: Event, starts: dt.datetime, zone: str = "") -> Event:
    """Put it off, or have it earlier: `starts` is aware; `zone` "" keeps the announced one. Who set
    a reminder is told. Raises EventError."""
    named = event.speakers.filter(role=Speaker.SPEAKER)
    return edit_event(
        event,
        title=event.title,
        description=event.description,
        starts=starts,
        zone=zone or event.zone,
        seats=event.seats,
        speakers=[speaker.name for speaker in named],
    )


def cancel_event(event: Event) -> None:
    """It will not take place. Raises EventError when it has begun or is over."""
    if not move(event.pk, Happening.CANCEL):
        raise EventError(
            _("This conversation has begun or is over."), _("It can no longer be cancelled.")
        )
    _write_plan(event)
    event.refresh_from_db()


def end_event(event_id: str, by: str = "") -> Event:
    """End it at the stage, wait until it has ended, and know it here. Ending twice is no error.
    `by` is the name of who does it, for the log.

    An event that was never live is over for good, too. Raises PlainError when the stage cannot
    be reached, EventError when there is no such event.
    """
    event = find(event_id)
    if event.over:
        return event
    stage_client.end(event.pk, by)
    # The stage writes its facts a moment after its answer. They are taken here, so that nobody
    # has to wait for a worker that may not even be running; the worker finds them taken.
    deadline = time.monotonic() + FACTS_WITHIN_S
    while time.monotonic() < deadline:
        intake.take_all(settings.FOLDERS.journal)
        event = find(event_id)
        if event.life is State.ENDED and (event.live_since is None or event.replay_ms is not None):
            return event
        time.sleep(0.05)
    # The stage could not write them down (a full disk): that it answered is enough to know.
    if move(event.pk, Happening.ENDED, ended_at=timezone.now()):
        _write_plan(event)
    return find(event_id)


def find(event_id: str) -> Event:
    """The event with this id or address. Raises EventError."""
    event = Event.objects.filter(pk=event_id).first() or Event.objects.filter(slug=event_id).first()
    if event is None:
        raise EventError(f"There is no event {event_id!r}.", "See `samvad event list`.")
    return event


def links(event: Event) -> dict[str, Any]:
    """Every link of an event, secret ones among them: what `event create --json` prints."""
    web, gate = settings.SAMVAD.web_url(), settings.SAMVAD.gate_url()
    everybody = list(event.speakers.all())
    host = next(s for s in everybody if s.role == Speaker.HOST)
    named = [s for s in everybody if s.role == Speaker.SPEAKER] or [host]
    return {
        "event": event.pk,
        "slug": event.slug,
        "title": event.title,
        "page": gate + page_path(event.slug),
        "studio": f"{web}/studio/{event.pk}#{host.token}",
        "console": f"{web}/console/{event.pk}#{host.token}",
        "happened": web + happened_path(event),
        "host": _speaker_links(event, host),
        "speakers": [_speaker_links(event, s) for s in named],
    }


def happened_path(event: Event) -> str:
    """The event's public log, at `web`."""
    return f"/happened/{event.pk}"


def show(event_id: str) -> dict[str, Any]:
    """`links` and what became of it: what `event show --json` prints. Raises EventError."""
    event = find(event_id)
    replay = settings.SAMVAD.gate_url() + replay_path(event.pk)
    return links(event) | {
        "state": event.state,
        "seats": event.seats,
        "door": dict(door.shown(event)),
        "starts": event.starts_at.isoformat() if event.starts_at else None,
        "zone": event.zone,
        "live_since": event.live_since.isoformat() if event.live_since else None,
        "ended": event.ended_at.isoformat() if event.ended_at else None,
        "peak_listeners": event.peak_listeners,
        "replay": replay if event.replay_bytes is not None else None,
    }


def list_events() -> list[dict[str, Any]]:
    """`show` of every event, newest first, without the secret links."""
    gate = settings.SAMVAD.gate_url()
    return [
        {
            "event": event.pk,
            "slug": event.slug,
            "title": event.title,
            "state": event.state,
            "starts": event.starts_at.isoformat() if event.starts_at else None,
            "page": gate + page_path(event.slug),
            "replay": gate + replay_path(event.pk) if event.replay_bytes is not None else None,
        }
        for event in Event.objects.order_by("-created_at")
    ]


def ensure_first_event(host: User) -> tuple[Event, bool]:
    """An event to try the site with, when `host` has none that is not over; True when made."""
    event = (
        Event.objects.filter(host=host)
        .exclude(state__in=lifecycle.OVER)
        .order_by("created_at")
        .first()
    )
    if event is not None:
        return event, False
    return create_event(host, FIRST_TITLE), True


def clean_names(speakers: Sequence[str]) -> list[str]:
    """Speakers' names without empty ones and outer spaces. Raises EventError."""
    names = [" ".join(name.split()) for name in speakers]
    names = [name for name in names if name]
    if len(names) > SPEAKERS_MAX:
        raise EventError(
            _("%(count)d speakers are named; a conversation has room for %(most)d.")
            % {"count": len(names), "most": SPEAKERS_MAX},
            field="speakers",
        )
    seen: set[str] = set()
    for name in names:
        if len(name) > 80:
            raise EventError(
                _("“%(name)s…” is longer than 80 letters.") % {"name": name[:20]}, field="speakers"
            )
        if "\0" in name:
            raise EventError(_("There are characters in it that cannot be kept."), field="speakers")
        if name.casefold() in seen:
            raise EventError(
                _("“%(name)s” is named twice.") % {"name": name},
                _("Tell the two apart, so that each gets a link of their own."),
                field="speakers",
            )
        seen.add(name.casefold())
    return names


def slug_of(title: str) -> str:
    """The part of `title` that can stand in an address: ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_MAX].strip("-")


def _free_slug(title: str, event_id: str) -> str:
    """A slug nobody has, and that is no other event's id either (both stand behind /e/)."""
    wanted = slug_of(title)
    if len(re.sub(r"[^a-z]", "", wanted)) < 2:
        return event_id  # nothing readable is left of a Gujarati or Hindi title
    taken = Event.objects.filter(slug=wanted).exists() or Event.objects.filter(pk=wanted).exists()
    return f"{wanted[: SLUG_MAX - 7].strip('-')}-{event_id[:6]}" if taken else wanted


def _unused_id() -> str:
    while True:
        event_id = new_event_id()
        if not Event.objects.filter(slug=event_id).exists():
            return event_id


def _check(event: Event, starts: dt.datetime | None) -> None:
    if "\0" in event.title + event.description:
        raise EventError(_("There are characters in it that cannot be kept."))
    if not event.title:
        raise EventError(_("The conversation has no title."), field="title")
    if not zones.exists(event.zone):
        raise EventError(
            _("There is no time zone “%(zone)s”.") % {"zone": event.zone},
            _("Write it as Region/City, for example Asia/Kolkata."),
            field="zone",
        )
    if starts is not None and starts.tzinfo is None:
        raise EventError(_("The start has no time zone."), field="starts")
    try:
        event.clean_fields(exclude=["slug", "revision"])
    except ValidationError as error:
        field, says = next(iter(error.message_dict.items()))
        raise EventError(f"{field}: {' '.join(says)}", field=field) from None


def _set_speakers(event: Event, names: Sequence[str]) -> None:
    have = {s.name.casefold(): s for s in event.speakers.filter(role=Speaker.SPEAKER)}
    for position, name in enumerate(names, start=1):
        speaker = have.pop(name.casefold(), None) or Speaker(event=event)
        speaker.name, speaker.position = name, position
        speaker.save()
    for gone in have.values():
        gone.delete()


def _speaker_links(event: Event, speaker: Speaker) -> dict[str, str]:
    web, stage = settings.SAMVAD.web_url(), settings.SAMVAD.stage_url()
    return {
        "id": speaker.pk,
        "name": speaker.name,
        "role": speaker.role,
        "link": f"{web}/studio/{event.pk}#{speaker.token}",
        "whip": stage + whip_path(event.pk),
        "whep": stage + whep_path(event.pk),
        "token": speaker.token,
        "guests": passes.guest_link(event, speaker),
    }


def _write_plan(event: Event) -> None:
    """After the commit: `on_commit` runs at once outside a transaction, later inside one."""
    transaction.on_commit(lambda: plans.write_or_leave(event.pk))

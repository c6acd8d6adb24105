"""An event as the live plane sees it: the plan, with the crowd's page in every language."""

import fcntl
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.db.models import F
from django.utils.module_loading import import_string

from samvad.base.folders import Folders
from samvad.events import lifecycle, terms
from samvad.events.lifecycle import State
from samvad.events.models import Event, Speaker
from samvad.events.zones import unix_ms
from samvad.protocol.plan import EventPlan, PlanFolder, PlannedSpeaker
from samvad.protocol.secret import token_hash

log = logging.getLogger(__name__)

PENDING_A_ROUND = 50


def plan_of(event: Event, pages: Mapping[str, str]) -> EventPlan:
    """The plan that `event` and its speakers, as they are now, amount to."""
    starts_ms = unix_ms(event.starts_at) if event.starts_at else None
    return EventPlan(
        event=event.id,
        slug=event.slug,
        revision=event.revision,
        title=event.title,
        seats=event.seats,
        description=event.description,
        starts_ms=starts_ms,
        doors_ms=lifecycle.doors_ms(starts_ms),
        zone=event.zone,
        on_air="first_voice" if starts_ms is None else "host",
        ended=event.life is State.ENDED,
        cancelled=event.life is State.CANCELLED,
        withheld=event.withheld,
        speakers=tuple(planned(s) for s in event.speakers.all()),
        pages=pages,
        door=terms.door_plan(event),
        ladder=terms.rungs(event),
        floor=event.floor,
        promise_min=event.promise_min,
    )


def planned(speaker: Speaker) -> PlannedSpeaker:
    return PlannedSpeaker(
        id=speaker.id, name=speaker.name, role=speaker.role, token_hash=token_hash(speaker.token)
    )


def write(event_id: str) -> bool:
    """Write the event's newest plan, unless it is on disk already. True when it was written.

    The lock lets one process at a time read the event and replace the file, so that an older
    revision never replaces a newer one. Raises OSError when the disk does not take it.
    """
    folders: Folders = settings.FOLDERS
    with _lock(folders):
        event = Event.objects.select_related("host").prefetch_related("speakers").get(pk=event_id)
        if not event.plan_pending:
            return False
        PlanFolder(folders.plans).write(plan_of(event, _pages(event)))
        _preview(event)
        Event.objects.filter(pk=event_id, plan_written__lt=event.revision).update(
            plan_written=event.revision
        )
        return True


def write_or_leave(event_id: str) -> bool:
    """`write`, for those who have saved the event already: what fails now the worker mends."""
    try:
        write(event_id)
    except OSError as error:
        log.error("the plan of %s cannot be written now: %s", event_id, error)
        return False
    return True


def write_pending() -> int:
    """Write plans that a crash, a full disk or an upgrade left unwritten; how many were.

    At most PENDING_A_ROUND, newest events first, so that a round of the worker stays short.
    """
    pending = Event.objects.filter(plan_written__lt=F("revision")).order_by("-created_at")
    ids = list(pending.values_list("pk", flat=True)[:PENDING_A_ROUND])
    return sum(write_or_leave(pk) for pk in ids)


def renew_if_site_changed() -> int:
    """Write all plans anew when their pages would look different now; how many were touched.

    Pages name scripts and styles by their content, and this site's addresses. After an upgrade
    or a change of settings the pages in older plans would point to files that are gone. The
    page of a made-up event tells: its fingerprint is kept in the data folder.
    """
    folders: Folders = settings.FOLDERS
    example = Event(id="0000000000", slug="example", title="-", seats=1, revision=1)
    fingerprint = hashlib.sha256(json.dumps(_pages(example), sort_keys=True).encode()).hexdigest()
    kept = folders.web / "pages.sha256"
    with _lock(folders):
        if kept.is_file() and kept.read_text(encoding="ascii") == fingerprint:
            return 0
        touched = Event.objects.update(revision=F("revision") + 1)
        # Written last: a crash before it only means that this is done again.
        kept.write_text(fingerprint, encoding="ascii")
    return touched


def _pages(event: Event) -> dict[str, str]:
    """The event's page by language, from the room that speaks HTML."""
    render: Callable[[Event, list[str]], dict[str, str]] = import_string(settings.EVENT_PAGES)
    speakers = [] if event._state.adding else [s.name for s in event.speakers.all()]
    return render(event, speakers)


def _preview(event: Event) -> None:
    """What other sites show of it. A preview is a courtesy: without one the plan is as good."""
    write_it: Callable[[Event], None] = import_string(settings.EVENT_PREVIEW)
    try:
        write_it(event)
    except Exception:
        log.exception("the preview of %s cannot be made", event.pk)


@contextmanager
def _lock(folders: Folders) -> Iterator[None]:
    folders.run.mkdir(parents=True, exist_ok=True)
    with open(folders.run / "plans.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

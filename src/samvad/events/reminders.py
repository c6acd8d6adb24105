"""Reminders: who wants to be told of a conversation, when each is told, and what changed for them.

That everybody comes at the same minute is what a stampede is made of. So each person's reminder
has a moment of its own, drawn once and kept, also when the conversation moves.
"""

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.accounts.standing import VISIBLE
from samvad.events import lifecycle, passes
from samvad.events.errors import EventError
from samvad.events.lifecycle import State
from samvad.events.models import Event, Reminder
from samvad.events.zones import unix_ms
from samvad.notices import letters, service
from samvad.notices.kinds import Kind

A_ROUND = 200
"""Reminders sent, or people told of a change, in one round: a few seconds of the database."""
MOST_A_PERSON = 200
USEFUL_FOR = dt.timedelta(hours=1)
"""A reminder that could not be sent is of use so long after the start."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a letter is about. `before` is the start its reader knew, None when that holds still;
    `link` is the listeners' page, with the reminder's pass where there is one."""

    reminder: Reminder
    kind: Kind
    link: str
    before: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A letter in words. `calendar` is an iCalendar object with `method`, or ""."""

    subject: str
    text: str
    off_link: str
    calendar: str = ""
    method: str = ""


Write = Callable[[Told], Text]
"""Writes a letter in its reader's language."""


def set_for(event: Event, user: User, by_mail: bool = True) -> Reminder:
    """Remind `user` of `event`; setting it twice changes only `by_mail`. Raises EventError."""
    if not event.coming or event.life is State.LIVE:
        raise EventError(_("There is nothing left to be reminded of."))
    have = Reminder.objects.filter(event=event, user=user).first()
    if have is not None:
        have.by_mail = by_mail
        have.save(update_fields=["by_mail"])
        return have
    if Reminder.objects.filter(user=user, due_at__isnull=False).count() >= MOST_A_PERSON:
        raise EventError(_("You have as many reminders as this site keeps for one person."))
    spread_s = settings.SAMVAD.notices.reminder_spread_min * 60
    reminder = Reminder(
        event=event,
        user=user,
        by_mail=by_mail,
        set_at=timezone.now(),
        offset_s=secrets.randbelow(spread_s + 1),
        told_sequence=event.sequence,
        told_starts=event.starts_at,
    )
    reminder.due_at = due_at(event.starts_at, reminder.offset_s, reminder.set_at)
    made, _new = Reminder.objects.get_or_create(
        event=event,
        user=user,
        defaults={
            name: getattr(reminder, name)
            for name in ("by_mail", "set_at", "offset_s", "due_at", "told_sequence", "told_starts")
        },
    )
    return made


def unset(event: Event, user: User) -> bool:
    """True when there was one."""
    return bool(Reminder.objects.filter(event=event, user=user).delete()[0])


def due_at(starts: dt.datetime | None, offset_s: int, now: dt.datetime) -> dt.datetime | None:
    """When one is reminded: the setting reminder_lead_min before the start, and `offset_s`
    before that. None when there is no start, or it is over.

    Who asks later than that is reminded on the way to the start, at the same share of it.
    """
    if starts is None or starts <= now:
        return None
    told = settings.SAMVAD.notices
    due = starts - dt.timedelta(minutes=told.reminder_lead_min, seconds=offset_s)
    if due > now:
        return due
    spread_s = told.reminder_spread_min * 60
    return now + (starts - now) * (offset_s / spread_s if spread_s else 0) * 0.9


def link(reminder: Reminder) -> str:
    """The listeners' page for one who set a reminder: in time for it, with the pass of its lane."""
    event, set_ms = reminder.event, unix_ms(reminder.set_at)
    return passes.reminded_link(event, f"account/{reminder.user_id}", set_ms)


def send_due(now: dt.datetime, words: Write) -> int:
    """Remind whoever is due at `now`; how many people. May be repeated or cut off anywhere."""
    due = list(
        Reminder.objects.filter(due_at__lte=now)
        .select_related("event__host", "user")
        .order_by("due_at")[:A_ROUND]
    )
    return sum(_remind(reminder, now, words) for reminder in due)


def _remind(reminder: Reminder, now: dt.datetime, words: Write) -> bool:
    event = reminder.event
    with transaction.atomic():
        mine = Reminder.objects.filter(pk=reminder.pk, due_at=reminder.due_at)
        if not mine.update(due_at=None):
            return False  # another worker was first, or the event has moved
        useless = event.starts_at is not None and now > event.starts_at + USEFUL_FOR
        if not event.coming or useless:
            return False
        _tell(Told(reminder, Kind.EVENT_STARTS, link(reminder)), now, words)
    return True


def tell_changes(now: dt.datetime, words: Write) -> int:
    """Tell those with a reminder what has changed since they were told; how many people.

    Each row knows what its person knows, so that a crash in the middle tells nobody twice, and
    an event that moves twice in a minute is told once, as it is now.
    """
    served = [standing.value for standing in VISIBLE]
    comes = Q(event__host__standing__in=served) & ~Q(event__state__in=lifecycle.OVER)
    gone = ~Q(event__host__standing__in=served) | Q(event__state=State.CANCELLED)
    changed = Reminder.objects.filter(
        (Q(told_coming=True) & gone)
        | (Q(told_coming=False) & comes)
        | (comes & Q(told_sequence__lt=F("event__sequence")))
    )
    rows = list(changed.select_related("event__host", "user").order_by("pk")[:A_ROUND])
    return sum(_tell_change(row, now, words) for row in rows)


def _tell_change(row: Reminder, now: dt.datetime, words: Write) -> bool:
    event, was_coming = row.event, row.told_coming
    before = row.told_starts if row.told_starts != event.starts_at else None
    moved = row.told_sequence < event.sequence and before is not None
    with transaction.atomic():
        known = Reminder.objects.filter(
            pk=row.pk, told_sequence=row.told_sequence, told_coming=was_coming
        )
        if not known.update(
            told_sequence=event.sequence,
            told_coming=event.coming,
            told_starts=event.starts_at,
            due_at=due_at(event.starts_at, row.offset_s, now) if event.coming else None,
        ):
            return False
        if not event.coming:
            kind = Kind.EVENT_CANCELLED
        elif not was_coming:
            kind = Kind.EVENT_BACK
        elif moved:
            kind = Kind.EVENT_MOVED
        else:
            return False  # a change that calendars learn of, but nobody needs a letter about
        _tell(Told(row, kind, link(row), before), now, words)
    return True


def _tell(what: Told, now: dt.datetime, words: Write) -> None:
    row, event = what.reminder, what.reminder.event
    notice = service.tell(
        row.user,
        what.kind,
        None,
        ("event", event.pk),
        {"title": event.title, "reminder": row.pk},
    )
    if row.by_mail and notice is not None and letters.address_of(row.user):
        text = words(what)
        starts = event.starts_at
        letters.write(
            row.user,
            f"{what.kind}/{row.pk}/{event.sequence}/{int(event.coming)}",
            text.subject,
            text.text,
            off_link=text.off_link,
            calendar=text.calendar,
            method=text.method,
            not_after=starts + USEFUL_FOR if what.kind is Kind.EVENT_STARTS and starts else None,
        )

"""The recording is promised by a time of day; whether it came by then is written down for good."""

import datetime as dt

from django.db import transaction
from django.db.models import F

from samvad.events.intake import happened, note
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.events.zones import from_ms, unix_ms
from samvad.protocol import journal
from samvad.protocol.plan import PROMISE_MIN

KEPT, LATE = "kept", "late"
A_ROUND = 50
"""Events looked at a time."""


def due_at(event: Event) -> dt.datetime | None:
    """By when the recording is promised; None while it is not, or when nothing was on air.

    The end promises it, and the rung "later" did before; the first promise is what counts.
    """
    if event.live_since is None:
        return None
    promised = [
        from_ms(by_ms)
        for fact in happened(event.pk, [journal.PROMISE])
        if isinstance(by_ms := fact.data.get("by_ms"), int) and 0 < by_ms < 2**45
    ]
    if event.ended_at is not None:
        promised.append(event.ended_at + dt.timedelta(minutes=event.promise_min or PROMISE_MIN))
    return min(promised, default=None)


def check_due(wall_ms: int) -> int:
    """Write down promises made, kept and missed, as of `wall_ms` (Unix ms). How many were judged.

    May be repeated or cut off anywhere: each entry is known by its kind and made once.
    """
    now, judged = from_ms(wall_ms), 0
    open_ones = Event.objects.filter(
        state__in=[State.LIVE, State.ENDED], live_since__isnull=False, promise=""
    ).order_by(F("ended_at").asc(nulls_last=True))
    for event in list(open_ones[:A_ROUND]):
        with transaction.atomic():
            judged += _judge(event, now)
    return judged


def _judge(event: Event, now: dt.datetime) -> bool:
    due = due_at(event)
    if due is None:
        return False
    by_ms = unix_ms(due)
    if event.ended_at is not None:
        note(event.pk, journal.PROMISE, event.ended_at, by_ms=by_ms)
    ready = happened(event.pk, [journal.RECORDING_READY])
    came = ready[0].at if ready else (now if event.replay_bytes is not None else None)
    if came is not None and came <= due:
        outcome = KEPT
        note(event.pk, journal.PROMISE_KEPT, came, by_ms=by_ms)
    elif now > due:
        outcome = LATE
        note(event.pk, journal.PROMISE_LATE, due, by_ms=by_ms)
    else:
        return False
    Event.objects.filter(pk=event.pk, promise="").update(promise=outcome)
    return True

"""What becomes of a person's conversations when their standing changes.

While a host is not served (suspended, or leaving), nothing of theirs is: scheduled conversations
are withheld, one on air ends at once, recordings are not given out. All of this follows from the
standing, by the plan (plans.plan_of); only what the clock took meanwhile is settled here: when
the host is back, scheduled conversations whose time is still to come take place, those whose time
has passed are cancelled. Those who set a reminder are told both ways (reminders.tell_changes).
"""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F
from django.dispatch import receiver

from samvad.accounts.models import User
from samvad.accounts.signals import standing_changed
from samvad.accounts.standing import VISIBLE, Standing
from samvad.events import lifecycle, plans
from samvad.events.lifecycle import Happening, State
from samvad.events.models import Event
from samvad.events.moves import move

AT_ONCE = 20
"""Plans written right after the commit, what is on air first; the worker writes the others."""


@receiver(standing_changed, dispatch_uid="events")
def follow(
    sender: Any, user: User, old: Standing, new: Standing, at: dt.datetime, **more: Any
) -> None:
    """In the transaction that changes the standing."""
    if (old in VISIBLE) == (new in VISIBLE):
        return
    if new in VISIBLE:
        _settle_missed(user, at)
    theirs = Event.objects.filter(host=user)
    open_ones = theirs.exclude(state__in=lifecycle.OVER)
    open_ones.update(sequence=F("sequence") + 1)
    theirs.update(revision=F("revision") + 1)
    first = theirs.filter(state=State.LIVE) | open_ones
    urgent = sorted(first.values_list("pk", "state"), key=lambda one: one[1] != State.LIVE)

    def write() -> None:
        for pk, _state in urgent[:AT_ONCE]:
            plans.write_or_leave(pk)

    transaction.on_commit(write)


def _settle_missed(user: User, at: dt.datetime) -> None:
    """What should have begun while its host was not served did not take place."""
    missed = Event.objects.filter(host=user, state__in=lifecycle.EDITABLE, starts_at__lte=at)
    for pk in missed.values_list("pk", flat=True):
        move(pk, Happening.CANCEL)

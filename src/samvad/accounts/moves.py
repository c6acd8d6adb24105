"""Changing a standing: the one place that does, by the table of standing.py."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from samvad.accounts import audit, standing
from samvad.accounts.models import User
from samvad.accounts.signals import standing_changed
from samvad.accounts.standing import Act, Standing

_ENDS_SESSIONS = frozenset({Standing.SUSPENDED, Standing.DELETED})


def move(
    user: User,
    act: Act,
    *,
    by: User | None,
    reason: str = "",
    until: dt.datetime | None = None,
    data: dict[str, Any] | None = None,
) -> bool:
    """Let `act` change how `user` stands, by the table. False when it changes nothing.

    One transaction: the standing, its audit row, and whatever receivers of `standing_changed`
    write. Of two at once only one wins (conditional UPDATE). Who is suspended or deleted is
    logged out everywhere. `until`: when the clock lifts it again; None: nobody's clock does.
    `by` None: whoever runs the site, at the command line, or the clock.
    """
    at = timezone.now()
    with transaction.atomic():
        for old in standing.before(act):
            new = standing.TRANSITIONS[old][act]
            changes: dict[str, Any] = {
                "standing": new.value,
                "standing_since": at,
                "standing_until": until,
            }
            if new in _ENDS_SESSIONS:
                changes["session_epoch"] = F("session_epoch") + 1
            if User.objects.filter(pk=user.pk, standing=old.value).update(**changes):
                user.refresh_from_db()
                told = dict(data or {})
                if until is not None:
                    told["until"] = until.isoformat(timespec="seconds")
                audit.record(by, f"account.{act.value}", f"@{user.handle}", reason, told, at=at)
                standing_changed.send(sender=User, user=user, old=old, new=new, at=at)
                return True
    return False

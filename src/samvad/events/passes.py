"""Passes that the site gives: links for speakers' guests, for reminders, for members.

The gates know them by their signature alone (protocol/passes.py), so giving one writes nothing.
"""

import datetime as dt

from django.conf import settings

from samvad.accounts.models import User
from samvad.events import lifecycle
from samvad.events.models import Event, Speaker
from samvad.events.zones import unix_ms
from samvad.protocol import passes
from samvad.protocol.hls import page_path
from samvad.protocol.passes import Lane, Pass

GOOD_FOR = dt.timedelta(days=30)
"""After the announced start, so that a conversation may be put off and its links still work."""

EARLY_MS = 30 * 60_000
"""From so long before the doors on one stands in line; a reminder is set before that."""

GUESTS_BY = ("priority", "invite")
"""Ways in in which a guest's link opens something."""


def guest_link(event: Event, speaker: Speaker) -> str:
    """For `speaker` to hand to their guests; "" where it would be of no use. It never changes."""
    if event.way not in GUESTS_BY:
        return ""
    return _link(event, Lane.GUEST, f"speaker/{speaker.pk}")


def member_link(event: Event, member: User) -> str:
    """The listeners' page for one with an account; "" where it would be of no use.

    Not by invitation: anybody can make an account.
    """
    return _link(event, Lane.MEMBER, f"account/{member.pk}") if event.way == "priority" else ""


def reminder_link(event: Event, who: str, wall_ms: int) -> str:
    """For one who sets a reminder at `wall_ms`; "" where it is of no use, or too late for one."""
    closes_ms = reminders_close_ms(event)
    if closes_ms is None or wall_ms >= closes_ms:
        return ""
    return _link(event, Lane.REMINDER, f"reminder/{who}") + "&remind"


def reminded_link(event: Event, who: str, set_ms: int) -> str:
    """The listeners' page for `who`, who set a reminder at `set_ms` (Unix ms): with the pass of
    that lane if it was in time, and as everybody has it otherwise."""
    closes_ms = reminders_close_ms(event)
    if closes_ms is None or set_ms >= closes_ms:
        return settings.SAMVAD.gate_url() + page_path(event.slug)
    return _link(event, Lane.REMINDER, f"reminder/{who}")


def reminders_close_ms(event: Event) -> int | None:
    """Until when reminders are given (Unix ms); None: never."""
    if event.way != "priority" or event.over or event.starts_at is None:
        return None
    doors_ms = lifecycle.doors_ms(unix_ms(event.starts_at))
    return None if doors_ms is None else doors_ms - EARLY_MS


def _link(event: Event, lane: Lane, who: str) -> str:
    until = (event.starts_at or event.created_at) + GOOD_FOR
    one = Pass(lane, passes.id_of(who), unix_ms(until) // 60_000)
    token = passes.sign(passes.key(settings.SITE_SECRET, event.pk), one)
    return f"{settings.SAMVAD.gate_url()}{page_path(event.slug)}#pass={token}"

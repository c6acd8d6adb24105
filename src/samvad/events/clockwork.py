"""What the clock alone brings about: doors that open, events that nobody began."""

import datetime as dt

from django.db.models import Q

from samvad.events import lifecycle, plans
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.events.moves import move
from samvad.events.zones import from_ms, unix_ms


def move_due(wall_ms: int) -> int:
    """Move every event that is due at `wall_ms` (Unix ms). How many were moved."""
    now = from_ms(wall_ms)
    doors = now + dt.timedelta(milliseconds=lifecycle.DOORS_BEFORE_MS)
    lapsed = now - dt.timedelta(milliseconds=lifecycle.LAPSES_AFTER_MS)
    candidates = Event.objects.filter(
        Q(state=State.ANNOUNCED, starts_at__isnull=True)
        | Q(state=State.ANNOUNCED, starts_at__lte=doors)
        | Q(state=State.DOORS, starts_at__lte=lapsed)
    )
    moved = 0
    for event in list(candidates):
        starts_ms = unix_ms(event.starts_at) if event.starts_at else None
        happening = lifecycle.due(event.life, starts_ms, wall_ms)
        if happening is not None and move(event.pk, happening):
            plans.write_or_leave(event.pk)
            moved += 1
    return moved

"""Moving an event on: the one place that changes a state, by the table of lifecycle.py."""

from typing import Any

from django.db.models import F

from samvad.events import lifecycle
from samvad.events.lifecycle import Happening
from samvad.events.models import Event


def move(event_id: str, happening: Happening, **values: Any) -> bool:
    """Let `happening` move the event on, by the table. False when it changes nothing.

    `values` are other fields set with the state. Each try is one conditional UPDATE and a look
    at how many rows changed, so that of two at once only one wins. The caller writes the plan.
    """
    for state in lifecycle.before(happening):
        changed = Event.objects.filter(pk=event_id, state=state).update(
            state=lifecycle.TRANSITIONS[state][happening],
            revision=F("revision") + 1,
            sequence=F("sequence") + int(happening in lifecycle.FOR_CALENDARS),
            **values,
        )
        if changed:
            return True
    return False

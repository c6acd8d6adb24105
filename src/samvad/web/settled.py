"""The terms of a conversation in words: ways in, ladders, rungs."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from samvad.events.models import Event

WAYS: Mapping[str, Any] = {
    "shuffled": gettext_lazy(
        "Shuffled: who comes before the doors open is put in random order. Hurrying gains nothing."
    ),
    "first_come": gettext_lazy("First come, first in, by the minute."),
    "priority": gettext_lazy(
        "In this order: speakers’ guests, those who set a reminder, members, everybody."
    ),
    "invite": gettext_lazy("By invitation: with the passphrase or a guest’s link."),
}

LADDERS: Mapping[str, Any] = {
    "gentle": gettext_lazy("Gentle: keeps sound close and full as long as it can."),
    "standard": gettext_lazy(
        "Standard: gives up closeness first, then sound quality, then newcomers."
    ),
    "strict": gettext_lazy("Strict: steps down early, with the seats, and back late."),
}

RUNGS: Mapping[str, Any] = {
    "plain": gettext_lazy("Sound came a few seconds later, so that it reached everybody."),
    "long": gettext_lazy("Sound came in longer pieces, about twenty seconds behind."),
    "lean_new": gettext_lazy("Newcomers heard simpler sound."),
    "lean_all": gettext_lazy("Everybody heard simpler sound."),
    "coarse": gettext_lazy("Figures on the page were rounded."),
    "closed": gettext_lazy("The door was closed to newcomers. Places in line were kept."),
    "floor": gettext_lazy("Listeners were reduced to the declared floor."),
    "later": gettext_lazy("Listeners were pointed to the recording."),
}
"""What each effect of protocol/ladder.py meant, as the log tells it."""


def way_in(event: Event) -> str:
    return str(WAYS.get(event.way, event.way))


def ladder_name(event: Event) -> str:
    if event.own_ladder is not None:
        return _("The host’s own ladder.")
    return str(LADDERS.get(event.ladder, event.ladder))


def rung(effect: str) -> str:
    """What the rung with this effect meant; an unknown one's own name."""
    return str(RUNGS.get(effect, effect))

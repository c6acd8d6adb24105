"""Terms: what a host settles beforehand. Who comes in how, and what is given up, in what order.

A plan carries them to the gates; protocol/plan.py and protocol/ladder.py say what each means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from samvad.events.errors import EventError
from samvad.events.models import Event
from samvad.protocol import ladder
from samvad.protocol.ladder import PRESETS, Rung
from samvad.protocol.plan import JOINS_MAX_PER_S, PROMISE_MAX_MIN, WAYS, DoorPlan
from samvad.protocol.secret import passphrase_hash

PASSPHRASE_LEAST = 4
PASSPHRASE_MOST = 200
OWN = "own"
"""The ladder's name when the host wrote it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`way` is one of plan.WAYS. `passphrase` None: as it was; "": none. `joins_per_s` 0: the
    gates' setting. `ladder` is a preset's name; `own_ladder` (plain JSON, as ladder.read takes
    it) goes before it. `floor` listeners are kept when the ladder reduces them (0: none was
    declared). The recording is promised `promise_min` minutes after the end."""

    way: str = "shuffled"
    passphrase: str | None = None
    joins_per_s: int = 0
    ladder: str = "standard"
    own_ladder: object | None = None
    floor: int = 0
    promise_min: int = 10


def settle(event: Event, terms: Terms) -> None:
    """Put the terms into the event (not saved). Raises EventError on what does not fit."""
    if terms.way not in WAYS:
        raise EventError(
            _("“%(way)s” is no way in.") % {"way": terms.way},
            _("It is one of %(ways)s.") % {"ways": ", ".join(WAYS)},
            field="way",
        )
    event.way = terms.way
    event.joins_per_s = _within("joins_per_s", terms.joins_per_s, 0, JOINS_MAX_PER_S)
    event.floor = _within("floor", terms.floor, 0, event.seats)
    event.promise_min = _within("promise_min", terms.promise_min, 1, PROMISE_MAX_MIN)
    _set_ladder(event, terms)
    _set_passphrase(event, terms.passphrase)


def terms_of(event: Event) -> Terms:
    """The inverse of `settle`, but for the passphrase, of which only a hash is kept."""
    return Terms(
        way=event.way,
        joins_per_s=event.joins_per_s,
        ladder=event.ladder if event.ladder in PRESETS else "standard",
        own_ladder=event.own_ladder,
        floor=event.floor,
        promise_min=event.promise_min,
    )


def door_plan(event: Event) -> DoorPlan:
    return DoorPlan(
        way=event.way,
        joins_per_s=event.joins_per_s,
        passphrase_hash=event.passphrase_hash if event.way == "invite" else "",
    )


def rungs(event: Event) -> tuple[Rung, ...]:
    """The event's ladder. One that this version cannot read any more becomes the standard one."""
    if event.own_ladder is not None:
        try:
            return ladder.read(event.own_ladder)
        except ladder.LadderError:
            return ladder.DEFAULT_LADDER
    return PRESETS.get(event.ladder, ladder.DEFAULT_LADDER)


def shown(event: Event) -> Mapping[str, Any]:
    """The terms as `event show --json` prints them; the passphrase is not in them."""
    return {
        "way": event.way,
        "joins_per_s": event.joins_per_s,
        "passphrase": bool(event.passphrase_hash),
        "ladder": event.ladder if event.own_ladder is None else OWN,
        "floor": event.floor,
        "promise_min": event.promise_min,
    }


def _set_ladder(event: Event, terms: Terms) -> None:
    if terms.own_ladder is not None:
        try:
            ladder.read(terms.own_ladder)
        except ladder.LadderError as error:
            raise EventError(
                _("This ladder cannot be used: %(why)s.") % {"why": error}, field="ladder"
            ) from None
        event.own_ladder = terms.own_ladder
        return
    if terms.ladder not in PRESETS:
        raise EventError(
            _("There is no ladder “%(name)s”.") % {"name": terms.ladder},
            _("It is one of %(names)s.") % {"names": ", ".join(PRESETS)},
            field="ladder",
        )
    event.ladder, event.own_ladder = terms.ladder, None


def _set_passphrase(event: Event, passphrase: str | None) -> None:
    if passphrase is None:
        return
    words = " ".join(passphrase.split())
    if words and not PASSPHRASE_LEAST <= len(words) <= PASSPHRASE_MOST:
        raise EventError(
            _("A passphrase has %(least)d to %(most)d letters.")
            % {"least": PASSPHRASE_LEAST, "most": PASSPHRASE_MOST},
            field="passphrase",
        )
    event.passphrase_hash = passphrase_hash(settings.SITE_SECRET, event.pk, words) if words else ""


def _within(field: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise EventError(
            _("%(value)d is not from %(low)d to %(high)d.")
            % {"value": value, "low": low, "high": high},
            field=field,
        )
    return value

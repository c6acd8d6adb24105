"""The life of an event: one table. Pure; times are Unix milliseconds and arguments.

    announced ──doors_due──▶ doors ──went_live──▶ live ──ended──▶ ended
        │  ◀──postponed──────┘ │
        └──cancel / lapsed─────┴──▶ cancelled

The stage and the gates judge for themselves from the plan and their clocks; this table is
what the site remembers. Facts may come late (the worker was down) but never out of order, so
a conversation may end before its doors were ever seen open here.
"""

from enum import StrEnum

DOORS_BEFORE_MS = 15 * 60_000
"""Doors open this long before the announced start."""

LAPSES_AFTER_MS = 12 * 3600_000
"""An event that nobody began this long after its announced start did not take place."""


class State(StrEnum):
    """Where an event is in its life."""

    ANNOUNCED = "announced"
    DOORS = "doors"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Happening(StrEnum):
    """What moves an event on: the clock, its host, or a fact from the stage."""

    DOORS_DUE = "doors_due"
    POSTPONED = "postponed"
    WENT_LIVE = "went_live"
    ENDED = "ended"
    CANCEL = "cancel"
    LAPSED = "lapsed"


TRANSITIONS: dict[State, dict[Happening, State]] = {
    State.ANNOUNCED: {
        Happening.DOORS_DUE: State.DOORS,
        Happening.POSTPONED: State.ANNOUNCED,
        Happening.WENT_LIVE: State.LIVE,
        Happening.ENDED: State.ENDED,
        Happening.CANCEL: State.CANCELLED,
        Happening.LAPSED: State.CANCELLED,
    },
    State.DOORS: {
        Happening.POSTPONED: State.ANNOUNCED,
        Happening.WENT_LIVE: State.LIVE,
        Happening.ENDED: State.ENDED,
        Happening.CANCEL: State.CANCELLED,
        Happening.LAPSED: State.CANCELLED,
    },
    State.LIVE: {Happening.ENDED: State.ENDED},
    State.ENDED: {},
    State.CANCELLED: {},
}

FOR_CALENDARS = frozenset({Happening.CANCEL, Happening.LAPSED})
"""Happenings that calendars must learn of."""

OVER = frozenset(state for state, ways in TRANSITIONS.items() if not ways)
"""States that nothing leaves."""

EDITABLE = frozenset({State.ANNOUNCED, State.DOORS})
"""States in which title, time and speakers may still change."""


def after(state: State, happening: Happening) -> State | None:
    """The state that follows, or None when `happening` changes nothing in `state`."""
    return TRANSITIONS[state].get(happening)


def before(happening: Happening) -> list[State]:
    """The states that `happening` leads out of."""
    return [state for state, ways in TRANSITIONS.items() if happening in ways]


def doors_ms(starts_ms: int | None) -> int | None:
    """When doors open; None: at once."""
    return None if starts_ms is None else starts_ms - DOORS_BEFORE_MS


def due(state: State, starts_ms: int | None, wall_ms: int) -> Happening | None:
    """What the clock alone brings about for an event in `state` at `wall_ms`."""
    if starts_ms is not None and state in EDITABLE and wall_ms >= starts_ms + LAPSES_AFTER_MS:
        return Happening.LAPSED
    if state is State.ANNOUNCED and (starts_ms is None or wall_ms >= starts_ms - DOORS_BEFORE_MS):
        return Happening.DOORS_DUE
    return None

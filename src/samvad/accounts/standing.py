"""How an account stands: one table. Pure.

    active ──freeze──▶ frozen ──reinstate──▶ active
    active, frozen, deleting ──suspend──▶ suspended ──reinstate / lapse──▶ active
    active, frozen ──leave──▶ deleting ──stay──▶ active
    deleting, suspended ──erase──▶ deleted

- *active*: everything.
- *frozen*: what is there is shown, nothing new can be done with the account.
- *suspended*: nothing of it is shown or served; its person can log in to take their data along
  and to appeal, and to nothing else.
- *deleting*: its person asked for its deletion; hidden until they think better of it or the
  grace period is over.
- *deleted*: only the name is left, so that nobody else can ever have it.
"""

from enum import StrEnum


class Standing(StrEnum):
    """How an account stands."""

    ACTIVE = "active"
    FROZEN = "frozen"
    SUSPENDED = "suspended"
    DELETING = "deleting"
    DELETED = "deleted"


class Act(StrEnum):
    """What changes a standing: a moderator, the person, or the clock."""

    FREEZE = "freeze"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    LAPSE = "lapse"
    LEAVE = "leave"
    STAY = "stay"
    ERASE = "erase"


TRANSITIONS: dict[Standing, dict[Act, Standing]] = {
    Standing.ACTIVE: {
        Act.FREEZE: Standing.FROZEN,
        Act.SUSPEND: Standing.SUSPENDED,
        Act.LEAVE: Standing.DELETING,
    },
    Standing.FROZEN: {
        Act.SUSPEND: Standing.SUSPENDED,
        Act.REINSTATE: Standing.ACTIVE,
        Act.LAPSE: Standing.ACTIVE,
        Act.LEAVE: Standing.DELETING,
    },
    Standing.SUSPENDED: {
        Act.REINSTATE: Standing.ACTIVE,
        Act.LAPSE: Standing.ACTIVE,
        Act.ERASE: Standing.DELETED,
    },
    Standing.DELETING: {
        Act.SUSPEND: Standing.SUSPENDED,
        Act.STAY: Standing.ACTIVE,
        Act.ERASE: Standing.DELETED,
    },
    Standing.DELETED: {},
}

VISIBLE = frozenset({Standing.ACTIVE, Standing.FROZEN})
"""Whose profile, posts, media and conversations are served."""


def after(standing: Standing, act: Act) -> Standing | None:
    """The standing that follows, or None when `act` changes nothing in `standing`."""
    return TRANSITIONS[standing].get(act)


def before(act: Act) -> list[Standing]:
    """The standings that `act` leads out of."""
    return [standing for standing, ways in TRANSITIONS.items() if act in ways]

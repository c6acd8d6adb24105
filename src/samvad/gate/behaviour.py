"""Whether a source does harm: judged by what its connections do and how far they come along the
way page, door, ticket, sound, and not by how many they are. Pure.

A school of five thousand behind one address goes that way to its end, with a stray malformed
request here and there; who floods does not. Thresholds are for one window and one process.
"""

from dataclasses import dataclass
from enum import StrEnum

from samvad.gate.sources import Tally

WINDOW_S = 10.0


class Kind(StrEnum):
    """What an attack does."""

    MALFORMED = "malformed"
    TICKETS = "tickets"
    PROBING = "probing"
    SLOW = "slow"
    """Requests that never get complete."""
    READERS = "readers"
    """Answers that are not taken."""
    MUTE = "mute"
    PAGES = "pages"
    DOOR = "door"
    SHARING = "sharing"
    PACE = "pace"
    BANNED = "banned"
    """Came although it was banned."""


@dataclass(frozen=True, slots=True)
class Blame:
    """`acts` of the tally were of that kind; `share` of all the source did."""

    kind: Kind
    acts: int
    share: float


@dataclass(frozen=True, slots=True)
class _Rule:
    """So many acts, and so much of all that was done, are harm. `patient`: not where the source
    has proven listeners, or a tenth of its connections came far: it may be many people."""

    kind: Kind
    counts: tuple[str, ...]
    of: tuple[str, ...]
    least: int
    share: float
    patient: bool = False


_RULES = (
    _Rule(Kind.MALFORMED, ("bad",), ("requests", "bad"), 20, 0.3),
    _Rule(Kind.TICKETS, ("forged", "gone"), ("requests",), 60, 0.5),
    _Rule(Kind.PROBING, ("missing",), ("requests",), 200, 0.3, patient=True),
    _Rule(Kind.SLOW, ("slow",), ("accepts", "slow"), 10, 0.3),
    _Rule(Kind.READERS, ("unread",), ("accepts", "unread"), 10, 0.3, patient=True),
    _Rule(Kind.PACE, ("turned",), ("accepts",), 500, 0.5),
    _Rule(Kind.MUTE, ("mute",), ("accepts", "mute"), 60, 0.7, patient=True),
    _Rule(Kind.DOOR, ("bare",), ("accepts", "bare"), 30, 0.6, patient=True),
    _Rule(Kind.PAGES, ("shallow",), ("accepts", "shallow"), 150, 0.8, patient=True),
)
_LEAST = min(rule.least for rule in _RULES)
TIGHT = 2
"""While an attack is seen, so much less is enough of what is not left to patience."""
FAR = 0.1
"""Where so much of a source's connections come far, those that do not are taken for neighbours."""


def judge(tally: Tally, proven: int, processes: int = 1, tight: bool = False) -> Blame | None:
    """What a source is to be blamed for, the worst first; None: nothing.

    `proven`: its listeners now. `processes`: gates among whom its connections are spread, so
    that thresholds are those of the machine. `tight`: an attack is seen.
    """
    part = TIGHT if tight else 1
    if tally.harm * processes * part < _LEAST:  # as nearly always
        return None
    worst: Blame | None = None
    for rule in _RULES:
        acts = sum(getattr(tally, name) for name in rule.counts)
        if acts * processes * (1 if rule.patient else part) < rule.least:
            continue
        if rule.patient and (proven > 0 or tally.deep > FAR * tally.accepts):
            continue
        # A connection may be refused in the window after the one in which it was opened.
        done = max(acts, *(getattr(tally, name) for name in rule.of))
        share = acts / done
        if share >= rule.share and (worst is None or acts > worst.acts):
            worst = Blame(rule.kind, acts, share)
    return worst

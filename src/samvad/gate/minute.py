"""The minute that is going on, added up second by second. Pure.

What is kept goes on from the moment an incident is opened, and half a minute before: what made
the detector speak is part of the record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from samvad.gate.behaviour import Kind
from samvad.gate.sight import Seen
from samvad.protocol.incident import Minute, sums

MINUTE_MS = 60_000

CAME = {
    "connections": "connections_accepted",
    "knocks": "knocks_bare",
    "seats": "admitted",
    "line": "told_to_wait",
}
DONE = {
    "refused": ("refused_by_source", "refused_pace", "refused_full", "throttled"),
    "evicted": ("evicted",),
    "closed_slow": ("timeouts_head", "timeouts_send"),
    "bans": ("bans",),
    "turned_banned": ("refused_banned",),
    "proofs_asked": ("proofs_asked",),
    "proofs_good": ("proofs_good",),
    "fenced": ("fenced",),
}


@dataclass(frozen=True, slots=True)
class Felt:
    """What good listeners felt in the last seconds."""

    success: float | None = None
    p99_ms: float | None = None


@dataclass
class _Sum:
    """A minute as far as it has come."""

    counts: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    p99_ms: float | None = None
    lowest: int | None = None
    highest: int = 0


class Ledger:
    """Minutes by their number; only the last few are kept."""

    def __init__(self) -> None:
        self._sums: dict[int, _Sum] = {}
        self._from = 0
        self.at_ms = 0
        self.felt = Felt()

    def add(
        self,
        wall_ms: int,
        grown: Mapping[str, int],
        kinds: Mapping[Kind, int],
        readings: Mapping[str, float],
        listening: int,
    ) -> None:
        """One second more."""
        self.at_ms = wall_ms
        minute = wall_ms // MINUTE_MS
        one = self._sums.setdefault(minute, _Sum())
        one.counts = sums((one.counts, grown))
        one.kinds = sums((one.kinds, {kind.value: count for kind, count in kinds.items()}))
        p99_ms = readings.get("p99_ms")
        if p99_ms is not None:
            one.p99_ms = max(p99_ms, one.p99_ms or 0.0)
        one.lowest = listening if one.lowest is None else min(one.lowest, listening)
        one.highest = max(one.highest, listening)
        self.felt = Felt(_success(grown), p99_ms)
        for old in [number for number in self._sums if number < minute - 2]:
            del self._sums[old]

    def keep_from(self, wall_ms: int) -> None:
        """An incident is opened: minutes from half a minute before on are to be told."""
        self._from = (wall_ms - MINUTE_MS // 2) // MINUTE_MS

    def whole(self, wall_ms: int) -> Minute | None:
        """The oldest minute that is over and has not been taken."""
        for number in sorted(self._sums):
            if self._from <= number < wall_ms // MINUTE_MS:
                return Minute(number * MINUTE_MS)
        return None

    def take(self, at_ms: int, state: str, seen: Seen) -> Minute:
        """The minute in which `at_ms` lies; it is not told again."""
        number = at_ms // MINUTE_MS
        one = self._sums.pop(number, None) or _Sum()
        self._from = number + 1
        counts = one.counts
        came = {name: counts.get(counter, 0) for name, counter in CAME.items()}
        # Every connection that came far was one that came: what is deep now is told as a gauge.
        return Minute(
            at_ms=number * MINUTE_MS,
            state=state,
            newcomers=seen.newcomers,
            came=came | {"deep": came["seats"] + came["line"]},
            good=good_of(counts),
            kinds=one.kinds,
            sources=seen.harmful,
            networks=seen.networks,
            done={n: sum(counts.get(c, 0) for c in names) for n, names in DONE.items()},
            success=_success(counts),
            p99_ms=None if one.p99_ms is None else round(one.p99_ms, 1),
            lowest=one.lowest or 0,
            highest=one.highest,
            stalled=counts.get("stalled", 0),
            stalls=counts.get("stalls", 0),
            stalled_ms=counts.get("stalled_ms", 0),
        )


HARM_ANSWERED = ("harm_door", "harm_pages", "harm_pace")
"""Harm that was answered like any request."""


def good_of(counts: Mapping[str, int]) -> int:
    """Requests that were answered, of those who are not blamed."""
    good = counts.get("answers_2xx", 0) + counts.get("answers_3xx", 0)
    return max(0, good - sum(counts.get(name, 0) for name in HARM_ANSWERED))


def _success(counts: Mapping[str, int]) -> float | None:
    good, failed = good_of(counts), counts.get("answers_5xx", 0)
    return good / (good + failed) if good + failed else None

"""Blocking playlist reload (RFC 8216bis, 6.2.5.2): who waits for which part, and how long.

Pure: waiting parties are opaque tokens; time is an argument. A token waits for one thing at
a time, so there are never more waiters than connections.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Generic, TypeVar

from samvad.protocol.playlist import PART_TARGET_S, TARGET_S

LONGEST_S = 3.0 * TARGET_S
"""6.2.5.2: after "more than three Target Durations" 503 "Service Unavailable"."""

ADVANCE_PART_LIMIT = 3 / PART_TARGET_S if PART_TARGET_S < 1 else 3
"""6.2.5.2: "three divided by the Part Target Duration if the Part Target Duration is less
than one second, or three otherwise"."""


@dataclass(frozen=True, slots=True)
class Directives:
    """What the query of a playlist's URL asks for. `msn` None: the playlist as it is."""

    msn: int | None = None
    part: int | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """How far a rendition is: its newest part, and its newest whole segment (-1: none)."""

    msn: int
    part: int
    complete: int


class Reload(Enum):
    READY = "ready"
    WAIT = "wait"
    TOO_FAR = "too far ahead"


NOTHING_ASKED = Directives()
_DECIMAL = re.compile(rb"[0-9]{1,20}")


@lru_cache(1024)
def parse(query: bytes) -> Directives | None:
    """The delivery directives of a query; None if they are malformed (400).

    Parameters that do not begin with `_HLS_` are other people's (trackers add some). All
    listeners ask for the same part at the same time: remembering is cheaper than reading.
    """
    if not query:
        return NOTHING_ASKED
    found: dict[bytes, bytes] = {}
    for item in query.split(b"&"):
        name, _, value = item.partition(b"=")
        if name.startswith(b"_HLS_"):
            if name in found:
                return None
            found[name] = value
    msn, part = found.get(b"_HLS_msn"), found.get(b"_HLS_part")
    for number in (msn, part):
        if number is not None and not _DECIMAL.fullmatch(number):
            return None
    # 6.2.5.2: "If the Playlist URI contains an _HLS_part directive but no _HLS_msn
    # directive, the Server MUST return Bad Request".
    if part is not None and msn is None:
        return None
    return Directives(
        int(msn) if msn is not None else None,
        int(part) if part is not None else None,
        found.get(b"_HLS_skip") in (b"YES", b"v2"),
    )


def judge(asked: Directives, at: Position) -> Reload:
    """Whether the playlist at position `at` answers `asked`."""
    if asked.msn is None or reached(asked.msn, asked.part, at):
        return Reload.READY
    # "If the _HLS_msn is greater than the Media Sequence Number of the last Media Segment in
    # the current Playlist plus two [...] immediately return Bad Request".
    if asked.msn > at.complete + 2:
        return Reload.TOO_FAR
    if asked.part is not None:
        # "or if the _HLS_part exceeds the last Partial Segment in the current Playlist by the
        # Advance Part Limit".
        open_here = asked.msn == at.msn and at.complete < at.msn
        ahead = asked.part - at.part if open_here else asked.part + 1
        if ahead > ADVANCE_PART_LIMIT:
            return Reload.TOO_FAR
    return Reload.WAIT


def reached(msn: int, part: int | None, at: Position) -> bool:
    """Whether segment `msn` (whole, if `part` is None), or that part, or a later one is there.

    "If the Client requests a Part Index greater than that of the final Partial Segment of the
    Parent Segment, the Server MUST treat the request as one for Part Index 0 of the following
    Parent Segment": comparing the pairs in order does just that.
    """
    if part is None:
        return msn <= at.complete
    return (msn, part) <= (at.msn, at.part)


Token = TypeVar("Token", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Waiting:
    msn: int
    part: int | None
    until: float


class Waiters(Generic[Token]):
    """Those who wait for one rendition to go on, in the order they came."""

    def __init__(self) -> None:
        self._waiting: dict[Token, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, token: Token, msn: int, part: int | None, now: float) -> None:
        self._waiting[token] = _Waiting(msn, part, now + LONGEST_S)

    def drop(self, token: Token) -> None:
        self._waiting.pop(token, None)

    def release(self, at: Position | None) -> list[Token]:
        """Those whose part is there now; all, if the rendition has come to its end (None)."""
        if at is None:
            done = list(self._waiting)
            self._waiting.clear()
            return done
        done = [t for t, w in self._waiting.items() if reached(w.msn, w.part, at)]
        for token in done:
            del self._waiting[token]
        return done

    def expire(self, now: float) -> list[Token]:
        """Those who have waited for LONGEST_S. All wait equally long, so the first come first."""
        done: list[Token] = []
        for token, waiting in self._waiting.items():
            if waiting.until > now:
                break
            done.append(token)
        for token in done:
            del self._waiting[token]
        return done

"""A light listener's place in line: its number, what serving.json says of it, when it asks
again. Pure. The page does the same (frontend/src/event).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEAR_S, FAR_S = 2.0, 10.0
"""Between two looks at serving.json, when the server does not say."""
NEARBY = 100
"""Whoever has no more than so many before them looks often, however slowly the line moves."""
SOON_S = 10.0
"""Whose turn comes within so long waits for nothing but that."""
PAUSE_S = 1.5
"""Between two looks that are held until there is news."""
LANES = ("guest", "reminder", "member", "anyone")
HELD_S = 60.0
"""A gate holds a look at most so long; then it is overdue."""
_LEAST_S = 0.2


@dataclass(frozen=True, slots=True)
class Serving:
    """serving.json. `lanes`: the number that each lane has reached: those up to it are called.
    `closed_upto`: numbers of a lane up to it are final. `over`: nobody will be called. `mark`: of
    its news, for a look that is to be held; "" where none is.
    """

    lanes: Mapping[str, int]
    closed_upto: Mapping[str, int]
    joined: Mapping[str, int]
    rate_per_s: float
    near_s: float
    far_s: float
    over: bool
    mark: str = ""


def read_serving(text: bytes) -> Serving:
    """Raises ValueError for what is no serving.json."""
    try:
        said = json.loads(text)
        near_ms, far_ms = said.get("poll_ms") or (NEAR_S * 1000, FAR_S * 1000)
        lanes = {str(k): int(v) for k, v in (said.get("lanes") or {}).items()}
        near_s = max(_LEAST_S, near_ms / 1000)
        return Serving(
            lanes={"anyone": int(said["serving"])} | lanes,
            closed_upto={str(k): int(v) for k, v in (said.get("closed_upto") or {}).items()},
            joined={str(k): int(v) for k, v in (said.get("joined") or {}).items()},
            rate_per_s=float(said.get("rate_per_s") or 0.0),
            near_s=near_s,
            far_s=max(near_s, far_ms / 1000),
            over=said.get("state") in ("ended", "cancelled"),
            mark=str(said.get("mark") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no serving.json: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Place:
    """What the door said with "wait". `serving`: the path of serving.json; b"" for a door that
    says no number served (then one knocks again). `estimate_s`: how long it says one waits."""

    token: bytes
    lane: str
    number: int
    final: bool
    serving: bytes
    again_s: float
    estimate_s: float | None = None

    def is_called(self, at: Serving) -> bool:
        return self.final and self.number <= at.lanes.get(self.lane, -1)

    def has_news(self, at: Serving) -> bool:
        """Whether to knock again: called, or the number is final by now, or all is over."""
        settled = not self.final and self.number <= at.closed_upto.get(self.lane, 0)
        return at.over or settled or self.is_called(at)

    def until(self, at: Serving) -> bytes:
        """The query of a look that is held until the line has moved enough: to the turn itself
        when it comes soon, else by a part of those ahead. b"": ordinary looks only."""
        if not at.mark or self.lane not in LANES:
            return b""
        served = at.lanes.get(self.lane, 0)
        # Anybody in a bucket that is open may be its first.
        first = self.number if self.final else at.closed_upto.get(self.lane, 0) + 1
        ahead = max(1, first - served)
        if ahead <= SOON_S * at.rate_per_s:
            step = ahead
        else:
            step = max(1, ahead // 4 if ahead <= NEARBY else ahead * 3 // 4)
        return f"?after={at.mark}&until={LANES.index(self.lane)}.{served + step}".encode()

    def wait_s(self, at: Serving, chance: float) -> float:
        """Until the next look: seldom while far from being called. `chance` in [0, 1) spreads
        it by a quarter to both sides, so that a crowd does not ask in step."""
        ahead = self.number - at.lanes.get(self.lane, 0)
        if not self.final:  # all of its bucket may be ahead
            bucket = at.joined.get(self.lane, 0) - at.closed_upto.get(self.lane, 0)
            ahead = max(ahead, bucket)
        soon = ahead <= max(NEARBY, 2 * at.far_s * at.rate_per_s)
        return (at.near_s if soon else at.far_s) * (0.75 + chance / 2)


def read_place(said: Mapping[str, Any], door: bytes) -> Place:
    """The place in a "wait" of the door at path `door`. Raises ValueError, KeyError, TypeError."""
    again_ms, estimate_s = said.get("retry_after_ms"), said.get("estimate_s")
    return Place(
        token=str(said.get("place") or "").encode("ascii"),
        lane=str(said.get("lane") or "anyone"),
        number=int(said["number"]),
        final=bool(said.get("final", True)),
        serving=b"" if said.get("serving") is None else door + b"/serving.json",
        again_s=max(_LEAST_S, (5_000.0 if again_ms is None else float(again_ms)) / 1000),
        estimate_s=None if estimate_s is None else max(0.0, float(estimate_s)),
    )

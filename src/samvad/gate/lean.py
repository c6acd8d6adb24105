"""lean.json: the names of what is to come, so that a client need not ask for playlists. Pure.

    {"discontinuity": d, "init": name, "at_ms": wall time of the first sample of segment `first`,
     "ready": segments that are whole, "parts": parts of the next one that are there,
     "plain": {"first": msn, "names": […]}, "long": {"first": long msn, "names": […]},
     "pair": {"first": pair msn, "names": […]},
     "again_s": so long the names last, at most}

Names are of one run of the encoder. `ready` counts from `plain.first`; a long segment is there
when the last of its three is, a pair (two long ones) when the last of its six is. Whoever finds
a name not there (404) reads the playlist.
"""

import json
from collections.abc import Callable
from typing import Any

from samvad.protocol.media import PARTS_PER_SEGMENT, SEGMENTS_PER_LONG, SEGMENTS_PER_PAIR

BACK = 14
"""Whole segments told of: what a player begins with (27 s)."""
LONG_BACK, PAIR_BACK = 4, 2
AHEAD = 60
"""Segments to come told of: 115 s."""
AGAIN_S = 90
LISTENING_S = 110.0
"""Whoever read it counts as listening for so long: until it should have come again."""

Name = Callable[[int], str]


def as_json(
    *,
    first: int,
    at_ms: int,
    ready: int,
    parts: int,
    discontinuity: int,
    init: str,
    segment: Name,
    long: Name,
    pair: Name,
) -> bytes:
    """`first`: the oldest segment of the run that is told of, `ready` of which are whole;
    `segment`, `long` and `pair` give names by number."""
    whole = first + ready
    end = whole + AHEAD

    def larger(per: int, back: int, name: Name) -> dict[str, Any]:
        # Only those of the run whose first piece is in it: the run may have begun later.
        at = max(-(-first // per), whole // per - back)
        return {"first": at, "names": [name(n) for n in range(at, end // per)]}

    said = {
        "discontinuity": discontinuity,
        "init": init,
        "at_ms": at_ms,
        "ready": ready,
        "parts": min(parts, PARTS_PER_SEGMENT - 1),
        "plain": {"first": first, "names": [segment(n) for n in range(first, end)]},
        "long": larger(SEGMENTS_PER_LONG, LONG_BACK, long),
        "pair": larger(SEGMENTS_PER_PAIR, PAIR_BACK, pair),
        "again_s": AGAIN_S,
    }
    return json.dumps(said, separators=(",", ":")).encode()

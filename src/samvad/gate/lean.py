"""lean.json: the names of what is to come, so that a client need not ask for playlists. Pure.

    {"discontinuity": d, "init": name, "at_ms": wall time of the first sample of segment `first`,
     "ready": segments that are whole, "parts": parts of the next one that are there,
     "plain": {"first": msn, "names": […]}, "long": {"first": long msn, "names": […]},
     "again_s": so long the names last, at most}

Names are of one run of the encoder. `ready` counts from `plain.first`; a long segment is there
when the last of its three is. Whoever finds a name not there (404) reads the playlist.
"""

import json
from collections.abc import Callable

from samvad.protocol.media import PARTS_PER_SEGMENT, SEGMENTS_PER_LONG

BACK = 14
"""Whole segments told of: what a player begins with (27 s)."""
LONG_BACK = 4
AHEAD = 33
"""Segments to come told of: 63 s."""
AGAIN_S = 45
LISTENING_S = 75.0
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
) -> bytes:
    """`first`: the oldest segment of the run that is told of, `ready` of which are whole;
    `segment` and `long` give names by number."""
    end = first + ready + AHEAD
    # Only long segments of the run whose first piece is in it: the run may have begun later.
    whole_longs = (first + ready) // SEGMENTS_PER_LONG
    long_first = max(-(-first // SEGMENTS_PER_LONG), whole_longs - LONG_BACK)
    long_end = end // SEGMENTS_PER_LONG
    said = {
        "discontinuity": discontinuity,
        "init": init,
        "at_ms": at_ms,
        "ready": ready,
        "parts": min(parts, PARTS_PER_SEGMENT - 1),
        "plain": {"first": first, "names": [segment(n) for n in range(first, end)]},
        "long": {"first": long_first, "names": [long(n) for n in range(long_first, long_end)]},
        "again_s": AGAIN_S,
    }
    return json.dumps(said, separators=(",", ":")).encode()

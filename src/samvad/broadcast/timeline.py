"""From what was recorded to what is kept: the host's cuts, and times on both sides of them. Pure.

Two times: *recorded* milliseconds count the recorded parts from the first one (so they are those
of the uncut replay), *kept* milliseconds those that are left. Cuts lie on parts (0.64 s): a part
that a cut touches is gone, so at least what was asked is, and the packets need no coding anew.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from samvad.protocol.media import PART_48K, RATE

PART_MS = PART_48K * 1000 // RATE

Range = tuple[int, int]


def kept(count: int, cuts_ms: Iterable[Range]) -> list[Range]:
    """Ranges [first, end) of `count` parts that no cut [from, to) touches."""
    gone = [False] * count
    for start, end in cuts_ms:
        if end > start:
            for i in range(max(0, start // PART_MS), min(count, -(-end // PART_MS))):
                gone[i] = True
    ranges: list[Range] = []
    for i in range(count):
        if gone[i]:
            continue
        if ranges and ranges[-1][1] == i:
            ranges[-1] = (ranges[-1][0], i + 1)
        else:
            ranges.append((i, i + 1))
    return ranges


class Timeline:
    """Of one set of cuts. `decodes_48k`: the decode time of each recorded part, growing."""

    def __init__(self, decodes_48k: Sequence[int], ranges: Sequence[Range]) -> None:
        self._decodes = decodes_48k
        self._ranges = list(ranges)
        self._before: list[int] = []
        """How many kept parts lie before each range."""
        total = 0
        for first, end in self._ranges:
            self._before.append(total)
            total += end - first
        self.duration_ms = total * PART_MS

    def recorded_ms(self, at_48k: int) -> int | None:
        """Recorded time of a decode time; None when that was not recorded."""
        i = bisect_right(self._decodes, at_48k) - 1
        if i < 0 or at_48k - self._decodes[i] >= PART_48K:
            return None
        return i * PART_MS + (at_48k - self._decodes[i]) * 1000 // RATE

    def kept_ms(self, recorded_ms: int) -> int | None:
        """Where recorded time lies in the replay; None when it is cut out."""
        part = recorded_ms // PART_MS
        i = bisect_right([first for first, _ in self._ranges], part) - 1
        if i < 0 or part >= self._ranges[i][1]:
            return None
        first = self._ranges[i][0]
        return (self._before[i] + part - first) * PART_MS + recorded_ms % PART_MS

    def kept_from_ms(self, recorded_ms: int) -> int:
        """The same; what is cut out moves to where the replay goes on."""
        for (first, end), before in zip(self._ranges, self._before, strict=True):
            if recorded_ms < first * PART_MS:
                return before * PART_MS
            if recorded_ms < end * PART_MS:
                return before * PART_MS + recorded_ms - first * PART_MS
        return self.duration_ms

    def original_ms(self, kept_ms: int) -> int:
        """Recorded time of a time in the replay; its end for anything behind it."""
        part = kept_ms // PART_MS
        for (first, end), before in zip(self._ranges, self._before, strict=True):
            if part < before + end - first:
                return (first + part - before) * PART_MS + kept_ms % PART_MS
        return self._ranges[-1][1] * PART_MS if self._ranges else 0

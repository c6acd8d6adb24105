"""Packets to parts: numbers, names and wall times.

A *cut* is one part of every rendition for the same 30,720 samples. It comes out when the
last rendition's part is complete, so the recording and the gates always have both.

Wall times. The stage pushes each tick with the wall time at which it was mixed. Those times
jitter by scheduling, and EXT-X-PROGRAM-DATE-TIME should advance exactly as media time does.
So wall time is extrapolated from one anchor (a wall time and a media time), and the median
deviation of the pushed times from it is watched over each segment. Only when that is over
DRIFT_MS (the machine's clock was set, or ticks were lost) the anchor moves, at a segment's
start, where a playlist states the date anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from samvad.broadcast.cmaf import FRAME_48K, Chunk, chunk
from samvad.protocol.media import (
    PART_48K,
    PARTS_PER_SEGMENT,
    RATE,
    Part,
    object_name,
    part_name,
    segment_name,
)

DRIFT_MS = 100
"""More than ticks jitter, less than a listener's clock comparison can show."""
_PER_MS = RATE // 1000

Cut = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Who an event's objects are. `key` is `secret.derive(site, "media", event)`.

    `inits`: rendition → object name of its init segment (`init_name`).
    """

    event: str
    key: bytes
    inits: Mapping[str, str]

    def part(
        self, rendition: str, about: Chunk, discontinuity: int, *, last: bool, body: bytes
    ) -> Part:
        """A part from its chunk; one read back from a recording gets the name it had."""
        msn, within = divmod(about.number, PARTS_PER_SEGMENT)
        return Part(
            event=self.event,
            rendition=rendition,
            msn=msn,
            part=within,
            name=part_name(self.key, rendition, discontinuity, msn, within),
            segment=segment_name(self.key, rendition, discontinuity, msn),
            init=self.inits[rendition],
            duration_48k=PART_48K,
            decode_48k=about.decode_48k,
            wall_ms=about.wall_ms,
            discontinuity=discontinuity,
            last=last,
            body=body,
        )


def init_name(key: bytes, rendition: str, body: bytes) -> str:
    """Named by its contents: another version's init is another object."""
    return object_name(key, rendition, "init", body.hex())


class WallClock:
    """Media time to wall time by one anchor, moved when it drifts."""

    def __init__(self) -> None:
        self._wall_ms = 0.0
        self._at_48k: int | None = None
        self._deviations: list[float] = []
        self._settled = False

    def _line(self, at_48k: int) -> float:
        return self._wall_ms + (at_48k - (self._at_48k or 0)) / _PER_MS

    def saw(self, at_48k: int, wall_ms: int) -> None:
        """The sample `at_48k` was mixed at `wall_ms`."""
        if self._at_48k is None:
            self._wall_ms, self._at_48k = float(wall_ms), at_48k
        self._deviations.append(wall_ms - self._line(at_48k))
        if len(self._deviations) > 1000:
            del self._deviations[:500]

    def segment(self, at_48k: int) -> None:
        """A segment begins at `at_48k`: correct the anchor if the last one drifted away.

        Before the first segment, always: the first tick may have been a late one.
        """
        off = median(self._deviations or [0.0])
        if abs(off) > DRIFT_MS:
            # Of the newest second: an older one may be from before the clock was set.
            off = median(self._deviations[-48:])
        elif self._settled:
            off = 0.0
        self._wall_ms, self._at_48k = self._line(at_48k) + off, at_48k
        self._settled = True
        self._deviations.clear()

    def wall_ms(self, at_48k: int) -> int:
        return round(self._line(at_48k))


@dataclass(frozen=True, slots=True)
class Start:
    """Where a packager begins: all zeros for a new event; after a recording, behind it."""

    msn: int = 0
    decode_48k: int = 0
    discontinuity: int = 0


class Packager:
    """The state of one run."""

    def __init__(self, names: Names, start: Start) -> None:
        self._names, self._start = names, start
        self._packets: dict[str, list[bytes]] = {name: [] for name in names.inits}
        self._clock = WallClock()
        self._pushed_48k = start.decode_48k
        self._decode_48k = start.decode_48k
        self._count = 0
        self._end_48k: int | None = None

    @property
    def pushed_48k(self) -> int:
        """Media time of the next sample."""
        return self._pushed_48k

    @property
    def begun_48k(self) -> int:
        """Media time of the first sample of this run."""
        return self._start.decode_48k

    def tick(self, samples: int, wall_ms: int) -> None:
        """`samples` samples are going to the encoders; the first was mixed at `wall_ms`."""
        self._clock.saw(self._pushed_48k, wall_ms)
        self._pushed_48k += samples

    def end(self) -> int:
        """Nothing but silence follows. Returns how many samples of it complete the last part."""
        missing = -(self._pushed_48k - self._start.decode_48k) % PART_48K
        self._end_48k = self._pushed_48k + missing
        return missing

    def push(self, rendition: str, packets: Sequence[bytes]) -> list[Cut]:
        """Take a rendition's packets in order; return the cuts they complete."""
        self._packets[rendition] += packets
        cuts: list[Cut] = []
        while self._decode_48k != self._end_48k and all(
            len(queue) * FRAME_48K[name] >= PART_48K for name, queue in self._packets.items()
        ):
            cuts.append(self._cut())
        return cuts

    def _cut(self) -> Cut:
        within = self._count % PARTS_PER_SEGMENT
        msn = self._start.msn + self._count // PARTS_PER_SEGMENT
        if within == 0:
            self._clock.segment(self._decode_48k)
        end_48k = self._decode_48k + PART_48K
        about = Chunk(
            number=msn * PARTS_PER_SEGMENT + within,
            decode_48k=self._decode_48k,
            wall_ms=self._clock.wall_ms(self._decode_48k),
            begins_segment=within == 0,
        )
        last = within == PARTS_PER_SEGMENT - 1 or end_48k == self._end_48k
        parts: list[Part] = []
        for name, queue in self._packets.items():
            count = PART_48K // FRAME_48K[name]
            body = chunk(about, queue[:count])
            del queue[:count]
            parts.append(
                self._names.part(name, about, self._start.discontinuity, last=last, body=body)
            )
        self._count += 1
        self._decode_48k = end_48k
        return tuple(parts)

"""Live media as ready answers: what listeners may hear now, and a while back.

A `Shelf` takes one rendition's parts (repeats are harmless) and keeps the segments of the live
window and, behind it, those that a slow player may still fetch. A segment's answer sends the
bodies of its parts one after the other: nothing is joined.

Pure: bytes and names; no clock, no sockets.
"""

from collections import deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from samvad.gate import lean
from samvad.gate.answers import ANYWHERE, NO_SNIFF, Answer, large
from samvad.gate.long import Long, lengthened, window_of
from samvad.gate.reload import Position
from samvad.protocol.hls import media_path
from samvad.protocol.media import (
    PARTS_PER_SEGMENT,
    RATE,
    SEGMENTS_PER_LONG,
    SEGMENTS_PER_PAIR,
    Part,
    long_name,
    pair_name,
    part_name,
    segment_name,
)
from samvad.protocol.playlist import Report, Window, WindowPart, WindowSegment

KEPT_WINDOWS = 2.0
"""Objects outlive their place in the playlist: 6.2.2 asks for "the duration of the segment plus
the duration of the longest-duration Playlist distributed by the server containing it"."""

SEGMENTS_TO_BEGIN = 2
"""Players take an empty playlist badly, and hls.js 1.7.4 one of a single segment: it begins in the
middle of it and fetches its last part again and again, 80 times, until there is a second one."""

MAX_BYTES = 64 * 1024 * 1024
"""Media of one event, at most; beyond it the oldest go, whatever the window says."""

Ready = MutableMapping[bytes, Answer]
"""Path to answer, for everything that has an answer of its own."""

_IMMUTABLE = ("Cache-Control", "public, max-age=31536000, immutable")


def media_headers(name: str) -> list[tuple[str, str]]:
    """Of an immutable object; its name is its version."""
    return [
        ("Content-Type", "audio/mp4"),
        _IMMUTABLE,
        ("ETag", f'"{name}"'),
        ("Accept-Ranges", "bytes"),
        ANYWHERE,
        NO_SNIFF,
    ]


@dataclass(slots=True)
class _Segment:
    """A segment being filled, then whole."""

    msn: int
    name: str
    init: str
    wall_ms: int
    discontinuity: int
    begin_48k: int
    parts: list[WindowPart] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    complete: bool = False
    torn: bool = False
    """A part of it has not come: what comes after cannot follow it."""

    @property
    def size(self) -> int:
        return sum(map(len, self.bodies))

    @property
    def duration_48k(self) -> int:
        return sum(part.duration_48k for part in self.parts)

    def listed(self, ended: bool) -> WindowSegment:
        return WindowSegment(
            self.msn,
            self.name,
            self.init,
            self.wall_ms,
            self.discontinuity,
            tuple(self.parts),
            self.complete or ended,
        )


class Shelf:
    """One rendition of one event."""

    def __init__(self, event: str, rendition: str, ready: Ready, key: bytes, window_s: float):
        self._event, self._rendition, self._ready, self._key = event, rendition, ready, key
        self._window_48k = int(window_s * RATE)
        self._kept_48k = int(window_s * KEPT_WINDOWS * RATE)
        self._kept: deque[_Segment] = deque()
        self._first_msn = 0
        """The oldest segment of the playlist; older ones in `_kept` are only fetched."""
        self._before_first = 0
        self._hint: str | None = None
        self._promises: tuple[int, dict[str, int]] = (-1, {})
        self.position: Position | None = None
        """How far it is; None before the first part."""
        self.size = 0
        self.ended = False

    @property
    def playable(self) -> bool:
        """Whether a playlist would hold enough to begin with: SEGMENTS_TO_BEGIN whole segments."""
        whole = sum(s.complete or self.ended for s in self._kept if s.msn >= self._first_msn)
        return whole >= (1 if self.ended else SEGMENTS_TO_BEGIN)

    @property
    def hint(self) -> tuple[str, int, int] | None:
        """Name, msn and index of the part that comes next, if it can be told."""
        at = self.position
        if self._hint is None or at is None or self.ended:
            return None
        return (self._hint, *self._next(at))

    def _next(self, at: Position) -> tuple[int, int]:
        return (at.msn + 1, 0) if at.complete == at.msn else (at.msn, at.part + 1)

    def add(self, part: Part) -> bool:
        """Take a part. False for one that is known, or older than what is kept.

        After a hole (this gate was away for longer than the live window) the playlist begins
        anew: its segments are numbered one after the other, so it cannot tell of a hole.
        """
        at = self.position
        here = (part.msn, part.part)
        if at is not None and here <= (at.msn, at.part):
            return False
        if at is not None and here == self._next(at) and part.segment == self._kept[-1].name:
            self._append(part)
            return True
        if part.part != 0:  # what comes before it in its segment is not here
            if at is not None and part.segment == self._kept[-1].name:
                self._kept[-1].torn = True
            return False
        if at is None or not self._follows(part, self._kept[-1]):
            self._first_msn, self._before_first = part.msn, part.discontinuity
        elif not self._kept[-1].complete:
            self._complete(self._kept[-1])
        self._kept.append(
            _Segment(
                part.msn, part.segment, part.init, part.wall_ms, part.discontinuity, part.decode_48k
            )
        )
        self._append(part)
        return True

    def _follows(self, part: Part, last: _Segment) -> bool:
        """Whether nothing is missing between `last` and a segment that begins with `part`.

        Only an encoder that was cut off leaves a segment unfinished, and the next one's
        discontinuity tells of it.
        """
        whole = last.complete or part.discontinuity > last.discontinuity
        return part.msn == last.msn + 1 and whole and not last.torn

    def _append(self, part: Part) -> None:
        segment = self._kept[-1]
        segment.parts.append(WindowPart(part.name, part.duration_48k))
        segment.bodies.append(part.body)
        self.size += len(part.body)
        self._put(part.name, (part.body,))
        if part.last:
            self._complete(segment)
        elif self.ended:
            self._put(segment.name, tuple(segment.bodies))
        complete = segment.msn if segment.complete else segment.msn - 1
        self.position = Position(segment.msn, len(segment.parts) - 1, complete)
        self._hint = self._name_of_next(part)
        self._evict()

    def _name_of_next(self, part: Part) -> str | None:
        def name(msn: int, index: int) -> str:
            return part_name(self._key, self._rendition, part.discontinuity, msn, index)

        # Only if the packager names parts as we would is a hint worth giving.
        if part.name != name(part.msn, part.part):
            return None
        return name(part.msn + 1, 0) if part.last else name(part.msn, part.part + 1)

    def _complete(self, segment: _Segment) -> None:
        segment.complete = True
        self._put(segment.name, tuple(segment.bodies))

    def _put(self, name: str, bodies: tuple[bytes, ...]) -> None:
        path = media_path(self._event, name).encode()
        self._ready[path] = large(200, media_headers(name), bodies)

    def end(self) -> None:
        """The programme is over: the segment that is open counts as whole from now on.

        Parts may still come: a gate that joins after the end hears of the end first.
        """
        self.ended = True
        if self._kept:
            self._put(self._kept[-1].name, tuple(self._kept[-1].bodies))

    def _evict(self) -> None:
        behind_48k = 0
        for segment in reversed(self._kept):
            if behind_48k >= self._window_48k and segment.msn >= self._first_msn:
                # The newest of those that leave the playlist; 6.2.2: "in the order that they
                # appear", so all before it have left.
                self._first_msn, self._before_first = segment.msn + 1, segment.discontinuity
            behind_48k += segment.duration_48k
        while self._kept[0].msn < self._first_msn and behind_48k > self._kept_48k:
            behind_48k -= self._kept[0].duration_48k
            self.drop_oldest()

    def drop_oldest(self) -> bool:
        """Let go of the oldest segment; False when only the newest is left."""
        if len(self._kept) < 2:
            return False
        old = self._kept.popleft()
        self._take_away(old)
        if old.msn >= self._first_msn:
            self._first_msn, self._before_first = old.msn + 1, old.discontinuity
        return True

    def clear(self) -> None:
        """Let go of everything."""
        while self._kept:
            self._take_away(self._kept.popleft())
        self.position = None

    def _take_away(self, segment: _Segment) -> None:
        self.size -= segment.size
        for name in [segment.name, *(part.name for part in segment.parts)]:
            self._ready.pop(media_path(self._event, name).encode(), None)

    # -- what is to come --------------------------------------------------------------------

    def long_name(self, discontinuity: int, long_msn: int) -> str:
        return long_name(self._key, self._rendition, discontinuity, long_msn)

    def pair_name(self, discontinuity: int, pair_msn: int) -> str:
        return pair_name(self._key, self._rendition, discontinuity, pair_msn)

    def promises(self) -> Mapping[str, int]:
        """Names of what is to come, normal, long and pairs, each with the segment that completes
        it."""
        at = self.position
        if at is None or self._hint is None or self.ended:
            return {}
        if self._promises[0] != at.msn:
            run = self._kept[-1].discontinuity
            coming = range(at.msn, at.msn + lean.AHEAD)
            names = {segment_name(self._key, self._rendition, run, n): n for n in coming}
            longs, pairs = (SEGMENTS_PER_LONG, self.long_name), (SEGMENTS_PER_PAIR, self.pair_name)
            for per, name in (longs, pairs):
                for n in range(at.msn // per, coming[-1] // per):
                    names[name(run, n)] = (n + 1) * per - 1
            self._promises = at.msn, names
        return self._promises[1]

    def lean(self) -> bytes | None:
        """lean.json; None while names to come cannot be told."""
        if self._hint is None or self.ended:
            return None
        run: list[_Segment] = []
        for segment in reversed(self._kept):
            after = run[-1] if run else None
            if after is not None and (
                segment.discontinuity != after.discontinuity
                or segment.msn != after.msn - 1
                or len(segment.parts) != PARTS_PER_SEGMENT
            ):
                break
            run.append(segment)
        ready, open_parts = [s for s in run if s.complete], [s for s in run if not s.complete]
        ready = ready[: lean.BACK]
        if len(ready) < SEGMENTS_TO_BEGIN:
            return None
        first, key, named = ready[-1], self._key, self._rendition
        return lean.as_json(
            first=first.msn,
            at_ms=first.wall_ms,
            ready=len(ready),
            parts=len(open_parts[0].parts) if open_parts else 0,
            discontinuity=first.discontinuity,
            init=first.init,
            segment=lambda n: segment_name(key, named, first.discontinuity, n),
            long=lambda n: long_name(key, named, first.discontinuity, n),
            pair=lambda n: pair_name(key, named, first.discontinuity, n),
        )

    def longs(self) -> list[Long]:
        """All that can be made of what is kept, oldest first."""
        return lengthened([s.listed(self.ended) for s in self._kept], self.long_name, self.ended)

    def larger(self) -> list[Long]:
        """The same and pairs."""
        listed = [s.listed(self.ended) for s in self._kept]
        return self.longs() + lengthened(listed, self.pair_name, self.ended, SEGMENTS_PER_PAIR)

    def long_window(self) -> Window:
        return window_of(self.longs(), self._first_msn, self._before_first, self.ended)

    @property
    def oldest(self) -> int:
        """The number of the oldest segment that is kept; 0 without any."""
        return self._kept[0].msn if self._kept else 0

    def begins_48k(self) -> dict[int, int]:
        """Where each segment begins in media time, by its number."""
        return {segment.msn: segment.begin_48k for segment in self._kept}

    def bodies(self, long: Long) -> tuple[bytes, ...]:
        """What a long segment consists of."""
        names = {piece.name for piece in long.pieces}
        return tuple(body for s in self._kept if s.name in names for body in s.bodies)

    # -- the playlist -----------------------------------------------------------------------

    def window(self, reports: tuple[Report, ...] = ()) -> Window:
        return Window(
            tuple(s.listed(self.ended) for s in self._kept if s.msn >= self._first_msn),
            self._before_first,
            None if self.ended else self._hint,
            reports,
            self.ended,
        )

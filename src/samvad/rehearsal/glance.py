"""Playlists at a glance: what a light listener needs of them, and no more. Pure.

A crowd gets the same bytes, so a playlist is read once for all of a shard, and so is the
answer to "what is new for somebody who stands here". What it takes, and in which order, is
what listener_follow.py takes; playlists of other makers are read too (RFC 8216bis).
"""

import math
import re
import zlib
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

MAX_PLAYLIST = 1024 * 1024

_ATTRIBUTE = re.compile(rb'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)')
_RELATIVE = re.compile(rb"((?:\.\./)*)([A-Za-z0-9_-][A-Za-z0-9_./-]*)")
_EPSILON_S = 0.001


class NoPlaylist(ValueError):
    """Bytes that are no playlist of the kind expected."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Media to fetch: a segment or a part. `duration_s` is what of it is new."""

    uri: bytes
    init: bytes
    duration_s: float


Place = tuple[int, int, float]
"""Where a listener stands: msn, part, and the seconds it has had of that segment."""

News = tuple[tuple[Piece, ...], Place, bool]
"""What is new, where that leads, and whether media were lost on the way."""


@dataclass(frozen=True, slots=True)
class _Segment:
    uri: bytes
    init: bytes
    duration_s: float
    parts: tuple[tuple[bytes, float], ...]


@dataclass(slots=True)
class Glance:
    """A media playlist. `open_parts` are of the segment that is still being made."""

    target_s: float
    first: int
    segments: tuple[_Segment, ...]
    open_parts: tuple[tuple[bytes, float], ...]
    open_init: bytes
    part_target_s: float | None
    blocks: bool
    hold_back_s: float
    part_hold_back_s: float
    ended: bool
    _news: dict[tuple[Place | None, bool], News] = field(default_factory=dict)

    @property
    def next(self) -> tuple[int, int]:
        """(msn, part) that a blocking reload asks for."""
        return self.first + len(self.segments), len(self.open_parts)

    def is_older(self, other: "Glance") -> bool:
        """Whether it was made before `other`. Parts come and go with the form of the playlist:
        they count only where both have them."""
        if self.next[0] != other.next[0]:
            return self.next[0] < other.next[0]
        both = self.part_target_s is not None and other.part_target_s is not None
        return both and self.next < other.next

    def news(self, place: Place | None, low: bool) -> News:
        """What is new for somebody at `place`; None: joins, the hold-back from the edge.

        Who does not care for low latency (`low`) takes whole segments alone.
        """
        known = self._news.get((place, low))
        if known is None:
            if len(self._news) > 256:
                self._news.clear()
            at = self._join(low) if place is None else place
            known = self._news[place, low] = self._find(at, low)
        return known

    def _find(self, place: Place, low: bool) -> News:
        msn, part, had_s = place
        lost = msn < self.first
        if lost:
            msn, part, had_s = self.first, 0, 0.0
        found: list[Piece] = []
        for number, segment in enumerate(self.segments[msn - self.first :], start=msn):
            if segment.parts and low:
                found += [Piece(u, segment.init, d) for u, d in segment.parts[part:]]
            elif segment.duration_s - had_s > _EPSILON_S:
                found.append(Piece(segment.uri, segment.init, segment.duration_s - had_s))
            msn, part, had_s = number + 1, 0, 0.0
        if low and self.open_parts and msn == self.next[0]:
            fresh = self.open_parts[part:]
            found += [Piece(u, self.open_init, d) for u, d in fresh]
            part = max(part, len(self.open_parts))
            had_s += sum(d for _, d in fresh)
        return tuple(found), (msn, part, had_s), lost

    def _join(self, low: bool) -> Place:
        """6.3.3: the newest place that is at least the hold-back before the edge."""
        places: list[tuple[int, int, float]] = []
        for msn, segment in enumerate(self.segments, start=self.first):
            pieces = [d for _, d in segment.parts] if low else []
            places += [(msn, i, d) for i, d in enumerate(pieces or [segment.duration_s])]
        if low:
            places += [(self.next[0], i, d) for i, (_, d) in enumerate(self.open_parts)]
        msn, part, behind = self.next[0], 0, 0.0
        wanted = self.part_hold_back_s if low else self.hold_back_s
        for at in reversed(places):
            msn, part, behind = at[0], at[1], behind + at[2]
            if behind >= wanted - _EPSILON_S:
                break
        return msn, part, sum(d for m, i, d in places if m == msn and i < part)


def read_glance(text: bytes) -> Glance:
    """A media playlist; delta updates are not asked for and not read. Raises NoPlaylist."""
    target = part_target = hold = part_hold = None
    first, blocks, ended, init = 0, False, False, b""
    segments: list[_Segment] = []
    parts: list[tuple[bytes, float]] = []
    duration: float | None = None
    try:
        for line in _lines(text):
            name, _, value = line.partition(b":")
            if not line.startswith(b"#"):
                if duration is None:
                    raise NoPlaylist("a URI without its duration")
                segments.append(_Segment(line, init, duration, tuple(parts)))
                parts, duration = [], None
            elif name == b"#EXTINF":
                duration = float(value.split(b",", 1)[0])
            elif name == b"#EXT-X-PART":
                about = _attributes(value)
                parts.append((about[b"URI"], float(about[b"DURATION"])))
            elif name == b"#EXT-X-MAP":
                init = _attributes(value)[b"URI"]
            elif name == b"#EXT-X-TARGETDURATION":
                target = float(value)
            elif name == b"#EXT-X-MEDIA-SEQUENCE":
                first = int(value)
            elif name == b"#EXT-X-PART-INF":
                part_target = float(_attributes(value)[b"PART-TARGET"])
            elif name == b"#EXT-X-SERVER-CONTROL":
                about = _attributes(value)
                blocks = about.get(b"CAN-BLOCK-RELOAD") == b"YES"
                hold = float(about.get(b"HOLD-BACK", b"nan"))
                part_hold = float(about.get(b"PART-HOLD-BACK", b"nan"))
            elif name == b"#EXT-X-ENDLIST":
                ended = True
            elif name in (b"#EXT-X-SKIP", b"#EXT-X-STREAM-INF"):
                raise NoPlaylist(name.decode("ascii"))
    except (ValueError, KeyError) as error:
        raise NoPlaylist(str(error)) from None
    if target is None:
        raise NoPlaylist("no target duration")
    # 4.4.3.8: without one it is three times the Target Duration.
    back = 3 * target if hold is None or math.isnan(hold) else hold
    no_parts = part_target is None or part_hold is None or math.isnan(part_hold)
    return Glance(
        target_s=target,
        first=first,
        segments=tuple(segments),
        open_parts=tuple(parts),
        open_init=init,
        part_target_s=part_target,
        blocks=blocks,
        hold_back_s=back,
        part_hold_back_s=back if no_parts or part_hold is None else part_hold,
        ended=ended,
    )


def read_variants(text: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """(codecs, URI) of each variant of a multivariant playlist. Raises NoPlaylist."""
    found: list[tuple[bytes, bytes]] = []
    about: dict[bytes, bytes] | None = None
    for line in _lines(text):
        if line.startswith(b"#EXT-X-STREAM-INF:"):
            about = _attributes(line)
        elif not line.startswith(b"#"):
            if about is None:
                raise NoPlaylist("a URI that is no variant's")
            found.append((about.get(b"CODECS", b""), line))
            about = None
    if not found:
        raise NoPlaylist("no variant")
    return tuple(found)


def _lines(text: bytes) -> list[bytes]:
    if not text.startswith(b"#EXTM3U") or len(text) > MAX_PLAYLIST:
        raise NoPlaylist("no #EXTM3U")
    return [line for raw in text.splitlines() if (line := raw.strip())]


def _attributes(value: bytes) -> dict[bytes, bytes]:
    return {name: found.strip(b'"') for name, found in _ATTRIBUTE.findall(value)}


def unzip(body: bytes) -> bytes:
    """A gzip body, at most MAX_PLAYLIST of it. Raises NoPlaylist."""
    try:
        return zlib.decompressobj(31).decompress(body, MAX_PLAYLIST)
    except zlib.error as error:
        raise NoPlaylist(str(error)) from None


def resolve(base: bytes, uri: bytes) -> bytes:
    """The path (with query) of `uri` in the document at path `base` (RFC 3986, 5.2).

    Of a URI at another site only the path is used: load goes nowhere else.
    """
    plain = _RELATIVE.fullmatch(uri)
    if plain is not None and b"/." not in plain[2]:
        folder = base.partition(b"?")[0].rpartition(b"/")[0]
        for _ in range(len(plain[1]) // 3):
            folder = folder.rpartition(b"/")[0]
        return folder + b"/" + plain[2]
    parts = urlsplit(urljoin(f"http://site{base.decode('latin-1')}", uri.decode("latin-1")))
    return (parts.path + (f"?{parts.query}" if parts.query else "")).encode("latin-1")

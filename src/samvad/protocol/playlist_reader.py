"""Playlists, read as strictly as they are written (playlist.py).

What our playlists never contain is an error here, so that a test or `samvad listen` notices.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass


class PlaylistError(ValueError):
    """Text that is not one of our playlists; says which line."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One line of a multivariant playlist; rates in bit/s."""

    uri: str
    codecs: str
    bandwidth: int


@dataclass(frozen=True, slots=True)
class ReadPart:
    """A part as a player sees it. `wall_ms` is the Unix time of its first sample."""

    msn: int
    index: int
    uri: str
    duration_s: float
    wall_ms: int
    map_uri: str
    discontinuity: int


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A whole segment as a player sees it; `parts` is empty when they are not listed."""

    msn: int
    uri: str
    duration_s: float
    wall_ms: int
    map_uri: str
    discontinuity: int
    parts: tuple[ReadPart, ...]


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist. `open_parts` belong to the segment that is still being made.

    In a delta update `skipped` segments are left out before the first one listed, and the
    first's `map_uri` is "" unless it changed there.
    """

    target_s: int
    part_target_s: float | None
    can_block_reload: bool
    hold_back_s: float
    part_hold_back_s: float | None
    media_sequence: int
    skipped: int
    segments: tuple[ReadSegment, ...]
    open_parts: tuple[ReadPart, ...]
    hint: str | None
    ended: bool

    @property
    def parts(self) -> tuple[ReadPart, ...]:
        """All parts that are listed, oldest first."""
        return tuple(p for s in self.segments for p in s.parts) + self.open_parts

    @property
    def next_part(self) -> tuple[int, int]:
        """(msn, part) to ask for in a blocking reload."""
        following = self.media_sequence + self.skipped + len(self.segments)
        return following, len(self.open_parts)


_TAG = re.compile(r"#(EXT[A-Z0-9-]*)(?::(.*))?")
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,(?=.)|$)')
_KNOWN = frozenset(
    {
        "EXTINF",
        "EXT-X-VERSION",
        "EXT-X-TARGETDURATION",
        "EXT-X-SERVER-CONTROL",
        "EXT-X-PART-INF",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-SKIP",
        "EXT-X-DISCONTINUITY",
        "EXT-X-MAP",
        "EXT-X-PROGRAM-DATE-TIME",
        "EXT-X-PART",
        "EXT-X-PRELOAD-HINT",
        "EXT-X-RENDITION-REPORT",
        "EXT-X-ENDLIST",
        "EXT-X-INDEPENDENT-SEGMENTS",
        "EXT-X-STREAM-INF",
    }
)


def read_master(text: str) -> tuple[Variant, ...]:
    """The variants of a multivariant playlist, in its order. Raises PlaylistError."""
    variants: list[Variant] = []
    about: dict[str, str] | None = None
    for number, tag, value in _lines(text):
        if tag == "EXT-X-STREAM-INF":
            about = _attributes(value, number)
        elif tag == "":
            if about is None:
                raise PlaylistError(f"line {number}: a URI without EXT-X-STREAM-INF")
            rate = _number(about.get("BANDWIDTH", ""), number)
            variants.append(Variant(value, about.get("CODECS", ""), int(rate)))
            about = None
        elif tag != "EXT-X-INDEPENDENT-SEGMENTS":
            raise PlaylistError(f"line {number}: {tag} in a multivariant playlist")
    if not variants or about is not None:
        raise PlaylistError("a multivariant playlist without a variant")
    return tuple(variants)


def read_media(text: str) -> MediaPlaylist:
    """A media playlist as `render_media` writes them. Raises PlaylistError."""
    head: dict[str, str] = {}
    control: dict[str, str] = {}
    segments: list[ReadSegment] = []
    parts: list[ReadPart] = []
    hint, map_uri, wall_ms, at_ms, discontinuity = None, "", 0, 0.0, 0
    skipped, ended, duration = 0, False, None
    for number, tag, value in _lines(text):
        msn = int(head.get("EXT-X-MEDIA-SEQUENCE", "0")) + skipped + len(segments)
        if ended:
            raise PlaylistError(f"line {number}: something after EXT-X-ENDLIST")
        if tag == "EXT-X-SERVER-CONTROL":
            control = _attributes(value, number)
        elif tag == "EXT-X-PART-INF":
            head[tag] = _attributes(value, number).get("PART-TARGET", "")
        elif tag in ("EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-VERSION"):
            head[tag] = str(int(_number(value, number)))
        elif tag == "EXT-X-DISCONTINUITY-SEQUENCE":
            discontinuity = int(_number(value, number))
        elif tag == "EXT-X-SKIP":
            skipped = int(_number(_attributes(value, number).get("SKIPPED-SEGMENTS", ""), number))
        elif tag == "EXT-X-DISCONTINUITY":
            discontinuity += 1
        elif tag == "EXT-X-MAP":
            map_uri = _attributes(value, number).get("URI", "")
        elif tag == "EXT-X-PROGRAM-DATE-TIME":
            wall_ms = _wall_ms(value, number)
            at_ms = wall_ms
        elif tag == "EXT-X-PART":
            about = _attributes(value, number)
            length = _number(about.get("DURATION", ""), number)
            uri = about.get("URI", "")
            parts.append(
                ReadPart(msn, len(parts), uri, length, round(at_ms), map_uri, discontinuity)
            )
            at_ms += length * 1000
        elif tag == "EXTINF":
            duration = _number(value.split(",", 1)[0], number)
        elif tag == "":
            if duration is None or (not map_uri and not skipped) or not wall_ms:
                raise PlaylistError(f"line {number}: a URI without EXTINF, map or date")
            segments.append(
                ReadSegment(msn, value, duration, wall_ms, map_uri, discontinuity, tuple(parts))
            )
            at_ms = wall_ms + duration * 1000
            parts, duration = [], None
        elif tag == "EXT-X-PRELOAD-HINT":
            hint = _attributes(value, number).get("URI")
        elif tag == "EXT-X-ENDLIST":
            ended = True
        elif tag == "EXT-X-STREAM-INF":
            raise PlaylistError(f"line {number}: this is a multivariant playlist")
    if "EXT-X-TARGETDURATION" not in head:
        raise PlaylistError("a media playlist without EXT-X-TARGETDURATION")
    if duration is not None:
        raise PlaylistError("an EXTINF without its URI")
    part_target, part_hold = head.get("EXT-X-PART-INF"), control.get("PART-HOLD-BACK")
    target = int(head["EXT-X-TARGETDURATION"])
    return MediaPlaylist(
        target_s=target,
        part_target_s=_number(part_target, 0) if part_target is not None else None,
        can_block_reload=control.get("CAN-BLOCK-RELOAD") == "YES",
        hold_back_s=_number(control.get("HOLD-BACK", str(3 * target)), 0),
        part_hold_back_s=_number(part_hold, 0) if part_hold is not None else None,
        media_sequence=int(head.get("EXT-X-MEDIA-SEQUENCE", "0")),
        skipped=skipped,
        segments=tuple(segments),
        open_parts=tuple(parts),
        hint=hint,
        ended=ended,
    )


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, tag, its value), or (line number, "", URI)."""
    lines = text.split("\n")
    if lines[0] != "#EXTM3U" or lines[-1] != "":
        raise PlaylistError("not a playlist: no #EXTM3U, or cut off")
    for number, line in enumerate(lines[1:-1], start=2):
        tag = _TAG.fullmatch(line)
        if tag is not None:
            if tag[1] not in _KNOWN:
                raise PlaylistError(f"line {number}: {tag[1]} is not known here")
            yield number, tag[1], tag[2] or ""
        elif line.startswith("#") or not line.strip() or line != line.strip():
            raise PlaylistError(f"line {number}: {line!r} is neither tag nor URI")
        else:
            yield number, "", line


def _attributes(text: str, number: int) -> dict[str, str]:
    """4.2: an attribute list; no name twice."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None or match[1] in found:
            raise PlaylistError(f"line {number}: {text!r} is not an attribute list")
        found[match[1]] = match[2].strip('"')
        at = match.end()
    return found


def _number(text: str, number: int) -> float:
    if not re.fullmatch(r"[0-9]{1,20}(?:\.[0-9]{1,10})?", text, re.ASCII):
        raise PlaylistError(f"line {number}: {text!r} is not a number")
    return float(text)


def _wall_ms(text: str, number: int) -> int:
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise PlaylistError(f"line {number}: {text!r} is not a date") from None
    if at.tzinfo is None:
        raise PlaylistError(f"line {number}: {text!r} has no zone")
    return round(at.timestamp() * 1000)

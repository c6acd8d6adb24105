"""Media as the live plane hands it on: renditions, init segments, parts.

Media time is counted in samples at 48 kHz (`_48k`). A part is 0.64 s = 30 AAC frames of
1024 samples = 32 Opus frames of 960 samples, so both renditions are cut at the same sample.
Three parts make a segment (1.92 s), nine a long segment (5.76 s), two of these a pair (11.52 s).
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

RATE = 48_000
PART_48K = 30_720
PARTS_PER_SEGMENT = 3
PARTS_PER_LONG_SEGMENT = 9
PART_S = PART_48K / RATE
SEGMENT_S = PART_S * PARTS_PER_SEGMENT
SEGMENTS_PER_LONG = PARTS_PER_LONG_SEGMENT // PARTS_PER_SEGMENT
LONG_S = SEGMENT_S * SEGMENTS_PER_LONG
SEGMENTS_PER_PAIR = 2 * SEGMENTS_PER_LONG
PAIR_S = SEGMENT_S * SEGMENTS_PER_PAIR


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of the programme. `codecs` as in RFC 6381; rates in bit/s with boxes."""

    name: str
    codecs: str
    bandwidth: int
    average_bandwidth: int


AAC = Rendition("aac", "mp4a.40.2", 160_000, 68_000)
OPUS = Rendition("opus", "opus", 40_000, 28_000)
RENDITIONS = {r.name: r for r in (AAC, OPUS)}


@dataclass(frozen=True, slots=True)
class Init:
    """An initialisation segment (ftyp + moov). `name` is its object name, without ending."""

    event: str
    rendition: str
    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One CMAF chunk (moof + mdat) of a segment.

    `msn` is the Media Sequence Number of its segment, from 0 for the whole life of the
    event; `part` its index in the segment. `wall_ms` is the Unix time at which its first
    sample was in the mix (EXT-X-PROGRAM-DATE-TIME). `discontinuity` grows by one each time
    the encoder starts anew (EXT-X-DISCONTINUITY-SEQUENCE). A restarted encoder begins a new
    segment, so a segment may have fewer than three parts, all of one discontinuity.
    `segment` is the object name of the whole segment: its parts' bodies joined in order.
    `init` is the object name of the Init it needs. `last` says that the segment ends here.
    """

    event: str
    rendition: str
    msn: int
    part: int
    name: str
    segment: str
    init: str
    duration_48k: int
    decode_48k: int
    wall_ms: int
    discontinuity: int
    last: bool
    body: bytes


Sink = Callable[[Init | Part], None]
"""Where a packager hands what it made: recorder, uplink. Must not block."""


def object_name(key: bytes, *about: object) -> str:
    """An unguessable, stable object name (22 URL-safe characters) for immutable media.

    `key` is `secret.derive(site, "media", event)`; `about` says which object. Names depend
    on it alone, so a restarted stage names what it reads back as before.
    """
    text = "/".join(str(a) for a in about).encode()
    digest = hashlib.blake2b(text, key=key, digest_size=16, person=b"object").digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def segment_name(key: bytes, rendition: str, discontinuity: int, msn: int) -> str:
    """The object name of a whole segment; known before it is made (lean.json)."""
    return object_name(key, rendition, discontinuity, msn, "segment")


def long_name(key: bytes, rendition: str, discontinuity: int, long_msn: int) -> str:
    """The object name of a long segment: of the segments `long_msn` * 3 and the two after it."""
    return object_name(key, rendition, discontinuity, long_msn, "long")


def pair_name(key: bytes, rendition: str, discontinuity: int, pair_msn: int) -> str:
    """The object name of a pair: of the segments `pair_msn` * 6 and the five after it."""
    return object_name(key, rendition, discontinuity, pair_msn, "pair")


def part_name(key: bytes, rendition: str, discontinuity: int, msn: int, part: int) -> str:
    """The object name of a part; known before the part is made (EXT-X-PRELOAD-HINT)."""
    return object_name(key, rendition, discontinuity, msn, part)

"""CMAF by hand: the init segment of each rendition, chunks, and a reader for recovery.

ISO/IEC 14496-12 (boxes), 14496-14 (esds), 23000-19 (CMAF); "Encapsulation of Opus in ISO
Base Media File Format" 0.8.1. Times are samples at 48 kHz: it is every track's timescale.

A chunk is one part of the live stream: `prft moof mdat`, with `styp` before the first of a
segment, so that joined parts are the segment and `init + parts` is a file. `prft` carries
the wall time and `mfhd.sequence_number` the part's number, so that the media alone tell
all that the recording's index says (index.py).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from samvad.protocol.media import AAC, OPUS, RATE

FRAME_48K = {AAC.name: 1024, OPUS.name: 960}
"""Samples a packet holds."""

_TRACK = 1
_SYNC = 0x0200_0000
"""Sample flags: depends on no other, is a sync sample (14496-12, 8.8.3.1)."""
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
_NTP_EPOCH_S = 2_208_988_800
_HEAD = struct.Struct(">I4s")


def box(kind: bytes, *content: bytes) -> bytes:
    """A box (14496-12, 4.2) of at most 4 GiB."""
    size = 8 + sum(map(len, content))
    return b"".join((_HEAD.pack(size, kind), *content))


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


# --- the init segment ------------------------------------------------------------------


def _descriptor(tag: int, *content: bytes) -> bytes:
    """An MPEG-4 descriptor (14496-1, 8.3.3) of less than 128 bytes."""
    body = b"".join(content)
    return bytes((tag, len(body))) + body


def _esds() -> bytes:
    """AAC-LC, 48 kHz, mono: AudioSpecificConfig 0x1188 (14496-3, 1.6.2.1)."""
    config = _descriptor(5, b"\x11\x88")
    decoder = struct.pack(">BB3sII", 0x40, 0x15, b"\0\0\0", AAC.bandwidth, AAC.average_bandwidth)
    es = _descriptor(
        3, struct.pack(">HB", 0, 0), _descriptor(4, decoder, config), _descriptor(6, b"\x02")
    )
    return full_box(b"esds", 0, 0, es)


def _dops() -> bytes:
    """One channel, nothing to skip: the encoder's delay is taken out before (encoder.py)."""
    return box(b"dOps", struct.pack(">BBHIhB", 0, 1, 0, RATE, 0, 0))


def sample_entry(rendition: str) -> bytes:
    """`mp4a` or `Opus` (AudioSampleEntry, 14496-12, 12.2.3), mono, 48 kHz."""
    kind, config = {AAC.name: (b"mp4a", _esds), OPUS.name: (b"Opus", _dops)}[rendition]
    return box(kind, struct.pack(">6xH8xHHIHH", 1, 1, 16, 0, RATE, 0), config())


def track(rendition: str, duration_48k: int, tables: bytes, created_1904: int = 0) -> bytes:
    """A `trak` whose sample table holds `stsd` and `tables`. Times in samples."""
    dref = full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(rendition))
    minf = box(
        b"minf",
        full_box(b"smhd", 0, 0, bytes(4)),
        box(b"dinf", dref),
        box(b"stbl", stsd, tables),
    )
    times = struct.pack(">QQ", created_1904, created_1904)
    mdia = box(
        b"mdia",
        full_box(b"mdhd", 1, 0, times, struct.pack(">IQHH", RATE, duration_48k, 0x55C4, 0)),
        full_box(b"hdlr", 0, 0, bytes(4), b"soun", bytes(12), b"Samvad\0"),
        minf,
    )
    tkhd = full_box(
        b"tkhd",
        1,
        7,
        times,
        struct.pack(">I4xQ8xhhH2x", _TRACK, duration_48k, 0, 0, 0x100),
        _MATRIX,
        bytes(8),
    )
    return box(b"trak", tkhd, mdia)


def movie_header(duration_48k: int, created_1904: int = 0) -> bytes:
    """`mvhd` version 1, timescale 48 kHz."""
    return full_box(
        b"mvhd",
        1,
        0,
        struct.pack(">QQIQ", created_1904, created_1904, RATE, duration_48k),
        struct.pack(">IH10x", 0x10000, 0x100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", _TRACK + 1),
    )


def init_segment(rendition: str) -> bytes:
    """`ftyp` and `moov` of a rendition ("aac" or "opus"): a constant of this version.

    Brands: `cmfc` (CMAF), `iso6` (default-base-is-moof, tfdt), `caac` (CMAF AAC core).
    """
    brands = [b"iso6", b"cmfc", b"mp41"] + ([b"caac"] if rendition == AAC.name else [])
    empty = b"".join(
        full_box(kind, 0, 0, bytes(n))
        for kind, n in ((b"stts", 4), (b"stsc", 4), (b"stsz", 8), (b"stco", 4))
    )
    trex = struct.pack(">IIIII", _TRACK, 1, FRAME_48K[rendition], 0, _SYNC)
    moov = box(
        b"moov",
        movie_header(0),
        track(rendition, 0, empty),
        box(b"mvex", full_box(b"trex", 0, 0, trex)),
    )
    return box(b"ftyp", b"cmfc", bytes(4), *brands) + moov


# --- chunks ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one chunk says of itself. `number` counts parts from 0 for the event's whole life.

    `begins_segment` puts a `styp` before it. `wall_ms`: Unix time of its first sample.
    """

    number: int
    decode_48k: int
    wall_ms: int
    begins_segment: bool


_STYP = box(b"styp", b"cmfs", bytes(4), b"cmfs", b"cmff", b"cmfl", b"msdh")


def _ntp(wall_ms: int) -> int:
    """Unix milliseconds as a 64-bit NTP timestamp (RFC 5905, section 6)."""
    seconds, rest = divmod(wall_ms, 1000)
    # Rounded up, so that the whole milliseconds come back exactly.
    return (seconds + _NTP_EPOCH_S) % (1 << 32) << 32 | -(-(rest << 32) // 1000)


def _unix_ms(ntp: int) -> int:
    """The inverse. Below half of the 32 bits, it is the era after 2036 (RFC 4330, section 3)."""
    seconds = ntp >> 32
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - _NTP_EPOCH_S) * 1000 + ((ntp & 0xFFFF_FFFF) * 1000 >> 32)


def chunk(about: Chunk, packets: Sequence[bytes]) -> bytes:
    """The chunk's bytes. Packets last what the init segment's `trex` says."""
    prft = full_box(
        b"prft", 1, 0, struct.pack(">IQQ", _TRACK, _ntp(about.wall_ms), about.decode_48k)
    )
    # The trun's data offset counts from the moof: its own size (fixed but for the sample
    # sizes) and the mdat's header.
    moof_size = 88 + 4 * len(packets)
    traf = box(
        b"traf",
        full_box(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", about.decode_48k)),
        full_box(
            b"trun",
            0,
            0x000201,
            struct.pack(f">Ii{len(packets)}I", len(packets), moof_size + 8, *map(len, packets)),
        ),
    )
    moof = box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", about.number + 1)), traf)
    assert len(moof) == moof_size
    return (_STYP if about.begins_segment else b"") + prft + moof + box(b"mdat", *packets)


# --- the reader ------------------------------------------------------------------------


class TornError(ValueError):
    """The bytes end within a box, or are none of our boxes: a write that was cut short."""


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A whole chunk in a file: where it lies, and its packets' sizes and place."""

    about: Chunk
    offset: int
    size: int
    sizes: tuple[int, ...]
    media_offset: int

    @property
    def end(self) -> int:
        return self.offset + self.size


def boxes(
    data: bytes | memoryview, start: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of content, end) of each box from `start` to `end`. Raises TornError."""
    end = len(data) if end is None else end
    while start < end:
        if end - start < 8:
            raise TornError(f"{end - start} bytes at {start} are no box")
        size, kind = _HEAD.unpack_from(data, start)
        if size < 8 or start + size > end:
            raise TornError(f"box {kind!r} at {start} says {size} bytes of {end - start}")
        yield kind, start + 8, start + size
        start += size


def _moof(data: bytes | memoryview, start: int, end: int) -> tuple[int, int, tuple[int, ...]]:
    """(number, decode time, packet sizes) of a moof as `chunk` writes it."""
    inner: dict[bytes, tuple[int, int]] = {}
    for kind, a, b in boxes(data, start, end):
        inner[kind] = a, b
        if kind == b"traf":
            inner.update((k, (c, d)) for k, c, d in boxes(data, a, b))
    try:
        (sequence,) = struct.unpack_from(">4xI", data, inner[b"mfhd"][0])
        (decode,) = struct.unpack_from(">4xQ", data, inner[b"tfdt"][0])
        at, end = inner[b"trun"]
        (count,) = struct.unpack_from(">4xI4x", data, at)
        if at + 12 + 4 * count != end or sequence == 0:
            raise TornError("a moof of another making")
        return sequence - 1, decode, struct.unpack_from(f">{count}I", data, at + 12)
    except (KeyError, struct.error) as error:
        raise TornError(f"a moof without {error}") from None


def read_chunks(data: bytes | memoryview, offset: int = 0) -> Iterator[FoundChunk]:
    """Whole chunks from `offset` on, in order; raises TornError where they end before the bytes.

    `data` may be a memory-mapped file. Every chunk yielded before the error is whole.
    """
    first, styp, wall_ms = offset, False, 0
    moof: tuple[int, int, tuple[int, ...]] | None = None
    for kind, start, end in boxes(data, offset):
        if kind == b"styp":
            styp = True
        elif kind == b"prft":
            if end - start != 24:
                raise TornError("a prft of another making")
            wall_ms = _unix_ms(struct.unpack_from(">8xQ", data, start)[0])
        elif kind == b"moof":
            moof = _moof(data, start, end)
        elif kind == b"mdat" and moof is not None:
            number, decode, sizes = moof
            if sum(sizes) != end - start:
                raise TornError("an mdat that does not hold what its moof says")
            yield FoundChunk(Chunk(number, decode, wall_ms, styp), first, end - first, sizes, start)
            first, styp, wall_ms, moof = end, False, 0, None
        else:
            raise TornError(f"an unexpected box {kind!r} at {start - 8}")
    if first != len(data):
        raise TornError("a chunk without its mdat")


def init_size(data: bytes | memoryview) -> int:
    """How many bytes the init segment at the start of a file has. Raises TornError."""
    kinds: Iterable[tuple[bytes, int, int]] = boxes(data)
    for (kind, _, end), wanted in zip(kinds, (b"ftyp", b"moov"), strict=False):
        if kind != wanted:
            break
        if kind == b"moov":
            return end
    raise TornError("the file does not begin with an init segment")

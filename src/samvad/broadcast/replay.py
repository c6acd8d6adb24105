"""A recording to one file: AAC in MP4 with the index in front, so that it plays while it loads.

The recorded packets are copied, not coded anew; only their gain may change (gain.py). Media
time runs without a gap from zero; what was not recorded is left out and listed (index.Gap), so
that the file's duration is exactly that of what it holds. Reads and
writes at the disk's speed: run it off the event loop.

The file's `mdat` holds the recorded parts whole, each with its own `moof` (ISO 14496-12, 8.1.1:
anything may lie there; 8.7.5: players go by the offsets of the sample table). So HLS of the replay
is spans of this very file (gate/archive.py), as loud as it is, and no second copy is needed. The
parts are its end, in their order and of their recorded sizes.
"""

import mmap
import os
import struct
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

from samvad.broadcast.cmaf import FRAME_48K, box, full_box, movie_header, read_chunks, track
from samvad.broadcast.gain import louder
from samvad.broadcast.index import Entry
from samvad.protocol.media import AAC, PART_48K, RATE
from samvad.protocol.room import Replay

_EPOCH_1904_S = 2_082_844_800
"""From 1904-01-01, where MP4 counts from, to 1970-01-01."""
_FRAMES = PART_48K // FRAME_48K[AAC.name]


def write_replay(
    source: Path, entries: Sequence[Entry], target: Path, gain_steps: int = 0
) -> Replay:
    """Write the AAC parts `entries` of `source` (a recording's aac.mp4) as the m4a `target`.

    `gain_steps` makes it louder or softer (gain.py). It appears under its name whole or not at
    all. Raises OSError; ValueError without entries.
    """
    if not entries:
        raise ValueError("nothing was recorded")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with (
            open(source, "rb") as recorded,
            mmap.mmap(recorded.fileno(), 0, access=mmap.ACCESS_READ) as data,
            memoryview(data) as view,
            open(draft, "wb", buffering=1 << 20) as out,
        ):
            sizes, begins = _media(view, entries)
            lengths = [entry.where[AAC.name][1] for entry in entries]
            out.write(_head(sizes, begins, lengths, entries[0].wall_ms))
            for i, entry in enumerate(entries):
                offset, size = entry.where[AAC.name]
                if not gain_steps:
                    out.write(view[offset : offset + size])
                    continue
                out.write(view[offset : offset + begins[i]])
                packets = bytearray(view[offset + begins[i] : offset + size])
                louder(packets, sizes[i * _FRAMES : (i + 1) * _FRAMES], gain_steps)
                out.write(packets)
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
        os.replace(draft, target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return Replay(bytes=size, duration_ms=len(entries) * PART_48K * 1000 // RATE)


def _media(view: memoryview, entries: Sequence[Entry]) -> tuple["array[int]", list[int]]:
    """Sizes of all packets, and where in each part its packets begin."""
    sizes, begins = array("I"), []
    for entry in entries:
        offset, size = entry.where[AAC.name]
        (found,) = read_chunks(view[offset : offset + size])
        sizes.extend(found.sizes)
        begins.append(found.media_offset)
    return sizes, begins


def _head(
    sizes: "array[int]", begins: Sequence[int], lengths: Sequence[int], wall_ms: int
) -> bytes:
    """Everything before the parts: ftyp, moov, and the header of mdat."""
    ftyp = box(b"ftyp", b"M4A ", bytes(4), b"M4A ", b"mp42", b"isom")
    # The moov's size does not depend on the offsets in it, so one draft of it tells them.
    draft = _moov(sizes, [0] * len(begins), wall_ms)
    at = len(ftyp) + len(draft) + 8
    offsets = []
    for begin, length in zip(begins, lengths, strict=True):
        offsets.append(at + begin)
        at += length
    mdat = struct.pack(">I4s", 8 + sum(lengths), b"mdat")
    return ftyp + _moov(sizes, offsets, wall_ms) + mdat


def _moov(sizes: "array[int]", offsets: Sequence[int], wall_ms: int) -> bytes:
    """One sample-table chunk for each recorded part."""
    big = array("I", sizes)
    if sys.byteorder == "little":
        big.byteswap()
    frame_48k, duration_48k = FRAME_48K[AAC.name], len(sizes) * FRAME_48K[AAC.name]
    created = wall_ms // 1000 + _EPOCH_1904_S
    tables = (
        full_box(b"stts", 0, 0, struct.pack(">III", 1, len(sizes), frame_48k)),
        full_box(b"stsc", 0, 0, struct.pack(">IIII", 1, 1, _FRAMES, 1)),
        full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(sizes)), big.tobytes()),
        full_box(b"stco", 0, 0, struct.pack(f">I{len(offsets)}I", len(offsets), *offsets)),
    )
    return box(
        b"moov",
        movie_header(duration_48k, created),
        track(AAC.name, duration_48k, b"".join(tables), created),
    )

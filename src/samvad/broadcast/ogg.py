"""Opus packets to an Ogg Opus file (RFC 3533, RFC 7845), without coding them anew. Pure.

The header's output gain (RFC 7845, 5.1) makes it as loud as wanted: every decoder applies it.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

FRAME_48K = 960
_SERIAL = 1
_PACKETS = 50
"""Of a page: a second."""
_MIRROR = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def _crc(data: bytes) -> int:
    """RFC 3533's CRC (polynomial 0x04c11db7, not mirrored) by zlib's, which is the mirrored one."""
    mirrored = zlib.crc32(data.translate(_MIRROR), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _page(packets: list[bytes], number: int, granule: int, kind: int) -> bytes:
    table = bytearray()
    for packet in packets:
        table += b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
    assert len(table) <= 255
    head = struct.pack("<4sBBQIIIB", b"OggS", 0, kind, granule, _SERIAL, number, 0, len(table))
    page = bytearray(head + table + b"".join(packets))
    struct.pack_into("<I", page, 22, _crc(bytes(page)))
    return bytes(page)


def ogg(packets: Iterable[bytes], gain_db: float, tags: dict[str, str]) -> Iterator[bytes]:
    """The file, page by page. Packets hold 20 ms, mono; the first begins with sound."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 0, 48_000, round(gain_db * 256), 0)
    yield _page([head], 0, 0, 2)
    vendor = b"Samvad"
    comments = [f"{k}={v}".encode()[:400] for k, v in tags.items()]
    body = struct.pack("<8sI", b"OpusTags", len(vendor)) + vendor
    body += struct.pack("<I", len(comments))
    body += b"".join(struct.pack("<I", len(c)) + c for c in comments)
    yield _page([body], 1, 0, 0)
    number, granule, segments = 2, 0, 0
    waiting: list[bytes] = []
    last: list[bytes] | None = None
    for packet in packets:
        size = len(packet) // 255 + 1
        if len(waiting) == _PACKETS or segments + size > 255:
            if last is not None:
                yield _page(last, number, granule, 0)
                number += 1
            last, waiting, segments = waiting, [], 0
            granule += len(last) * FRAME_48K
        waiting.append(packet)
        segments += size
    # The last page is marked so, and it is known only now.
    if last is not None:
        yield _page(last, number, granule, 0)
        number += 1
    granule += len(waiting) * FRAME_48K
    yield _page(waiting, number, granule, 4)

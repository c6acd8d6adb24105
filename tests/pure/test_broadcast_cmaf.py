"""CMAF boxes: what is written is read back, and a cut-off file is known to its last whole part."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.broadcast.cmaf import (
    Chunk,
    FoundChunk,
    TornError,
    box,
    boxes,
    chunk,
    init_segment,
    init_size,
    read_chunks,
)

PACKETS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=12)
CHUNKS = st.builds(
    Chunk,
    number=st.integers(0, 2**32 - 2),
    decode_48k=st.integers(0, 2**63),
    wall_ms=st.integers(0, 4_000_000_000_000),
    begins_segment=st.booleans(),
)


def read(data: bytes, offset: int = 0) -> tuple[list[FoundChunk], bool]:
    """What is whole, and whether something torn lies behind it."""
    found: list[FoundChunk] = []
    try:
        for one in read_chunks(data, offset):
            found.append(one)
    except TornError:
        return found, True
    return found, False


PARTS = st.lists(st.tuples(CHUNKS, PACKETS), min_size=1, max_size=3)


@given(PARTS, st.sampled_from(["aac", "opus"]))
def test_what_is_written_is_read_back(parts, rendition):
    init = init_segment(rendition)
    file = init + b"".join(chunk(about, packets) for about, packets in parts)
    assert init_size(file) == len(init)
    found, torn = read(file, len(init))
    assert not torn
    assert [f.about for f in found] == [about for about, _ in parts]
    for one, (_, packets) in zip(found, parts, strict=True):
        at = one.media_offset
        read_back = []
        for size in one.sizes:
            read_back.append(file[at : at + size])
            at += size
        assert read_back == packets
    assert found[0].offset == len(init)
    assert all(a.end == b.offset for a, b in pairwise(found))
    assert found[-1].end == len(file)


@given(st.data())
def test_a_file_cut_anywhere_keeps_its_whole_chunks(data):
    parts = data.draw(PARTS)
    written = [chunk(about, packets) for about, packets in parts]
    whole = b"".join(written)
    cut = data.draw(st.integers(0, len(whole)))
    found, torn = read(whole[:cut])
    ends = [sum(map(len, written[: i + 1])) for i in range(len(written))]
    assert len(found) == sum(end <= cut for end in ends)
    assert torn == (cut not in (0, *ends))


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_torn_or_nothing(data):
    found, torn = read(data)
    assert not found
    assert torn == bool(data)
    with pytest.raises(TornError):
        init_size(data)


@given(st.data())
def test_a_chunk_with_one_changed_byte_breaks_nothing(data):
    about, packets = data.draw(CHUNKS), data.draw(PACKETS)
    file = bytearray(chunk(about, packets))
    file[data.draw(st.integers(0, len(file) - 1))] ^= data.draw(st.integers(1, 255))
    found, torn = read(bytes(file))
    assert len(found) == (0 if torn else 1)


def test_the_boxes_stand_in_the_order_cmaf_asks_for():
    about = Chunk(number=6, decode_48k=184_320, wall_ms=1_790_000_000_000, begins_segment=True)
    kinds = [kind for kind, _, _ in boxes(chunk(about, [b"x" * 9] * 30))]
    assert kinds == [b"styp", b"prft", b"moof", b"mdat"]
    later = Chunk(number=7, decode_48k=215_040, wall_ms=1_790_000_000_640, begins_segment=False)
    assert [k for k, _, _ in boxes(chunk(later, [b"x"]))] == [b"prft", b"moof", b"mdat"]
    assert [k for k, _, _ in boxes(init_segment("opus"))] == [b"ftyp", b"moov"]


def test_wall_time_is_an_ntp_timestamp():
    # RFC 5905, figure 4: 1 Jan 1970 is 2,208,988,800 s after the start of era 0.
    half_past = chunk(Chunk(0, 0, 500, False), [b"x"])
    ((kind, start, _), *_rest) = boxes(half_past)
    assert kind == b"prft"
    assert struct.unpack_from(">II", half_past, start + 8) == (2_208_988_800, 1 << 31)


def test_fields_stand_where_the_standard_puts_them():
    """ISO/IEC 14496-12: tfdt version 1, default-base-is-moof, a data offset to the first packet."""
    packets = [b"first", b"second!", b"3"]
    data = chunk(Chunk(41, 2**40 + 5, 1_790_000_000_000, False), packets)
    found = {}

    def walk(start: int, end: int) -> None:
        for kind, a, b in boxes(data, start, end):
            found[kind] = (a, b)
            if kind in (b"moof", b"traf"):
                walk(a, b)

    walk(0, len(data))
    assert struct.unpack_from(">II", data, found[b"mfhd"][0]) == (0, 42)
    assert struct.unpack_from(">II", data, found[b"tfhd"][0]) == (0x020000, 1)
    assert struct.unpack_from(">IQ", data, found[b"tfdt"][0]) == (1 << 24, 2**40 + 5)
    flags, count, offset, *sizes = struct.unpack_from(">IIi3I", data, found[b"trun"][0])
    assert (flags, count, sizes) == (0x201, 3, [5, 7, 1])
    moof = found[b"moof"][0] - 8
    assert data[moof + offset :] == b"".join(packets)


def test_a_box_is_its_size_its_type_and_its_content():
    # Apple's and ISO's smallest box: eight bytes.
    assert box(b"free") == b"\0\0\0\x08free"
    assert box(b"free", b"ab", b"c") == b"\0\0\0\x0bfreeabc"

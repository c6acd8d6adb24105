"""The index of a recording: torn lines, parts behind it, gaps, where the next run begins."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.broadcast.cmaf import Chunk, FoundChunk
from samvad.broadcast.index import (
    Contents,
    Entry,
    Gap,
    Session,
    ending_line,
    entry_line,
    read_index,
    read_session,
    rebuild,
    session_line,
)
from samvad.protocol.media import PART_48K

WALL = 1_790_000_000_000
AAC, OPUS = 5_000, 2_000
HEAD = 700


def entry(i: int, number: int | None = None, **changes: int) -> Entry:
    """The i-th part of a file; `number` counts parts of the programme."""
    number = i if number is None else number
    fields = {"decode_48k": number * PART_48K, "wall_ms": WALL + 640 * number, "discontinuity": 0}
    where = {"aac": (HEAD + i * AAC, AAC), "opus": (HEAD + i * OPUS, OPUS)}
    return Entry(number // 3, number % 3, **(fields | changes), where=where)


def sizes(parts: int) -> dict[str, int]:
    return {"aac": HEAD + parts * AAC, "opus": HEAD + parts * OPUS}


def found(entries: list[Entry]) -> dict[str, list[FoundChunk]]:
    """What the media of `entries` say of themselves."""

    def one(e: Entry, name: str) -> FoundChunk:
        about = Chunk(e.number, e.decode_48k, e.wall_ms, e.part == 0)
        return FoundChunk(about, *e.where[name], sizes=(), media_offset=0)

    return {name: [one(e, name) for e in entries] for name in ("aac", "opus")}


WHOLE = [entry(i) for i in range(5)]
TEXT = session_line(Session(0, 0, 0)) + b"".join(map(entry_line, WHOLE))


def test_what_is_written_is_read_back():
    contents, good = read_index(TEXT + ending_line(WALL + 9), sizes(5))
    assert contents == Contents([Session(0, 0, 0)], WHOLE, WALL + 9)
    assert good == len(TEXT + ending_line(WALL + 9))


@given(st.integers(0, len(TEXT)))
def test_a_text_cut_anywhere_counts_to_its_last_whole_line(cut):
    contents, good = read_index(TEXT[:cut], sizes(5))
    assert TEXT[:good].count(b"\n") == TEXT[:cut].count(b"\n")
    assert contents.entries == WHOLE[: max(0, TEXT[:cut].count(b"\n") - 1)]


@given(st.data())
def test_damage_loses_nothing_before_it_and_invents_nothing(data):
    at = data.draw(st.integers(0, len(TEXT) - 1))
    text = TEXT[:at] + data.draw(st.binary(min_size=1, max_size=8)) + TEXT[at + 1 :]
    contents, _ = read_index(text, sizes(5))
    before = max(0, TEXT[:at].count(b"\n") - 1)
    assert contents.entries[:before] == WHOLE[:before]
    # A changed digit may make another number, never a place outside the files.
    for e in contents.entries:
        assert all(offset + size <= sizes(5)[name] for name, (offset, size) in e.where.items())


@pytest.mark.parametrize(
    "line",
    [
        entry(3, number=5),  # a place that was
        entry(5, number=4),  # a number that was
        entry(5, decode_48k=0),  # time that was
    ],
)
def test_a_line_that_does_not_follow_ends_the_reading(line):
    contents, good = read_index(TEXT + entry_line(line), sizes(12))
    assert contents.entries == WHOLE
    assert good == len(TEXT)


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'{"session": 3}', b'{"ending": []}', b"{}"])
def test_other_json_ends_the_reading(raw):
    contents, good = read_index(TEXT + raw + b"\n" + entry_line(entry(5)), sizes(6))
    assert (contents.entries, good) == (WHOLE, len(TEXT))


def test_an_index_ahead_of_its_media_counts_as_far_as_they_go():
    contents, good = read_index(TEXT, sizes(3))
    assert contents.entries == WHOLE[:3]
    assert TEXT[:good].endswith(entry_line(WHOLE[2]))


@given(st.integers(0, 5), st.integers(0, 5))
def test_parts_behind_the_index_are_found_as_far_as_both_renditions_go(known, lost):
    contents = Contents([Session(0, 0, 0)], WHOLE[:known])
    behind = found(WHOLE[known:])
    behind["opus"] = behind["opus"][: max(0, 5 - known - lost)]
    added = rebuild(contents, behind)
    assert added == WHOLE[known : max(known, 5 - lost)]
    assert contents.entries == WHOLE[:known] + added


def resumed() -> list[Entry]:
    """Two runs: five parts, then, 3 s later, three of a new segment."""
    again = [
        entry(5 + i, 6 + i, decode_48k=(5 + i) * PART_48K, wall_ms=WALL + 6_200 + 640 * i,
              discontinuity=1)
        for i in range(3)
    ]  # fmt: skip
    return WHOLE + again


def test_a_lost_index_is_made_anew_from_the_media():
    contents = Contents()
    assert rebuild(contents, found(resumed())) == resumed()
    assert contents.sessions == [Session(0, 0, 0), Session(1, 2, 5 * PART_48K)]


def test_a_part_of_a_session_that_is_known_is_counted_to_it():
    contents = Contents([Session(0, 0, 0), Session(4, 2, 5 * PART_48K)], list(WHOLE))
    rebuild(contents, found(resumed()[5:]))
    assert {e.discontinuity for e in contents.entries[5:]} == {4}
    assert len(contents.sessions) == 2


def test_media_out_of_order_end_the_rebuilding():
    contents = Contents([Session(0, 0, 0)], WHOLE[:3])
    swapped = found(WHOLE[3:])
    swapped["aac"].reverse()
    assert rebuild(contents, swapped) == []
    contents = Contents([Session(0, 0, 0)], WHOLE[:3])
    assert rebuild(contents, found(WHOLE[1:3])) == []


def test_gaps_are_listed_with_their_wall_times():
    assert Contents([], WHOLE).gaps() == []
    assert Contents([], resumed()).gaps() == [Gap(WALL + 3_200, WALL + 6_200, 3_200)]
    # A full disk: the numbering and decode time have gone on meanwhile.
    hole = [*WHOLE[:2], entry(2, 10), entry(3, 11)]
    assert Contents([], hole).gaps() == [Gap(WALL + 1_280, WALL + 6_400, 1_280)]


def test_a_new_run_begins_behind_everything():
    assert Contents().next_session() == Session(0, 0, 0)
    assert Contents([Session(0, 0, 0)], WHOLE).next_session() == Session(1, 2, 5 * PART_48K)
    # Killed before its first part was written: gates may have had one all the same.
    two = Contents([Session(0, 0, 0), Session(1, 2, 5 * PART_48K)], WHOLE)
    assert two.next_session() == Session(2, 3, 5 * PART_48K)
    # The disk was full for a while: the live stream is numbered further than the recording.
    two.reached = Session(1, 40, 120 * PART_48K)
    assert two.next_session() == Session(2, 41, 120 * PART_48K)
    # An old note does not count.
    two.reached = Session(0, 1, 2 * PART_48K)
    assert two.next_session() == Session(2, 3, 5 * PART_48K)


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_a_note_that_is_none_is_none(raw):
    assert read_session(raw) is None


def test_a_note_is_read_with_its_padding():
    assert read_session(session_line(Session(1, 2, 3)).rstrip().ljust(255) + b"\n") == Session(
        1, 2, 3
    )
    assert read_session(json.dumps({"session": {"discontinuity": -1, "msn": 0, "decode_48k": 0}})
                        .encode()) is None  # fmt: skip

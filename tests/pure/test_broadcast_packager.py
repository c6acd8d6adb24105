"""Packets to parts: numbers, names, ends and wall times."""

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samvad.broadcast.cmaf import FRAME_48K, read_chunks
from samvad.broadcast.packager import DRIFT_MS, Cut, Names, Packager, Start
from samvad.protocol.media import PART_48K, Part, part_name

KEY = b"k" * 32
NAMES = Names("abcdef1234", KEY, {"aac": "init-a", "opus": "init-o"})
WALL = 1_790_000_000_000
TICK = 960
NEW = Start()


class Feeder:
    """Encoders that answer at once, with packets that say which sample they begin with."""

    def __init__(self, start: Start = NEW) -> None:
        self.packager = Packager(NAMES, start)
        self.made = dict.fromkeys(NAMES.inits, start.decode_48k)
        self.cuts: list[Cut] = []

    def tick(self, wall_ms: int) -> None:
        self.packager.tick(TICK, wall_ms)
        self.encode(self.packager.pushed_48k)

    def encode(self, until_48k: int) -> None:
        for name in NAMES.inits:
            packets = []
            while self.made[name] + FRAME_48K[name] <= until_48k:
                packets.append(f"{name}@{self.made[name]};".encode())
                self.made[name] += FRAME_48K[name]
            self.cuts += self.packager.push(name, packets)

    def ticks(self, count: int, wall_ms: int = WALL) -> None:
        for i in range(count):
            self.tick(wall_ms + 20 * i)

    def parts(self, rendition: str) -> list[Part]:
        return [p for cut in self.cuts for p in cut if p.rendition == rendition]


def samples_of(part: Part) -> list[int]:
    (found,) = read_chunks(part.body)
    media = part.body[found.media_offset :]
    return [int(p.split(b"@")[1]) for p in media.split(b";") if p]


@given(st.integers(1, 400))
def test_every_packet_is_in_exactly_one_part_and_both_renditions_are_cut_at_the_same_sample(ticks):
    feed = Feeder()
    feed.ticks(ticks)
    for name in NAMES.inits:
        parts = feed.parts(name)
        assert len(parts) == ticks * TICK // PART_48K
        assert [p.decode_48k for p in parts] == [i * PART_48K for i in range(len(parts))]
        firsts = [s for p in parts for s in samples_of(p)]
        assert firsts == list(range(0, len(parts) * PART_48K, FRAME_48K[name]))
    for aac, opus in feed.cuts:
        same = {f.name for f in dataclasses.fields(Part)} - {
            "rendition",
            "name",
            "segment",
            "init",
            "body",
        }
        assert {k: getattr(aac, k) for k in same} == {k: getattr(opus, k) for k in same}


def test_three_parts_make_a_segment():
    feed = Feeder()
    feed.ticks(32 * 7)
    at = [(p.msn, p.part, p.last) for p in feed.parts("aac")]
    assert at == [
        (0, 0, False), (0, 1, False), (0, 2, True),
        (1, 0, False), (1, 1, False), (1, 2, True),
        (2, 0, False),
    ]  # fmt: skip


def test_names_are_those_the_gate_foretells():
    feed = Feeder(Start(msn=5, decode_48k=0, discontinuity=2))
    feed.ticks(32 * 4)
    parts = [p for cut in feed.cuts for p in cut]
    assert [p.name for p in parts] == [part_name(KEY, p.rendition, 2, p.msn, p.part) for p in parts]
    segments = {(p.rendition, p.msn): p.segment for p in parts}
    names = [p.name for p in parts] + list(segments.values())
    assert len(set(names)) == len(names)
    assert {p.init for p in feed.parts("opus")} == {"init-o"}


def test_a_run_after_another_takes_other_names_for_the_same_number():
    a, b = Feeder(Start(3, 0, 0)), Feeder(Start(3, 0, 1))
    a.ticks(32)
    b.ticks(32)
    assert not {p.name for c in a.cuts for p in c} & {p.name for c in b.cuts for p in c}


def test_resuming_begins_a_new_segment_and_goes_on_with_decode_time():
    feed = Feeder(Start(msn=8, decode_48k=25 * PART_48K, discontinuity=1))
    feed.ticks(32 * 2)
    first, second = feed.parts("aac")
    assert (first.msn, first.part, first.decode_48k, first.discontinuity) == (
        8,
        0,
        25 * PART_48K,
        1,
    )
    assert (second.part, second.decode_48k) == (1, 26 * PART_48K)
    assert first.body[4:8] == b"styp"
    assert second.body[4:8] == b"prft"


@pytest.mark.parametrize("ticks", [1, 31, 32, 33, 95, 96, 97])
def test_the_end_completes_the_last_part_and_says_that_its_segment_ends(ticks):
    feed = Feeder()
    for i in range(ticks):
        feed.packager.tick(TICK, WALL + 20 * i)
    feed.encode(max(0, ticks * TICK - 2048))  # what an encoder holds back
    missing = feed.packager.end()
    assert 0 <= missing < PART_48K
    feed.encode(ticks * TICK + missing + 10 * 1024)  # more silence than needed
    parts = feed.parts("aac")
    assert len(parts) == -(-ticks * TICK // PART_48K)
    assert parts[-1].last
    assert parts[-1].decode_48k + PART_48K == ticks * TICK + missing
    assert [p.last for p in parts[:-1]] == [p.part == 2 for p in parts[:-1]]


def test_nothing_pushed_ends_with_nothing():
    feed = Feeder()
    assert feed.packager.end() == 0
    feed.encode(10 * PART_48K)
    assert not feed.cuts


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0, 0, 0, 1, 3, 12, 45]), min_size=960, max_size=960))
def test_wall_times_do_not_jitter_with_the_ticks(late):
    feed = Feeder()
    for i, by_ms in enumerate(late):
        feed.tick(WALL + 20 * i + by_ms)
    first = feed.parts("aac")[0].wall_ms
    assert [p.wall_ms for p in feed.parts("aac")] == [first + 640 * i for i in range(30)]
    assert 0 <= first - WALL <= 45


def test_a_late_first_tick_does_not_date_all_that_follows():
    feed = Feeder()
    for i in range(64):
        feed.tick(WALL + 20 * i + (90 if i == 0 else 0))
    assert [p.wall_ms for p in feed.parts("aac")] == [WALL, WALL + 640]


def test_a_clock_that_was_set_is_followed_at_a_segment_and_only_there():
    feed = Feeder()
    step_at, by_ms = 100, 5_000
    for i in range(32 * 12):
        feed.tick(WALL + 20 * i + (by_ms if i >= step_at else 0))
    off = [(p.part, p.wall_ms - (WALL + 640 * i)) for i, p in enumerate(feed.parts("aac"))]
    shifts = [b[1] - a[1] for a, b in pairwise(off)]
    assert sum(shift != 0 for shift in shifts) == 1
    at = next(i for i, shift in enumerate(shifts) if shift)
    assert off[at + 1] == (0, by_ms)
    assert at <= step_at // 32 + 6, "two segments later at the latest"


@given(st.integers(-DRIFT_MS, DRIFT_MS))
def test_a_small_step_is_left_alone(by_ms):
    feed = Feeder()
    for i in range(32 * 9):
        feed.tick(WALL + 20 * i + (by_ms if i >= 50 else 0))
    assert [p.wall_ms for p in feed.parts("aac")] == [WALL + 640 * i for i in range(9)]


def test_slow_drift_is_corrected_before_it_is_large():
    """A crystal 500 ppm off (the most NTP slews) for two hours."""
    feed = Feeder()
    worst = 0.0
    for i in range(50 * 7200):
        feed.packager.tick(TICK, round(WALL + 20 * i * 1.0005))
        if i % 32 == 31:
            feed.encode(feed.packager.pushed_48k)
    for i, part in enumerate(feed.parts("aac")):
        worst = max(worst, abs(part.wall_ms - (WALL + 640 * i * 1.0005)))
    assert worst < 2 * DRIFT_MS


def test_the_media_say_all_that_the_index_says():
    feed = Feeder(Start(msn=4, decode_48k=12 * PART_48K, discontinuity=0))
    feed.ticks(32 * 4)
    for part in feed.parts("opus"):
        (found,) = read_chunks(part.body)
        about = found.about
        assert divmod(about.number, 3) == (part.msn, part.part)
        assert (about.decode_48k, about.wall_ms) == (part.decode_48k, part.wall_ms)
        assert about.begins_segment == (part.part == 0)

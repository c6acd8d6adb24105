"""The jitter buffer against simulated networks; figures next to aiortc's own buffer."""

import random
from dataclasses import dataclass, field

import pytest
from aiortc.jitterbuffer import JitterBuffer as AiortcBuffer
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from samvad.stage.jitter import CAPACITY, DEPTH, JitterBuffer, Lost, Play, Wait
from tests.kit.link import MemoryLink

TICK_S = 0.02


@dataclass
class Heard:
    """What was played, by send number, and each one's delay from sending to its turn."""

    played: list[int] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    concealed: int = 0
    waited: int = 0


def run(link: MemoryLink[int], packets: int, first: int = 65_400) -> tuple[Heard, JitterBuffer]:
    """Send one packet each 20 ms over the link, pull one each 20 ms at the other end."""
    buffer, heard = JitterBuffer(), Heard()
    for tick in range(packets + 50):
        now = tick * TICK_S
        if tick < packets:
            link.send(now, tick)
        for number in link.receive(now + 0.001):
            buffer.put((first + number) & 0xFFFF, number.to_bytes(4, "big"))
        pull = buffer.pull()
        if isinstance(pull, Play):
            for packet in (pull.packet, pull.merge):
                if packet is not None:
                    number = int.from_bytes(packet, "big")
                    heard.played.append(number)
                    heard.delays_s.append(now - number * TICK_S)
        elif isinstance(pull, Lost):
            heard.concealed += 1
        elif tick < packets:
            heard.waited += 1
    return heard, buffer


def test_a_clean_network_plays_everything_80_ms_after() -> None:
    heard, buffer = run(MemoryLink(delay_s=0.05), 500)
    assert heard.played == list(range(500))
    # 50 ms on the way (60 in whole ticks), and the three ticks the fourth packet takes to come.
    assert max(heard.delays_s) == pytest.approx(0.06 + (DEPTH - 1) * TICK_S)
    assert buffer.counters.lost == buffer.counters.late == buffer.counters.merged == 0


@pytest.mark.parametrize("seed", range(5))
def test_ten_percent_loss_loses_only_what_is_lost(seed: int) -> None:
    heard, _ = run(MemoryLink(loss=0.1, delay_s=0.03, seed=seed), 3000)
    share = len(heard.played) / 3000
    assert 0.88 <= share <= 0.92
    assert heard.played == sorted(heard.played)
    # Every gap is concealed in its own time, none stalls the stream.
    assert len(heard.played) + heard.concealed >= 2990
    # Four losses in a row look like a stall, so the delay may grow by a tick for a while.
    assert sorted(heard.delays_s)[int(0.9 * len(heard.played))] < 0.121
    assert max(heard.delays_s) <= 0.18


def test_aiortc_s_own_buffer_stalls_at_the_same_loss() -> None:
    """Why it was replaced. When this fails, aiortc has mended it and ours may go."""
    link: MemoryLink[int] = MemoryLink(loss=0.1, delay_s=0.03)
    theirs, out = AiortcBuffer(capacity=16, prefetch=4), 0
    for tick in range(3000):
        link.send(tick * TICK_S, tick)
        for number in link.receive(tick * TICK_S + 0.001):
            packet = RtpPacket(sequence_number=number & 0xFFFF, timestamp=number * 960)
            packet._data = b"x"  # type: ignore[attr-defined]
            _, frame = theirs.add(packet)
            out += frame is not None
    assert out / 3000 < 0.7


def test_after_a_burst_the_delay_is_back_at_80_ms() -> None:
    link: MemoryLink[int] = MemoryLink(delay_s=0.01, stalls=((4.0, 4.3),))
    heard, buffer = run(link, 700)
    by_number = dict(zip(heard.played, heard.delays_s, strict=True))
    before, worst = by_number[190], max(heard.delays_s)
    assert before == pytest.approx(0.02 + (DEPTH - 1) * TICK_S)
    assert worst > 0.15  # the stall was waited for, nothing was thrown away …
    assert buffer.counters.late == buffer.counters.lost == 0
    back = next(n for n in heard.played if n > 215 and by_number[n] <= before + 0.001)
    assert (back - 215) * TICK_S < 2.5  # … and a little later the delay is what it was
    assert max(by_number[n] for n in heard.played if n > 400) == pytest.approx(before)
    assert buffer.counters.merged >= 5


def test_reordering_within_the_depth_is_put_right() -> None:
    heard, buffer = run(MemoryLink(delay_s=0.02, jitter_s=0.05, seed=3), 2000)
    assert heard.played == list(range(2000))
    assert buffer.counters.lost == 0


def test_jitter_beyond_the_depth_is_waited_for_and_not_thrown_away() -> None:
    heard, buffer = run(MemoryLink(delay_s=0.02, jitter_s=0.15, seed=3), 3000)
    assert len(heard.played) / 3000 > 0.97
    assert buffer.counters.late / 3000 < 0.03


def test_doubled_packets_are_played_once() -> None:
    heard, buffer = run(MemoryLink(delay_s=0.02, double=0.3, seed=4), 1000)
    assert heard.played == list(range(1000))
    assert buffer.counters.duplicate + buffer.counters.late > 200


@pytest.mark.parametrize("ppm", [300, -300])
def test_a_sender_whose_clock_drifts_keeps_the_depth(ppm: int) -> None:
    """Sound cards differ by up to some hundred ppm: at 300, a packet each 67 s."""
    buffer, sent, levels = JitterBuffer(), 0, []
    for tick in range(40_000):
        while sent * TICK_S * (1 - ppm * 1e-6) <= tick * TICK_S:
            buffer.put(sent & 0xFFFF, b"x")
            sent += 1
        buffer.pull()
        if tick > 100:
            levels.append(buffer.level)
    assert max(levels) <= DEPTH + 2
    assert buffer.counters.played + buffer.counters.merged > 39_800
    assert buffer.counters.lost == 0


def test_silence_pauses_it_and_speech_begins_it_anew() -> None:
    buffer = JitterBuffer()
    for n in range(20):
        buffer.put(n, b"x")
        buffer.pull()
    pulls = [buffer.pull() for _ in range(40)]
    assert any(isinstance(p, Lost) for p in pulls)
    assert isinstance(pulls[-1], Wait)
    for n in range(20, 20 + DEPTH - 1):
        buffer.put(n, b"x")
        assert isinstance(buffer.pull(), Wait)
    buffer.put(20 + DEPTH - 1, b"x")
    assert isinstance(buffer.pull(), Play)


def test_a_sender_that_starts_anew_is_followed() -> None:
    buffer = JitterBuffer()
    for n in range(20):
        buffer.put(n, b"x")
        buffer.pull()
    for n in range(30_000, 30_020):
        buffer.put(n, b"y")
        last = buffer.pull()
    assert buffer.counters.resets == 1
    assert last == Play(b"y")


def test_the_lost_packet_s_successor_is_offered_for_its_fec() -> None:
    buffer = JitterBuffer()
    for n in (0, 1, 3, 4, 5):
        buffer.put(n, bytes([n]))
    assert [buffer.pull() for _ in range(4)] == [
        Play(b"\0"),
        Play(b"\1"),
        Lost(b"\3"),
        Play(b"\3"),
    ]


@given(st.lists(st.integers(0, 0xFFFF), max_size=400), st.integers(0, 2**32))
def test_no_sequence_of_numbers_breaks_it(numbers: list[int], seed: int) -> None:
    buffer, random_ = JitterBuffer(), random.Random(seed)
    for number in numbers:
        buffer.put(number, b"x")
        if random_.random() < 0.5:
            buffer.pull()
        assert 0 <= buffer.level <= CAPACITY + 1
    counters = buffer.counters
    assert counters.received == len(numbers)
    assert counters.played + counters.late + counters.duplicate <= counters.received
    for _ in range(CAPACITY + 20):
        last = buffer.pull()
    assert isinstance(last, Wait)

"""Cuts, chapters, transcripts and gain: no I/O."""

import json
import struct

import pytest

from samvad.broadcast.chapters import suggest, turns
from samvad.broadcast.gain import louder, steps_for
from samvad.broadcast.loud import Limiter
from samvad.broadcast.measure import STEPS, Measure, Measurer, line, peaks, read
from samvad.broadcast.ogg import ogg
from samvad.broadcast.timeline import PART_MS, Timeline, kept
from samvad.broadcast.transcript import (
    Word,
    correct,
    cues,
    distance,
    lines,
    moved,
    srt,
    txt,
    vtt,
)
from samvad.broadcast.truepeak import TruePeaks
from samvad.protocol.media import PART_48K


def test_a_cut_takes_every_part_it_touches():
    assert kept(10, []) == [(0, 10)]
    assert kept(10, [(640, 1280)]) == [(0, 1), (2, 10)]
    assert kept(10, [(700, 1300)]) == [(0, 1), (3, 10)]
    assert kept(10, [(0, 1), (6000, 99_999)]) == [(1, 9)]
    assert kept(10, [(900, 900), (900, 100)]) == [(0, 10)]


def test_times_go_both_ways_around_a_cut():
    line_ = Timeline([PART_48K * i for i in range(10)], kept(10, [(640, 1920)]))
    assert line_.duration_ms == 8 * PART_MS
    assert line_.kept_ms(100) == 100
    assert line_.kept_ms(700) is None
    assert line_.kept_ms(2000) == 720
    assert line_.kept_from_ms(700) == 640
    assert line_.original_ms(720) == 2000
    assert line_.original_ms(99_999) == 6400


def test_time_that_was_not_recorded_has_no_place():
    line_ = Timeline([0, PART_48K * 3], [(0, 2)])
    assert line_.recorded_ms(PART_48K * 3) == 640
    assert line_.recorded_ms(PART_48K * 2) is None


def a_measure(i: int, who: str = "a", loud: bool = True) -> Measure:
    return Measure(i * PART_48K, ((0.01 if loud else 0.0),) * STEPS, (9000,) * STEPS, {who: 32})


def test_chapters_come_from_marks_then_pauses_then_speakers():
    parts = [a_measure(i, "a" if i < 600 else "b") for i in range(1500)]
    parts[900:905] = [a_measure(i, "b", loud=False) for i in range(900, 905)]
    found = suggest(parts, [(250_000, "Questions")], {"a": "Asha", "b": "Ravi"})
    assert [(c.at_ms, c.why) for c in found] == [
        (0, "start"), (250_000, "mark"), (905 * PART_MS, "pause"),
    ]  # fmt: skip
    assert found[0].title == "Asha"
    without = suggest(parts, [], {"a": "Asha", "b": "Ravi"})
    assert (600 * PART_MS, "speaker") in [(c.at_ms, c.why) for c in without]
    assert [t[2] for t in turns(parts)] == ["a", "b"]


def test_measures_survive_a_torn_line():
    one, two = a_measure(0), a_measure(1)
    found = read(line(one) + line(two)[:-9])
    assert found == {0: one}
    assert len(peaks([one, None], 4)) == 4


def test_a_measurer_forgets_what_nobody_asked_for():
    import numpy as np

    measurer = Measurer(0)
    for _ in range(96):
        measurer.push(np.full(960, 1000, np.int16), ("a",))
    assert measurer.of(PART_48K * 2).speaks == {"a": 32}  # type: ignore[union-attr]
    assert measurer.of(0) is None


def test_gain_is_bounded_by_the_peaks():
    assert steps_for(-16.0, 10_000) == (0, True)
    assert steps_for(-19.1, 10_000) == (2, True)
    assert steps_for(-30.0, 16_384) == (3, False)
    assert steps_for(-10.0, 32_767) == (-4, True)
    assert steps_for(None, 0) == (0, True)


def test_a_top_between_two_samples_is_a_peak():
    """At a quarter of the rate, samples may miss the tops by 3 dB."""
    import numpy as np

    tone = np.sin(np.pi / 2 * np.arange(4800) + np.pi / 4).astype(np.float32)
    whole = TruePeaks().push(tone)
    assert np.abs(tone).max() == pytest.approx(0.7071, abs=1e-3)
    assert whole[100:].max() == pytest.approx(1.0, abs=0.02)
    by_pieces, peaks_ = TruePeaks(), []
    for at in range(0, 4800, 480):
        peaks_.append(by_pieces.push(tone[at : at + 480]))
    assert np.allclose(np.concatenate(peaks_), whole, atol=1e-6)


def test_a_limiter_holds_what_lies_between_samples():
    import numpy as np

    rng = np.random.default_rng(1)
    loud = (rng.normal(0, 0.3, 48_000) * np.linspace(0.1, 1, 48_000)).astype(np.float32)
    limiter = Limiter(6.0, -1.5)
    out = np.concatenate([*(limiter.push(x) for x in np.split(loud, 100)), limiter.end()])
    assert len(out) == len(loud)
    assert TruePeaks().push(out).max() <= 10 ** (-1.0 / 20)


@pytest.mark.parametrize("before", [b"", b"\xc3" + b"abc" * 1])
def test_gain_is_found_behind_a_fill_element_too(before):
    """ISO 14496-3, table 4.45: FIL (110), a count of four bits, so many bytes."""
    gain = 100
    bits = "" if not before else "110" + "0010" + "01010101" * 2
    bits += "000" + "0000" + f"{gain:08b}" + "1" * 20
    bits += "0" * (-len(bits) % 8)
    packet = bytearray(int(bits, 2).to_bytes(len(bits) // 8, "big"))
    louder(packet, [len(packet)], 5)
    after = f"{int.from_bytes(packet, 'big'):0{len(bits)}b}"
    at = bits.index("000" + "0000" + f"{gain:08b}") + 7
    assert int(after[at : at + 8], 2) == gain + 5
    assert after[:at] == bits[:at]
    assert after[at + 8 :] == bits[at + 8 :]


def said(*texts: str, start: int = 0) -> list[Word]:
    return [Word(t, start + 400 * i, start + 400 * i + 300) for i, t in enumerate(texts)]


def test_lines_end_at_pauses_and_speakers():
    words = said("hello", "there") + said("yes", start=4000) + said("no", start=4400)
    found = lines(words, lambda ms: "a" if ms < 4300 else "b")
    assert [(one.who, one.text) for one in found] == [
        ("a", "hello there"), ("a", "yes"), ("b", "no"),
    ]  # fmt: skip


def test_a_correction_keeps_what_was_heard_and_is_lost_when_its_words_are_cut():
    found = correct(lines(said("one", "two", "tree"), lambda _: ""), {"0": "one, two, three"})
    assert (found[0].text, found[0].heard) == ("one, two, three", "one two tree")
    after = moved(found, lambda ms: None if ms >= 800 else ms)
    assert [one.text for one in after] == ["one two"]


def test_captions_are_short_and_escaped():
    words = said(*["<b>word&"] * 40)
    made = cues(lines(words, lambda _: "a"))
    assert all(len(row) <= 42 for cue in made for row in cue.text.split("\n"))
    text = vtt(made, {"a": "A & B"})
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert "<v A &amp; B>&lt;b&gt;word&amp;" in text
    assert srt(made).startswith("1\n00:00:00,000 --> ")
    assert txt(lines(said("hi"), lambda _: "a"), {"a": "Asha"}) == "[00:00:00] Asha: hi\n"
    assert json.dumps(text)


def test_word_errors_are_counted():
    assert distance(["the", "cat", "sat"], ["the", "bat", "sat", "down"]) == 2
    assert distance([], ["x"]) == 1


def test_an_ogg_page_has_the_right_checksum():
    pages = list(ogg([b"\xfcabc"] * 3, -3.0, {"TITLE": "t"}))
    assert pages[0].startswith(b"OggS")
    assert struct.unpack_from("<h", pages[0], 28 + 16)[0] == -768

    def crc(data: bytes) -> int:
        value = 0
        for byte in data:
            value ^= byte << 24
            for _ in range(8):
                value = (value << 1) ^ (0x04C11DB7 if value & 0x8000_0000 else 0)
            value &= 0xFFFF_FFFF
        return value

    for page in pages:
        blank = page[:22] + bytes(4) + page[26:]
        assert struct.unpack_from("<I", page, 22)[0] == crc(blank)
    assert pages[-1][5] == 4

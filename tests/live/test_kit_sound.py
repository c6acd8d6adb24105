"""The measuring stick itself: same sounds are told from others, gaps and stalls are seen."""

import subprocess

import numpy as np
import pytest

from tests.kit.compare import SAME, SPEECH_S, course, find, follow, tone_db
from tests.kit.sound import RATE, Samples, beeps, decode, melody, say, silence, tone, wav_bytes

pytestmark = pytest.mark.slow

RIVER = (
    "Good evening and welcome. Tonight we talk about the river, about the people who live "
    "beside it, and what they remember of the great flood."
)
BAKERY = (
    "The bakery opens at six. Nobody had told the children that the train would come early, "
    "so they ran across the field in the dark."
)


def coded(samples: Samples, codec: str, rate: str) -> Samples:
    """Through a codec and back, by ffmpeg."""
    done = subprocess.run(
        f"ffmpeg -v error -i pipe:0 -c:a {codec} -b:a {rate} -f matroska pipe:1".split(),
        input=wav_bytes(samples),
        check=True,
        capture_output=True,
    )
    return decode(done.stdout)


@pytest.mark.parametrize(
    ("codec", "rate"), [("libopus", "24k"), ("libopus", "12k"), ("aac", "64k")]
)
def test_the_same_speech_is_recognised_through_a_codec_and_placed(codec: str, rate: str) -> None:
    spoken = say(RIVER)
    heard = np.concatenate([silence(1.5), coded(spoken, codec, rate), silence(2)])
    match = find(spoken, heard)
    assert match.likeness > 0.9
    assert match.at_s == pytest.approx(1.5, abs=0.03)


def test_other_words_of_the_same_voice_are_not_taken_for_them() -> None:
    river, bakery = say(RIVER), say(BAKERY)
    assert find(bakery, river).likeness < SAME - 0.2
    assert find(river[: 4 * RATE], bakery).likeness < SAME - 0.2
    assert follow(bakery, river, SPEECH_S) == []


def test_a_part_is_found_whichever_of_the_two_begins_first() -> None:
    river = say(RIVER)
    assert find(river[RATE : 4 * RATE], river).at_s == pytest.approx(1.0, abs=0.01)
    assert find(river, river[RATE : 4 * RATE]).at_s == pytest.approx(-1.0, abs=0.01)
    assert find(river, river[RATE:], overlap_s=3).at_s == pytest.approx(-1.0, abs=0.01)


def test_silence_and_noise_resemble_nothing() -> None:
    river = say(RIVER)
    noise = np.random.default_rng(1).normal(0, 0.1, 5 * RATE).astype(np.float32)
    assert find(silence(5), river).likeness == 0
    assert follow(silence(5), river, SPEECH_S) == []
    assert find(noise, river).likeness < 0.3


def test_a_melody_shows_a_stall_and_a_skip_with_their_lengths() -> None:
    played = melody(40, seed=1)
    heard = coded(played, "libopus", "24k")
    at = 15 * RATE
    whole = course(follow(heard, played))
    assert whole.covered > 0.99
    assert whole.stalled_s < 0.05
    assert whole.skipped_s < 0.05
    stalled = course(follow(np.concatenate([heard[:at], silence(2), heard[at:]]), played))
    assert stalled.stalled_s == pytest.approx(2, abs=0.05)
    assert stalled.skipped_s < 0.05
    skipped = course(follow(np.concatenate([heard[:at], heard[at + 2 * RATE :]]), played))
    assert skipped.skipped_s == pytest.approx(2, abs=0.05)
    assert skipped.stalled_s < 0.05
    assert follow(heard, melody(40, seed=2)) == []


def test_a_tone_is_told_from_its_neighbours() -> None:
    assert tone_db(tone(1000, 2, level=0.5), 1000) == pytest.approx(-6, abs=0.3)
    assert tone_db(tone(1000, 2, level=0.5), 1300) < -60
    assert tone_db(beeps(440, 4), 440) > -16
    assert tone_db(beeps(440, 4), 1000) < -60

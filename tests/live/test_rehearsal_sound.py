"""A listener's ears against ffmpeg: loudness by its ebur128, decoding by its own decoder."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from samvad.protocol.loudness import RATE, Loudness, Samples, first_audible
from samvad.rehearsal.listener_decode import DecodeError, PartDecoder
from tests.kit.sound import say

pytestmark = pytest.mark.slow


def ffmpeg(*words: str, stdin: bytes = b"") -> tuple[bytes, str]:
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", *words],
        input=stdin,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr.decode()


def by_ffmpeg(samples: Samples) -> float:
    """Integrated loudness in LUFS as ffmpeg measures it."""
    pcm = ("-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0")
    _, said = ffmpeg(*pcm, "-af", "ebur128", "-f", "null", "-", stdin=samples.tobytes())
    summary = said[said.rindex("Summary:") :]
    return float(re.search(r"I:\s+(-?[\d.]+) LUFS", summary)[1])  # type: ignore[index]


def ours(samples: Samples, chunk: int = 30_720) -> float | None:
    loudness = Loudness()
    for at in range(0, len(samples), chunk):
        loudness.push(samples[at : at + chunk])
    return loudness.integrated_lufs()


def tone(hz: float, seconds: float, level: float) -> Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("hz", [50, 200, 997, 3000, 9000])
def test_tones_are_as_loud_as_ffmpeg_says(hz: float) -> None:
    samples = tone(hz, 5, 0.1)
    assert ours(samples) == pytest.approx(by_ffmpeg(samples), abs=0.11)


def test_the_reference_tone_of_the_standard() -> None:
    """BS.1770-4: a 997 Hz sine at 0 dBFS in one front channel reads -3.01 LKFS."""
    assert ours(tone(997, 5, 1.0)) == pytest.approx(-3.01, abs=0.02)


def test_speech_with_pauses_is_gated_as_ffmpeg_does() -> None:
    said = say("One, two, three. The pauses between the words do not count.")
    pause = np.zeros(3 * RATE, np.float32)
    quiet = tone(440, 2, 0.001)
    samples = np.concatenate([said, pause, quiet, said * 0.5]).astype(np.float32)
    assert ours(samples) == pytest.approx(by_ffmpeg(samples), abs=0.11)


@pytest.mark.parametrize("chunk", [100, 4095, 4096, 12_289, 500_000])
def test_the_size_of_the_pieces_changes_nothing(chunk: int) -> None:
    samples = np.concatenate([tone(300, 2, 0.2), tone(2000, 1, 0.05)])
    assert ours(samples, chunk) == pytest.approx(ours(samples, 30_720), abs=1e-6)


def test_silence_has_no_loudness() -> None:
    assert ours(np.zeros(5 * RATE, np.float32)) is None
    assert ours(np.zeros(100, np.float32)) is None


def test_where_sound_begins() -> None:
    samples = np.concatenate([np.zeros(RATE // 2, np.float32), tone(440, 1, 0.1)])
    assert first_audible(samples) == pytest.approx(0.5, abs=0.011)
    assert first_audible(np.zeros(RATE, np.float32)) is None
    assert first_audible(tone(440, 1, 0.001)) is None
    assert first_audible(np.zeros(0, np.float32)) is None


@pytest.mark.parametrize(("codec", "rate"), [("aac", "64k"), ("libopus", "32k")])
def test_fragments_of_another_muxer_decode_to_the_sound_that_went_in(
    tmp_path: Path, codec: str, rate: str
) -> None:
    samples = np.concatenate([tone(440, 2, 0.2), tone(880, 2, 0.2)])
    file = tmp_path / "fragments.mp4"
    ffmpeg(
        *("-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"),
        *("-c:a", codec, "-b:a", rate, "-movflags", "empty_moov+default_base_moof"),
        *("-frag_duration", "640000", str(file)),
        stdin=samples.tobytes(),
    )
    init, fragments = fragments_of(file.read_bytes())
    assert len(fragments) >= 5
    decoder = PartDecoder()
    heard = np.concatenate([decoder.decode(init, fragment) for fragment in fragments])
    assert len(heard) == pytest.approx(len(samples), abs=4096)
    for at, hz in ((1.0, 440), (3.0, 880)):
        block = heard[int(at * RATE) : int(at * RATE) + 8192] * np.hanning(8192)
        peak = np.abs(np.fft.rfft(block)).argmax() * RATE / 8192
        assert peak == pytest.approx(hz, abs=8)
        assert np.abs(block).max() == pytest.approx(0.2, rel=0.2)


def test_what_is_no_media_is_said() -> None:
    with pytest.raises(DecodeError):
        PartDecoder().decode(b"not an init", b"not a part")


def fragments_of(file: bytes) -> tuple[bytes, list[bytes]]:
    """(ftyp + moov, one moof + mdat each), by the box sizes (ISO 14496-12, 4.2)."""
    init, fragments, at = b"", [], 0
    while at < len(file):
        size = int.from_bytes(file[at : at + 4], "big")
        kind, box = file[at + 4 : at + 8], file[at : at + size]
        if kind in (b"ftyp", b"moov"):
            init += box
        elif kind == b"moof":
            fragments.append(box)
        elif kind == b"mdat":
            fragments[-1] += box
        at += size
    return init, fragments

"""Sounds to put in and to get out: speech, tones, melodies, files. Mono float32 at 48 kHz."""

import io
import subprocess
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Samples = NDArray[np.float32]
"""Mono, 48 kHz, full scale is 1.0."""

NOTES_HZ = tuple(400.0 * 2 ** (n / 4) for n in range(13))
"""The notes of a melody: 400 Hz to 3.2 kHz, a quarter octave apart."""


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def say(text: str, voice: str = "en-gb", words_per_minute: int = 165) -> Samples:
    """`text` as espeak-ng speaks it, at -3 dBFS peak."""
    spoken = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text],
        check=True,
        capture_output=True,
    ).stdout
    return _normal(decode(spoken), 0.7)


_WORDS = (
    "river bridge clock garden winter paper engine window harbour ladder market thunder "
    "sugar village copper letter orange station candle mountain pocket violin barley island "
    "rocket feather kitchen shadow basket morning cotton dragon finger hammer jungle kettle"
)


def chatter(seconds: float, seed: int) -> Samples:
    """Speech without sense and without repetition, `seconds` long."""
    draw = np.random.default_rng(seed)
    spoken = np.zeros(0, dtype=np.float32)
    while len(spoken) < seconds * RATE:
        words = " ".join(draw.choice(_WORDS.split(), size=40))
        spoken = np.concatenate([spoken, say(words)])
    return spoken[: round(seconds * RATE)]


def tone(hz: float, seconds: float, level: float = 0.3) -> Samples:
    """A steady sine with 10 ms of fade at either end."""
    t = np.arange(round(seconds * RATE)) / RATE
    return _faded(level * np.sin(2 * np.pi * hz * t), 0.01)


def beeps(
    hz: float, seconds: float, level: float = 0.3, on: float = 0.25, off: float = 0.25
) -> Samples:
    """A tone that comes and goes: steady tones are taken for noise by noise suppressors."""
    one = np.concatenate([tone(hz, on, level), silence(off)])
    return np.resize(one, round(seconds * RATE)).astype(np.float32)


def melody(seconds: float, seed: int, note_s: float = 0.12, level: float = 0.3) -> Samples:
    """Random notes: any second of it tells where in the whole it stands (compare.follow).

    Never the same note twice in a row, so each note has an audible beginning.
    """
    draw = np.random.default_rng(seed)
    notes: list[Samples] = []
    last = -1
    for _ in range(int(np.ceil(seconds / note_s))):
        last = int((last + draw.integers(1, len(NOTES_HZ))) % len(NOTES_HZ))
        notes.append(tone(NOTES_HZ[last], note_s, level))
    return np.concatenate(notes)[: round(seconds * RATE)]


def write_wav(path: Path, samples: Samples) -> Path:
    """16 bit, mono, 48 kHz."""
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm.tobytes())
    return path


def decode(encoded: bytes) -> Samples:
    """Any file ffmpeg reads, as mono 48 kHz. Raises ValueError with ffmpeg's words."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "pipe:0", *_TO_FLOAT],
        check=False,
        input=encoded,
        capture_output=True,
    )
    if done.returncode or not done.stdout:
        raise ValueError(f"ffmpeg does not read these {len(encoded)} bytes: {done.stderr.decode()}")
    return np.frombuffer(done.stdout, dtype="<f4").astype(np.float32)


def read_wav(path: Path) -> Samples:
    """A WAV of any rate and width (through ffmpeg)."""
    return decode(path.read_bytes())


def wav_bytes(samples: Samples) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return held.getvalue()


_TO_FLOAT = ["-vn", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "pipe:1"]


def _faded(samples: NDArray[np.floating], seconds: float) -> Samples:
    n = min(round(seconds * RATE), len(samples) // 2)
    ramp = np.ones(len(samples))
    ramp[:n] = np.linspace(0, 1, n)
    ramp[len(ramp) - n :] = np.linspace(1, 0, n)
    return (samples * ramp).astype(np.float32)


def _normal(samples: Samples, peak: float) -> Samples:
    return (samples * (peak / max(float(np.abs(samples).max()), 1e-9))).astype(np.float32)

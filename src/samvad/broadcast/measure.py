"""What a part sounds like: loudness, peaks and who speaks. `measures.jsonl`, a line a part.

Taken while it is recorded, so that nothing has to be decoded when the conversation is over:
two hours are then posted as quickly as ten minutes. A line is known by its part's decode time;
one that is missing (a stage was killed, a disk full) leaves a hole which `loudness` and
`peaks` bear. Pure.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from samvad.broadcast.index import Entry
from samvad.broadcast.truepeak import TruePeaks
from samvad.protocol.loudness import Loudness, integrated_lufs
from samvad.protocol.media import PART_48K

STEPS = 8
"""Of a part: 80 ms each."""
STEP_48K = PART_48K // STEPS
TICK_48K = 960

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Measure:
    """`energies`: K-weighted mean squares (BS.1770-4) of each step; `peaks`: their true peaks
    (truepeak.py), 32768 is full scale; `speaks`: speaker id → ticks of 20 ms in which they
    spoke."""

    decode_48k: int
    energies: tuple[float, ...]
    peaks: tuple[int, ...]
    speaks: Mapping[str, int] = field(default_factory=dict)


class Measurer:
    """Takes ticks as the encoders do; gives a Measure for each part's worth of samples."""

    def __init__(self, decode_48k: int) -> None:
        """`decode_48k`: media time of the first sample."""
        self._loudness = Loudness(STEP_48K)
        self._peaks = TruePeaks()
        self._decode_48k = decode_48k
        self._pending: list[Pcm] = []
        self._speaks: dict[str, int] = {}
        self._made: dict[int, Measure] = {}

    def push(self, pcm: Pcm, speaking: Iterable[str] = ()) -> None:
        """One tick, and the ids of those who speak in it."""
        self._pending.append(pcm)
        for who in speaking:
            self._speaks[who] = self._speaks.get(who, 0) + 1
        if len(self._pending) * TICK_48K == PART_48K:
            self._measure()

    def _measure(self) -> None:
        whole = np.concatenate(self._pending)
        self._pending.clear()
        samples = whole.astype(np.float32)
        self._loudness.push(samples / np.float32(32768))
        energies = tuple(self._loudness.take())
        levels = self._peaks.push(samples).reshape(STEPS, STEP_48K).max(axis=1)
        peaks = tuple(int(p) for p in np.ceil(levels))
        self._made[self._decode_48k] = Measure(self._decode_48k, energies, peaks, self._speaks)
        self._speaks = {}
        self._decode_48k += PART_48K

    def of(self, decode_48k: int) -> Measure | None:
        """The measure of the part that begins there, once; older ones are forgotten."""
        found = self._made.pop(decode_48k, None)
        for old in [at for at in self._made if at < decode_48k]:
            del self._made[old]
        return found


def line(measure: Measure) -> bytes:
    about = {
        "at": measure.decode_48k,
        "e": [float(f"{e:.3e}") for e in measure.energies],
        "p": list(measure.peaks),
        "s": dict(measure.speaks),
    }
    return json.dumps(about, separators=(",", ":")).encode() + b"\n"


def read(text: bytes) -> dict[int, Measure]:
    """Decode time → measure, of every line that is whole."""
    found: dict[int, Measure] = {}
    for one in text.splitlines():
        try:
            raw = json.loads(one)
            energies, peaks = tuple(map(float, raw["e"])), tuple(map(int, raw["p"]))
            speaks = {str(k): int(v) for k, v in raw["s"].items()}
            if len(energies) == STEPS and len(peaks) == STEPS:
                found[raw["at"]] = Measure(int(raw["at"]), energies, peaks, speaks)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def of_entries(entries: Sequence[Entry], found: Mapping[int, Measure]) -> list[Measure | None]:
    """The measures of these parts, in their order; None where there is none."""
    return [found.get(entry.decode_48k) for entry in entries]


def loudness(measures: Iterable[Measure | None]) -> float | None:
    """Integrated loudness in LUFS; None when all is silence or unknown."""
    steps = [e for m in measures if m is not None for e in m.energies]
    return integrated_lufs(steps, STEP_48K)


def peak(measures: Iterable[Measure | None]) -> int:
    """The highest true peak; 32768 is full scale, and it may lie above."""
    return max((p for m in measures if m is not None for p in m.peaks), default=0)


def peaks(measures: Sequence[Measure | None], most: int = 1200) -> list[int]:
    """A waveform of at most `most` columns, each 0 to 255, of the whole."""
    steps = np.array([p for m in measures for p in (m.peaks if m else (0,) * STEPS)])
    if not len(steps):
        return []
    size = -(-len(steps) // most)
    steps = np.pad(steps, (0, -len(steps) % size)).reshape(-1, size)
    return [int(min(p, 255)) for p in np.ceil(steps.max(axis=1) * 255 / 32768)]

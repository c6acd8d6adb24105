"""How loud a programme is: integrated loudness by ITU-R BS.1770-4 (EBU R 128), mono. Pure.

The K-weighting is the standard's pair of biquads for 48 kHz. It is applied as one convolution
with their impulse response (cut where it has fallen 100 dB), because numpy has no recursive
filter and a loop over samples would cost more than the decoding.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
STEP_48K = RATE // 10
"""A block of 400 ms begins every 100 ms."""
_BLOCK_48K = RATE * 4 // 10
_SILENCE_LUFS = -70.0
_OFFSET_DB = -0.691

# BS.1770-4, annex 1, tables 1 and 2: (b0, b1, b2), (a1, a2).
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285),
          (-1.69065929318241, 0.73248077421585))  # fmt: skip
_HIGH_PASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
_TAPS = 4096

Samples = NDArray[np.float32]


def _impulse_response() -> NDArray[np.float64]:
    response = np.zeros(_TAPS)
    response[0] = 1.0
    for (b0, b1, b2), (a1, a2) in (_SHELF, _HIGH_PASS):
        x1 = x2 = y1 = y2 = 0.0
        for n in range(_TAPS):
            x0 = float(response[n])
            y0 = b0 * x0 + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x2, x1, y2, y1 = x1, x0, y1, y0
            response[n] = y0
    return response


_SIZE = 4 * _TAPS
_FILTER = np.fft.rfft(_impulse_response(), _SIZE)
_CHUNK = _SIZE - _TAPS + 1


def integrated_lufs(steps: Sequence[float], step_48k: int = STEP_48K) -> float | None:
    """Gated loudness of K-weighted mean squares, one each `step_48k` samples, in LUFS.

    None when there is nothing above -70 LUFS. Blocks of 400 ms begin at each step: shorter
    steps than the standard's overlap more and change the result by less than 0.1 LU.
    """
    each = _BLOCK_48K // step_48k
    if len(steps) < each:
        return None
    blocks = np.convolve(np.asarray(steps, np.float64), np.full(each, 1 / each), "valid")
    loud = blocks[_lufs(blocks) > _SILENCE_LUFS]
    if not len(loud):
        return None
    gate = float(_lufs(np.array([loud.mean()]))[0]) - 10.0
    return float(_lufs(np.array([loud[_lufs(loud) > gate].mean()]))[0])


class Loudness:
    """Takes samples as they come (full scale 1.0), gives the loudness of all of them."""

    def __init__(self, step_48k: int = STEP_48K) -> None:
        self._step = step_48k
        self._before = np.zeros(_TAPS - 1)  # the last samples, which the filter still needs
        self._rest = np.zeros(0)  # filtered, less than one step
        self._steps: list[float] = []  # mean square of each step

    def push(self, samples: Samples) -> None:
        for at in range(0, len(samples), _CHUNK):
            self._filter(samples[at : at + _CHUNK].astype(np.float64))

    def integrated_lufs(self) -> float | None:
        """Gated loudness in LUFS; None when there is nothing above -70 LUFS."""
        return integrated_lufs(self._steps, self._step)

    def take(self) -> list[float]:
        """The mean squares of the steps that have been completed since the last call."""
        steps, self._steps = self._steps, []
        return steps

    def _filter(self, chunk: NDArray[np.float64]) -> None:
        whole = np.concatenate([self._before, chunk])
        weighted = np.fft.irfft(np.fft.rfft(whole, _SIZE) * _FILTER, _SIZE)
        # Overlap-save: the first _TAPS - 1 results lack what lies before them.
        self._rest = np.concatenate([self._rest, weighted[_TAPS - 1 : len(whole)]])
        self._before = whole[-(_TAPS - 1) :]
        full = len(self._rest) // self._step
        if full:
            squares = self._rest[: full * self._step].reshape(full, self._step) ** 2
            self._steps += squares.mean(axis=1).tolist()
            self._rest = self._rest[full * self._step :]


def _lufs(mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    return _OFFSET_DB + 10 * np.log10(np.maximum(mean_square, 1e-12))


def first_audible(samples: Samples) -> float | None:
    """Seconds to the first 10 ms that are louder than -50 dBFS (RMS); None when none are.

    An encoder's dither and a quiet room's hiss lie below that, speech far above.
    """
    size = RATE // 100
    count = len(samples) // size
    if not count:
        return None
    blocks = samples[: count * size].reshape(count, size).astype(np.float64)
    loud = np.flatnonzero((blocks**2).mean(axis=1) > 10 ** (-50 / 10))
    return float(loud[0]) * size / RATE if len(loud) else None

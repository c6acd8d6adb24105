"""A limiter that looks ahead: gain for a whole programme whose peaks would not fit. Pure."""

import numpy as np
from numpy.typing import NDArray

from samvad.broadcast.truepeak import BEFORE, oversampled

Samples = NDArray[np.float32]

STEP = 240
"""5 ms at 48 kHz: the gain is one line over each."""
AHEAD = 4
"""Steps over which the gain falls before a peak."""
_RELEASE = 1.0 / 100
"""Steepest rise of the gain a step: from 0 to 1 in half a second."""


class Limiter:
    """`gain_db` louder, no true peak above `ceiling_db` (dBTP). What comes out is late by AHEAD + 1
    steps, which `end` gives."""

    def __init__(self, gain_db: float, ceiling_db: float) -> None:
        self._gain = np.float32(10 ** (gain_db / 20))
        self._ceiling = np.float32(10 ** (ceiling_db / 20))
        self._waiting = np.zeros(0, np.float32)
        self._before = np.zeros(BEFORE, np.float32)
        self._at = 1.0

    def push(self, samples: Samples) -> Samples:
        self._waiting = np.concatenate([self._waiting, samples * self._gain])
        count = len(self._waiting) // STEP - AHEAD - 1
        return self._out(count) if count > 0 else np.zeros(0, np.float32)

    def end(self) -> Samples:
        """The rest."""
        length = len(self._waiting)
        missing = -length % STEP + (AHEAD + 1) * STEP
        self._waiting = np.concatenate([self._waiting, np.zeros(missing, np.float32)])
        return self._out(-(-length // STEP))[:length]

    def _out(self, count: int) -> Samples:
        """So many steps of what waits."""
        seen = self._waiting[: (count + AHEAD + 1) * STEP]
        steps = seen.reshape(-1, STEP)
        peaks = oversampled(self._before, seen).reshape(-1, STEP).max(axis=1)
        bears = np.minimum(1.0, self._ceiling / np.maximum(peaks, 1e-9))
        # The gain at a step's end must suit it, the next one, and fall in time for what follows.
        ends = np.empty(count)
        at = self._at
        for i in range(count):
            wanted = bears[i]
            for k in range(1, AHEAD + 1):
                # Straight down to what step i + k bears, reached before it begins.
                if bears[i + k] < at:
                    wanted = min(wanted, at + (bears[i + k] - at) / k)
            at = min(wanted, at + _RELEASE)
            ends[i] = at
        begins = np.concatenate(([self._at], ends[:-1]))
        self._at = float(ends[-1])
        ramp = np.arange(1, STEP + 1) / STEP
        gain = begins[:, None] + (ends - begins)[:, None] * ramp
        out = steps[:count] * gain
        self._before = np.concatenate([self._before, self._waiting[: count * STEP]])[-BEFORE:]
        self._waiting = self._waiting[count * STEP :]
        clipped = np.clip(out, -self._ceiling, self._ceiling)
        return clipped.reshape(-1).astype(np.float32)

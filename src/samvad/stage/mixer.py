"""Mixing: from every speaker's 20 ms to one programme and a mix-minus for each of them.

All speakers are rows of one array, and each tick is a handful of numpy calls over it,
whatever their number. The limiter needs no look-ahead beyond the 20 ms it is given.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samvad.stage.pcm import FRAME, Pcm

Rows = NDArray[np.float32]

SUB = 48
"""Samples of a gain step, 1 ms."""

STEPS = FRAME // SUB
FULL_SCALE = 32767.0
CEILING = FULL_SCALE * 10 ** (-1.0 / 20)
"""The limiter's ceiling, -1 dBFS."""

_ATTACK = 1.0 / 5
"""Steepest fall of the gain: from 1 to 0 in 5 ms, begun before the peak within the block."""

_RELEASE = 1.0 / 200
"""Steepest rise: from 0 to 1 in 200 ms, and only 20 ms after the last peak."""

_INDEX = np.arange(STEPS + 1, dtype=np.float32)
_SLOPE_DOWN = _INDEX * _ATTACK
_SLOPE_UP = _INDEX * _RELEASE
_INSIDE = (np.arange(SUB, dtype=np.float32) + 1) / SUB


class Limiter:
    """Keeps each row under CEILING with a gain that is a continuous, piecewise linear curve.

    Each millisecond's peak says how much gain it bears. That curve is held for 20 ms (so a
    tone of 25 Hz or more gets a constant gain and no distortion), then given the steepest
    slopes allowed, in both directions of time. What may still stand out, less than the first
    millisecond of a sudden onset, goes through a smooth knee into the last decibel; nothing
    is ever clipped.
    """

    def __init__(self, rows: int) -> None:
        self._last = np.ones(rows, np.float32)
        self._held = np.ones((rows, STEPS), np.float32)

    def process(self, x: Rows) -> Rows:
        """x: float32[rows, 960] in units of int16. Returns a new array of that form."""
        peaks = np.abs(x).reshape(len(x), STEPS, SUB).max(axis=2)
        quiet = peaks.max() <= CEILING
        if quiet and self._last.min() >= 1.0 and self._held.min() >= 1.0:
            return x.copy()
        bears = np.minimum(1.0, CEILING / np.maximum(peaks, 1.0)).astype(np.float32)
        both = np.concatenate([self._held, bears], axis=1)
        self._held = bears
        # Least over the step itself and the 20 before it.
        held = np.lib.stride_tricks.sliding_window_view(both, STEPS + 1, axis=1).min(axis=2)
        # Gain at the borders of the steps: border k must suit the steps on both its sides.
        gain = np.ones((len(x), STEPS + 1), np.float32)
        gain[:, 1:-1] = np.minimum(held[:, :-1], held[:, 1:])
        gain[:, -1] = held[:, -1]
        # Falls: no steeper than _ATTACK, so they begin before the peak they are for.
        falls = gain + _SLOPE_DOWN
        falls = np.minimum.accumulate(falls[:, ::-1], axis=1)[:, ::-1] - _SLOPE_DOWN
        # The curve goes on where it ended, and rises no steeper than _RELEASE.
        falls[:, 0] = np.minimum(self._last, 1.0)
        rises = np.minimum.accumulate(falls - _SLOPE_UP, axis=1) + _SLOPE_UP
        self._last = rises[:, -1].copy()
        step = rises[:, :-1, None] + (rises[:, 1:] - rises[:, :-1])[:, :, None] * _INSIDE
        y: Rows = x * step.reshape(len(x), FRAME)
        return _knee(y)


def _knee(y: Rows) -> Rows:
    """Over CEILING the curve bends towards full scale and never reaches it; below, nothing."""
    over = np.abs(y) > CEILING * 1.0001
    if over.any():
        room = FULL_SCALE - CEILING
        loud = y[over]
        y[over] = np.sign(loud) * (CEILING + room * np.tanh((np.abs(loud) - CEILING) / room))
    return y


@dataclass(frozen=True, slots=True)
class Mix:
    """One tick's result. `minus[i]` is the programme without speaker i: int16[rows, 960]."""

    programme: Pcm
    minus: NDArray[np.int16]


class Mixer:
    """`rows` speakers; a row without sound is zeros. Rows keep their place between ticks."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._limiter = Limiter(rows + 1)

    def mix(self, voices: NDArray[np.int16]) -> Mix:
        """voices: int16[rows, 960], one row a speaker."""
        x = voices.astype(np.float32)
        mixes = np.empty((self.rows + 1, FRAME), np.float32)
        np.sum(x, axis=0, out=mixes[0])
        np.subtract(mixes[0], x, out=mixes[1:])
        out = np.rint(self._limiter.process(mixes)).astype(np.int16)
        return Mix(out[0], out[1:])


def mean_squares(voices: NDArray[np.int16]) -> NDArray[np.float64]:
    """Each row's mean square relative to full scale (1.0 is a square wave at full scale)."""
    x = voices.astype(np.float32)
    sums = np.einsum("ij,ij->i", x, x, dtype=np.float64)
    return np.asarray(sums / (voices.shape[1] * FULL_SCALE * FULL_SCALE), np.float64)


def dbfs(mean_square: float) -> float:
    """Level in dB relative to full scale, never under -120."""
    return 10 * math.log10(mean_square) if mean_square > 1e-12 else -120.0


LEVEL_FRAMES = 5
"""0.1 s: over so many ticks a level is taken."""

SPEAKS_DBFS = -42.0
QUIET_DBFS = -48.0
SPEAKS_AFTER = 3
QUIET_AFTER = 25
"""Speaking begins after 60 ms above SPEAKS_DBFS and ends after 0.5 s below QUIET_DBFS."""


class Meter:
    """One speaker's level and whether they speak now, with hysteresis in level and time."""

    def __init__(self) -> None:
        self._recent = [0.0] * LEVEL_FRAMES
        self._at = 0
        self._loud = 0
        self._soft = 0
        self.speaking = False

    def add(self, mean_square: float) -> None:
        """One tick's mean square, from `mean_squares`."""
        self._recent[self._at] = mean_square
        self._at = (self._at + 1) % LEVEL_FRAMES
        db = dbfs(mean_square)
        self._loud = self._loud + 1 if db > SPEAKS_DBFS else 0
        self._soft = self._soft + 1 if db < QUIET_DBFS else 0
        if self.speaking:
            self.speaking = self._soft < QUIET_AFTER
        else:
            self.speaking = self._loud >= SPEAKS_AFTER

    @property
    def level(self) -> float:
        """0 (-60 dBFS and below) to 1 (full scale) over the last 0.1 s, in steps of 0.01."""
        db = dbfs(sum(self._recent) / LEVEL_FRAMES)
        return round(min(1.0, max(0.0, (db + 60) / 60)), 2)

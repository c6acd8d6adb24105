"""Is what was heard what was said? Robust answers in numbers, not impressions.

Sounds are compared as pictures: the level of 14 bands from 150 Hz to 6 kHz, every 10 ms, in
decibels above a floor. A codec, a resampler, a gain control and a noise suppressor change
such a picture little; other words change it wholly. `likeness` is the correlation of two
pictures (1 the same, 0 nothing in common). Measured with espeak-ng through Opus and AAC: the
same speech 0.9 and more, other speech of the same voice below 0.4
(tests/live/test_kit_sound.py holds that).
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.kit.sound import RATE, Samples

HOP_S = 0.01
FRAME_S = 0.04
FLOOR_DB = 45.0
"""What lies this far below the loudest band level counts as silence."""
SAME = 0.7
"""From this likeness on, two sounds are the same speech or melody."""

_EDGES_HZ = np.geomspace(150, 6000, 15)
_STEPS = 4
Picture = NDArray[np.float64]
"""Shape (frames, bands): decibels above the floor, 0 where silent."""


def picture(samples: Samples) -> Picture:
    hop, frame = round(HOP_S * RATE), round(FRAME_S * RATE)
    if len(samples) < frame:
        return np.zeros((0, len(_EDGES_HZ) - 1))
    windows = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    power = np.abs(np.fft.rfft(windows * np.hanning(frame), axis=1)) ** 2
    hz = np.fft.rfftfreq(frame, 1 / RATE)
    bands = np.stack(
        [
            power[:, (hz >= low) & (hz < high)].sum(axis=1)
            for low, high in itertools.pairwise(_EDGES_HZ)
        ],
        axis=1,
    )
    level = 10 * np.log10(bands + 1e-12)
    # The loudest: not the very peak, which may be a click.
    loudest = float(np.quantile(level.max(axis=1), 0.98))
    if loudest < -40:  # below anything a person would call a sound
        return np.zeros_like(level)
    return np.maximum(level - (loudest - FLOOR_DB), 0.0)


@dataclass(frozen=True)
class Match:
    """`at_s`: where the needle begins in the hay, in seconds; negative when it began before."""

    at_s: float
    likeness: float


def _correlations(needle: Picture, hay: Picture, overlap: int) -> tuple[int, NDArray[np.float64]]:
    """Correlation for every lag at which at least `overlap` frames lie over each other.

    Returns the first lag (in frames) and one value a lag. Each is the Pearson correlation
    over the overlapping part alone.
    """
    n, m = len(needle), len(hay)
    first, count = overlap - n, n + m - 2 * overlap + 1
    if count < 1 or overlap < 2:
        return 0, np.zeros(0)
    size = 1 << (n + m).bit_length()

    def sums(a: Picture, b: Picture) -> NDArray[np.float64]:
        """sum over the overlap of a[i] * b[i + lag], for lag = first …"""
        fa = np.fft.rfft(a, size, axis=0)
        fb = np.fft.rfft(b, size, axis=0)
        whole = np.fft.irfft((np.conj(fa) * fb).sum(axis=1), size)
        return np.roll(whole, -first)[:count]

    one_n, one_m = np.ones_like(needle), np.ones_like(hay)
    number = sums(one_n, one_m)
    sa, sb = sums(needle, one_m), sums(one_n, hay)
    saa, sbb = sums(needle**2, one_m), sums(one_n, hay**2)
    covariance = sums(needle, hay) - sa * sb / number
    va, vb = saa - sa**2 / number, sbb - sb**2 / number
    # A stretch without any sound has no variance and resembles nothing.
    enough = number * 1.0
    good = (va > enough) & (vb > enough)
    result = np.zeros(count)
    result[good] = covariance[good] / np.sqrt(va[good] * vb[good])
    return first, result


def find(needle: Samples, hay: Samples, overlap_s: float | None = None) -> Match:
    """Where `needle` lies in `hay` most likely, and how alike they are there.

    At least `overlap_s` seconds (default: half of the shorter) must lie over each other, so
    either may begin before or end after the other.
    """
    a, b = picture(needle), picture(hay)
    if overlap_s is None:
        overlap_s = min(len(a), len(b)) * HOP_S / 2
    first, values = _correlations(a, b, max(2, round(overlap_s / HOP_S)))
    if not len(values):
        return Match(0.0, 0.0)
    best = int(values.argmax())
    return Match((first + best + _vertex(values, best)) * HOP_S, float(values[best]))


def _vertex(values: NDArray[np.float64], at: int) -> float:
    """The top of the parabola through the best value and its neighbours, in steps from `at`."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, top, after = values[at - 1], values[at], values[at + 1]
    bend = before - 2 * top + after
    return 0.0 if bend == 0 else float(0.5 * (before - after) / bend)


@dataclass(frozen=True)
class Place:
    """The `length_s` at `heard_s` of what was heard come from `said_s` of what was said."""

    heard_s: float
    said_s: float
    likeness: float
    length_s: float


MELODY_S = 1.0
SPEECH_S = 2.0
"""Windows of speech are longer: two speeches may have a word in common, but not two seconds."""


def follow(heard: Samples, said: Samples, window_s: float = MELODY_S) -> list[Place]:
    """For each window of what was heard, where it stands in what was said.

    There is a window every quarter of its length. Those that resemble nothing in `said`
    (silence, a gap, other sounds) are left out.
    """
    a, b = picture(heard), picture(said)
    window, step = round(window_s / HOP_S), round(window_s / HOP_S / _STEPS)
    if len(a) < window or len(b) < window:
        return []
    # The correlation of one window with every place in `said` at which it fits as a whole.
    size = 1 << (len(b) + window).bit_length()
    spectrum = np.fft.rfft(b, size, axis=0)
    places, number = [], window * b.shape[1]
    sums = _running(b.sum(axis=1), window)
    spread = _running((b**2).sum(axis=1), window) - sums**2 / number
    for start in range(0, len(a) - window + 1, step):
        piece = a[start : start + window]
        if (piece.max(axis=1) > 0).mean() < 0.5:
            continue
        piece = piece - piece.mean()
        products = np.fft.irfft(
            (np.conj(np.fft.rfft(piece, size, axis=0)) * spectrum).sum(axis=1), size
        )[: len(sums)]
        values = np.where(
            spread > number,
            products / np.sqrt(np.maximum(spread, number) * max((piece**2).sum(), 1e-9)),
            0.0,
        )
        best = int(values.argmax())
        if values[best] >= SAME:
            at = (best + _vertex(values, best)) * HOP_S
            places.append(Place(start * HOP_S, at, float(values[best]), window_s))
    return _in_company(places)


def _in_company(places: list[Place]) -> list[Place]:
    """Without those that neither go on from the place before nor lead to the one behind: a
    likeness of one window alone is chance."""

    def goes_on(a: Place, b: Place) -> bool:
        return abs((b.said_s - a.said_s) - (b.heard_s - a.heard_s)) < 0.15

    return [
        place
        for n, place in enumerate(places)
        if (n > 0 and goes_on(places[n - 1], place))
        or (n + 1 < len(places) and goes_on(place, places[n + 1]))
    ]


def _running(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The sum of each `window` values in a row."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    sums: NDArray[np.float64] = total[window:] - total[:-window]
    return sums


@dataclass(frozen=True)
class Course:
    """How steadily a sound was heard.

    `covered`: the share of the windows between the first and the last recognised one that
    were recognised. `stalled_s`: how much later the last piece was heard than the first
    one's delay would have it, stalls only. `skipped_s`: how much of what was said is missing
    between. `longest_gap_s`: the longest stretch of hearing without anything recognised.
    """

    first: Place
    last: Place
    covered: float
    stalled_s: float
    skipped_s: float
    longest_gap_s: float


def course(places: list[Place]) -> Course:
    """The course of `follow`'s places. Raises AssertionError when nothing was recognised."""
    assert places, "nothing of what was said was recognised in what was heard"
    first, last = places[0], places[-1]
    stalled = skipped = gap = 0.0
    for before, after in itertools.pairwise(places):
        late = (after.heard_s - before.heard_s) - (after.said_s - before.said_s)
        if late > 0.05:
            stalled += late
        elif late < -0.05:
            skipped -= late
        gap = max(gap, after.heard_s - before.heard_s - before.length_s)
    wanted = round((last.heard_s - first.heard_s) / first.length_s * _STEPS) + 1
    return Course(first, last, len(places) / wanted, stalled, skipped, max(gap, 0.0))


def tone_db(samples: Samples, hz: float) -> float:
    """The level of one tone in dB full scale (a sine of amplitude 1 is 0), as a mean.

    Taken over windows of 50 ms, so the tone may come and go and its phase may jump.
    """
    n = round(0.05 * RATE)
    count = len(samples) // n
    if not count:
        return -200.0
    windows = samples[: count * n].reshape(count, n) * np.hanning(n)
    t = np.arange(n) / RATE
    amplitude = np.abs(windows @ np.exp(-2j * np.pi * hz * t)) * 2 / np.hanning(n).sum()
    return float(10 * np.log10(np.mean(amplitude**2) + 1e-20))


def level_db(samples: Samples) -> float:
    """RMS in dB full scale."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))

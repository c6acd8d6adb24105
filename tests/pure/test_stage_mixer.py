"""The mixer and its limiter against sines, whose spectrum and peak are known exactly."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from samvad.stage.mixer import (
    CEILING,
    FULL_SCALE,
    SUB,
    Limiter,
    Meter,
    Mixer,
    dbfs,
    mean_squares,
)
from samvad.stage.opus import FRAME, RATE


def sine(
    hz: float, amplitude: float, seconds: float = 2.0, phase: float = 0.0
) -> NDArray[np.int16]:
    t = np.arange(int(RATE * seconds)) / RATE
    return np.rint(amplitude * np.sin(2 * np.pi * hz * t + phase)).astype(np.int16)


def programme(mixer: Mixer, voices: NDArray[np.int16]) -> NDArray[np.int16]:
    ticks = [mixer.mix(voices[:, i : i + FRAME]) for i in range(0, voices.shape[1], FRAME)]
    return np.concatenate([t.programme for t in ticks])


def rest_db(signal: NDArray[np.int16], hz: float) -> float:
    """Everything that is not the tone (distortion and noise), in dB relative to the tone."""
    power = np.abs(np.fft.rfft(signal * np.blackman(len(signal)))) ** 2
    at = round(hz * len(signal) / RATE)
    tone = power[at - 4 : at + 5].sum()
    return float(10 * np.log10((power.sum() - tone) / tone))


def test_below_the_ceiling_the_mix_is_the_exact_sum() -> None:
    voices = np.stack([sine(200, 8000), sine(310, 9000), sine(470, 5000)])
    mixer = Mixer(3)
    for i in range(0, voices.shape[1], FRAME):
        block = voices[:, i : i + FRAME]
        mix = mixer.mix(block)
        assert np.array_equal(mix.programme, block.sum(axis=0, dtype=np.int64))
        for row in range(3):
            others = np.delete(block, row, axis=0).sum(axis=0, dtype=np.int64)
            assert np.array_equal(mix.minus[row], others)


@pytest.mark.parametrize("hz", [50, 100, 440, 1000, 5000])
@pytest.mark.parametrize("speakers", [2, 3, 12])
def test_a_loud_sine_is_turned_down_without_distortion(hz: int, speakers: int) -> None:
    voices = np.stack([sine(hz, 30_000)] * speakers)
    out = programme(Mixer(speakers), voices)
    settled = out[RATE // 2 :]
    assert abs(int(np.abs(settled.astype(int)).max()) - CEILING) <= 1
    assert rest_db(settled[:RATE], hz) < -85  # 16-bit rounding alone gives about -95


def test_the_onset_is_never_clipped() -> None:
    """A full burst out of silence: no run of samples at full scale, as clipping would leave."""
    voices = np.stack(
        [np.concatenate([np.zeros(FRAME, np.int16), sine(500, 32_000, 0.1)[:4800]])] * 4
    )
    out = programme(Mixer(4), voices)
    onset = np.abs(out[FRAME : FRAME + FRAME].astype(int))
    assert onset.max() <= FULL_SCALE
    # After the first millisecond the gain has arrived; only within it the knee bends.
    assert np.abs(out[FRAME + 2 * SUB :].astype(int)).max() <= CEILING + 1


def test_no_zipper_noise_the_gain_has_no_steps() -> None:
    """A steady tone next to one that comes and goes: the tone's gain moves without jumps."""
    limiter = Limiter(1)
    tone = np.full(RATE, 10_000.0, np.float32)  # direct current: the output is the gain itself
    loud = np.zeros(RATE, np.float32)
    loud[12_000:24_000] = 40_000
    loud[36_000:40_000] = 25_000
    out = np.concatenate(
        [limiter.process((tone + loud)[None, i : i + FRAME])[0] for i in range(0, RATE, FRAME)]
    )
    gain = out / (tone + loud)
    steps = np.abs(np.diff(gain))
    # 5 ms for a whole fall; the first millisecond of an onset alone may be steeper (its knee).
    assert np.quantile(steps, 0.999) <= 1 / 240 + 1e-4
    assert (steps > 1 / 240 + 1e-4).sum() <= 2 * SUB + 2
    assert steps[24_000 + 10 : 36_000 - 480].max() <= 1 / (0.2 * RATE) + 1e-5  # slow release
    assert gain[-1] > 0.9


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int16, (4, FRAME * 3), elements=st.integers(-32768, 32767)),
    st.integers(0, 2**32 - 1),
)
def test_nothing_wraps_around_whatever_comes(voices: NDArray[np.int16], seed: int) -> None:
    mixer, gains = Mixer(4), np.random.default_rng(seed).random(4)
    voices = (voices * gains[:, None]).astype(np.int16)
    for i in range(0, voices.shape[1], FRAME):
        block = voices[:, i : i + FRAME]
        mix, wanted = mixer.mix(block), block.sum(axis=0, dtype=np.int64)
        loud = np.abs(wanted) > 40
        # The gain is positive and at most 1: the sign stays, the size never grows.
        assert (np.sign(mix.programme[loud]) * np.sign(wanted[loud]) >= 0).all()
        assert (np.abs(mix.programme.astype(np.int64)) <= np.abs(wanted) + 1).all()


def test_a_speaker_is_not_in_one_s_own_return() -> None:
    voices = np.stack([sine(300, 9000), sine(700, 9000)])
    mixer = Mixer(2)
    own = np.concatenate(
        [mixer.mix(voices[:, i : i + FRAME]).minus[0] for i in range(0, RATE, FRAME)]
    )
    spectrum = np.abs(np.fft.rfft(own))
    assert spectrum[700] > 1e6 * max(1e-9, spectrum[300] / 1e3)
    assert 20 * np.log10(spectrum[300] / spectrum[700]) < -90


def test_levels_of_known_sines() -> None:
    voices = np.stack(
        [sine(1000, 32767, 0.02), sine(1000, 3276.7, 0.02), np.zeros(FRAME, np.int16)]
    )
    full, tenth, silence = (dbfs(m) for m in mean_squares(voices))
    assert full == pytest.approx(-3.01, abs=0.02)
    assert tenth == pytest.approx(-23.01, abs=0.02)
    assert silence == -120


def test_speaking_has_hysteresis_in_level_and_time() -> None:
    def square(db: float) -> float:
        return float(10 ** (db / 10))

    meter = Meter()
    meter.add(square(-20))
    assert not meter.speaking  # a click of 20 ms is not speech
    meter.add(square(-20))
    meter.add(square(-20))
    assert meter.speaking
    for _ in range(200):
        meter.add(square(-45))  # between the thresholds: it stays
    assert meter.speaking
    for _ in range(24):
        meter.add(square(-60))
    assert meter.speaking  # a pause between words
    meter.add(square(-60))
    assert not meter.speaking
    for _ in range(200):
        meter.add(square(-45))
    assert not meter.speaking


def test_the_level_runs_from_silence_to_full_scale() -> None:
    meter = Meter()
    assert meter.level == 0
    for _ in range(5):
        meter.add(1.0)
    assert meter.level == 1
    for _ in range(5):
        meter.add(float(10 ** (-30 / 10)))
    assert meter.level == 0.5


def test_a_tick_of_twelve_costs_far_less_than_a_tick() -> None:
    voices = np.random.default_rng(1).integers(-20_000, 20_000, (12, FRAME)).astype(np.int16)
    mixer = Mixer(12)
    best = 1.0
    for _ in range(5):
        begun = time.process_time()
        for _ in range(100):
            mixer.mix(voices)
        best = min(best, (time.process_time() - begun) / 100)
    assert best < 0.002  # a tick has 0.02; measured 0.0001

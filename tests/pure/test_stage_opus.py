"""Opus by libopus itself, and a speaker's voice over a lossy link. Oracle: PyAV's own codec."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from samvad.stage.opus import FRAME, RATE, Decoder, Encoder, packet_48k
from samvad.stage.voice import Voice
from tests.kit.link import MemoryLink


def speechlike(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """A voiced sound: harmonics of a wandering pitch, in syllables."""
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = 140 + 20 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 16))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * t)
    return np.rint(5000 * sound * syllables).astype(np.int16)


def packets(pcm: NDArray[np.int16], loss_percent: int = 20) -> list[bytes]:
    encoder = Encoder(loss_percent=loss_percent)
    return [encoder.encode(pcm[i : i + FRAME]) for i in range(0, len(pcm) - FRAME + 1, FRAME)]


def test_what_is_encoded_is_decoded_by_another_decoder_alike() -> None:
    pcm = speechlike(1.0)
    made = packets(pcm)
    ours, theirs = Decoder(), av.CodecContext.create("libopus", "r")
    assert isinstance(theirs, av.AudioCodecContext)
    theirs.format, theirs.layout, theirs.sample_rate = "s16", "mono", RATE  # type: ignore[assignment]
    for packet in made:
        one = ours.decode(packet)
        (other,) = theirs.decode(av.Packet(packet))
        assert one is not None
        assert np.array_equal(one, other.to_ndarray().reshape(-1))


def test_the_duration_is_read_from_the_packet() -> None:
    assert {packet_48k(p) for p in packets(speechlike(0.2))} == {FRAME}
    for ms in (10, 20, 40, 60):
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"  # type: ignore[assignment]
        encoder.options = {"frame_duration": str(ms)}
        frame = av.AudioFrame.from_ndarray(speechlike(0.06)[None, : 48 * ms], "s16", "mono")
        frame.sample_rate, frame.pts = RATE, 0
        (packet, *_) = [*encoder.encode(frame), *encoder.encode(None)]
        assert packet_48k(bytes(packet)) == 48 * ms


@given(st.binary(max_size=100))
def test_rubbish_is_not_decoded_and_breaks_nothing(rubbish: bytes) -> None:
    decoder, voice = Decoder(), Voice()
    out = decoder.decode(rubbish) if rubbish else None
    assert out is None or out.size <= 5760
    for n in range(6):
        voice.put(n, rubbish)
        frame = voice.frame()
        assert frame is None or frame.shape == (FRAME,)


def error_db(heard: NDArray[np.int16], said: NDArray[np.int16]) -> float:
    size = min(len(heard), len(said))
    a, b = heard[:size].astype(float), said[:size].astype(float)
    return float(10 * np.log10(((a - b) ** 2).sum() / (b**2).sum()))


def listen(link: MemoryLink[tuple[int, bytes]], made: list[bytes]) -> NDArray[np.int16]:
    voice, out = Voice(), []
    for tick in range(len(made) + 10):
        if tick < len(made):
            link.send(tick * 0.02, (tick, made[tick]))
        for number, packet in link.receive(tick * 0.02 + 0.001):
            voice.put(number, packet)
        frame = voice.frame()
        out.append(frame if frame is not None else np.zeros(FRAME, np.int16))
    return np.concatenate(out)


def test_ten_percent_loss_is_mended_by_fec_and_concealment() -> None:
    """Closer to the sound without loss than leaving the gaps silent would be."""
    made = packets(speechlike(8.0))
    clean = listen(MemoryLink(), made)
    heard = listen(MemoryLink(loss=0.1, seed=7), made)
    link: MemoryLink[int] = MemoryLink(loss=0.1, seed=7)
    gaps = clean.copy().reshape(-1, FRAME)
    for tick in range(len(made)):
        link.send(tick, tick)
        if not link.receive(tick):
            gaps[tick + 3] = 0  # played three ticks after it was sent
    assert error_db(heard, clean) < error_db(gaps.reshape(-1), clean) - 4


@pytest.mark.parametrize("ms", [10, 40, 60])
def test_packets_of_other_durations_are_played_in_their_time(ms: int) -> None:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"  # type: ignore[assignment]
    encoder.options = {"frame_duration": str(ms)}
    pcm, made = speechlike(3.0), []
    for i in range(0, len(pcm) - 48 * ms + 1, 48 * ms):
        frame = av.AudioFrame.from_ndarray(pcm[None, i : i + 48 * ms], "s16", "mono")
        frame.sample_rate, frame.pts = RATE, i
        made += [bytes(p) for p in encoder.encode(frame)]
    voice, out, sent = Voice(), [], 0
    for tick in range(150):
        while sent < len(made) and sent * ms <= tick * 20:
            voice.put(sent, made[sent])
            sent += 1
        frame_out = voice.frame()
        if frame_out is not None:
            out.append(frame_out)
    heard = np.concatenate(out)
    assert voice.jitter.counters.lost == voice.jitter.counters.waited == 0
    assert len(heard) / RATE > 2.8
    energy = [float((x.astype(float) ** 2).mean()) for x in np.split(heard[: RATE * 2], 20)]
    assert min(energy[2:]) > 1e4  # sound all the time, no holes


def test_merging_two_frames_leaves_no_click() -> None:
    made = packets(speechlike(6.0))
    heard = listen(MemoryLink(stalls=((2.0, 2.3),)), made)
    settled = heard[int(2.4 * RATE) : int(4.5 * RATE)].astype(float)
    clean = listen(MemoryLink(), made)[RATE : 3 * RATE].astype(float)
    assert np.abs(np.diff(settled)).max() < 1.5 * np.abs(np.diff(clean)).max()

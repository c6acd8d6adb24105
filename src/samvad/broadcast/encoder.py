"""PCM ticks to packets, twice, so that both renditions decode to the same samples.

A codec delays what it codes. Left in, the delay shifts one rendition against the other and
every player corrects it differently, so it is taken out here, by construction:

- AAC: the encoder puts one frame (1024 samples) before the first. That packet is dropped;
  the next one's decoder output begins at sample 0.
- Opus: the encoder looks ahead `pre-skip` samples (312 at 48 kHz; RFC 7845, section 4.2). It is
  first fed as many zeros as fill that up to one frame (648), and its first packet dropped.
  What then decodes begins at sample 0, and `dOps` says that there is nothing to skip.
"""

import struct
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from samvad.base.errors import PlainError
from samvad.broadcast.cmaf import FRAME_48K
from samvad.protocol.media import AAC, OPUS, RATE

TICK_48K = 960
"""Samples of one push: 20 ms."""

Pcm = NDArray[np.int16]


def _context(
    name: str, sample_format: str, bit_rate: int, options: dict[str, str]
) -> AudioCodecContext:
    try:
        context = av.CodecContext.create(name, "w")
    except av.error.FFmpegError as error:
        raise PlainError(
            f"The encoder {name} is not in this build of PyAV ({error}).",
            "Install the `av` wheel from the package index; it carries the codecs.",
        ) from None
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = RATE
    context.layout = "mono"
    context.format = sample_format
    context.bit_rate = bit_rate
    context.time_base = Fraction(1, RATE)
    context.options = options
    context.open()
    return context


class Encoder:
    """One rendition. Packets hold `frame_48k` samples; the first begins with the first sample."""

    rendition: str

    def __init__(self, context: AudioCodecContext, frame_48k: int, ahead: int, drop: int) -> None:
        self._context = context
        self._frame_48k = frame_48k
        self._pending = np.zeros(ahead, np.int16)
        self._fed = 0
        self._drop = drop

    def push(self, pcm: Pcm) -> list[bytes]:
        """Take mono samples at 48 kHz (any number); return the packets that are complete."""
        samples = np.concatenate((self._pending, pcm)) if len(self._pending) else pcm
        size = self._frame_48k
        packets: list[bytes] = []
        for at in range(0, len(samples) - size + 1, size):
            frame = self._frame(samples[at : at + size])
            frame.sample_rate = RATE
            frame.pts = self._fed
            frame.time_base = Fraction(1, RATE)
            self._fed += size
            packets += [bytes(p) for p in self._context.encode(frame)]
        self._pending = samples[len(samples) // size * size :].copy()
        dropped, self._drop = min(self._drop, len(packets)), max(0, self._drop - len(packets))
        return packets[dropped:]

    def _frame(self, samples: Pcm) -> av.AudioFrame:
        return av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")


class AacEncoder(Encoder):
    """AAC-LC, 64 kbit/s. A packet comes out two frames after its first sample went in."""

    rendition = AAC.name

    def __init__(self, bit_rate: int = 64_000) -> None:
        # The "fast" coder is better liked by PESQ and needs a third of the CPU, but does not
        # keep to its rate: syllables of noise came to 134 kbit/s (docs/adr/0004-media.md).
        options = {"profile": "aac_low", "aac_coder": "twoloop"}
        context = _context("aac", "fltp", bit_rate, options)
        super().__init__(context, FRAME_48K[AAC.name], ahead=0, drop=1)

    def _frame(self, samples: Pcm) -> av.AudioFrame:
        planes = samples.astype(np.float32)[None] / np.float32(32768)
        return av.AudioFrame.from_ndarray(planes, format="fltp", layout="mono")


class OpusEncoder(Encoder):
    """Opus, 24 kbit/s, 20 ms frames."""

    rendition = OPUS.name

    def __init__(self, bit_rate: int = 24_000, application: str = "audio") -> None:
        options = {"application": application, "frame_duration": "20", "vbr": "constrained"}
        context = _context("libopus", "s16", bit_rate, options)
        assert context.extradata is not None
        (pre_skip,) = struct.unpack_from("<H", context.extradata, 10)
        frame = FRAME_48K[OPUS.name]
        super().__init__(context, frame, ahead=-pre_skip % frame, drop=-(-pre_skip // frame))


def encoders() -> tuple[Encoder, ...]:
    """A fresh encoder for each rendition."""
    return AacEncoder(), OpusEncoder()

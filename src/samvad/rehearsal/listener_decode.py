"""Parts into samples, one after the other, by libavformat and libavcodec (PyAV).

Each part is demuxed together with its initialisation segment, and its packets go to one
decoder that lives as long as the initialisation segment stays the same, as in a browser.
"""

import io

import av
import av.error
import numpy as np

from samvad.protocol.loudness import RATE, Samples

_DECODERS = {"aac": "aac", "opus": "libopus"}


class DecodeError(ValueError):
    """Media that cannot be decoded."""


class PartDecoder:
    """Decodes parts of one rendition to mono at 48 kHz."""

    def __init__(self) -> None:
        self._init = b""
        self._decoder: av.AudioCodecContext | None = None
        self._mono = av.AudioResampler(format="flt", layout="mono", rate=RATE)

    def decode(self, init: bytes, body: bytes) -> Samples:
        """The samples of one part or segment. Raises DecodeError."""
        try:
            with av.open(io.BytesIO(init + body), "r", format="mp4") as container:
                stream = container.streams.audio[0]
                if init != self._init or self._decoder is None:
                    self._decoder = _decoder(stream.codec_context)
                    self._init = init
                packets = [p for p in container.demux(stream) if p.size]
            frames = [f for p in packets for f in self._decoder.decode(p)]
            blocks = [r.to_ndarray()[0] for f in frames for r in self._mono.resample(f)]
        except (av.error.FFmpegError, IndexError, KeyError) as error:
            raise DecodeError(f"{len(body)} bytes cannot be decoded: {error}") from None
        if not blocks:
            return np.zeros(0, np.float32)
        return np.concatenate(blocks).astype(np.float32)


def _decoder(found: av.AudioCodecContext) -> av.AudioCodecContext:
    decoder = av.CodecContext.create(_DECODERS[found.name], "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = found.extradata
    return decoder

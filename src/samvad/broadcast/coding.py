"""Coding anew, in the background: MP3, a limiter's work, tracks. Minutes for hours; nice it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from samvad.broadcast.gain import CEILING_DB
from samvad.broadcast.loud import Limiter
from samvad.protocol.media import PART_48K, RATE

Samples = NDArray[np.float32]

MP3_BIT_RATE = 96_000
AAC_BIT_RATE = 64_000


def decoded(path: Path) -> Iterator[Samples]:
    """Mono float32 at 48 kHz, as it comes out of the decoder. Raises av.error.FFmpegError."""
    with av.open(str(path)) as source:
        resampler = av.AudioResampler("flt", "mono", RATE)
        for frame in source.decode(audio=0):
            for one in resampler.resample(frame):
                yield one.to_ndarray()[0]
        for one in resampler.resample(None):
            yield one.to_ndarray()[0]


def encode(
    samples: Iterator[Samples],
    target: Path,
    *,
    codec: str,
    bit_rate: int,
    container: str,
    tags: Mapping[str, str],
    options: Mapping[str, str] | None = None,
) -> None:
    """It appears under its name whole or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with av.open(str(draft), "w", format=container, options=dict(options or {})) as out:
            out.metadata.update(tags)
            stream = out.add_stream(codec, rate=RATE, layout="mono")
            assert isinstance(stream.codec_context, AudioCodecContext)
            if bit_rate:
                stream.codec_context.bit_rate = bit_rate
            at = 0
            for block in samples:
                if not len(block):
                    continue
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block)[None], format="flt", layout="mono"
                )
                frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
                at += len(block)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def mp3(source: Path, target: Path, title: str, artist: str) -> None:
    """Constant bit rate: every player seeks in it."""
    tags = {"title": title, "artist": artist}
    encode(
        decoded(source),
        target,
        codec="libmp3lame",
        bit_rate=MP3_BIT_RATE,
        container="mp3",
        tags=tags,
    )


def limited_m4a(source: Path, target: Path, gain_db: float) -> None:
    """`source` made louder by `gain_db`, with a limiter for what would not fit."""
    limiter = Limiter(gain_db, CEILING_DB - 0.5)

    def louder() -> Iterator[Samples]:
        for block in decoded(source):
            yield limiter.push(block)
        yield limiter.end()

    fast = {"movflags": "+faststart"}
    encode(
        louder(),
        target,
        codec="aac",
        bit_rate=AAC_BIT_RATE,
        container="ipod",
        tags={},
        options=fast,
    )


def track_flac(
    decodes_48k: Sequence[int], parts: Mapping[int, Sequence[bytes]], target: Path
) -> None:
    """A speaker's Opus parts as FLAC of exactly the recording's length; silence where there are
    none."""

    def sound() -> Iterator[Samples]:
        codec = av.CodecContext.create("libopus", "r")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate, codec.layout = RATE, "mono"
        resampler = av.AudioResampler("flt", "mono", RATE)
        for at in decodes_48k:
            block = np.zeros(PART_48K, np.float32)
            filled = 0
            for packet in parts.get(at, ()):
                for frame in codec.decode(av.Packet(packet)):
                    for one in resampler.resample(frame):
                        samples = one.to_ndarray()[0][: PART_48K - filled]
                        block[filled : filled + len(samples)] = samples
                        filled += len(samples)
            yield block

    encode(sound(), target, codec="flac", bit_rate=0, container="flac", tags={})

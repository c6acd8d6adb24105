"""A clip: a passage of the recording as audio, and as a video with its waveform and captions.

    python -m samvad.broadcast.clip DATA EVENT CLIP FROM_MS TO_MS TITLE

Times in recorded milliseconds. Writes `public/clip-<id>.m4a`, `.mp4` and `.png` (its first
picture), and nothing when it fails. Networks that take only video get one that can be read
without sound.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from samvad.base.folders import Folders
from samvad.broadcast.afterwards import EDITS, Afterwards, Edits, read_edits
from samvad.broadcast.cmaf import read_chunks
from samvad.broadcast.coding import AAC_BIT_RATE, Samples, encode
from samvad.broadcast.gain import STEP_DB
from samvad.broadcast.picture import FPS, HEIGHT, WIDTH, Pictures
from samvad.broadcast.timeline import PART_MS
from samvad.broadcast.transcript import Cue, Line, cues, moved
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.media import AAC, PART_48K, RATE

log = logging.getLogger("samvad.clip")

FADE_48K = RATE // 50
"""20 ms, so that neither end clicks."""


def sound(work: Afterwards, from_ms: int, to_ms: int) -> Samples:
    """The passage as it sounds in the replay. Raises OSError, av.error.FFmpegError."""
    first = max(0, from_ms // PART_MS - 1)
    parts = work.recorded[first : to_ms // PART_MS + 2]
    codec = av.CodecContext.create("aac", "r")
    assert isinstance(codec, AudioCodecContext)
    codec.extradata = b"\x11\x88"
    decoded: list[Samples] = []
    with open(work.folder / f"{AAC.name}.mp4", "rb") as recorded:
        for entry in parts:
            offset, size = entry.where[AAC.name]
            recorded.seek(offset)
            for packet in _packets(recorded.read(size)):
                decoded += [f.to_ndarray()[0] for f in codec.decode(av.Packet(packet))]
    whole = np.concatenate(decoded)
    at = (from_ms - first * PART_MS) * RATE // 1000
    found = whole[at : at + (to_ms - from_ms) * RATE // 1000] * 10 ** (work.steps * STEP_DB / 20)
    fade = min(FADE_48K, len(found) // 2)
    ramp = np.linspace(0, 1, fade)
    found[:fade] *= ramp
    found[len(found) - fade :] *= ramp[::-1]
    return np.asarray(np.clip(found, -1, 1), np.float32)


def _packets(part: bytes) -> Iterator[bytes]:
    (found,) = read_chunks(part)
    at = found.media_offset
    for size in found.sizes:
        yield part[at : at + size]
        at += size


def captions(lines: Sequence[Line], from_ms: int, to_ms: int) -> list[Cue]:
    """What is said in the passage, from its beginning."""
    inside = moved(lines, lambda ms: ms - from_ms if from_ms <= ms < to_ms else None)
    return cues(inside)


def audio(samples: Samples, target: Path, title: str) -> None:
    blocks = (samples[at : at + PART_48K] for at in range(0, len(samples), PART_48K))
    encode(
        blocks,
        target,
        codec="aac",
        bit_rate=AAC_BIT_RATE,
        container="ipod",
        tags={"title": title},
        options={"movflags": "+faststart"},
    )


def video(samples: Samples, pictures: Pictures, target: Path) -> None:
    """H.264 and AAC in a fast-start MP4; it appears whole or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with av.open(str(draft), "w", format="mp4", options={"movflags": "+faststart"}) as out:
            quick = {"preset": "veryfast", "crf": "27"}
            pictured = out.add_stream("libx264", rate=FPS, options=quick)
            heard = out.add_stream("aac", rate=RATE, layout="mono")
            assert isinstance(pictured, VideoStream)
            assert isinstance(heard.codec_context, AudioCodecContext)
            pictured.width, pictured.height, pictured.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            heard.codec_context.bit_rate = 96_000
            each = RATE // FPS
            for i in range(-(-len(samples) // each)):
                frame = av.VideoFrame.from_ndarray(pictures.at(i * 1000 // FPS), format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, FPS)
                out.mux(pictured.encode(frame))
                block = samples[i * each : (i + 1) * each]
                spoken = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block)[None], format="flt", layout="mono"
                )
                spoken.sample_rate, spoken.pts = RATE, i * each
                spoken.time_base = Fraction(1, RATE)
                out.mux(heard.encode(spoken))
            out.mux(pictured.encode(None))
            out.mux(heard.encode(None))
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def columns(samples: Samples, count: int) -> NDArray[np.float32]:
    """`count` peaks, 0 to 1, the loudest of them 1."""
    edges = np.linspace(0, len(samples), count + 1).astype(int)
    peaks = np.array([np.abs(samples[a:b]).max() if b > a else 0.0 for a, b in pairwise(edges)])
    return np.asarray(peaks / max(float(peaks.max()), 1e-3), np.float32)


def make(folder: Path, clip: str, from_ms: int, to_ms: int, title: str) -> None:
    """All three files."""
    try:
        edits = read_edits((folder / EDITS).read_bytes())
    except FileNotFoundError:
        edits = Edits()
    work = Afterwards(folder, edits)
    samples = sound(work, from_ms, to_ms)
    if not len(samples):
        raise ValueError("the passage is not in the recording")
    audio(samples, work.public / f"clip-{clip}.m4a", title)
    pictures = Pictures(
        title,
        edits.title if edits.title != title else edits.artist,
        peaks=columns(samples, 160),
        said=captions(work.lines(), from_ms, to_ms),
        names=edits.speakers,
        length_ms=len(samples) * 1000 // RATE,
    )
    pictures.save(work.public / f"clip-{clip}.png")
    video(samples, pictures, work.public / f"clip-{clip}.mp4")


def main(arguments: Sequence[str]) -> int:
    """0 when the clip is made."""
    data, event, clip, from_ms, to_ms, title = arguments
    if not EVENT_RE.fullmatch(event) or not clip.isalnum():
        return 2
    os.nice(10)
    make(Folders(Path(data)).recording(event), clip, int(from_ms), int(to_ms), title)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main(sys.argv[1:]))

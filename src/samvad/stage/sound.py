"""Any file that PyAV decodes, as the mixer's frames: int16[960], mono, 48 kHz."""

from collections.abc import Generator, Iterator
from pathlib import Path

import av
import numpy as np

from samvad.base.errors import PlainError
from samvad.stage.opus import FRAME, RATE, Pcm


class Sound:
    """Iterate over it once; it decodes as it goes. The last frame is padded with silence."""

    def __init__(self, container: av.container.InputContainer, *, loop: bool) -> None:
        self._container = container
        self._loop = loop
        self._made = self._make()

    def __iter__(self) -> Iterator[Pcm]:
        return self._made

    def close(self) -> None:
        self._made.close()
        self._container.close()

    def _make(self) -> Generator[Pcm, None, None]:
        while True:
            resampler = av.AudioResampler("s16", "mono", RATE, frame_size=FRAME)
            for frame in self._decoded():
                for piece in resampler.resample(frame):
                    yield _pcm(piece)
            for piece in resampler.resample(None):
                yield _pcm(piece)
            if not self._loop:
                return
            self._container.seek(0)

    def _decoded(self) -> Iterator[av.AudioFrame]:
        for packet in self._container.demux(audio=0):
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.AudioFrame):
                        yield frame
            except av.error.InvalidDataError:
                continue  # a damaged spot: players go on, and so does this


def open_sound(path: Path, *, loop: bool = False) -> Sound:
    """Open a file and see that it has sound; `loop` starts over at its end for ever.

    Blocks on the disk. Raises PlainError for a file that is missing or holds no sound.
    """
    try:
        container = av.open(str(path))
    except FileNotFoundError:
        raise PlainError(f"There is no file {path}.") from None
    except (OSError, av.FFmpegError, ValueError) as error:
        raise PlainError(
            f"{path} cannot be read as sound: {getattr(error, 'strerror', None) or error}.",
            "Give an audio file: WAV, FLAC, Ogg, Opus, MP3, M4A and others are read.",
        ) from None
    if not container.streams.audio:
        container.close()
        raise PlainError(f"{path} has no sound in it.", "Give an audio file.")
    return Sound(container, loop=loop)


def _pcm(frame: av.AudioFrame) -> Pcm:
    pcm = frame.to_ndarray().reshape(-1).astype(np.int16)
    return pcm if pcm.size == FRAME else np.pad(pcm, (0, FRAME - pcm.size))

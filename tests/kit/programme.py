"""A programme without a stage: sound to ticks, to parts, through a Broadcast."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.encoder import TICK_48K, encoders
from samvad.broadcast.packager import Cut, Names, Packager, Start
from samvad.protocol.media import Part
from tests.kit.sound import Samples
from tests.kit.until import until

EVENT = "abcdef1234"
WALL_MS = 1_790_000_000_000
INITS = {"aac": "init-a", "opus": "init-o"}
NEW = Start()


def as_pcm(samples: Samples) -> NDArray[np.int16]:
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def ticks(samples: Samples) -> Iterator[NDArray[np.int16]]:
    """int16[960] each; a last one that is not whole is left out."""
    pcm = as_pcm(samples)
    for at in range(0, len(pcm) - TICK_48K + 1, TICK_48K):
        yield pcm[at : at + TICK_48K]


def cuts(samples: Samples, start: Start = NEW, wall_ms: int = WALL_MS) -> list[Cut]:
    """`samples` through the real encoders and packager, as far as whole parts come out."""
    packager = Packager(Names(EVENT, b"k" * 32, INITS), start)
    both, made = encoders(), []
    for i, tick in enumerate(ticks(samples)):
        packager.tick(len(tick), wall_ms + 20 * i)
        for encoder in both:
            made += packager.push(encoder.rendition, encoder.push(tick))
    return made


def parts(rendition: str, made: list[Cut]) -> list[Part]:
    return [part for cut in made for part in cut if part.rendition == rendition]


async def on_air(broadcast: Broadcast, samples: Samples, wall_ms: int = WALL_MS) -> None:
    """Push `samples` as fast as the encoders take them."""
    for i, tick in enumerate(ticks(samples)):
        broadcast.push(tick, wall_ms + 20 * i)
        if i % 50 == 49:
            await until(lambda: broadcast.waiting_ticks < 100, 60, "the encoders", every=0.005)


def lag_48k(heard: Samples, said: Samples) -> int:
    """By how many samples `heard` is later than `said`, by cross-correlation."""
    size = 1 << (len(heard) + len(said)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)))
    return at - size if at > size // 2 else at

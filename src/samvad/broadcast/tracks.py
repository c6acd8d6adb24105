"""Each speaker on a track of their own, for editors, beside the programme.

`tracks/<speaker>.mp4` in the recording's folder: Opus parts with the same decode times as the
programme's, so what lies at a time in one file lies at that time in all, to the sample. A
track begins with the part in which its speaker is first heard, and goes on with silence while
they are away. Files of a stage that was killed are gone on with at a later decode time.

Tracks are a comfort, the recording is not: when the disk fills, they are given up first.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samvad.broadcast.cmaf import TornError, init_segment, read_chunks
from samvad.broadcast.encoder import TICK_48K, OpusEncoder
from samvad.broadcast.packager import Names, Packager, Start
from samvad.protocol.media import OPUS, PART_48K, PARTS_PER_SEGMENT

log = logging.getLogger("samvad.broadcast")

FOLDER = "tracks"
BIT_RATE = 64_000
MOST = 24
"""Speakers of one run that get a track; more than a stage has places for."""

Pcm = NDArray[np.int16]
Voices = Sequence[tuple[str, Pcm]]
"""Who is heard in a tick: speaker id and int16[960]."""

_SILENCE = np.zeros(TICK_48K, np.int16)


class _Track:
    """One speaker's file; `start_48k` is a part's beginning."""

    def __init__(self, event: str, folder: Path, speaker: str, start_48k: int) -> None:
        self._encoder = OpusEncoder(BIT_RATE, "voip")
        number = start_48k // PART_48K
        names = Names(event, bytes(32), {OPUS.name: ""})
        # The chunks' numbers are those of all parts since the beginning; nobody asks for them.
        start = Start(-(-number // PARTS_PER_SEGMENT), start_48k)
        self._packager = Packager(names, start)
        self._file = open(folder / f"{speaker}.mp4", "ab", buffering=0)  # noqa: SIM115
        if self._file.tell() == 0:
            self._file.write(init_segment(OPUS.name))

    def push(self, pcm: Pcm, wall_ms: int) -> None:
        self._packager.tick(len(pcm), wall_ms)
        for cut in self._packager.push(OPUS.name, self._encoder.push(pcm)):
            self._file.write(cut[0].body)

    def end(self) -> None:
        tail = np.zeros(self._packager.end() + 4 * TICK_48K, np.int16)
        for cut in self._packager.push(OPUS.name, self._encoder.push(tail)):
            self._file.write(cut[0].body)

    def close(self) -> None:
        self._file.close()


class Tracks:
    """All tracks of one run. Belongs to the encoding thread; raises nothing."""

    def __init__(self, event: str, folder: Path, start_48k: int) -> None:
        """`start_48k`: media time of the run's first sample, a part's beginning."""
        self._event, self._folder = event, folder / FOLDER
        self._at_48k = self._part_48k = start_48k
        self._tracks: dict[str, _Track] = {}
        self._part_walls: list[int] = []
        self.given_up: str | None = None
        """Why there are none any more."""

    def push(self, voices: Voices, wall_ms: int) -> None:
        """One tick."""
        if self.given_up is not None:
            return
        if (self._at_48k - self._part_48k) >= PART_48K:
            self._part_48k, self._part_walls = self._at_48k, []
        heard = dict(voices)
        try:
            for speaker in heard:
                if speaker not in self._tracks and len(self._tracks) < MOST:
                    self._begin(speaker)
            for speaker, track in self._tracks.items():
                track.push(heard.get(speaker, _SILENCE), wall_ms)
        except OSError as error:
            self.give_up(error.strerror or str(error))
        self._part_walls.append(wall_ms)
        self._at_48k += TICK_48K

    def _begin(self, speaker: str) -> None:
        self._folder.mkdir(exist_ok=True)
        track = self._tracks[speaker] = _Track(self._event, self._folder, speaker, self._part_48k)
        for wall_ms in self._part_walls:
            track.push(_SILENCE, wall_ms)

    def give_up(self, why: str) -> None:
        """No more tracks in this run; what there is stays."""
        if self.given_up is None:
            self.given_up = why
            if self._tracks:
                log.warning("%s: tracks of the speakers are given up: %s", self._event, why)
            self.close()

    def end(self) -> None:
        """The last parts, filled up with silence."""
        try:
            for track in self._tracks.values():
                track.end()
        except OSError as error:
            self.give_up(error.strerror or str(error))
        self.close()

    def close(self) -> None:
        for track in self._tracks.values():
            track.close()
        self._tracks = {}


def parts_of(path: Path) -> dict[int, tuple[bytes, ...]]:
    """Decode time → Opus packets of each whole part of a track. Raises OSError."""
    data = path.read_bytes()
    found: dict[int, tuple[bytes, ...]] = {}
    at = len(init_segment(OPUS.name))
    while at < len(data):
        try:
            for chunk in read_chunks(data, at):
                place, packets = chunk.media_offset, []
                for size in chunk.sizes:
                    packets.append(data[place : place + size])
                    place += size
                found[chunk.about.decode_48k] = tuple(packets)
                at = chunk.end
            break
        except TornError:
            # A killed stage left a piece of a part; the next run's begins behind it.
            nxt = data.find(b"styp", at + 5)
            if nxt < 0:
                break
            at = nxt - 4
    return found

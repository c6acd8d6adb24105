"""Listens to a recording as it grows and writes down what is said: `captions.jsonl`.

    python -m samvad.broadcast.captions DATA EVENT RECOGNISER [MODEL]

A process of its own, niced, so that it takes only what nothing else wants. It begins where the
file ends, so it may be killed and started again, and it ends when the recording has. Lines:

    {"text": "rivers", "from_48k": …, "to_48k": …, "sure": 0.93, "at_ms": …}
    {"reached_48k": …, "at_ms": …}

The second says that what is before has been listened to; `at_ms` is when (Unix). Times are the
media's own, so captions and sound agree whatever happened to the process.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast.afterwards import WORDS
from samvad.broadcast.cmaf import read_chunks
from samvad.broadcast.hearing import Heard, Pcm, Recogniser, Utterances, recogniser
from samvad.broadcast.index import Entry, read_index
from samvad.broadcast.recording import ENDED, INDEX
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.media import AAC, OPUS, PART_48K

log = logging.getLogger("samvad.captions")

LOOK_S = 0.2
NICE = 15


class Sound:
    """Parts of the recording to 16 kHz, in one run of the decoder."""

    def __init__(self) -> None:
        self._codec = _decoder()
        self._resampler = av.AudioResampler("s16", "mono", 16_000)

    def of(self, part: bytes) -> Pcm:
        (found,) = read_chunks(part)
        at, blocks = found.media_offset, []
        for size in found.sizes:
            for frame in self._codec.decode(av.Packet(part[at : at + size])):
                blocks += [one.to_ndarray()[0] for one in self._resampler.resample(frame)]
            at += size
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)


def _decoder() -> AudioCodecContext:
    codec = av.CodecContext.create("aac", "r")
    assert isinstance(codec, AudioCodecContext)
    codec.extradata = b"\x11\x88"
    return codec


class Listener:
    """From parts to lines. A gap in time begins anew: no word goes across it."""

    def __init__(self, engine: Recogniser) -> None:
        self._engine = engine
        self._sound = Sound()
        self._utterances = Utterances()
        self._began_48k = 0
        self._next_48k: int | None = None

    def push(self, entry: Entry, part: bytes) -> Iterator[Heard | int]:
        """Words (times now in samples at 48 kHz of the media), then how far it is."""
        if entry.decode_48k != self._next_48k:
            yield from self.end()
            self._sound, self._utterances = Sound(), Utterances()
            self._began_48k = entry.decode_48k
        self._next_48k = entry.decode_48k + PART_48K
        for at, pcm in self._utterances.push(self._sound.of(part)):
            yield from self._words(at, pcm)
        yield self._began_48k + 3 * self._utterances.settled_16k

    def end(self) -> Iterator[Heard | int]:
        """What is left of an utterance."""
        for at, pcm in self._utterances.end():
            yield from self._words(at, pcm)
        if self._next_48k is not None:
            yield self._next_48k

    def _words(self, at_16k: int, pcm: Pcm) -> Iterator[Heard]:
        for one in self._engine.words(pcm):
            start = self._began_48k + 3 * (at_16k + one.from_16k)
            yield Heard(one.text, start, self._began_48k + 3 * (at_16k + one.to_16k), one.sure)


def line(said: Heard | int, at_ms: int) -> str:
    if isinstance(said, int):
        return json.dumps({"reached_48k": said, "at_ms": at_ms}) + "\n"
    about = {
        "text": said.text,
        "from_48k": said.from_16k,
        "to_48k": said.to_16k,
        "sure": round(said.sure, 3),
        "at_ms": at_ms,
    }
    return json.dumps(about, ensure_ascii=False) + "\n"


def reached(path: Path) -> int:
    """How far a process before this one came; words behind it are cut off the file."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0
    good, at = 0, 0
    for one in text.splitlines(keepends=True):
        at += len(one)
        try:
            said = json.loads(one)
            if "reached_48k" in said and one.endswith(b"\n"):
                good, done = at, int(said["reached_48k"])
        except (ValueError, TypeError, KeyError):
            break
    os.truncate(path, good)
    return done if good else 0


def listen(
    folder: Path, engine: Recogniser, wall_ms: Callable[[], int], wait: Callable[[], None]
) -> None:
    """Until the recording has ended and all of it was listened to."""
    path = folder / WORDS
    done_48k = reached(path)
    listener, taken = Listener(engine), 0
    with open(path, "a", encoding="utf-8", buffering=1) as out:
        while True:
            over = (folder / ENDED).exists()
            entries = _entries(folder)
            with open(folder / f"{AAC.name}.mp4", "rb") as recorded:
                for entry in entries[taken:]:
                    if entry.end_48k <= done_48k:
                        continue
                    offset, size = entry.where[AAC.name]
                    recorded.seek(offset)
                    for said in listener.push(entry, recorded.read(size)):
                        out.write(line(said, wall_ms()))
            new, taken = len(entries) - taken, len(entries)
            if over and not new:
                for said in listener.end():
                    out.write(line(said, wall_ms()))
                return
            if not new:
                wait()


def _entries(folder: Path) -> list[Entry]:
    try:
        sizes = {r: (folder / f"{r}.mp4").stat().st_size for r in (AAC.name, OPUS.name)}
        return read_index((folder / INDEX).read_bytes(), sizes)[0].entries
    except FileNotFoundError:
        return []


def main(arguments: Sequence[str]) -> int:
    """0 when all was listened to; 3 when the recogniser cannot be used."""
    data, event, name, *model = arguments
    if not EVENT_RE.fullmatch(event):
        return 2
    os.nice(NICE)
    folder = Folders(Path(data)).recording(event)
    try:
        engine = recogniser(name, model[0] if model else "")
    except PlainError as error:
        log.error("no captions: %s", error)
        return 3
    log.info("%s: listening with %s", event, name)
    listen(folder, engine, lambda: int(time.time() * 1000), lambda: time.sleep(LOOK_S))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main(sys.argv[1:]))

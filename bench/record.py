"""What a recording costs, and how soon after the end it is posted.

    python -m bench.record
    python -m bench.record --minutes 10 120 --no-captions

Speech is generated, encoded once and laid end to end, so that two hours are there in seconds.
From the end to posted: closing the recording and its replay at -16 LUFS (the file that pages
play), then waveform and chapters; the rest is made in the background. Seek to sound: ffmpeg asks a
gate for a second of the middle of the replay and decodes it. Captions: each recogniser that is
installed, on a reading that is not ours (tests/speech). Writes build/bench/record.json.
"""

import argparse
import asyncio
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.figures import Figure, report
from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast import measure
from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.cmaf import FRAME_48K, Chunk, chunk
from samvad.broadcast.encoder import TICK_48K, encoders
from samvad.broadcast.hearing import ENGINES, RATE_16K, Utterances, recogniser
from samvad.broadcast.index import Entry
from samvad.broadcast.measure import Measurer
from samvad.broadcast.packager import Names
from samvad.broadcast.recording import Recording
from samvad.broadcast.transcript import distance
from samvad.protocol.media import PART_48K, PART_S, PARTS_PER_SEGMENT
from tests.kit.gates import EVENT, a_plan, running_gates
from tests.kit.sound import chatter, decode
from tests.kit.until import until_now

OUT = Path("build/bench/record.json")
SPEECH = Path("tests/speech")
SECRET = bytes(32)
WALL_MS = 1_790_000_000_000
LOOP_PARTS = 48
"""Half a minute of speech, repeated."""


def speech() -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    samples = chatter(LOOP_PARTS * PART_S, seed=5)[: LOOP_PARTS * PART_48K]
    padded = np.pad(samples, (0, LOOP_PARTS * PART_48K - len(samples)))
    return (np.clip(padded, -1, 1) * 32767).astype(np.int16)


def packets(pcm: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> dict[str, list[list[bytes]]]:
    """Rendition → the packets of each part."""
    found: dict[str, list[list[bytes]]] = {}
    for encoder in encoders():
        made: list[bytes] = []
        for at in range(0, len(pcm), TICK_48K):
            made += encoder.push(pcm[at : at + TICK_48K])
        made += encoder.push(np.zeros(4 * TICK_48K, np.int16))
        each = PART_48K // FRAME_48K[encoder.rendition]
        found[encoder.rendition] = [made[i * each : (i + 1) * each] for i in range(LOOP_PARTS)]
    return found


def record(folders: Folders, minutes: int, figures: list[Figure], event: str = EVENT) -> None:
    """A recording of so many minutes, not ended."""
    pcm = speech()
    each = packets(pcm)
    measurer = Measurer(0)
    lines = []
    begun = time.process_time()
    for i in range(LOOP_PARTS):
        for at in range(i * PART_48K, (i + 1) * PART_48K, TICK_48K):
            measurer.push(pcm[at : at + TICK_48K], ("a",))
        found = measurer.of(i * PART_48K)
        assert found is not None
        lines.append(found)
    measuring_ms = (time.process_time() - begun) * 1000 / LOOP_PARTS
    recording = Recording(event, folders.recording(event))
    recording.begin()
    names = Names(event, SECRET, {r: r for r in each})
    count = round(minutes * 60 / PART_S)
    writing = 0.0
    unsynced: list[Entry] = []
    for i in range(count):
        begins = i % PARTS_PER_SEGMENT == 0
        about = Chunk(i, i * PART_48K, WALL_MS + round(i * PART_S * 1000), begins)
        cut = tuple(
            names.part(r, about, 0, last=False, body=chunk(about, each[r][i % LOOP_PARTS]))
            for r in each
        )
        one = lines[i % LOOP_PARTS]
        line = measure.line(measure.Measure(i * PART_48K, one.energies, one.peaks, one.speaks))
        cpu = time.process_time()
        unsynced.append(recording.write(cut))
        recording.note(line)
        if len(unsynced) == 50 or i + 1 == count:  # a batch for each fdatasync, as when it is slow
            recording.keep(unsynced)
            unsynced = []
        writing += time.process_time() - cpu
    recording.release()
    if not figures:
        figures.append(Figure("measuring a part (0.64 s), CPU", measuring_ms, "ms"))
        figures.append(Figure("writing a part, CPU", writing * 1000 / count, "ms"))


async def end(folders: Folders) -> float:
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None, window_s=0)
    at = time.perf_counter()
    assert await show.finish()
    return time.perf_counter() - at


def posted(minutes: int, figures: list[Figure]) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-record-") as scratch:
        data = Path(scratch)
        folders = Folders(data)
        folders.make()
        record(folders, minutes, figures)
        took = asyncio.run(end(folders))
        figures.append(Figure(f"{minutes} min: end to replay.m4a", took, "s"))
        at = time.perf_counter()
        command = [sys.executable, "-m", "samvad.broadcast.afterwards", scratch, EVENT, "quick"]
        subprocess.run(command, check=True)
        quick = time.perf_counter() - at
        figures.append(Figure(f"{minutes} min: then waveform and chapters", quick, "s"))
        size = folders.replay(EVENT).stat().st_size
        figures.append(Figure(f"{minutes} min: replay.m4a", size / 1e6, "MB"))
        seek(data, minutes, figures)


def seek(data: Path, minutes: int, figures: list[Figure]) -> None:
    with running_gates(data) as gates:
        gates.plans.write(a_plan(seats=5, ended=True))
        address = f"{gates.url}/live/{EVENT}/replay.m4a"
        until_now(
            lambda: gates.get(f"/live/{EVENT}/replay.m4a", Range="bytes=0-9").status == 206, 20
        )
        took = []
        for share in (0.2, 0.5, 0.8):
            at = time.perf_counter()
            subprocess.run(
                ["ffmpeg", "-v", "error", "-ss", str(minutes * 60 * share), "-i", address,
                 "-t", "0.1", "-f", "null", "-"], check=True,
            )  # fmt: skip
            took.append(time.perf_counter() - at)
        figures.append(Figure(f"{minutes} min: seek to sound", sorted(took)[1] * 1000, "ms"))


def captions(name: str, figures: list[Figure]) -> None:
    try:
        engine = recogniser(name, "")
    except PlainError as error:
        print(f"{name} is left out: {error.says}")
        return
    samples = decode((SPEECH / "two_cities.flac").read_bytes())
    pcm = (np.clip(samples[::3], -1, 1) * 32767).astype(np.int16)
    said = re.findall(r"[a-z']+", (SPEECH / "two_cities.txt").read_text().lower())
    cutter = Utterances()
    heard: list[str] = []
    waits: list[float] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for _, sound in (*cutter.push(pcm), *cutter.end()):
        at = time.perf_counter()
        words = engine.words(sound)
        took = time.perf_counter() - at
        heard += [h for w in words for h in re.findall(r"[a-z']+", w.text.lower())]
        waits += [(len(sound) - w.from_16k) / RATE_16K + took for w in words]
    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    talk = len(pcm) / RATE_16K
    figures.append(Figure(f"{name}: CPU for an hour of talk", cpu * 3600 / talk / 60, "min"))
    figures.append(Figure(f"{name}: delay of a word, median", float(np.median(waits)), "s"))
    figures.append(Figure(f"{name}: delay of a word, longest", max(waits), "s"))
    rate = 100 * distance(said, heard) / len(said)
    figures.append(Figure(f"{name}: word error rate ({len(said)} words)", rate, "%"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.record", description="What a recording costs.")
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 120])
    parser.add_argument("--no-captions", action="store_true")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for minutes in asked.minutes:
        posted(minutes, figures)
    if not asked.no_captions:
        for name in ENGINES:
            captions(name, figures)
    report(figures, OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())

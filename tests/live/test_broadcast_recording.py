"""The recording outlives what may happen to it: kill -9, torn tails, a full disk, a slow one."""

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import threading
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast import recorder as recorder_module
from samvad.broadcast import recording as recording_module
from samvad.broadcast.broadcast import Broadcast, unfinished
from samvad.broadcast.cmaf import init_segment, read_chunks
from samvad.broadcast.packager import Cut, Start
from samvad.broadcast.recorder import QUEUE_CUTS, Recorder
from samvad.broadcast.recording import Recording
from samvad.protocol.media import PART_48K, RENDITIONS
from tests.kit.players import ffmpeg_hears, ffprobe
from tests.kit.programme import EVENT, WALL_MS, cuts, on_air
from tests.kit.sound import silence, tone
from tests.kit.until import until_now

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a busy machine a write may take long; some tests are about that, and say so."""
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 30.0)


@pytest.fixture(scope="module")
def made() -> list[Cut]:
    """Seven parts of both renditions."""
    return cuts(tone(440, 5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / EVENT


def record(folder: Path, some: list[Cut]) -> None:
    recording = Recording(EVENT, folder)
    recording.begin()
    recording.keep([recording.write(cut) for cut in some])
    recording.release()


def numbers(recording: Recording) -> list[tuple[int, int]]:
    return [(e.msn, e.part) for e in recording.contents.entries]


def holds(recording: Recording, some: list[Cut]) -> bool:
    """Whether it is exactly these parts."""
    return [
        [recording.read(entry, name) for name in RENDITIONS] for entry in recording.contents.entries
    ] == [[part.body for part in cut] for cut in some]


def test_what_was_recorded_is_read_back(folder, made):
    record(folder, made)
    recording = Recording(EVENT, folder)
    assert holds(recording, made)
    assert recording.inits == {name: init_segment(name) for name in RENDITIONS}
    recording.release()


@pytest.mark.parametrize("file", ["aac.mp4", "opus.mp4"])
@pytest.mark.parametrize("cut_off", [1, 8, 200, 1500])
def test_a_torn_tail_is_cut_off_and_every_whole_part_kept(folder, made, file, cut_off):
    record(folder, made)
    path = folder / file
    os.truncate(path, path.stat().st_size - cut_off)
    recording = Recording(EVENT, folder)
    assert holds(recording, made[:-1])
    # The other rendition's part went with it, so that the files end at the same sample.
    for name in RENDITIONS:
        size = len(init_segment(name)) + sum(
            len(p.body) for cut in made[:-1] for p in cut if p.rendition == name
        )
        assert (folder / f"{name}.mp4").stat().st_size == size
    session = recording.begin()
    assert (session.msn, session.decode_48k) == (2, 6 * PART_48K)
    recording.release()


@pytest.mark.parametrize("known", [0, 1, 2, 5])
def test_an_index_that_is_behind_is_completed_from_the_media(folder, made, known):
    """`known` lines are left; with none, not even the session is known."""
    record(folder, made)
    index = folder / "parts.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:known]) + lines[known][:30])
    recording = Recording(EVENT, folder)
    assert holds(recording, made)
    assert {e.discontinuity for e in recording.contents.entries} == {0}
    recording.begin()
    recording.release()
    assert index.read_bytes().splitlines()[: len(lines)] == b"".join(lines).splitlines()


def test_bytes_of_nothing_behind_the_end_are_cut_off(folder, made):
    record(folder, made)
    for name in RENDITIONS:
        with open(folder / f"{name}.mp4", "ab") as out:
            out.write(b"\0" * 5000)
    recording = Recording(EVENT, folder)
    assert holds(recording, made)
    recording.release()


def test_opening_twice_changes_nothing(folder, made):
    record(folder, made)
    files = {p.name: p.read_bytes() for p in folder.iterdir()}
    Recording(EVENT, folder).release()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == files


def test_a_start_that_was_torn_starts_again(folder, made):
    folder.mkdir()
    (folder / "aac.mp4").write_bytes(init_segment("aac")[:100])
    record(folder, made)
    recording = Recording(EVENT, folder)
    assert holds(recording, made)
    recording.release()


def test_a_file_that_is_no_recording_is_not_touched(folder):
    folder.mkdir()
    (folder / "aac.mp4").write_bytes(b"somebody's letters " * 100)
    with pytest.raises(PlainError, match="damaged at its beginning"):
        Recording(EVENT, folder)
    assert (folder / "aac.mp4").read_bytes() == b"somebody's letters " * 100
    with pytest.raises(PlainError, match="damaged"):  # and the lock is free again
        Recording(EVENT, folder)


def test_a_place_that_cannot_be_written_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlainError, match="cannot be opened"):
        Recording(EVENT, tmp_path / "file" / EVENT)


class Disk:
    """os.pwrite of a disk with a given room, as Linux does it: a piece first, then ENOSPC."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._pwrite = os.pwrite
        monkeypatch.setattr(recording_module.os, "pwrite", self.pwrite)

    def pwrite(self, file: int, data: memoryview, offset: int) -> int:
        grows = max(0, offset + len(data) - os.fstat(file).st_size)
        if grows > self.room:
            if self.room <= 0:
                raise OSError(28, "No space left on device")
            data = data[: len(data) - grows + self.room]
            grows = self.room
        self.room -= grows
        return self._pwrite(file, data, offset)


@pytest.mark.parametrize("room", [0, 1, 3_000, 5_500, 7_600])
def test_a_full_disk_takes_nothing_by_halves(folder, made, monkeypatch, room):
    """The rooms end in the first rendition, in the second, in the index line."""
    said: list[str] = []
    recording = Recording(EVENT, folder)
    recording.begin()
    recorder = Recorder(EVENT, recording, said.append)
    for cut in made[:2]:
        assert recorder.append(cut)
    until_now(lambda: len(recording.contents.entries) == 2, 10)
    disk = Disk(monkeypatch, room)
    for cut in made[2:5]:
        recorder.append(cut)
    until_now(lambda: said and not recorder._queue, 10)
    for name in RENDITIONS:  # nothing torn takes up room, and the files can be played as they are
        media = (folder / f"{name}.mp4").read_bytes()
        assert 2 <= len(list(read_chunks(media, len(init_segment(name))))) <= 3
    assert "stopped: No space left on device. The live stream goes on." in said[0]
    disk.room = 1_000_000
    for cut in made[5:]:
        recorder.append(cut)
    recorder.close()
    recording.release()
    assert len(said) == 2
    assert "goes on" in said[1]

    kept = len(numbers(again := Recording(EVENT, folder)))
    fitted = kept - 4
    assert fitted in (0, 1)
    assert f"{(3 - fitted) * 0.64:.1f} s of it are missing" in said[1]
    assert holds(again, made[: 2 + fitted] + made[5:])
    (gap,) = again.contents.gaps()
    assert gap.until_ms - gap.from_ms == (3 - fitted) * 640
    again.release()


def test_after_a_full_disk_the_numbers_go_on_where_the_live_stream_was(folder, made, monkeypatch):
    """What gates have had is never numbered anew, although nothing of it was recorded."""
    recording = Recording(EVENT, folder)
    recording.begin()
    recorder = Recorder(EVENT, recording, lambda _: None)
    recorder.append(made[0])
    until_now(lambda: recording.contents.entries, 10)
    disk = Disk(monkeypatch, 0)
    for cut in made[1:]:  # up to (2, 0)
        recorder.append(cut)
    recorder.close()
    recording.release()
    again = Recording(EVENT, folder)  # on the full disk still
    session = again.begin()
    assert (session.discontinuity, session.msn, session.decode_48k) == (1, 3, 7 * PART_48K)
    # Killed once more before anything could be written: the numbers still go on.
    again.release()
    third = Recording(EVENT, folder)
    session = third.begin()
    assert (session.discontinuity, session.msn, session.decode_48k) == (2, 4, 7 * PART_48K)
    disk.room = 1_000_000
    (more, *_) = cuts(tone(440, 1), Start(4, 7 * PART_48K, 2))
    third.keep([third.write(more)])
    third.release()
    last = Recording(EVENT, folder)
    assert numbers(last) == [(0, 0), (4, 0)]
    assert holds(last, [made[0], more])
    assert [e.discontinuity for e in last.contents.entries] == [0, 2]
    last.release()


def test_a_disk_that_hangs_holds_up_the_live_stream_once_and_is_caught_up_with(
    folder, made, monkeypatch
):
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.05)
    let = threading.Event()
    real = os.pwrite

    def hang(file: int, data: bytes, offset: int) -> int:
        let.wait(60)
        return real(file, data, offset)

    recording = Recording(EVENT, folder)
    recording.begin()
    monkeypatch.setattr(recording_module.os, "pwrite", hang)
    said: list[str] = []
    recorder = Recorder(EVENT, recording, said.append)
    assert [recorder.append(cut) for cut in made] == [False] * 7
    assert not said, "late is not lost"
    let.set()
    recorder.close()
    assert holds(recording, made)
    recording.release()


def test_a_disk_that_hangs_for_more_than_a_minute_costs_the_newest_parts(folder, made, monkeypatch):
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.0)
    let = threading.Event()
    recording = Recording(EVENT, folder)
    recording.begin()
    write = recording.write
    monkeypatch.setattr(recording, "write", lambda cut: (let.wait(60), write(cut))[1])
    said: list[str] = []
    recorder = Recorder(EVENT, recording, said.append)
    many = cuts(silence((QUEUE_CUTS + 6) * 0.64 + 0.1))
    for cut in many[: QUEUE_CUTS + 5]:
        recorder.append(cut)
    assert len(said) == 1
    assert "too slow" in said[0]
    let.set()
    until_now(lambda: len(recording.contents.entries) == QUEUE_CUTS, 10)
    assert len(said) == 1, "nothing after the lost parts is recorded yet"
    recorder.append(many[QUEUE_CUTS + 5])
    recorder.close()
    assert len(recording.contents.entries) == QUEUE_CUTS + 1
    assert said[1:] == ["The recording of abcdef1234 goes on; 3.2 s of it are missing."]
    recording.release()


def test_a_slow_fdatasync_delays_no_write(folder, made, monkeypatch):
    """What was published is in the files, even while the disk is busy with something else."""
    let = threading.Event()
    real = os.fdatasync
    recording = Recording(EVENT, folder)
    recording.begin()
    monkeypatch.setattr(
        recording_module.os, "fdatasync", lambda file: (let.wait(60), real(file))[1]
    )
    recorder = Recorder(EVENT, recording, lambda _: None)
    assert all(recorder.append(cut) for cut in made)
    copy = folder.with_name("copied12")
    shutil.copytree(folder, copy)  # as a killed process would leave it
    let.set()
    recorder.close()
    recording.release()
    left = Recording(EVENT, copy)
    assert holds(left, made)
    left.release()


async def test_a_full_disk_at_the_end_is_said_and_the_end_made_up_for(tmp_path, monkeypatch):
    folders = Folders(tmp_path)
    folders.make()
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    await on_air(show, tone(440, 2))
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "replay.m4a":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(PlainError, match=r"replay of abcdef1234 cannot be written: No space"):
        await show.finish(WALL_MS + 1_900)
    assert unfinished(folders) == [EVENT]
    assert not list(folders.recording(EVENT).glob(".*")), "no draft takes up the room"
    monkeypatch.undo()
    again = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    assert again.ending
    replay = await again.finish()
    assert replay is not None
    assert replay.duration_ms == 4 * 640
    assert unfinished(folders) == []


# --- real processes ----------------------------------------------------------------------

CHILD = """
import asyncio, resource, sys
from pathlib import Path
from samvad.base.folders import Folders
from samvad.broadcast import recorder
from samvad.broadcast.broadcast import Broadcast
from samvad.protocol.media import Part
from tests.kit.programme import EVENT, WALL_MS, ticks
from tests.kit.sound import silence, tone

recorder.PATIENCE_S = 30.0
data, hz, wall_ms, limit = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

def took(message):
    if isinstance(message, Part):
        print(message.rendition, message.msn, message.part, message.discontinuity, flush=True)

async def main():
    show = await Broadcast.open(
        EVENT, Folders(data), bytes(range(32)), took, window_s=0,
        complain=lambda said: print("said", said, flush=True),
    )
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for i, tick in enumerate(ticks(tone(hz, 120))):
        show.push(tick, wall_ms + 20 * i)
        await asyncio.sleep(0.002)  # ten times as fast as life
        if limit and i == 1000:
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
        if limit and i == 1500:
            break
    await show.finish()

asyncio.run(main())
"""


async def stage(data: Path, hz: float, wall_ms: int, limit: int = 0) -> asyncio.subprocess.Process:
    root = Path(__file__).parents[2]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, str(data), str(hz), str(wall_ms), str(limit)),
        stdout=asyncio.subprocess.PIPE,
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'src'}"},
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_kill_9_loses_nothing_that_was_published(seed, tmp_path):
    draw = random.Random(seed)
    folders = Folders(tmp_path)
    folders.make()
    published: list[tuple[str, int, int, int]] = []
    tones = (440, 880, 1320)
    for run, hz in enumerate(tones):
        process = await stage(tmp_path, hz, WALL_MS + run * 100_000)
        assert process.stdout is not None
        await process.stdout.readline()  # on air
        await asyncio.sleep(draw.uniform(0.1, 1.0))
        process.send_signal(signal.SIGKILL)
        rest = (await process.communicate())[0].decode().splitlines()
        assert not [line for line in rest if line.startswith("said")]
        # A line may be torn by the kill; the first one was read above.
        whole = [line.split() for line in rest if len(line.split()) == 4]
        published += [(name, int(a), int(b), int(c)) for name, a, b, c in whole]
        assert unfinished(folders) == [EVENT]

    folder = folders.recording(EVENT)
    recording = Recording(EVENT, folder)
    kept = {(e.msn, e.part, e.discontinuity) for e in recording.contents.entries}
    assert {p[1:] for p in published} <= kept
    assert {e.discontinuity for e in recording.contents.entries} == {0, 1, 2}
    assert len({(m, p) for m, p, _ in kept}) == len(kept), "no number was given twice"
    entries = recording.contents.entries
    assert [e.decode_48k for e in entries] == [i * PART_48K for i in range(len(entries))]
    recording.release()
    for name in RENDITIONS:
        path = str(folder / f"{name}.mp4")
        told = await ffprobe(path)
        assert float(told["format"]["duration"]) == pytest.approx(len(entries) * 0.64, abs=1e-3)
        assert len(await ffmpeg_hears(path)) == len(entries) * PART_48K

    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    assert show.resumed
    replay = await show.finish()
    assert replay is not None
    assert replay.duration_ms == len(entries) * 640
    assert len(show.gaps) == 2
    assert len(await ffmpeg_hears(str(folders.replay(EVENT)))) == len(entries) * PART_48K


@pytest.mark.slow
async def test_a_limit_of_the_kernel_is_survived_as_a_full_disk_is(tmp_path):
    """RLIMIT_FSIZE: a real refusal by a real kernel, in the middle of a write."""
    folders = Folders(tmp_path)
    folders.make()
    process = await stage(tmp_path, 440, WALL_MS, limit=60_000)
    out = (await process.communicate())[0].decode().splitlines()
    assert process.returncode == 0
    said = [line for line in out if line.startswith("said")]
    assert len(said) == 2, said
    assert "has stopped: File too large. The live stream goes on" in said[0]
    assert "goes on; " in said[1]
    live = [line for line in out if line.startswith("aac")]
    assert len(live) == 47, "30.02 s, and silence to the end of the last part"
    mark = json.loads((folders.recording(EVENT) / "ended.json").read_text())
    (gap,) = mark["gaps"]
    missing = gap["until_ms"] - gap["from_ms"]
    assert missing > 640
    assert missing % 640 == 0
    assert f"{missing / 1000:.1f} s of it are missing" in said[1]
    assert mark["replay"]["duration_ms"] == 47 * 640 - missing
    heard = await ffmpeg_hears(str(folders.replay(EVENT)))
    assert len(heard) == mark["replay"]["duration_ms"] * 48
    for name in RENDITIONS:  # the raw recording has the hole, and is whole otherwise
        await ffprobe(str(folders.recording(EVENT) / f"{name}.mp4"))

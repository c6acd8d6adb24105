"""Loudness, tracks and a full disk, against ffmpeg and a real file system's refusals."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samvad.base.folders import Folders
from samvad.broadcast import measure
from samvad.broadcast import recording as recording_module
from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.gain import STEP_DB
from samvad.broadcast.tracks import parts_of
from samvad.protocol.media import PART_48K, RATE
from tests.kit.compare import tone_db
from tests.kit.players import ffmpeg_hears
from tests.kit.programme import EVENT, WALL_MS, as_pcm, lag_48k, on_air, ticks
from tests.kit.sound import silence, tone, write_wav
from tests.kit.until import until

SECRET = bytes(range(32))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    found.make()
    return found


def syllables(seconds: float, level: float):
    """Noise that comes and goes like speech: gated blocks differ."""
    rng = np.random.default_rng(7)
    n = round(seconds * RATE)
    envelope = 0.15 + 0.85 * (np.sin(np.arange(n) * 2 * np.pi * 0.9 / RATE) > 0)
    noise = np.fft.rfft(rng.normal(0, level, n))
    noise[round(4_000 * n / RATE) :] = 0  # a voice; what lies above, the codec leaves out
    return (np.fft.irfft(noise, n) * envelope * 2.4).astype(np.float32)


def ffmpeg_says(path: Path) -> str:
    """What ffmpeg's ebur128 filter says of the whole."""
    done = subprocess.run(
        ["ffmpeg", "-nostats", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr


def ebur128(path: Path) -> float:
    """Integrated loudness in LUFS."""
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", ffmpeg_says(path))[-1])


def ebur128_peak(path: Path) -> float:
    """True peak in dBTP."""
    return float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", ffmpeg_says(path))[-1])


def between_samples(hz: float, level: float):
    """A tone whose tops lie between samples; it comes and goes slowly, so that no filter rings."""
    n = np.arange(RATE)
    slow = np.clip(np.minimum(n, RATE - n) / 9_600, 0, 1)
    return (level * slow * np.sin(2 * np.pi * hz * n / RATE + np.pi / 4)).astype(np.float32)


@pytest.mark.parametrize(
    "made", [between_samples(12_000, 0.9), between_samples(6_000, 0.5), syllables(1, 0.2)]
)
def test_true_peaks_are_those_of_ffmpeg(made, tmp_path):
    pcm = as_pcm(made)[: RATE // PART_48K * PART_48K]
    write_wav(tmp_path / "x.wav", pcm.astype(np.float32) / 32768)
    measurer = measure.Measurer(0)
    for at in range(0, len(pcm), 960):
        measurer.push(pcm[at : at + 960])
    parts = [measurer.of(at) for at in range(0, len(pcm), PART_48K)]
    ours = 20 * np.log10(measure.peak(parts) / 32768)
    assert ours == pytest.approx(ebur128_peak(tmp_path / "x.wav"), abs=0.3)


@pytest.mark.parametrize("level", [0.01, 0.03, 0.15])
async def test_the_replay_is_as_loud_as_is_promised(folders, level):
    """Without coding anew: the packets' gain is changed, in steps of 1.5 dB."""
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    await on_air(show, syllables(12, level))
    assert await show.finish()
    folder = folders.recording(EVENT)
    said = json.loads((folder / "ended.json").read_text())["loudness"]
    assert said["recorded_lufs"] == pytest.approx(ebur128(folder / "aac.mp4"), abs=0.5)
    assert ebur128(folder / "replay.m4a") == pytest.approx(-16, abs=STEP_DB / 2 + 0.5)
    assert said["met"]


async def test_peaks_bound_the_gain(folders):
    """A quiet programme with one loud bang is not clipped: it stays too soft, and says so."""
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    quiet = syllables(8, 0.005)
    quiet[RATE : RATE + 2000] += tone(700, 2000 / RATE, 0.8)
    await on_air(show, quiet)
    assert await show.finish()
    folder = folders.recording(EVENT)
    said = json.loads((folder / "ended.json").read_text())["loudness"]
    assert not said["met"]
    heard = await ffmpeg_hears(str(folder / "replay.m4a"))
    assert np.abs(heard).max() < 0.999


async def test_each_speaker_has_a_track_in_sync_with_the_programme(folders, tmp_path):
    """B comes in mid-part, goes, and comes back after the stage was stopped."""
    a, b = syllables(4.0, 0.1), np.concatenate([silence(1.5), tone(900, 1.0), silence(1.5)])
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None, multitrack=True)
    for i, (x, y) in enumerate(zip(ticks(a), ticks(b), strict=True)):
        voices = [("aaa", x)] + ([("bbb", y)] if 75 <= i < 125 else [])
        show.push((x.astype(np.int32) + y).clip(-32768, 32767).astype(np.int16), WALL_MS + 20 * i,
                  tuple(voices), ("aaa",))  # fmt: skip
        if i % 50 == 49:
            await until(lambda: show.waiting_ticks < 100, 60, "the encoders")
    assert await show.finish()
    folder = folders.recording(EVENT)
    tracks = {who: parts_of(folder / "tracks" / f"{who}.mp4") for who in ("aaa", "bbb")}
    assert list(tracks["aaa"]) == [PART_48K * i for i in range(7)]
    assert list(tracks["bbb"]) == [PART_48K * i for i in range(2, 7)]
    programme = await ffmpeg_hears(str(folder / "opus.mp4"))
    heard_a = await ffmpeg_hears(str(folder / "tracks" / "aaa.mp4"))
    assert abs(lag_48k(heard_a, programme)) < 960
    heard_b = await ffmpeg_hears(str(folder / "tracks" / "bbb.mp4"))
    began = 2 * PART_48K
    inside = heard_b[round(1.6 * RATE) - began : round(2.4 * RATE) - began]
    assert tone_db(inside, 900) > -12
    edge = np.flatnonzero(np.abs(heard_b) > 0.05)[0] + began
    assert abs(edge - 1.5 * RATE) < 960


async def test_on_a_full_disk_the_recording_goes_on_in_its_reserve(folders, monkeypatch):
    """The host is told at once; tracks are given up; nothing of the programme is missing."""
    told: list[str] = []
    show = await Broadcast.open(
        EVENT, folders, SECRET, lambda _: None,
        complain=told.append, reserve_bytes=6_000_000, multitrack=True,
    )  # fmt: skip
    reserve = folders.recording(EVENT) / "reserve"
    assert reserve.stat().st_blocks * 512 >= 6_000_000
    whole, free = recording_module._write_at, [200_000]

    def on_small_disk(file: int, data: bytes, offset: int) -> None:
        """A disk of so many bytes: what the reserve gives back is free again."""
        if os.readlink(f"/proc/self/fd/{file}").endswith((".mp4", ".jsonl")):
            room = free[0] + 6_000_000 - reserve.stat().st_size
            if len(data) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            free[0] -= len(data)
        whole(file, data, offset)

    monkeypatch.setattr(recording_module, "_write_at", on_small_disk)
    pcm = as_pcm(syllables(1, 0.1))
    for i in range(60 * 50):
        tick = pcm[(i % 50) * 960 : (i % 50 + 1) * 960]
        show.push(tick, WALL_MS + 20 * i, (("aaa", tick),))
        if i % 50 == 49:
            await until(lambda: show.waiting_ticks < 100, 60, "the encoders")
    await until(lambda: told, 30, "the complaint")
    assert "set aside" in told[0]
    replay = await show.finish()
    assert replay is not None
    assert replay.duration_ms == 94 * 640  # 60 s, to the end of a part
    assert show.gaps == []
    assert show._tracks is not None
    assert show._tracks.given_up
    assert not reserve.exists()


def duration(path: Path) -> float:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return float(done.stdout)


def afterwards(folders: Folders, **edits) -> Path:
    folder = folders.recording(EVENT)
    (folder / "edits.json").write_text(json.dumps(edits))
    subprocess.run(
        [sys.executable, "-m", "samvad.broadcast.afterwards", str(folders.data), EVENT], check=True
    )
    return folder / "public"


@pytest.mark.slow
async def test_afterwards_all_forms_are_there_and_as_long_and_as_loud(folders):
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None, multitrack=True)
    sound = syllables(12.8, 0.03)
    for i, x in enumerate(ticks(sound)):
        show.push(x, WALL_MS + 20 * i, (("aaa", x),), ("aaa",))
        if i % 50 == 49:
            await until(lambda: show.waiting_ticks < 100, 60, "the encoders")
    assert await show.finish()
    public = afterwards(
        folders, revision=3, title="A talk", artist="Asha", speakers={"aaa": "Asha"},
        marks=[[WALL_MS + 5000, "Half"]],
    )  # fmt: skip
    about = json.loads((public / "about.json").read_text())
    assert about["duration_ms"] == 12_800
    assert about["chapters"] == [
        {"at_ms": 0, "title": "Asha"}, {"at_ms": 5000, "title": "Half"},
    ]  # fmt: skip
    assert max(about["peaks"]) > 10
    assert about["turns"][0][2] == "aaa"
    assert {f["name"] for f in about["files"]} == {"replay.mp3", "replay.opus"}
    for name in ("replay.mp3", "replay.opus"):
        assert duration(public / name) == pytest.approx(12.8, abs=0.1), name
        assert ebur128(public / name) == pytest.approx(-16, abs=STEP_DB / 2 + 0.5), name
    track = folders.recording(EVENT) / "tracks" / "aaa.flac"
    assert duration(track) == pytest.approx(12.8, abs=0.001)
    assert abs(lag_48k(await ffmpeg_hears(str(track)), sound)) < 960
    # A cut in the middle: two parts of 0.64 s are touched; it can be taken back.
    public = afterwards(folders, revision=4, cuts=[[1000, 1500]])
    assert duration(public / "replay-4.m4a") == pytest.approx(12.8 - 1.28, abs=0.05)
    assert duration(public / "replay.mp3") == pytest.approx(12.8 - 1.28, abs=0.1)
    rules = json.loads((public / ".gate.json").read_text())
    assert rules["kept"] == [[0, 1], [3, 20]]
    assert rules["audio"] == "replay-4.m4a"
    public = afterwards(folders, revision=5)
    assert json.loads((public / ".gate.json").read_text())["kept"] is None
    assert not (public / "replay-4.m4a").exists()


@pytest.mark.slow
async def test_what_peaks_keep_too_soft_is_limited_in_the_background(folders):
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    quiet = syllables(12, 0.02)
    quiet[RATE : RATE + 200] += tone(700, 200 / RATE, 0.9)
    await on_air(show, quiet)
    assert await show.finish()
    public = afterwards(folders, revision=1)
    limited = public / "limited-1.m4a"
    assert ebur128(limited) == pytest.approx(-16, abs=1)
    # The limiter leaves half a decibel for what AAC adds.
    assert ebur128_peak(limited) < -0.5
    assert json.loads((public / ".gate.json").read_text())["audio"] == "limited-1.m4a"

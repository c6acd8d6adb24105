"""One event on air: from ticks to gates, resumed, ended, its replay."""

import asyncio
import json
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast import broadcast as broadcast_module
from samvad.broadcast import recorder as recorder_module
from samvad.broadcast.broadcast import QUEUE_TICKS, Broadcast, unfinished
from samvad.broadcast.encoder import AacEncoder
from samvad.protocol.media import PART_48K, RATE, Init, Part
from samvad.protocol.room import Replay
from tests.kit.compare import tone_db
from tests.kit.players import ffmpeg_hears, ffprobe
from tests.kit.programme import EVENT, WALL_MS, on_air, ticks
from tests.kit.sound import Samples, silence, tone
from tests.kit.until import until

SECRET = bytes(range(32))
PART = PART_48K / RATE


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a busy machine a write may take long; that is another test's matter."""
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 30.0)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    found.make()
    return found


class Gate:
    """What a gate would have of an event: its inits and parts, in the order they came."""

    def __init__(self) -> None:
        self.inits: dict[str, Init] = {}
        self.all: list[Part] = []

    def take(self, message: Init | Part) -> None:
        if isinstance(message, Init):
            self.inits[message.rendition] = message
        else:
            self.all.append(message)

    def parts(self, rendition: str) -> list[Part]:
        return [p for p in self.all if p.rendition == rendition]

    def file(self, path: Path, rendition: str) -> str:
        parts = self.parts(rendition)
        assert {p.init for p in parts} == {self.inits[rendition].name}
        path.write_bytes(self.inits[rendition].body + b"".join(p.body for p in parts))
        return str(path)


async def open_(folders: Folders, gate: Gate | None = None, **more) -> Broadcast:
    return await Broadcast.open(EVENT, folders, SECRET, (gate or Gate()).take, **more)


async def test_what_is_pushed_is_published_recorded_and_replayed(folders):
    gate = Gate()
    show = await open_(folders, gate)
    assert not show.resumed
    await on_air(show, tone(440, 3.2))
    replay = await show.finish(WALL_MS + 3_200)
    for name in ("aac", "opus"):
        parts = gate.parts(name)
        assert [(p.msn, p.part, p.last) for p in parts] == [
            (0, 0, False), (0, 1, False), (0, 2, True), (1, 0, False), (1, 1, True),
        ]  # fmt: skip
        assert [p.wall_ms for p in parts] == [WALL_MS + 640 * i for i in range(5)]
        recorded = (folders.recording(EVENT) / f"{name}.mp4").read_bytes()
        assert recorded == gate.inits[name].body + b"".join(p.body for p in parts)
    assert show.live_since_ms == WALL_MS
    path = folders.replay(EVENT)
    assert replay == Replay(bytes=path.stat().st_size, duration_ms=3_200)
    mark = json.loads((path.parent / "ended.json").read_text())
    assert mark == {
        "replay": {"bytes": replay.bytes, "duration_ms": 3_200},
        "live_since_ms": WALL_MS,
        "ended_ms": WALL_MS + 3_200,
        "gaps": [],
        "loudness": mark["loudness"],
    }


async def test_the_end_loses_no_sample(folders, tmp_path):
    """Sound up to the last tick, which does not complete a part: the rest is silence."""
    gate = Gate()
    show = await open_(folders, gate)
    await on_air(show, np.concatenate([silence(1.4), tone(1000, 0.1, 0.5)]))
    replay = await show.finish()
    assert replay is not None
    assert replay.duration_ms == 3 * 640
    for name in ("aac", "opus"):
        heard = await ffmpeg_hears(gate.file(tmp_path / f"{name}.mp4", name))
        assert len(heard) == 3 * PART_48K
        assert tone_db(heard[round(1.42 * RATE) : round(1.48 * RATE)], 1000) > -10
        assert np.abs(heard[round(1.53 * RATE) :]).max() < 0.01


async def test_an_event_without_sound_ends_without_a_replay(folders):
    show = await open_(folders)
    assert await show.finish(WALL_MS) is None
    assert unfinished(folders) == []
    assert not folders.replay(EVENT).exists()


async def test_an_ended_recording_is_not_opened_again(folders):
    show = await open_(folders)
    await on_air(show, tone(440, 1))
    await show.finish()
    with pytest.raises(PlainError, match="has ended"):
        await open_(folders)


async def test_two_stages_do_not_record_the_same_event(folders):
    show = await open_(folders)
    with pytest.raises(PlainError, match="Another stage"):
        await open_(folders)
    await show.close()
    await (await open_(folders)).close()


async def test_a_stage_that_comes_back_goes_on_under_the_same_numbers(folders, tmp_path):
    before = Gate()
    show = await open_(folders, before)
    await on_air(show, tone(440, 4 * PART))
    await show.close()
    assert unfinished(folders) == [EVENT]

    after = Gate()
    again = await open_(folders, after)
    assert (again.resumed, again.ending, again.live_since_ms) == (True, False, WALL_MS)
    # At once, before anybody speaks: all of the window, named as before.
    window = after.parts("aac")
    assert [p.name for p in window] == [p.name for p in before.parts("aac")]
    assert [p.body for p in after.all] == [p.body for p in before.all]
    assert window[-1].last, "the run ended in mid-segment"
    assert after.inits == before.inits

    await on_air(again, tone(880, 2 * PART), WALL_MS + 10_000)
    replay = await again.finish()
    new = after.parts("opus")[len(window) :]
    assert [(p.msn, p.part, p.discontinuity) for p in new] == [(2, 0, 1), (2, 1, 1)]
    assert [p.decode_48k for p in new] == [4 * PART_48K, 5 * PART_48K]
    assert new[0].wall_ms == WALL_MS + 10_000
    assert replay is not None
    assert replay.duration_ms == 6 * 640
    gap = {"from_ms": WALL_MS + 2_560, "until_ms": WALL_MS + 10_000, "at_ms": 2_560}
    assert json.loads((folders.recording(EVENT) / "ended.json").read_text())["gaps"] == [gap]
    # A player that was there all the time, and one that comes now, play over the seam.
    heard = await ffmpeg_hears(after.file(tmp_path / "all.mp4", "aac"))
    assert tone_db(heard[RATE : 2 * RATE], 440) > -12
    assert tone_db(heard[3 * RATE : round(3.5 * RATE)], 880) > -12


async def test_only_the_window_is_published_again(folders):
    show = await open_(folders)
    await on_air(show, tone(440, 10 * PART))
    await show.close()
    gate = Gate()
    again = await open_(folders, gate, window_s=3 * PART)
    assert [p.decode_48k // PART_48K for p in gate.parts("aac")] == [7, 8, 9]
    await again.close()


async def test_a_stage_killed_while_it_ended_finishes_and_does_not_go_on_air(folders):
    show = await open_(folders)
    await on_air(show, tone(440, 2 * PART))
    await asyncio.to_thread(show._stop)
    show._recording.ending(WALL_MS + 5_000)
    show._recording.release()

    assert unfinished(folders) == [EVENT]
    again = await open_(folders)
    assert again.ending
    again.push(np.zeros(960, np.int16), WALL_MS + 9_000)
    replay = await again.finish(WALL_MS + 9_000)
    assert replay is not None
    assert replay.duration_ms == 2 * 640
    mark = json.loads((folders.recording(EVENT) / "ended.json").read_text())
    assert mark["ended_ms"] == WALL_MS + 5_000, "the end was then, not now"
    assert mark["gaps"] == []


def test_nothing_is_unfinished_where_nothing_was_begun(tmp_path):
    assert unfinished(Folders(tmp_path / "nowhere")) == []
    folders = Folders(tmp_path)
    (folders.recordings / "Not an event").mkdir(parents=True)
    (folders.recordings / "abcdef").mkdir()
    assert unfinished(folders) == []


class SlowAac(AacEncoder):
    """Does not begin before it is let."""

    let = threading.Event()

    def push(self, pcm):
        self.let.wait(60)
        return super().push(pcm)


async def test_ticks_the_encoders_are_too_late_for_become_silence_in_their_place(
    folders, monkeypatch, tmp_path
):
    SlowAac.let.clear()
    real = broadcast_module.encoders
    monkeypatch.setattr(broadcast_module, "encoders", lambda: (SlowAac(), real()[1]))
    gate = Gate()
    show = await open_(folders, gate)
    sound = list(ticks(np.concatenate([tone(440, 1), tone(880, 1), tone(1320, 5)])))
    for i, tick in enumerate(sound):
        show.push(tick, WALL_MS + 20 * i)
    # One tick may be in the encoder's hands already.
    assert len(sound) - QUEUE_TICKS - 1 <= show.lost_ticks <= len(sound) - QUEUE_TICKS
    assert show.waiting_ticks == QUEUE_TICKS
    SlowAac.let.set()
    await show.finish()
    heard = await ffmpeg_hears(gate.file(tmp_path / "aac.mp4", "aac"))
    assert len(heard) == 11 * PART_48K
    assert np.abs(heard[RATE // 10 : round(1.9 * RATE)]).max() < 0.02
    assert tone_db(heard[round(2.1 * RATE) : 6 * RATE], 1320) > -12
    assert gate.parts("aac")[10].wall_ms == WALL_MS + 6_400


async def test_a_failing_encoder_is_said_and_the_event_can_be_opened_anew(folders, monkeypatch):
    class Broken(AacEncoder):
        def push(self, pcm):
            raise ValueError("the encoder broke")

    real = broadcast_module.encoders
    said: list[str] = []
    show = await open_(folders, complain=said.append)
    await on_air(show, tone(440, PART))
    await show.close()
    monkeypatch.setattr(broadcast_module, "encoders", lambda: (Broken(), real()[1]))
    show = await open_(folders, complain=said.append)
    show.push(np.zeros(960, np.int16), WALL_MS)
    await until(lambda: said, 10, "the complaint")
    assert "off the air" in said[0]
    with pytest.raises(RuntimeError, match="off the air"):
        show.push(np.zeros(960, np.int16), WALL_MS)
    await show.close()
    monkeypatch.undo()
    again = await open_(folders)
    await on_air(again, tone(440, PART))
    assert (await again.finish()).duration_ms == 1_280


@pytest.mark.parametrize("bad", [np.zeros(959, np.int16), np.zeros(960), np.zeros((1, 960), "i2")])
async def test_a_tick_of_another_form_is_refused(folders, bad):
    show = await open_(folders)
    with pytest.raises(ValueError, match="int16"):
        show.push(bad, WALL_MS)
    await show.close()


def boxes_of(path: Path) -> list[str]:
    """The order of top-level boxes, as ffprobe's tracing names them."""
    said = subprocess.run(
        ["ffprobe", "-v", "trace", str(path)], capture_output=True, text=True, check=True
    ).stderr
    found = [line.split("type:'")[1][:4] for line in said.splitlines() if "parent:'root'" in line]
    return list(dict.fromkeys(found))


def melody_of(replay: Samples) -> list[int]:
    """Which of the three tones sounds in each part."""
    pieces = [replay[i : i + PART_48K] for i in range(0, len(replay), PART_48K)]
    return [max((440, 880, 1320), key=lambda hz: tone_db(p[4800:-4800], hz)) for p in pieces]


@pytest.mark.slow
async def test_the_replay_is_a_plain_fast_start_file_across_a_gap(folders):
    for i, hz in enumerate((440, 880, 1320)):
        show = await open_(folders)
        await on_air(show, tone(hz, 4 * PART), WALL_MS + i * 60_000)
        if i < 2:
            await show.close()
    replay = await show.finish()
    path = folders.replay(EVENT)
    told = await ffprobe(str(path), "-count_packets")
    (stream,) = told["streams"]
    assert stream["codec_name"] == "aac"
    assert stream["profile"] == "LC"
    assert stream["nb_frames"] == stream["nb_read_packets"] == str(12 * 30)
    assert stream["duration_ts"] == 12 * PART_48K
    assert float(told["format"]["duration"]) == pytest.approx(12 * PART, abs=1e-6)
    assert replay == Replay(path.stat().st_size, 12 * 640)
    assert told["format"]["tags"]["creation_time"].startswith("2026-09-21T14:13:20")
    order = boxes_of(path)
    assert order == ["ftyp", "moov", "mdat"], "fast start: the index before the sound"
    heard = await ffmpeg_hears(str(path))
    assert len(heard) == 12 * PART_48K
    assert melody_of(heard) == [440] * 4 + [880] * 4 + [1320] * 4
    assert [(g.from_ms - WALL_MS, g.until_ms - WALL_MS, g.at_ms) for g in show.gaps] == [
        (2_560, 60_000, 2_560),
        (62_560, 120_000, 5_120),
    ]
    assert not list(path.parent.glob(".replay*")), "no draft is left"


@pytest.mark.slow
async def test_the_replay_can_be_entered_anywhere(folders):
    show = await open_(folders)
    for i, hz in enumerate((440, 880, 1320)):
        await on_air(show, tone(hz, 4 * PART), WALL_MS + i * 2_560)
    await show.finish()
    heard = await ffmpeg_hears(str(folders.replay(EVENT)), 1.0, "-ss", "5.5")
    assert tone_db(heard, 1320) > -20  # it is made as loud as all replays are

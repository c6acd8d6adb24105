"""Going back while it is live, the replay as HLS, and what is held: a real gate, read by ffmpeg."""

import json
import subprocess
import sys

import m3u8
import pytest

from samvad.broadcast.broadcast import Broadcast
from samvad.protocol.media import PART_48K, RATE
from samvad.protocol.room import Phase, RoomState
from tests.kit.compare import tone_db
from tests.kit.gates import EVENT, StageDouble, a_plan, running_gates
from tests.kit.players import ffmpeg_hears
from tests.kit.programme import WALL_MS, on_air
from tests.kit.sound import tone
from tests.kit.until import until_now

pytestmark = pytest.mark.slow
PART = PART_48K / RATE


@pytest.fixture
def gates(tmp_path):
    with running_gates(tmp_path) as made:
        yield made


async def record(gates, *, finish: bool) -> None:
    """20 parts of 440 Hz, a stop, 10 parts of 880 Hz."""
    for hz, parts, wall_ms in ((440, 20, WALL_MS), (880, 10, WALL_MS + 60_000)):
        show = await Broadcast.open(EVENT, gates.folders, gates.secret, lambda _: None)
        await on_air(show, tone(hz, parts * PART), wall_ms)
        if finish and hz == 880:
            assert await show.finish()
        else:
            await show.close()


def rules(gates, **said) -> None:
    folder = gates.folders.recording(EVENT) / "public"
    folder.mkdir(exist_ok=True)
    draft = folder / ".draft"
    draft.write_text(json.dumps(said))
    draft.replace(folder / ".gate.json")


def listed(gates, path: str) -> m3u8.M3U8:
    answer = gates.get(path)
    assert answer.status == 200, (path, answer.status)
    return m3u8.loads(answer.body.decode())


async def test_one_may_go_back_to_the_beginning_while_it_is_live(gates):
    gates.plans.write(a_plan(seats=5))
    stage = StageDouble(gates.folders)
    stage.say(RoomState(EVENT, Phase.LIVE, WALL_MS))
    await record(gates, finish=False)
    until_now(lambda: gates.knock().get("verdict") == "admit", 20)
    knock = gates.knock()
    play = knock["play"].rpartition("/")[0]
    back = play + "/aac/back.m3u8"
    until_now(lambda: gates.get(back).status == 200, 20)
    found = listed(gates, back)
    # 20 parts are two runs of nine and one of two, closed by the stop; then nine; the last part
    # may still become a run of nine.
    assert [round(s.duration / PART) for s in found.segments] == [9, 9, 2, 9]
    assert [s.discontinuity for s in found.segments] == [False, False, False, True]
    assert not found.is_endlist
    heard = await ffmpeg_hears(gates.url + back, 3.0, "-live_start_index", "0")
    assert tone_db(heard, 440) > -12
    assert json.loads(gates.get(f"/live/{EVENT}/state.json").body)["back"] is True
    # Not with another's ticket, and the replay is not told of yet.
    assert gates.get(back.replace(knock["ticket"], "x" * len(knock["ticket"]))).status == 403
    assert gates.get(f"/live/{EVENT}/r/aac.m3u8").status == 404


async def test_the_replay_is_hls_of_the_recording_itself(gates):
    gates.plans.write(a_plan(seats=5, ended=True))
    await record(gates, finish=True)
    base = f"/live/{EVENT}/r/"
    until_now(lambda: gates.get(base + "aac.m3u8").status == 200, 20)
    for name in ("aac", "opus"):
        found = listed(gates, f"{base}{name}.m3u8")
        assert found.is_endlist
        assert found.playlist_type == "vod"
        assert sum(s.duration for s in found.segments) == pytest.approx(30 * PART, abs=0.05)
        done = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0",
             gates.url + f"{base}{name}.m3u8"], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert name in done.stdout
        assert done.stderr == ""
    heard = await ffmpeg_hears(gates.url + base + "replay.m3u8")
    assert len(heard) == pytest.approx(30 * PART_48K, abs=3000)
    part = gates.get(base + found.segments[0].uri, Range="bytes=8-15")
    assert (part.status, len(part.body)) == (206, 8)


@pytest.mark.parametrize("cut", [False, True])
async def test_hls_of_the_replay_is_as_loud_as_its_file_and_nothing_is_copied(gates, cut):
    """A soft programme: AAC is spans of the file, Opus says its gain in its init segment."""
    gates.plans.write(a_plan(seats=5, ended=True))
    show = await Broadcast.open(EVENT, gates.folders, gates.secret, lambda _: None)
    await on_air(show, 0.05 * tone(440, 20 * PART), WALL_MS)
    assert await show.finish()
    folder = gates.folders.recording(EVENT)
    recorded = tone_db(await ffmpeg_hears(str(folder / "opus.mp4")), 440)
    gain_db = json.loads((folder / "ended.json").read_text())["loudness"]["gain_db"]
    assert gain_db > 6
    base = f"/live/{EVENT}/r/"
    until_now(lambda: gates.get(base + "aac.m3u8").status == 200, 20)
    before = listed(gates, base + "aac.m3u8").segments
    if cut:
        (folder / "edits.json").write_text(json.dumps({"revision": 3, "cuts": [[0, 2000]]}))
        subprocess.run(
            [sys.executable, "-m", "samvad.broadcast.afterwards", str(gates.folders.data), EVENT,
             "quick"], check=True,
        )  # fmt: skip
        until_now(lambda: len(listed(gates, base + "aac.m3u8").segments) == 2, 20)
        after = listed(gates, base + "aac.m3u8").segments
        assert not {s.uri for s in after} & {s.uri for s in before}
        assert gates.get(base + before[0].uri).status == 404
    for name in ("aac", "opus"):
        heard = await ffmpeg_hears(f"{gates.url}{base}{name}.m3u8")
        assert tone_db(heard, 440) == pytest.approx(recorded + gain_db, abs=0.6), name
        assert len(heard) == pytest.approx((16 if cut else 20) * PART_48K, abs=3000)
    # The same bytes as in the file that is downloaded.
    file = (folder / "public" / "replay-3.m4a" if cut else folder / "replay.m4a").read_bytes()
    for one in listed(gates, base + "aac.m3u8").segments:
        assert gates.get(base + one.uri).body in file


async def test_what_is_cut_out_or_held_is_not_to_be_had(gates):
    gates.plans.write(a_plan(seats=5, ended=True))
    await record(gates, finish=True)
    base = f"/live/{EVENT}/r/"
    until_now(lambda: gates.get(base + "aac.m3u8").status == 200, 20)
    before = listed(gates, base + "aac.m3u8").segments
    rules(gates, kept=[[0, 4], [9, 18]])
    until_now(lambda: len(listed(gates, base + "aac.m3u8").segments) == 2, 20)
    cut = listed(gates, base + "aac.m3u8").segments
    assert [round(s.duration / PART) for s in cut] == [4, 9]
    assert [s.discontinuity for s in cut] == [False, True]
    assert gates.get(base + before[0].uri).status == 404
    assert gates.get(base + cut[1].uri).status == 200
    (gates.folders.recording(EVENT) / "public" / "about.json").write_text("{}")
    assert gates.get(base + "about.json").status == 200
    assert gates.get(base + ".gate.json").status == 404
    rules(gates, held=True)
    until_now(lambda: gates.get(base + "aac.m3u8").status == 404, 20)
    for path in (base + cut[1].uri, base + "about.json", f"/live/{EVENT}/replay.m4a"):
        assert gates.get(path).status == 404, path
    rules(gates, held=False, elsewhere={"replay.mp3": "https://store.example/x.mp3"})
    until_now(lambda: gates.get(base + "about.json").status == 200, 20)
    moved = gates.raw(f"GET {base}replay.mp3 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), end=True)
    assert b" 302 " in moved
    assert b"Location: https://store.example/x.mp3\r\n" in moved


async def test_rules_that_cannot_be_read_hold_everything(gates):
    gates.plans.write(a_plan(seats=5, ended=True))
    await record(gates, finish=True)
    until_now(lambda: gates.get(f"/live/{EVENT}/replay.m4a").status == 200, 20)
    rules(gates)
    path = gates.folders.recording(EVENT) / "public" / ".gate.json"
    path.write_bytes(b"{")
    until_now(lambda: gates.get(f"/live/{EVENT}/replay.m4a").status == 404, 20)

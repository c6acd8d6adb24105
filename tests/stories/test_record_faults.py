"""One recording through a bad evening: its stage is killed three times, then its disk is full."""

import asyncio
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.kit import crowd
from tests.kit.players import ffmpeg_hears, ffprobe
from tests.kit.show import on_air
from tests.kit.site import Site, running_site, wall_ms
from tests.kit.sound import melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

PART_MS = 640
SMALL_MB = 24
"""The disk that recordings lie on: room for some minutes and a reserve."""


class Listening:
    """What a gate has told of: the wall times of segments."""

    def __init__(self, web: aiohttp.ClientSession, index: str) -> None:
        self._web, self._index = web, index
        self.heard: set[int] = set()

    async def look(self) -> None:
        try:
            told = await crowd.playlist(self._web, self._index)
        except AssertionError:  # none yet
            return
        times = (s.program_date_time for s in told.segments if s.uri)
        self.heard |= {round(at.timestamp() * 1000) for at in times if at is not None}

    async def more(self, count: int) -> None:
        """Wait until so many more segments were told of."""
        known = len(self.heard)

        async def told() -> bool:
            await self.look()
            return len(self.heard) >= known + count

        await until(told, 90, f"{count} more segments")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, bool]]:
    """A site whose recordings lie on a small file system, where one may be mounted."""
    data = tmp_path_factory.mktemp("bad-evening") / "data"
    recordings = data / "recordings"
    recordings.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "none", str(recordings)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    try:
        with running_site(data, settings={"STAGE_RESERVE_MB": 4}) as site:
            yield site, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(recordings)], check=True)


async def test_three_kills_and_a_full_disk_leave_the_recording_complete(
    small: tuple[Site, bool], folder: Path
) -> None:
    """Complete up to the last part that anybody could have heard, with the gaps and their times."""
    site, mounted = small
    seed = int.from_bytes(os.urandom(2), "big")
    print(f"seed {seed}")
    draw = random.Random(seed)
    kills: list[tuple[float, float]] = []
    async with (
        on_air(site, "A bad evening", melody(600, seed=7), folder) as (event, _voice),
        crowd.http() as web,
    ):
        name = event["event"]
        recording = site.data / "recordings" / name
        gate = Listening(web, urljoin(await crowd.enter(web, site, name), "aac/index.m3u8"))
        for _ in range(3):
            await gate.more(2)
            await asyncio.sleep(draw.uniform(0, 1.5))
            await gate.look()
            before = wall_ms()
            site.kill("stage")
            await gate.more(1)
            kills.append((before, wall_ms()))
        if mounted:
            # Full: nothing is left but what the recording has set aside for itself.
            with open(site.data / "recordings" / "ballast", "wb") as ballast:
                try:
                    while True:
                        ballast.write(bytes(1 << 20))
                        ballast.flush()
                except OSError:
                    pass
            said = "goes on in the room that was set aside"
            await until(lambda: said in site.log(), 60, "the complaint")
            await gate.more(4)  # the show goes on, and is recorded
            assert _told_to_the_host(site.data, said)
        await gate.look()
        await asyncio.to_thread(site.samvad, "event", "end", name, within=120)
    ended: dict[str, Any] = await until(
        lambda: _json(recording / "ended.json"), 60, "the end of the recording"
    )
    parts = [json.loads(x) for x in (recording / "parts.jsonl").read_text().splitlines()]
    kept = {one["wall_ms"] for one in parts if "wall_ms" in one}
    missing = {at for at in gate.heard if not any(abs(at - k) < PART_MS for k in kept)}
    assert not missing, "heard, and not on record"
    gaps = [(one["from_ms"], one["until_ms"]) for one in ended["gaps"]]
    assert len(gaps) == len(kills)
    for (begins, ends), (killed, back) in zip(gaps, kills, strict=True):
        # On a busy machine the encoder is seconds late, and what it holds is not on air yet.
        assert killed - 8_000 <= begins <= killed + PART_MS
        assert begins < ends <= back + PART_MS
    assert ended["replay"]["duration_ms"] == len(kept) * PART_MS
    for file in ("aac.mp4", "opus.mp4", "replay.m4a"):
        told = await ffprobe(str(recording / file))
        assert float(told["format"]["duration"]) == pytest.approx(len(kept) * 0.64, abs=0.01)
    whole = await ffmpeg_hears(str(recording / "replay.m4a"))
    assert len(whole) == len(kept) * PART_MS * 48
    if not mounted:
        pytest.skip("only root may mount a file system: the full disk was left out")


def _json(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def _told_to_the_host(data: Path, words: str) -> bool:
    """Whether it is a fact, as the console's log has them."""
    facts = (p.read_text(errors="replace") for p in (data / "journal").rglob("*") if p.is_file())
    return any(words in text for text in facts)

"""kill -9 in mid-show, of every process: who notices, who does not, and what is lost."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import pytest

from tests.kit import crowd, ears
from tests.kit.chromium import chromium
from tests.kit.compare import Place, course, follow, tone_db
from tests.kit.load import slowdown
from tests.kit.people import go_in, listen, stats
from tests.kit.players import ffmpeg_hears
from tests.kit.show import on_air
from tests.kit.site import Site, running_site, wall_ms
from tests.kit.sound import RATE, beeps, melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

SONG = melody(150, seed=51)
PART_S = 0.64


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site whose processes die in these stories."""
    with running_site(tmp_path_factory.mktemp("faults") / "data") as site:
        yield site


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@asynccontextmanager
async def without(site: Site, name: str) -> AsyncIterator[None]:
    """Kill every process of that name, and those that are started in their place, for a while."""

    async def keep_killing() -> None:
        while True:
            for pid in site.pids(name):
                with contextlib.suppress(ProcessLookupError):
                    site.kill_pid(pid)
            await asyncio.sleep(0.05)

    site.kill(name)
    killer = asyncio.create_task(keep_killing())
    try:
        yield
    finally:
        killer.cancel()


async def test_nobody_notices_when_web_and_worker_die(frail: Site, folder: Path) -> None:
    site = frail
    async with on_air(site, "Without web", SONG, folder) as (event, voice), chromium() as browser:
        page = await browser.page()
        await listen(page, event["page"])
        await ears.start(page)
        await asyncio.sleep(3)

        site.kill("worker")
        # While there is no web at all, somebody new comes in and gets everything.
        async with without(site, "web"), crowd.http() as web:
            await until(lambda: refuses(site.ports["WEB_PORT"]), 10, "web is gone")
            async with web.get(event["page"]) as answer:
                assert answer.status == 200
                assert "Without web" in await answer.text()
            master = await crowd.enter(web, site, event["event"])
            assert await crowd.seconds_on_air(web, master) > 1
            assert refuses(site.ports["WEB_PORT"]), "there was a web all the same"

        await asyncio.sleep(8)
        take = await ears.stop(page)
        heard = course(follow(take.samples, SONG))
        print(f"web and worker killed: {heard}")
        assert heard.covered > 0.8, "the listener missed something"
        assert heard.stalled_s < 0.5
        assert heard.skipped_s < 0.5
        assert take.seconds > 9
        browser.no_complaints()

        async def web_is_back() -> bool:
            return not refuses(site.ports["WEB_PORT"]) and bool(site.pids("worker"))

        await until(web_is_back, 30, "web and worker started again")
        assert voice.speaks
        # What the worker missed while it was dead it reads when it is back.
        await asyncio.to_thread(site.samvad, "event", "end", event["event"])
        assert (await voice.over())["reconnects"] == 0, "the speaker was cut off"


async def test_listeners_resume_and_keep_their_seats_when_gates_die(
    frail: Site, folder: Path
) -> None:
    site = frail
    async with (
        on_air(site, "Without gates", SONG, folder, "--seats", "1") as (event, voice),
        chromium() as browser,
    ):
        page = await browser.page()
        await listen(page, event["page"])
        await ears.start(page)
        ticket = (await stats(page))["ticket"]
        async with crowd.http() as web:
            assert (await crowd.knock(web, site, event["event"]))["verdict"] == "wait"

        # One of them first, then all at once.
        await asyncio.sleep(2)
        gates = site.pids("gate")
        site.kill_pid(gates[0])
        await until(lambda: len(site.pids("gate")) == len(gates), 20, "the gate started again")
        await asyncio.sleep(4)
        site.kill("gate")
        killed_ms = wall_ms()
        await asyncio.sleep(12)

        take = await ears.stop(page)
        places = follow(take.samples, SONG)
        heard = course(places)
        after = [p for p in places if take.began_ms + p.heard_s * 1000 > killed_ms + 3000]
        resumed_ms = take.began_ms + after[0].heard_s * 1000 - killed_ms
        print(
            f"gates killed: heard again after {resumed_ms / 1000:.1f} s at the latest, silent for "
            f"{heard.longest_gap_s:.1f} s at most, {heard.skipped_s:.1f} s skipped; {heard}"
        )
        assert heard.longest_gap_s < 8, "the listener was without sound for too long"
        assert heard.skipped_s < 8
        assert course(after).covered > 0.9, "it does not go on steadily"

        # It is the same seat, and still nobody else's.
        now = await stats(page)
        assert now["ticket"][:10] == ticket[:10], "another seat"
        async with crowd.http() as web:
            assert (await crowd.knock(web, site, event["event"]))["verdict"] == "wait"
            told = await crowd.state(web, site, event["event"])
            assert told["counts"]["admitted"] == 1
        assert voice.speaks
        browser.no_complaints()


async def test_the_stage_is_back_on_air_and_so_are_its_speakers(frail: Site, folder: Path) -> None:
    site, bell_hz = frail, 7400.0  # above the bands that the melody is known by
    async with (
        on_air(site, "Without stage", SONG, folder, "--speaker", "Asha") as (event, voice),
        chromium(beeps(bell_hz, 150, level=0.12), folder) as asha,
        chromium() as browser,
    ):
        link = next(s["link"] for s in event["speakers"] if s["name"] == "Asha")
        studio, page = await asha.page(), await browser.page()
        await go_in(studio, link)
        await listen(page, event["page"])
        await ears.start(page)
        async with crowd.http() as web:
            master = await crowd.enter(web, site, event["event"])
            await asyncio.sleep(5)

            site.kill("stage")
            killed_ms = wall_ms()
            back_ms = await _back_on_air(web, master)
            slow = await asyncio.to_thread(slowdown)
            took_s = (back_ms - killed_ms) / 1000
            print(f"stage killed: on air again {took_s:.2f} s later (machine {slow:.1f} x slowed)")
            assert took_s < 5 * slow

            async def both_here() -> bool:
                told = await crowd.state(web, site, event["event"])
                return sum(s["here"] for s in told["speakers"]) == 2

            await until(both_here, 20, "browser and samvad speak back in the room", every=0.2)
            print(f"both speakers are back {(wall_ms() - killed_ms) / 1000:.1f} s after the kill")
            await asyncio.sleep(7)

        # The listener goes on under the same address, and hears both again.
        take = await ears.stop(page)
        places = follow(take.samples, SONG)
        ending = take.samples[-4 * RATE :]
        assert take.began_ms + places[-1].heard_s * 1000 > killed_ms + 6000
        assert tone_db(ending, bell_hz) > -55, "Asha is not heard again"
        asha.no_complaints()
        browser.no_complaints()

        told = await crowd.state_is(site, event["event"], "live")
        await asyncio.to_thread(site.samvad, "event", "end", event["event"])
        assert (await voice.over())["reconnects"] == 1
    shown = await asyncio.to_thread(site.samvad_json, "event", "show", event["event"])
    assert shown["state"] == "ended"
    recorded = follow(await ffmpeg_hears(shown["replay"]), SONG)
    _lost_at_most_the_last_part(recorded, told["live_since_ms"], killed_ms)
    # Whatever anybody has heard is on record.
    hole = max(np.diff([p.said_s for p in recorded]))
    kept = [p.said_s for p in recorded]
    for place in places:
        nearest = min(abs(place.said_s - s) for s in kept)
        assert nearest < 0.5, f"{place.said_s:.1f} s was heard and is not on record (hole {hole})"


async def _back_on_air(web: Any, master: str) -> float:
    """Unix ms of the first new part after a discontinuity."""
    index = urljoin(master, "aac/index.m3u8")

    async def first_part() -> float | None:
        listed = await crowd.playlist(web, index)
        again = [s for s in listed.segments if s.discontinuity]
        if not again or not again[0].current_program_date_time:
            return None
        return float(again[0].current_program_date_time.timestamp() * 1000)

    return await until(first_part, 30, "something on air again", every=0.2)


def _lost_at_most_the_last_part(
    recorded: list[Place], live_since_ms: float, killed_ms: float
) -> None:
    """The recording runs with the wall clock to the last whole part before the kill, and goes
    on behind it without the time in which there was no stage."""
    behind = [p.said_s - p.heard_s for p in recorded]
    before = [p for p, b in zip(recorded, behind, strict=True) if abs(b - behind[0]) < 0.5]
    after = [p for p in recorded if p.heard_s > before[-1].heard_s + before[-1].length_s]
    ended_s = before[-1].heard_s + before[-1].length_s
    killed_s = (killed_ms - live_since_ms) / 1000
    print(f"the recording holds {ended_s:.2f} s of the {killed_s:.2f} s before the kill")
    # The part that was being made, and the one on its way to the disk; 0.3 s for the windows.
    assert killed_s - 2 * PART_S - 0.3 < ended_s < killed_s + 0.3
    assert course(before).skipped_s < 0.5
    assert len(after) > 8, "hardly anything of the show after the kill is on record"

"""Down the ladder and up again, as a listener in Chromium hears it: one sound, without a gap."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from playwright.async_api import Response

from tests.kit import ears
from tests.kit.chromium import chromium
from tests.kit.compare import follow
from tests.kit.people import AnyPage, listen, stats
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import RATE, Samples, melody
from tests.kit.until import Late, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

SOON = "{ const random = Math.random; Math.random = () => random() * 0.2; }"
"""Pages follow at moments of their own, within ten seconds: this one is among the first."""

AAC, OPUS = "mp4a.40.2", "opus"
WAY = (
    (1, "plain", AAC),
    (2, "long", AAC),
    (4, "long", OPUS),
    (2, "long", AAC),
    (1, "plain", AAC),
    (0, "low", AAC),
)
"""Rungs of the standard ladder, and what the page is to follow and to play on them. The third
changes nothing for who was there before; the ones beyond are not about sound."""


class Host:
    """The host's hand on the ladder."""

    def __init__(self, site: Site, event: dict[str, Any], web: aiohttp.ClientSession) -> None:
        self._url = f"{site.stage}/stage/{event['event']}/ladder"
        token = event["studio"].partition("#")[2]
        self._headers = {"Authorization": f"Bearer {token}"}
        self._web = web

    async def force(self, rung: int) -> None:
        body = {"mode": "force", "rung": rung}
        async with self._web.post(self._url, json=body, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def hosting(site: Site, event: dict[str, Any]) -> AsyncIterator[Host]:
    async with aiohttp.ClientSession() as web:
        host = Host(site, event, web)
        await host.force(0)  # and not by how busy this machine is
        yield host


async def plays(page: AnyPage, latency: str, codec: str) -> dict[str, Any]:
    """Wait until the page plays so, and has fetched something since."""
    now: dict[str, Any] = {}

    async def so() -> bool:
        nonlocal now
        now = await stats(page)
        return (now["latency_mode"], now["followed"], now["codec"]) == (latency, latency, codec)

    try:
        await until(so, 25)
    except Late:
        raise Late(f"the page does not play {latency}, {codec}, but {now}") from None
    return now


def silences(samples: Samples, over_s: float = 0.06) -> list[tuple[float, float]]:
    """Where nothing is heard for longer than `over_s`: (from, seconds). A note of a melody fades
    for 10 ms at its ends."""
    step = RATE // 100
    loud = np.abs(samples[: len(samples) // step * step].reshape(-1, step)).max(axis=1) > 0.01
    edges = np.flatnonzero(np.diff(np.concatenate([[1], loud.astype(np.int8), [1]])))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [(float(a) / 100, float(b - a) / 100) for a, b in runs if (b - a) / 100 > over_s]


async def test_every_rung_down_and_up_without_a_reload_and_without_a_gap(
    site: Site, folder: Path
) -> None:
    song = melody(200, seed=71)
    async with (
        on_air(site, "Down and up", song, folder) as (event, _),
        hosting(site, event) as host,
        chromium() as browser,
    ):
        page = await browser.page()
        await page.add_init_script(SOON)
        await listen(page, event["page"])
        await page.evaluate("window.untouched = true")
        await plays(page, "low", AAC)
        before = await stats(page)
        await ears.start(page)
        await asyncio.sleep(3)
        marks: list[tuple[float, str]] = []
        for rung, latency, codec in WAY:
            await host.force(rung)
            await plays(page, latency, codec)
            marks.append((time.time(), f"{rung}: {latency} {codec}"))
            await asyncio.sleep(3)
        take = await ears.stop(page)
        after = await stats(page)
        assert await page.evaluate("window.untouched") is True, "the page was loaded anew"
        browser.no_complaints()

    places = follow(take.samples, song)
    assert places, "nothing of the melody was recognised"
    steps, gap_s = [], 0.0
    for a, b in itertools.pairwise(places):
        gap_s = max(gap_s, b.heard_s - a.heard_s - a.length_s)
        # Played 1.1 times as fast, a quarter of a second is 25 ms more.
        passed_s = b.heard_s - a.heard_s
        moved_s = (b.said_s - a.said_s) - passed_s
        if not -0.3 < moved_s < 0.3 + 0.15 * passed_s:
            steps.append((round(a.heard_s, 1), round(moved_s, 2)))
    quiet = silences(take.samples)
    stalls = after["stalls"] - before["stalls"], after["stalled_ms"] - before["stalled_ms"]
    told = (
        f"heard {take.seconds:.1f} s; rungs at "
        f"{[(round(t - take.began_ms / 1000, 1), m) for t, m in marks]}; "
        f"steps (s into hearing, s of sound): {steps}; silent (s into hearing, s): {quiet}; "
        f"longest unrecognised {gap_s:.2f} s; stalls (number, ms) {stalls}"
    )
    print(told)

    assert after["rebuilds"] == before["rebuilds"], after["last_fault"]
    # To be further from the edge the sound steps back, over what was heard already: twice. Nothing
    # is left out, on no rung; what is made up for on the way up is played a little faster.
    assert all(moved < 0 for _, moved in steps), f"something was skipped: {told}"
    assert len(steps) == 2, told
    assert sum(seconds for _, seconds in quiet) < 0.5, told
    assert gap_s < 1.0, told


async def test_a_newcomer_on_the_leanest_rung(site: Site, folder: Path) -> None:
    """It begins with Opus in long segments, named by one reading a minute and a half, and goes on
    with pairs of them."""
    async with (
        on_air(site, "Lean", melody(120, seed=72), folder) as (event, _),
        hosting(site, event) as host,
        chromium() as browser,
    ):
        await host.force(4)
        page = await browser.page()
        asked: list[str] = []
        pairs: set[str] = set()

        async def told(answer: Response) -> None:
            if answer.url.endswith("lean.json") and answer.ok:
                pairs.update(f"{name}.m4s" for name in (await answer.json())["pair"]["names"])

        page.on("request", lambda request: asked.append(request.url))
        page.on("response", told)
        await listen(page, event["page"], 60)
        await plays(page, "long", OPUS)

        async def a_pair() -> bool:
            return any(url.rpartition("/")[2] in pairs for url in asked)

        await until(a_pair, 60, "a pair to be asked for")
        asked.clear()
        began = time.monotonic()
        await asyncio.sleep(26)  # until it is heard, and the next ones are asked for
        seconds = time.monotonic() - began
        media = [url for url in asked if "/m/" in url]
        lists = [url for url in asked if url.endswith(("m3u8", "lean.json"))]
        states = [url for url in asked if "state.json" in url or "serving.json" in url]
        print(
            f"in {seconds:.0f} s: {len(media)} segments, {len(lists)} readings of what to play, "
            f"{len(states)} of state and news"
        )
        assert len(media) <= seconds / 11.52 + 2
        assert len(lists) <= 1
        now = await stats(page)
        assert now["sound"] == "playing"
        assert now["stalls"] == 0


async def test_the_end_on_a_lower_rung_is_the_end(site: Site, folder: Path) -> None:
    """Names were told of what will never be made: nobody hears the last minute again for that."""
    async with (
        on_air(site, "An end", melody(120, seed=73), folder) as (event, _),
        hosting(site, event) as host,
        chromium() as browser,
    ):
        await host.force(1)
        page = await browser.page()
        await page.add_init_script(SOON)
        await listen(page, event["page"], 60)
        await plays(page, "plain", AAC)
        await asyncio.sleep(3)
        before = await stats(page)
        ending = asyncio.create_task(asyncio.to_thread(site.samvad, "event", "end", event["event"]))
        positions = []

        async def over() -> bool:
            now = await stats(page)
            positions.append(now["position_s"])
            assert now["rebuilds"] == before["rebuilds"], now["last_fault"]
            return now["scene"] != "live"

        await until(over, 40, "the page to leave the live scene")
        await ending
        heard = positions[:-1]
        print(f"{heard[-1] - heard[0]:.1f} s were heard after the end")
        assert heard == sorted(heard), "it went back"
        assert heard[-1] > heard[0] + 3

"""Somebody who has just typed `make run`."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from tests.kit import ears
from tests.kit.chromium import chromium
from tests.kit.compare import SPEECH_S, course, find, follow
from tests.kit.people import AnyPage, go_in, listen, sees, stats
from tests.kit.players import ffmpeg_hears, ffprobe
from tests.kit.site import running_site
from tests.kit.sound import RATE, say, silence
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

FIRST_WORDS = (
    "Hello? Is this thing on? Ah, there is the red lamp. Then welcome, everybody, to the first "
    "conversation on this machine, which nobody has rehearsed, and which I shall end myself."
)

PLAYERS = """() => ["live", "replay"].map((name) => {
  const { paused, ended, seeking, currentTime, duration, readyState, networkState, error, src } =
    document.querySelector(`#${name}-audio`);
  const told = error && [error.code, error.message];
  return { paused, ended, seeking, currentTime, duration, readyState, networkState, told, src };
})"""
PLACE = """() => [Date.now(), document.querySelector("#replay-audio").currentTime]"""
"""When, and where the replay's player says it is then."""


async def test_from_the_first_start_to_the_replay(tmp_path: Path) -> None:
    # She says it again and again: how soon the page plays is no matter of luck then. What is looked
    # for in what was heard goes on into the next time, so that there is no seam.
    words, pause = say(FIRST_WORDS), silence(1)
    speech = np.concatenate([words, pause, words[: round(SPEECH_S * RATE)]])
    round_s = (len(words) + len(pause)) / RATE
    microphone = np.concatenate([silence(8), np.tile(np.concatenate([words, pause]), 12)])
    with running_site(tmp_path / "data", demo=True) as site:
        # The links stand in what `up` prints; there was nothing to set up before.
        links = site.links
        assert {"web", "gate", "stage", "event", "page", "studio", "console"} <= set(links)
        assert links["studio"].startswith(f"{site.web}/studio/")
        assert links["page"].startswith(f"{site.gate}/e/")

        async with (
            chromium(microphone, tmp_path) as host,
            chromium(autoplay=False) as guest,
        ):
            moves = {"reduced_motion": "no-preference"}
            studio, page = await host.page(**moves), await guest.page(**moves)
            await go_in(studio, links["studio"])
            await listen(page, links["page"])
            await ears.start(page)
            await sees(studio, phase="live")
            assert await page.locator("#lamp").is_visible(), "no lamp on the listener's page"
            await until(lambda: _follows_who_speaks(page), 40, "the page says who speaks")
            await asyncio.sleep(round_s + 2)

            # The host ends it; the studio asks once.
            await studio.click("#end")
            await studio.click("dialog button.main")
            await sees(studio, phase="ended")

            # The listener hears it out; then the replay stands in the same place and plays.
            await sees(page, scene="replay", within=90)
            live = await ears.stop(page)
            assert course(follow(live.samples, speech, SPEECH_S)).covered > 0.7
            shown = site.samvad_json("event", "show", links["event"])
            recorded = await ffmpeg_hears(shown["replay"])
            # One of the times that it was said, not cut off by either end.
            begins_s = find(words, recorded, 0.95 * len(words) / RATE).at_s
            await page.click("#replay-play")
            await page.locator("#seek").fill(f"{begins_s + 2:.0f}")
            # The live sound is over, and the replay plays from there: then it is recorded.
            await _replays(page, begins_s + 1)
            take = await ears.record(page, 6)
            at_ms, place_s = await page.evaluate(PLACE)
            replayed = course(follow(take.samples, speech, SPEECH_S))
            assert replayed.covered > 0.9
            # What is heard is what was said there.
            first_s = place_s - (at_ms - take.began_ms) / 1000 + replayed.first.heard_s
            said_s = begins_s + replayed.first.said_s
            assert said_s == pytest.approx(first_s, abs=1), "it is not where it says"
            host.no_complaints()
            guest.no_complaints()

        assert shown["state"] == "ended"
        told = await ffprobe(shown["replay"])
        assert told["streams"][0]["codec_name"] == "aac"
        assert float(told["format"]["duration"]) == pytest.approx(len(recorded) / RATE, abs=0.1)
        kept = follow(recorded, speech, SPEECH_S)
        assert course(kept).covered > 0.7
        assert max(p.said_s for p in kept) > len(words) / RATE - 4
    assert "ending everything" in site.log()


async def _replays(page: Page, from_s: float) -> None:
    """Wait until the replay plays behind `from_s`, and the live sound is over."""
    players: list[Any] = []

    async def so() -> bool:
        nonlocal players
        live, replay = players = await page.evaluate(PLAYERS)
        plays = not replay["paused"] and not replay["seeking"] and replay["currentTime"] > from_s
        return plays and (live["paused"] or live["ended"])

    await until(so, 60, lambda: f"the replay plays behind {from_s:.1f} s: {players}")


async def _follows_who_speaks(page: AnyPage) -> bool:
    """It names the host; or the machine is so busy that the ladder has left the edge: there a page
    reads the state too seldom to follow every word."""
    now = await stats(page)
    return now["speaking"] == ["host"] or now["latency_mode"] != "low"

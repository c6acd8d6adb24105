"""From mouths to ears, through real browsers."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.kit import ears
from tests.kit.chromium import chromium
from tests.kit.compare import SPEECH_S, course, find, follow, tone_db
from tests.kit.crowd import state_is
from tests.kit.people import go_in, listen, sees, stats
from tests.kit.show import speaking
from tests.kit.site import Site
from tests.kit.sound import RATE, beeps, melody, say, silence

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

RIVER = (
    "Good evening and welcome. Tonight we talk about the river, about the people who live "
    "beside it, and what they remember of the great flood. Nobody had asked them before. "
    "One of them was nine years old, and carried a clock across the bridge."
)
BAKERY = (
    "My bakery opens at six. Children run through fields before sunrise because trains come "
    "early in August, and every baker laughs until noon. Which summer was best? "
    "Perhaps this, perhaps last year, when prices fell and plums grew large as fists."
)


SETTLED_S = 20
"""A page that has just begun plays a little faster until it is as near as it wants to be. The
speech begins after that: stretched words do not look like themselves."""


async def test_what_is_said_in_the_studio_is_heard_on_the_page(site: Site, folder: Path) -> None:
    speech = say(RIVER)
    event = site.event("The river")
    async with (
        chromium(np.concatenate([silence(SETTLED_S), speech, silence(30)]), folder) as speaker,
        chromium() as listener,
    ):
        studio, page = await asyncio.gather(speaker.page(), listener.page())
        await go_in(studio, event["studio"])
        await ears.start(studio, "microphone")
        await listen(page, event["page"])
        await ears.start(page)
        # Until all of it has been said, and has had time to arrive.
        await asyncio.sleep(SETTLED_S + len(speech) / RATE + 4)
        mouth, ear = await ears.stop(studio), await ears.stop(page)
        figures = await stats(page)

        # The microphone took in the speech, and this is what the listener heard.
        assert find(speech, mouth.samples).likeness > 0.9
        # Second by second, in order, and nothing else: other words of the same voice are not.
        heard = course(follow(ear.samples, speech, SPEECH_S))
        assert heard.first.said_s < 2
        assert heard.last.said_s > len(speech) / RATE - 4
        assert heard.covered > 0.7
        assert heard.skipped_s < 1
        assert follow(ear.samples, say(BAKERY), SPEECH_S) == []

        # Mouth to ear, from the two recordings' wall times.
        said_at = mouth.began_ms + find(speech, mouth.samples).at_s * 1000
        heard_at = ear.began_ms + find(speech, ear.samples).at_s * 1000
        print(f"mouth to ear by LL-HLS: {(heard_at - said_at) / 1000:.2f} s; page: {figures}")
        assert 0.5 < (heard_at - said_at) / 1000 < 6
        assert figures["stalled_ms"] < 1500
        speaker.no_complaints()
        listener.no_complaints()


async def test_whoever_comes_as_it_begins_asks_for_nothing_twice(site: Site, folder: Path) -> None:
    """The herd comes in these seconds; hls.js once asked for one part 80 times in them."""
    event = site.event("The first seconds")
    async with chromium() as crowd, AsyncExitStack() as voices:
        pages = [await crowd.page(event["page"]) for _ in range(5)]
        asked = [Counter[str]() for _ in pages]
        for page, counter in zip(pages, asked, strict=True):
            page.on("request", lambda r, counter=counter: counter.update([r.url]))
        await voices.enter_async_context(
            speaking(site, event["studio"], melody(40, seed=21), folder)
        )
        await state_is(site, event["event"], "live")
        for page in pages:
            await page.click("#play, #listen-then")
            await asyncio.sleep(0.6)
        for page in pages:
            await sees(page, sound="playing")
        await asyncio.sleep(3)
        for counter in asked:
            media = {url: n for url, n in counter.items() if "/m/" in url}
            assert media, "no media was asked for"
            assert max(media.values()) <= 2, media
        crowd.no_complaints()


async def test_two_speakers_hear_each_other_and_not_themselves(site: Site, folder: Path) -> None:
    low_hz, high_hz = 480.0, 1250.0
    event = site.event("Duet", speakers=("Asha", "Bilal"))
    links = {s["name"]: s["link"] for s in event["speakers"]}
    async with (
        chromium(beeps(low_hz, 60), folder) as asha,
        chromium(beeps(high_hz, 60), folder) as bilal,
    ):
        one, other = await asyncio.gather(asha.page(), bilal.page())
        await go_in(one, links["Asha"])
        await go_in(other, links["Bilal"])
        by_asha, by_bilal = await asyncio.gather(ears.record(one, 5), ears.record(other, 5))
        # In the ears of each: the other's tone, and nothing of one's own.
        assert tone_db(by_asha.samples, high_hz) > -40
        assert tone_db(by_asha.samples, low_hz) < tone_db(by_asha.samples, high_hz) - 30
        assert tone_db(by_bilal.samples, low_hz) > -40
        assert tone_db(by_bilal.samples, high_hz) < tone_db(by_bilal.samples, low_hz) - 30
        # Each sees the other in the room.
        await sees(one, phase="live")
        assert {v["name"] for v in (await stats(one))["voices"] if v["here"]} == {"Asha", "Bilal"}
        # The listeners hear both.
        async with chromium() as crowd:
            page = await crowd.page()
            await listen(page, event["page"])
            both = (await ears.record(page, 5)).samples
            assert tone_db(both, low_hz) > -40
            assert tone_db(both, high_hz) > -40
            assert tone_db(both, 800) < -55
        asha.no_complaints()
        bilal.no_complaints()

"""Speakers and listeners that are neither ours nor Chromium."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.kit import crowd, ears
from tests.kit.compare import course, follow, tone_db
from tests.kit.firefox import MICROPHONE_HZ, firefox
from tests.kit.people import go_in, listen, sees, stats
from tests.kit.players import ffmpeg_hears
from tests.kit.show import on_air, speaking
from tests.kit.site import Site
from tests.kit.sound import beeps, melody, write_wav
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]


async def test_libavformat_publishes_by_whip(site: Site, folder: Path) -> None:
    """Another WHIP, ICE, DTLS and RTP stack: FFmpeg's own muxer, from offer to DELETE."""
    song = melody(12, seed=61)
    file = write_wav(folder / "song.wav", song)
    event = site.event("From FFmpeg")
    speaker = event["speakers"][0]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kit.whip", speaker["whip"], speaker["token"], str(file)),
        stderr=asyncio.subprocess.PIPE,
    )
    await crowd.state_is(site, event["event"], "live")
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()

    async with crowd.http() as web:
        # Its DELETE is heeded at once; a speaker who only fell silent would be here for 4 s.
        async def gone() -> bool:
            told = await crowd.state(web, site, event["event"])
            return not any(s["here"] for s in told["speakers"])

        await until(gone, 3, "the speaker to be gone")
    await asyncio.to_thread(site.samvad, "event", "end", event["event"])
    shown = await asyncio.to_thread(site.samvad_json, "event", "show", event["event"])
    heard = course(follow(await ffmpeg_hears(shown["replay"]), song))
    assert heard.first.said_s < 1
    assert heard.last.said_s > 10
    assert heard.covered > 0.9
    assert heard.skipped_s < 0.3


async def test_firefox_speaks_and_listens(site: Site, folder: Path) -> None:
    """Debian's Firefox in the studio (its fake microphone is a tone of 1 kHz) and on the page;
    the other speaker is `samvad speak`."""
    other_hz = 1700.0
    event = site.event("Firefox", speakers=("Fatima", "Other"))
    links = {s["name"]: s["link"] for s in event["speakers"]}
    async with (
        speaking(site, links["Other"], beeps(other_hz, 120), folder) as voice,
        firefox() as browser,
    ):
        await crowd.state_is(site, event["event"], "live")
        studio, page = await browser.page(), await browser.page()
        await go_in(studio, links["Fatima"])
        by_speaker = (await ears.record(studio, 4)).samples
        assert tone_db(by_speaker, other_hz) > -45, "the speaker does not hear the other"
        assert tone_db(by_speaker, MICROPHONE_HZ) < tone_db(by_speaker, other_hz) - 25

        await listen(page, event["page"])
        by_listener = (await ears.record(page, 5)).samples
        assert tone_db(by_listener, MICROPHONE_HZ) > -50, "Firefox's voice is not on air"
        assert tone_db(by_listener, other_hz) > -45
        assert tone_db(by_listener, 1300) < tone_db(by_listener, MICROPHONE_HZ) - 15
        assert (await stats(page))["engine"] in ("hls.js", "native")
        assert voice.speaks

        # Leaving is seen at once, also when the window is simply closed.
        await studio.close()

        async def gone() -> bool:
            async with crowd.http() as web:
                told = await crowd.state(web, site, event["event"])
            return [s["name"] for s in told["speakers"] if s["here"]] == ["Other"]

        await until(gone, 8, "the closed window to be out of the room")
        assert not browser.complaints, browser.complaints


async def test_firefox_hears_what_was_played(site: Site, folder: Path) -> None:
    song = melody(90, seed=62)
    async with on_air(site, "For Firefox", song, folder) as (event, _), firefox() as browser:
        page = await browser.page()
        await listen(page, event["page"])
        heard = course(follow((await ears.record(page, 8)).samples, song))
        assert heard.covered > 0.9
        assert heard.skipped_s < 0.5
        assert heard.stalled_s < 1.5
        await sees(page, sound="playing")

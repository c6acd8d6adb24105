"""From the last word to the recording on its page: posted, looked at, cut, quoted, heard."""

import asyncio
import json
import re
import secrets
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.kit.chromium import chromium
from tests.kit.look import PHONE, Look
from tests.kit.people import sees
from tests.kit.show import speaking
from tests.kit.site import Site
from tests.kit.sound import decode, silence
from tests.kit.until import until

expect.set_options(timeout=30_000)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

ROOT = Path(__file__).parents[2]
HLS = ROOT / "frontend" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
SPEECH = ROOT / "tests" / "speech"
SOUNDS = """() => {
  window.sounding = true;
  const [past, live] = ["back-audio", "live-audio"].map((id) => document.getElementById(id));
  const look = () => {
    if (past.paused && (live.paused || live.muted)) window.sounding = false;
    if (!document.getElementById("go-back").hidden) return;
    requestAnimationFrame(look);
  };
  look();
}"""
CUES = """async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  document.querySelector("main").append(video);
  const hls = new Hls({ renderTextTracksNatively: true });
  hls.loadSource(url);
  hls.attachMedia(video);
  video.play().catch(() => undefined);
  for (let i = 0; i < 480; i++) {
    for (const track of video.textTracks) {
      track.mode = "hidden";
      if (track.cues && track.cues.length > 0) {
        const said = [...track.cues].map((cue) => cue.text);
        hls.destroy();
        video.remove();
        return said;
      }
    }
    await new Promise((done) => setTimeout(done, 250));
  }
  return [];
}"""

STILL_PLAYS = """(before) => {
  const audio = document.querySelector('#replay-audio');
  return audio.currentSrc !== before && !audio.paused && audio.currentTime > 21;
}"""


async def test_the_recording_is_posted_and_worked_on(site: Site, folder: Path) -> None:
    """One evening of a minute, with captions; then what listeners and the host do with it."""
    look = Look()
    speech = decode((SPEECH / "two_cities.flac").read_bytes())
    # More than is needed: the evening ends when everything was seen, be the machine slow or quick.
    sound = np.concatenate([silence(1), speech[: 40 * 48_000], np.tile(silence(1), 300)])
    # On a busy machine the ladder would be climbed, and nobody could go back.
    ladder = folder / "ladder.json"
    ladder.write_text('[{"effect": "plain"}]')
    host = site.samvad_json("user", "create", f"rec{secrets.token_hex(4)}")
    event = site.event(
        "A tale of two cities",
        "--host",
        host["handle"],
        "--ladder",
        str(ladder),
        speakers=("Asha Patel", "Ravi Kulkarni"),
    )
    name = event["event"]
    async with chromium() as browser:
        page = await browser.page(event["page"], bypass_csp=True, viewport=PHONE)
        async with speaking(site, event["speakers"][0]["link"], sound, folder):
            await sees(page, state="live", within=60)
            await page.click("#play, #listen-then")
            await sees(page, sound="playing", within=60)
            # What a recogniser would write (tests/live/test_broadcast_captions.py has a real one)
            # is written here, as the conversation goes on.
            writing = asyncio.create_task(write_captions(site, name))
            await _read_along(page, look)
            # Captions are in the stream, as another player sees them.
            await page.add_script_tag(path=HLS)
            ticket = (await page.evaluate("window.samvad.stats()"))["ticket"]
            live = f"{site.gate}/live/{name}/{ticket}/master.m3u8"

            async def captioned() -> bool:
                said: str = await page.evaluate("u => fetch(u).then((r) => r.text())", live)
                return "SUBTITLES" in said

            await until(captioned, 120, "captions in the playlist")
            cues = await page.evaluate(CUES, live)
            assert cues, "no captions in hls.js"
            # Back to what was said before, and to live again.
            await page.locator("#go-back").click(timeout=90_000)
            await expect(page.locator("#back-seek")).to_be_visible()
            await page.wait_for_function(
                "document.querySelector('#back-audio').currentTime > 1", timeout=30_000
            )
            # Live is stopped, not only silent, until it is wanted again; nobody hears a gap then.
            stopped = await page.evaluate("window.samvad.stats()")
            assert stopped["engine"] is None
            assert stopped["latency_s"] > 20
            await look.at(page, "live-back", axe=True)
            await expect(page.locator(".caption-note")).to_contain_text("no captions while")
            await page.locator("#return-live").click()
            await page.evaluate(SOUNDS)
            await expect(page.locator("#go-back")).to_be_visible()
            assert await page.evaluate("window.sounding"), "between the two nothing played"
            await sees(page, sound="playing", paused=False, within=30)
            writing.cancel()
            await asyncio.to_thread(site.samvad, "event", "end", name)
        await sees(page, scene="replay", within=60)
        await expect(page.locator("canvas.wave")).to_be_visible(timeout=60_000)
        await _listen_again(page, look, site, name, event["page"])
        desk = await browser.page(f"{site.web}/accounts/login/", bypass_csp=True)
        await desk.fill("#id_login", host["handle"])
        await desk.fill("#id_password", host["password"])
        await desk.click("main form button.main")
        await desk.wait_for_url(lambda url: "login" not in url)
        await _cut_on_the_waveform(desk, look, site, name)
        await _make_a_clip(desk, look, site, name)
        browser.no_complaints()
    look.nothing_wrong()


async def write_captions(site: Site, name: str) -> None:
    """Words as they are said, three seconds late, until it is cancelled."""
    words = (SPEECH / "two_cities.txt").read_text().split()
    path = site.data / "recordings" / name / "captions.jsonl"
    folder = path.parent / "parts.jsonl"
    every_48k = 18_000
    written = 0
    while True:
        reached_48k = max(0, len(folder.read_bytes().splitlines()) * 30_720 - 3 * 48_000)
        lines = []
        while (written + 1) * every_48k < reached_48k:
            at = written * every_48k
            about = {"text": words[written % len(words)], "from_48k": at, "to_48k": at + 15_000}
            lines.append(json.dumps(about | {"sure": 0.9}))
            written += 1
        lines.append(json.dumps({"reached_48k": reached_48k, "at_ms": 0}))
        with open(path, "a") as out:
            out.write("\n".join(lines) + "\n")
        await asyncio.sleep(1)


async def _read_along(page: Page, look: Look) -> None:
    """Captions under the live player: only for who wants them, remembered, and no live region."""
    press = page.locator("#captions")
    await expect(press).to_be_visible(timeout=60_000)
    await expect(page.locator("#caption-box")).to_be_hidden()
    await press.click()
    await expect(press).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#caption-box")).to_have_attribute("aria-live", "off")
    await expect(page.locator(".caption-lines p")).to_have_count(3, timeout=60_000)
    # What is shown was said before what is heard now.
    newest = await page.locator(".caption-lines p").last.inner_text()
    told = await page.evaluate(
        "fetch(location.href.replace(/.e.[^/]*$/, '') + '/live/' + "
        "JSON.parse(document.getElementById('config').textContent).event + "
        "'/r/captions.json').then((r) => r.json())"
    )

    async def hears() -> float | None:
        now = await page.evaluate("window.samvad.stats().heard_ms")
        return float(now) if now else None

    heard_ms = await until(hears, 60, "sound")
    begins = [cue[0] for cue in told["cues"] if newest.startswith(cue[2].split()[0])]
    assert begins, (newest, told)
    assert min(begins) <= heard_ms + 1_000
    await look.at(page, "live-captions", axe=True)
    other = await page.context.new_page()
    await other.goto(f"{page.url}?lang=gu")
    await other.click("#play, #listen-then")
    await expect(other.locator("#caption-box")).to_be_visible(timeout=60_000)
    await look.at(other, "live-captions-gu", axe=False)
    await other.close()


async def _another_version_comes(page: Page, site: Site, name: str) -> None:
    """The file is replaced while somebody listens, as it is when its loudness is set: they go on
    listening where they are, also when its first piece does not come."""
    path = site.data / "recordings" / name / "replay.m4a"
    fresh = path.with_suffix(".new")
    fresh.write_bytes(path.read_bytes() + b"\0\0\0\x08free")
    before = await page.evaluate("document.querySelector('#replay-audio').currentSrc")
    fresh.replace(path)
    await page.route("**/replay.m4a?*", lambda route: route.abort(), times=1)

    async def told() -> bool:
        # A page reads the state once a minute now, and when it is on the line again.
        await page.evaluate("dispatchEvent(new Event('online'))")
        return bool(await page.evaluate(STILL_PLAYS, before))

    await until(told, 60, "the other version plays on")


async def _listen_again(page: Page, look: Look, site: Site, name: str, address: str) -> None:
    base = f"{site.gate}/live/{name}/r/"

    async def transcribed() -> bool:
        answer = await page.request.get(f"{base}transcript.json")
        return answer.ok

    await until(transcribed, 180, "the transcript")
    await page.goto(f"{address}?t=20")
    await expect(page.locator("canvas.wave")).to_be_visible(timeout=60_000)
    await expect(page.locator("#transcript-search")).to_be_visible()
    # The link's own second.
    await page.wait_for_function("document.querySelector('#replay-audio').currentTime >= 19.5")
    await page.click("#replay-play")
    await page.wait_for_function("document.querySelector('#replay-audio').currentTime > 21")
    await _another_version_comes(page, site, name)
    await page.keyboard.press("k")
    assert await page.evaluate("document.querySelector('#replay-audio').paused")
    # However late it was stopped: fifteen seconds before that.
    at_s = await page.evaluate("document.querySelector('#replay-audio').currentTime")
    await page.keyboard.press("j")
    back_s = await page.evaluate("document.querySelector('#replay-audio').currentTime")
    assert back_s == pytest.approx(at_s - 15, abs=0.2)
    await page.fill("#transcript-search", "times")
    await expect(page.locator(".found")).to_have_text(re.compile(r"^\d+ place"))
    await look.at(page, "replay-searched")
    await page.fill("#transcript-search", "")
    for lang in ("en", "gu", "hi"):
        await page.goto(f"{address}?lang={lang}&t=20")
        await expect(page.locator("canvas.wave")).to_be_visible(timeout=60_000)
        await expect(page.locator("#transcript-search")).to_be_visible()
        await look.at(page, f"replay-worked-{lang}", axe=lang == "en")
    about = json.loads(await (await page.request.get(f"{base}about.json")).text())
    assert len(about["peaks"]) > 100


async def _cut_on_the_waveform(page: Page, look: Look, site: Site, name: str) -> None:
    """By keys, by dragging, and back again; the host hears also what nobody else does."""
    await page.goto(f"{site.web}/events/{name}/replay?lang=en")
    begin = page.get_by_role("slider", name="Beginning of the passage")
    end = page.get_by_role("slider", name="End of the passage")
    field = page.locator("#cut-form input[name=from]")
    await end.press("Home")  # as far as it goes: one part
    for _ in range(4):
        await end.press("ArrowRight")
    assert await field.input_value() == "0:00"
    assert await page.locator("#cut-form input[name=to]").input_value() == "0:03.2"
    await expect(end).to_have_attribute("aria-valuetext", "0:03.2")
    await begin.press("ArrowRight")
    assert await field.input_value() == "0:00.64"
    await page.get_by_role("button", name="Listen to the passage").click()
    await page.wait_for_function(
        "document.querySelector('.cutter audio').currentTime > 0.7", timeout=30_000
    )
    await page.get_by_role("button", name="Cut out").click()
    await expect(page.locator("li[data-cut]")).to_have_count(1)
    await page.locator(".cutter canvas").scroll_into_view_if_needed()
    box = await page.locator(".cutter canvas").bounding_box()
    assert box
    await page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 50, steps=4)
    await page.mouse.up()
    assert await field.input_value() > "0:00.64"
    await look.at(page, "host-replay", axe=True)
    await page.get_by_role("button", name="Take back the cut").click()
    await expect(page.locator("li[data-cut]")).to_have_count(0)
    await page.goto(f"{site.web}/events/{name}/replay?lang=gu")
    await expect(page.locator(".cutter canvas")).to_be_visible()
    await look.at(page, "host-replay-gu", axe=False)
    await page.goto(f"{site.web}/transcript/{name}?lang=en")
    await look.at(page, "transcript", axe=True)


async def _make_a_clip(page: Page, look: Look, site: Site, name: str) -> None:
    await page.goto(f"{site.web}/events/{name}/clip?from=0:02&to=0:09&lang=en")
    await look.at(page, "clip-new", axe=True)
    await page.fill("input[name=title]", "The best of times")
    await page.click("main form button.main")

    async def made() -> bool:
        await page.reload()
        return await page.locator("video").count() > 0

    await until(made, 180, "the clip")
    await look.at(page, "clip", axe=True)

"""A person posts words, a photo and a film from a browser; another reads them without scripts."""

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit import hostile
from tests.kit.chromium import chromium
from tests.kit.look import PHONE, Look
from tests.kit.site import Site
from tests.live.test_posts_transcode import film

expect.set_options(timeout=60_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]
PASSWORD = "a long evening in the rain"


async def test_a_photo_and_a_film_are_posted_and_seen(site: Site, tmp_path: Path) -> None:
    photo, clip = tmp_path / "river.jpg", film(tmp_path / "clip.mp4", 1)
    photo.write_bytes(hostile.with_place())
    look = Look()
    async with chromium() as browser:
        page = await browser.page(viewport=PHONE)
        page.set_default_timeout(120_000)
        await page.goto(f"{site.web}/accounts/signup/?lang=en")
        for box in await page.locator("main input:visible").all():
            kind, name = await box.get_attribute("type"), await box.get_attribute("name") or ""
            told = "kavi@example.org" if "mail" in name else "kavi"
            await box.fill(PASSWORD if kind == "password" else told)
        await page.click("main button[type=submit]")
        await page.wait_for_url(lambda url: "signup" not in url)

        await page.goto(f"{site.web}/compose")
        await page.fill("[data-text]", "Morning at the river. #નદી")
        await page.set_input_files("#choose-media", photo)
        await expect(page.locator(".composer-media img")).to_be_visible()
        await page.locator(".composer-media textarea").fill("A river in the morning")
        await look.at(page, "compose")
        await page.click("form.composer button[type=submit]")
        shown = page.locator(".post-photo img")
        await expect(shown).to_have_attribute("alt", "A river in the morning")
        address = page.url
        await look.at(page, "post")

        await page.goto(f"{site.web}/compose")
        await page.set_input_files("#choose-media", clip)
        await expect(page.locator("form.composer button[type=submit]")).to_be_enabled()
        await page.click("form.composer button[type=submit]")
        # It is prepared by the worker, and shows by itself.
        await expect(page.locator("video.post-video")).to_be_visible(timeout=180_000)
        await page.wait_for_function(
            "() => { const v = document.querySelector('video'); v.preload = 'auto'; v.load();"
            " return new Promise((done) => (v.oncanplay = () => done(true))); }"
        )

        told = json.loads(site.samvad("user", "create", "rekha", "--json"))
        assert told["handle"] == "rekha"
        reader = await browser.page(address, viewport=PHONE, java_script_enabled=False)
        await expect(reader.locator(".post-photo img")).to_be_visible()
        await page.goto(f"{site.web}/home")
        await look.at(page, "home")
        told_of = page.locator("article", has=page.locator(".post-photo"))
        like = told_of.locator("button.act[formaction*='/like']")
        await like.click()
        await expect(like).to_have_attribute("aria-pressed", "true")  # without a reload
        await reader.reload()
        await expect(reader.locator(".post-acts .number").nth(2)).to_have_text("1")
        browser.no_complaints()
    assert not look.wrong, "\n".join(look.wrong)

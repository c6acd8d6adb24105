"""A real Chromium (Debian's), driven by playwright, whose microphone is a file."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.kit.ears import EARS_JS
from tests.kit.sound import Samples, write_wav

_QUIET = [
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
]


@dataclass
class Chromium:
    """`page` opens a page in a person's own context (cookies, seat, language)."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(self, url: str | None = None, **context: Any) -> Page:
        """A page of a new person. `context` as playwright's new_context (locale=…, viewport=…).

        They like it without motion: a lamp that breathes is sixty pictures a second for a machine
        without a graphics card to draw, and may be caught at its faintest.
        """
        usual = {"locale": "en-GB", "reduced_motion": "reduce"}
        person = await self.browser.new_context(**(usual | context))
        await person.add_init_script(EARS_JS)
        page = await person.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        if url:
            await page.goto(url)
        return page

    def no_complaints(self) -> None:
        """No page has thrown an error that it did not catch."""
        assert not self.complaints, "\n".join(self.complaints)


@asynccontextmanager
async def chromium(
    microphone: Samples | None = None, folder: Path | None = None, autoplay: bool = True
) -> AsyncIterator[Chromium]:
    """A browser. `microphone` is heard once, from the moment a page opens the microphone.

    The file for it lies in `folder`. `autoplay` False keeps Chromium's own rule: sound only
    after a click.
    """
    program = shutil.which("chromium")
    assert program, "Debian's chromium is not installed (tools/system-packages)"
    args = list(_QUIET)
    if autoplay:
        args.append("--autoplay-policy=no-user-gesture-required")
    if microphone is not None:
        assert folder is not None
        file = write_wav(folder / f"microphone-{id(microphone):x}.wav", microphone)
        args += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={file}%noloop",
        ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=args)
        try:
            yield Chromium(browser)
        finally:
            await browser.close()

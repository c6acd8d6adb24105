"""Every page in every state: written to build/screens/, searched by axe-core, fit for 320 px."""

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.kit.chromium import Chromium, chromium
from tests.kit.look import PHONE, Look
from tests.kit.people import go_in, sees
from tests.kit.site import Site
from tests.kit.sound import say

# Two cores full of browsers: what takes a moment elsewhere may take many here.
expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

LANGUAGES = ("en", "gu", "hi")
READER = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "Asia/Kolkata"}
ABOUT = (
    "Two astronomers and a poet about satellites, dark villages, and what a child sees when she "
    "looks up. Nothing is rehearsed."
)
PASSWORD = "a long evening in the rain"


async def _reader(browser: Chromium, url: str, lang: str = "en") -> Page:
    return await browser.page(f"{url}?lang={lang}", **READER)


async def test_pages_for_those_who_write(site: Site) -> None:
    """The list, sign-up, log-in, the form with and without mistakes, an event's own page."""
    look = Look()
    starts = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).isoformat(timespec="minutes")
    site.event("Who owns the night sky?", "--starts", starts, speakers=("Meera Shah",))
    async with chromium() as browser:
        page = await _reader(browser, f"{site.web}/accounts/login/")
        await look.at(page, "login")
        await page.goto(f"{site.web}/accounts/signup/")
        await look.at(page, "signup")
        await page.click("main button[type=submit]")
        await expect(page.locator(".errorlist").first).to_be_visible()
        await look.at(page, "signup-mistakes")
        for lang in LANGUAGES:
            await page.goto(f"{site.web}/?lang={lang}")
            await look.at(page, f"list-{lang}")
        await page.goto(f"{site.web}/accounts/signup/?lang=en")
        for box in await page.locator("main input:visible").all():
            kind, name = await box.get_attribute("type"), await box.get_attribute("name") or ""
            await box.fill(
                PASSWORD if kind == "password" else "a@example.org" if "mail" in name else "asha"
            )
        await page.click("main button[type=submit]")
        await page.wait_for_url(lambda url: "signup" not in url)
        await page.goto(f"{site.web}/events/new")
        for lang in LANGUAGES:
            await page.goto(f"{site.web}/events/new?lang={lang}")
            await look.at(page, f"form-{lang}", axe=lang == "en")
        await page.goto(f"{site.web}/events/new?lang=en")
        await page.click("main button[type=submit]")
        await expect(page.locator(".errorlist").first).to_be_visible()
        await look.at(page, "form-mistakes")
        await page.fill("[name=title]", "What the monsoon remembers")
        await page.fill("textarea[name=description]", ABOUT)
        await page.check("[name=start][value=now]")
        await page.fill("[name=speakers]", "Ravi Kulkarni\nહેત્વી પટેલ")
        await page.check("[name=way][value=priority]")
        await page.click("main summary")
        await page.check("[name=ladder][value=gentle]")
        await look.at(page, "form-filled")
        await page.click("main button[type=submit]")
        await page.wait_for_url(re.compile(r"/events/[a-z0-9]{10}$"))
        manage = page.url
        await look.at(page, "manage")
        # With an account one goes in as a member; the pass does not stay in the address.
        await page.goto(f"{manage}/member")
        await sees(page, scene="doors", verdict="admit")
        assert page.url.startswith(site.gate), page.url
        assert "pass" not in page.url
        await page.goto(f"{site.web}/events/")
        await look.at(page, "mine")
        browser.no_complaints()
    look.nothing_wrong()


async def test_the_event_page_before_it_begins(site: Site) -> None:
    look = Look()
    starts = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2, hours=3)).isoformat(timespec="minutes")
    words = ("--description", ABOUT, "--zone", "America/New_York")
    speakers = ("Meera Shah", "Tomás Ó Briain")
    announced = site.event("Who owns the night sky?", *words, "--starts", starts, speakers=speakers)
    doors = site.event("What the monsoon remembers", *words, speakers=speakers)
    one = site.event("A very small room", *words, "--seats", "1", speakers=speakers)
    async with chromium() as browser:
        for lang in LANGUAGES:
            page = await _reader(browser, announced["page"], lang)
            await sees(page, scene="announced")
            await look.at(page, f"announced-{lang}")
            await page.context.close()
        first = await _reader(browser, one["page"])
        await sees(first, scene="doors", verdict="admit")
        for lang in LANGUAGES:
            page = await _reader(browser, one["page"], lang)
            await sees(page, scene="line")
            await look.at(page, f"line-small-{lang}", axe=lang == "en")
            await page.context.close()
        page = await _reader(browser, doors["page"])
        await sees(page, scene="doors", verdict="admit")
        await look.at(page, "doors")
        await page.click("#listen-then")
        await sees(page, wanted=True)
        await look.at(page, "doors-ready")
        browser.no_complaints()

        # Without scripts the page still says what, who and when.
        plain = await browser.page(announced["page"], java_script_enabled=False, viewport=PHONE)
        text = await plain.locator("main").inner_text()
        for told in ("Who owns the night sky?", "Meera Shah", "Tomás Ó Briain", ABOUT, "Eastern"):
            assert told in text
        assert await plain.locator("noscript a[href*='replay']").count() == 1
    look.nothing_wrong()


async def test_the_host_puts_an_announced_conversation_on_air(site: Site, folder: Path) -> None:
    """Doors are open before the time; the host's button begins it, and a ready page plays."""
    look = Look()
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=9)).isoformat(timespec="seconds")
    event = site.event("Rehearsed by nobody", "--starts", soon, "--zone", "Asia/Kolkata")
    async with chromium(say("Good evening. " * 30), folder) as browser:
        page = await _reader(browser, event["page"])
        await sees(page, scene="doors", verdict="admit")
        await expect(page.locator(".countdown-clock")).to_contain_text("00:0")
        await page.click("#listen-then")
        await look.at(page, "doors-countdown")
        host = await browser.page(event["studio"], **READER)
        await go_in(host, event["studio"])
        await sees(page, scene="doors", sound="off")
        await look.at(host, "studio-in-not-on-air")
        await host.click("#go-live")
        await sees(host, phase="live")
        await sees(page, scene="live", sound="playing")
        browser.no_complaints()
    look.nothing_wrong()


async def test_studio_console_and_the_page_on_air(site: Site, folder: Path) -> None:
    look = Look()
    speech = say("This is how we sound tonight, with rain on the roof and a cup of tea each. " * 3)
    event = site.event(
        "What the monsoon remembers", "--description", ABOUT, speakers=("Asha Trivedi", "Ravi")
    )
    async with chromium(np.concatenate([speech, speech, speech, speech]), folder) as browser:
        host = await browser.page(event["studio"], **READER)
        await expect(host.locator("#mic-record")).to_be_visible()
        await look.at(host, "studio-before")
        guest = await browser.page(f"{event['speakers'][1]['link']}", **READER)
        await go_in(host, event["studio"])
        await go_in(guest, event["speakers"][1]["link"])
        await sees(host, phase="live")
        listeners = []
        for lang in LANGUAGES:
            page = await _reader(browser, event["page"], lang)
            await page.click("#play")
            await sees(page, sound="playing")
            listeners.append(page)
        await host.fill("#status-text", "We take your questions at half past.")
        await host.press("#status-text", "Enter")
        await expect(listeners[0].locator(".status")).to_be_visible()
        for lang, page in zip(LANGUAGES, listeners, strict=True):
            await look.at(page, f"live-{lang}", axe=lang == "en")
        await look.at(host, "studio-host-on-air")
        await guest.keyboard.press("m")
        await sees(guest, muted=True)
        await look.at(guest, "studio-muted")
        for lang in ("gu", "hi"):
            # Another language of the studio, without going in: a look at its words.
            page = await browser.page(
                event["speakers"][0]["link"].replace("#", f"?lang={lang}#"), **READER
            )
            await expect(page.locator("#go-in")).to_be_visible()
            await look.at(page, f"studio-before-{lang}", axe=False)
            await page.context.close()
        console = await browser.page(event["console"], **READER)
        await expect(console.locator(".figure.large dd").first).to_have_text("3")
        await look.at(console, "console")
        # The key goes along to another language.
        await console.click(".languages a[lang=hi]")
        await expect(console.locator("#end")).to_be_visible()
        assert console.url.endswith("?lang=hi#" + event["console"].split("#")[1])
        broken = await browser.page(event["studio"].split("#")[0] + "#nonsense", **READER)
        await expect(broken.locator("#studio [role=alert] h2")).to_be_visible()
        await look.at(broken, "studio-wrong-link")

        await host.click("#end")
        await look.at(host, "studio-end", axe=True)
        await host.click("dialog button.main")
        await sees(host, phase="ended")
        await look.at(host, "studio-over")
        for lang, page in zip(LANGUAGES, listeners, strict=True):
            await sees(page, scene="replay", within=60)
            await look.at(page, f"replay-{lang}", axe=lang == "en")
        browser.no_complaints()
    look.nothing_wrong()

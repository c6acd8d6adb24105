"""The line as those in it see it: number, tone, in; before the doors; by invitation; put out."""

import asyncio
import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.kit import crowd, ears
from tests.kit.chromium import Chromium, chromium
from tests.kit.compare import course, follow
from tests.kit.look import PHONE, Look
from tests.kit.people import listen, sees, stats
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import melody
from tests.kit.until import until

expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

LANGUAGES = ("en", "gu", "hi")
READER = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "Asia/Kolkata"}


async def test_a_full_house_of_one_seat(site: Site, folder: Path) -> None:
    """The second waits with its number, keeps it over a reload, hears a tone and goes in."""
    song = melody(150, seed=41)
    async with (
        on_air(site, "One chair", song, folder, "--seats", "1") as (event, _),
        chromium() as first,
        chromium(autoplay=False) as second,
    ):
        holder = await first.page()
        await listen(holder, event["page"])
        seat = (await stats(holder))["ticket"][:10]

        waiting = await second.page(event["page"])
        place = (await sees(waiting, scene="line"))["line"]
        assert (place["number"], place["ahead"]) == (1, 0)
        assert await waiting.title() == "(1) One chair · Samvad"
        await waiting.reload()
        await sees(waiting, scene="line")
        assert (await stats(waiting))["line"]["number"] == 1

        # A reload of the one inside is no leaving, although somebody waits for the seat.
        await holder.reload()
        await sees(holder, sound="playing")
        assert (await stats(holder))["ticket"][:10] == seat
        assert (await stats(waiting))["scene"] == "line"

        await waiting.click("#line-sound")
        await expect(waiting.get_by_text("Sound is ready")).to_be_visible()
        await holder.goto("about:blank")  # the page is closed, and says so
        told = await sees(waiting, scene="live", sound="playing", within=30)
        assert told["tone"] == {"rung": 1, "sounded": True}
        await expect(waiting.locator("[role=alert]")).to_have_text("You are in. One chair")
        assert course(follow((await ears.record(waiting, 5)).samples, song)).covered > 0.5
        first.no_complaints()
        second.no_complaints()


async def test_two_tabs_are_one_listener(site: Site, folder: Path) -> None:
    """A second tab sits on the same seat; closing one of the two gives nothing away."""
    song = melody(150, seed=42)
    async with (
        on_air(site, "Two tabs", song, folder, "--seats", "1") as (event, _),
        chromium() as browser,
    ):
        one = await browser.page()
        await listen(one, event["page"])
        other = await one.context.new_page()
        await listen(other, event["page"])
        assert (await stats(other))["ticket"][:10] == (await stats(one))["ticket"][:10]
        await other.goto("about:blank")
        outside = await browser.page(event["page"])
        await sees(outside, scene="line")
        await asyncio.sleep(8)  # longer than a closed page keeps its seat
        assert (await stats(one))["sound"] == "playing"
        assert (await stats(outside))["scene"] == "line"
        browser.no_complaints()


async def test_leaving_the_line_and_standing_in_it_again(site: Site, folder: Path) -> None:
    song = melody(120, seed=43)
    async with (
        on_air(site, "Out and in", song, folder, "--seats", "1") as (event, _),
        chromium() as browser,
    ):
        await listen(await browser.page(), event["page"])
        page = await browser.page(event["page"])
        await sees(page, scene="line")
        await page.click("#leave-line")
        await sees(page, scene="left")
        await page.click("#line-again")
        assert (await sees(page, scene="line"))["line"]["number"] == 2
        browser.no_complaints()


async def test_by_invitation(site: Site, folder: Path) -> None:
    """The passphrase, in whatever case and spacing, or a guest's link; nobody else."""
    look = Look()
    words = ("--way", "invite", "--passphrase", "monsoon evening")
    event = site.event("For friends", *words, speakers=("Asha",))
    async with chromium() as browser:
        page = await browser.page(event["page"], **READER)
        await sees(page, scene="invite")
        await look.at(page, "invite-en")
        await page.fill("#phrase", "dry morning")
        await page.press("#phrase", "Enter")
        await expect(page.locator("#phrase-wrong")).to_be_visible()
        await look.at(page, "invite-wrong")
        await page.fill("#phrase", "  Monsoon   EVENING")
        await page.press("#phrase", "Enter")
        await sees(page, scene="doors", verdict="admit")
        guest = await browser.page(event["speakers"][0]["guests"], **READER)
        await sees(guest, scene="doors", verdict="admit")
        assert "pass" not in guest.url
        for lang in ("gu", "hi"):
            other = await browser.page(f"{event['page']}?lang={lang}", **READER)
            await sees(other, scene="invite")
            await look.at(other, f"invite-{lang}", axe=False)
        browser.no_complaints()
    look.nothing_wrong()


async def test_before_the_doors(site: Site) -> None:
    """Within half an hour one stands in line, and is told that hurrying gains nothing."""
    look = Look()
    starts = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=30)).isoformat(timespec="minutes")
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)).isoformat(timespec="minutes")
    event = site.event("In a quarter of an hour", "--starts", starts, speakers=("Asha", "Ravi"))
    evening = site.event("This evening", "--starts", later, "--way", "priority")
    async with chromium() as browser:
        for lang, word in zip(LANGUAGES, ("shuffled", "ચિઠ્ઠી", "लॉटरी"), strict=True):
            page = await browser.page(f"{event['page']}?lang={lang}", **READER)
            told = await sees(page, scene="line")
            assert told["line"]["final"] is False
            await expect(page.locator("#now")).to_contain_text(word)
            await look.at(page, f"line-early-{lang}", axe=lang == "en")
        # Long before, the page says when that will be, and a reminder goes before those without.
        page = await browser.page(evening["page"], **READER)
        await sees(page, scene="announced")
        await expect(page.get_by_text("stand in line")).to_be_visible()
        await look.at(page, "announced-priority")
        await page.click("#remind")
        await page.wait_for_url(f"{evening['page']}*")
        await expect(page.get_by_text("Your reminder is set")).to_be_visible()
        assert "pass" not in page.url
        await look.at(page, "announced-reminded")
        browser.no_complaints()
    look.nothing_wrong()


class Told:
    """Puts words into the gate's mouth: what it will say on the worst evening."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.serving: dict[str, Any] = {}
        self.door: dict[str, Any] | None = None

    async def on(self, page: Page) -> None:
        await page.route("**/state.json*", lambda route: self._changed(route, self.state))
        await page.route("**/serving.json*", lambda route: self._changed(route, self.serving))
        await page.route("**/door/*", self._verdict)

    async def _changed(self, route: Route, more: dict[str, Any]) -> None:
        # At once: what is put into its mouth is no news to the gate, which would hold the answer.
        answer = await route.fetch(url=route.request.url.partition("?")[0])
        await route.fulfill(response=answer, json=await answer.json() | more)

    async def _verdict(self, route: Route) -> None:
        if self.door is None:
            await route.continue_()
        else:
            await route.fulfill(body=json.dumps(self.door), content_type="application/json")


def _rung(n: int, *effects: str, **says: str) -> dict[str, Any]:
    return {"n": n, "of": 8, "effects": effects, "says": says, "since_ms": 1, "by": "load"}


async def _told(browser: Chromium, told: Told, url: str, lang: str) -> Page:
    page = await browser.page(**READER)
    await told.on(page)
    await page.goto(f"{url}?lang={lang}")
    return page


async def test_the_worst_evening_in_words(site: Site, folder: Path) -> None:
    """A long line, a warning from the host, every rung, the refusals, a late recording."""
    look, told = Look(), Told()
    status = {"text": "There seems to be an attack. Worst case: fewer listeners.", "at_ms": 1}
    long_line = {"number": 4_182, "serving": 120, "ahead": 4_061, "estimate_s": 190.0}
    wait = {"verdict": "wait", "retry_after_ms": 60_000, "place": "P", "lane": "anyone"}
    serving = {"serving": 120, "waiting": 9_000, "rate_per_s": 21.0, "status": status}
    serving |= {
        "lanes": {"guest": 0, "reminder": 0, "member": 0, "anyone": 120},
        "joined": {"guest": 0, "reminder": 0, "member": 0, "anyone": 9_120},
        "closed_upto": {"guest": 0, "reminder": 0, "member": 0, "anyone": 8_000},
    }
    async with (
        on_air(site, "The worst evening", melody(200, seed=44), folder) as (event, _),
        chromium() as browser,
    ):
        told.door = wait | long_line | {"final": True}
        told.serving = serving | {"rung": _rung(3, "plain", "long", "lean_new"), "promise_ms": None}
        for lang in LANGUAGES:
            page = await _told(browser, told, event["page"], lang)
            await sees(page, scene="line")
            await expect(page.locator(".status p")).to_have_text(status["text"])
            await expect(page.locator("#rung")).to_be_visible()
            await page.click(".comes-box summary")
            assert await page.locator(".comes li").count() == 6  # five rungs, and what is not one
            await expect(page.locator("#now")).to_contain_text("4,182")
            about = {"en": "About 3 minutes", "gu": "આશરે 3 મિનિટ", "hi": "लगभग 3 मिनट"}[lang]
            await expect(page.locator("#now")).to_contain_text(about)
            await look.at(page, f"line-{lang}")
            await page.context.close()

        # No rate is measured yet: no minutes are made up.
        told.serving |= {"rate_per_s": 0.0, "rung": None}
        told.door |= {"estimate_s": None}
        page = await _told(browser, told, event["page"], "en")
        await sees(page, scene="line")
        await expect(page.locator("#now")).to_contain_text("not known yet")

        by_ms = await page.evaluate("Date.now() + 40 * 60_000")
        for reason in ("closed", "reduced"):
            told.door = {"verdict": "refuse", "reason": reason, "retry_after_ms": 30_000}
            told.state = {"status": status, "promise_ms": by_ms}
            for lang in LANGUAGES:
                page = await _told(browser, told, event["page"], lang)
                await sees(page, scene=reason)
                await look.at(page, f"{reason}-{lang}", axe=lang == "en")
                await page.context.close()

        told.door = None
        rungs = ["plain", "long", "lean_new", "lean_all", "coarse", "closed", "floor", "later"]
        pages = {lang: await _told(browser, told, event["page"], lang) for lang in LANGUAGES}
        for page in pages.values():
            await page.click("#play")
            await sees(page, sound="playing")
        for n, effect in enumerate(rungs, start=1):
            told.state = {"rung": _rung(n, *rungs[:n]), "promise_ms": by_ms, "status": None}
            said = set()
            for page in pages.values():
                await expect(page.locator("#rung")).to_be_visible()

                async def there(page: Page = page, effect: str = effect) -> bool:
                    rung = (await stats(page))["rung"]
                    return bool(rung and rung["effects"][-1] == effect)

                await until(there, 30, f"the rung {effect}")
                said.add(await page.locator("#rung p:last-child").inner_text())
            assert len(said) == 3, "each in its language"
        for lang, page in pages.items():
            await page.click("#figures summary")
            await look.at(page, f"rung-later-{lang}", axe=lang == "en")
        told.state = {"rung": _rung(2, "plain", "long", hi="धीरज रखें, आवाज़ देर से आएगी।")}
        await expect(pages["hi"].locator("#rung p:last-child")).to_have_text(
            "धीरज रखें, आवाज़ देर से आएगी।"
        )
        told.state = {"rung": None}
        await expect(pages["en"].locator("#rung")).to_be_hidden()
        await sees(pages["en"], sound="playing")

        # Over, promised, late: it says so where everybody looks.
        over = {"state": "ended", "replay": None, "promise_ms": by_ms}
        told.state = over
        page = await _told(browser, told, event["page"], "en")
        await sees(page, scene="preparing")
        await expect(page.get_by_text("The recording will be here by")).to_be_visible()
        told.state = over | {"promise_ms": by_ms - 41 * 60_000}
        await expect(page.get_by_text("is late")).to_be_visible()
        await look.at(page, "preparing-late")
        browser.no_complaints()
    look.nothing_wrong()


async def test_what_happened_can_be_read_by_everybody(site: Site, folder: Path) -> None:
    look = Look()
    async with (
        on_air(site, "For the record", melody(60, seed=45), folder) as (event, _),
        chromium() as browser,
    ):
        page = await browser.page(event["page"], **READER)
        await page.click("text=What happened")
        await expect(page.get_by_text("On air.", exact=True)).to_be_visible()
        site.samvad("event", "end", event["event"])
        for lang, word in zip(LANGUAGES, ("kept", "પળાયું", "निभा"), strict=True):
            page = await browser.page(f"{event['happened']}?lang={lang}", **READER)

            async def kept(page: Page = page, word: str = word) -> bool:
                await page.reload()
                return word in await page.inner_text("main")

            await until(kept, 30, "the promise to be judged", every=1.0)
            await look.at(page, f"happened-{lang}", axe=lang == "en")
        browser.no_complaints()
    look.nothing_wrong()


async def _orders(site: Site, event: dict[str, Any], what: str, **said: object) -> None:
    """What the host does from the console."""
    token = event["console"].rpartition("#")[2]
    async with crowd.http() as web:
        url = f"{site.stage}/stage/{event['event']}/{what}"
        headers = {"Authorization": f"Bearer {token}"}
        async with web.post(url, json=said, headers=headers) as answer:
            assert answer.status < 300, await answer.text()


async def test_the_hosts_word_and_every_order_reach_who_listens_and_who_waits(
    site: Site, folder: Path
) -> None:
    ladder = folder / "ladder.json"
    own = {"en": "Sound is a little late tonight.", "gu": "આજે અવાજ થોડો મોડો છે."}
    ladder.write_text(
        json.dumps(
            [
                {"effect": "plain", "says": own, "back_after_s": 1},
                {"effect": "closed", "back_after_s": 1},
                {"effect": "later", "back_after_s": 1},
            ],
            ensure_ascii=False,
        )
    )
    options = ("--seats", "1", "--ladder", str(ladder), "--promise", "20")
    async with (
        on_air(site, "Orders", melody(200, seed=46), folder, *options) as (event, _),
        chromium() as browser,
    ):
        inside = await browser.page()
        await listen(inside, event["page"])
        waiting = await browser.page(f"{event['page']}?lang=gu")
        await sees(waiting, scene="line")
        word = "There seems to be an attack. We go on."
        asked = time.monotonic()
        await _orders(site, event, "status", text=word)
        for page in (inside, waiting):
            await expect(page.locator(".status p")).to_have_text(word)
            print(f"the host's word took {time.monotonic() - asked:.2f} s")

        await _orders(site, event, "ladder", mode="force", rung=1)
        await expect(inside.locator("#rung p:last-child")).to_have_text(own["en"])
        await expect(waiting.locator("#rung p:last-child")).to_have_text(own["gu"])

        await _orders(site, event, "ladder", mode="force", rung=2)
        await expect(waiting.locator("#now")).to_contain_text("તમારી જગ્યા સચવાયેલી છે")
        late = await browser.page(event["page"])
        await sees(late, scene="closed")
        await sees(inside, sound="playing")

        await _orders(site, event, "ladder", mode="force", rung=3)
        await expect(inside.locator("#rung p:last-child")).to_contain_text("will be here by")

        await _orders(site, event, "ladder", mode="auto", rung=0)
        for page in (inside, waiting):
            await expect(page.locator("#rung")).to_be_hidden()
        await sees(inside, sound="playing", rung=None)

        async def written() -> bool:
            log = await late.context.new_page()
            await log.goto(event["happened"])
            text = await log.inner_text("main")
            await log.close()
            parts = (word, "Sound came a few seconds later", "The door was closed", "promised by")
            return all(one in text for one in parts)

        await until(written, 30, "all of it to stand in the public log", every=1.0)
        browser.no_complaints()


async def test_a_guest_goes_before_who_came_earlier(site: Site, folder: Path) -> None:
    song = melody(150, seed=47)
    options = ("--seats", "1", "--way", "priority")
    async with (
        on_air(site, "Guests first", song, folder, *options) as (event, _),
        chromium() as browser,
    ):
        holder = await browser.page()
        await listen(holder, event["page"])
        early = await browser.page(event["page"])
        await sees(early, scene="line")
        guest = await browser.page(event["host"]["guests"])
        told = await sees(guest, scene="line")
        assert (told["line"]["lane"], told["line"]["ahead"]) == ("guest", 0)
        await expect(guest.get_by_text("among the speakers’ guests")).to_be_visible()
        await holder.goto("about:blank")
        await sees(guest, scene="live", sound="playing")
        assert (await stats(early))["scene"] == "line"
        browser.no_complaints()

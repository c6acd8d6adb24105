"""The console: the host sees the crowd, gives up and takes back, and listeners are told."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from samvad.protocol.figures import KEPT_S, Figures, as_dict
from tests.kit.chromium import chromium
from tests.kit.look import PHONE, WIDE, Look
from tests.kit.people import listen, sees, stats
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import melody
from tests.kit.until import until

expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

LINE = "There seems to be an attack; at worst we go on with fewer listeners."


async def _says_yes(page: Page, *told: str) -> None:
    """Read the one question, which says what listeners will see, and confirm it."""
    dialog = page.locator("dialog")
    for words in told:
        await expect(dialog).to_contain_text(words)
    await dialog.locator("button.main").click()
    await expect(dialog).to_have_count(0)


async def _rung(page: Page) -> int | None:
    """The rung a listener's page stands on; 0 for none."""
    told = (await stats(page)).get("rung", {})
    return told["n"] if told else 0


async def test_the_host_forces_a_rung_and_a_listener_is_told(site: Site, folder: Path) -> None:
    look = Look()
    async with (
        on_air(site, "From the console", melody(150, seed=61), folder) as (event, _),
        chromium() as browser,
    ):
        listener = await browser.page(viewport=PHONE)
        await listen(listener, event["page"])
        console = await browser.page(event["console"], viewport=WIDE)
        large = console.locator(".figure.large dd")
        await expect(large.first).to_have_text("1")
        plot = console.locator(".plot-picture").first
        told = asyncio.ensure_future(until(lambda: _plotted(plot), 40, "the plot in words"))
        await expect(console.locator(".ladder-told")).to_have_text("Nothing is given up.")
        await expect(console.locator(".rung[aria-current=step] strong")).to_have_text(
            "Everything as planned"
        )
        await told

        # No means no.
        await console.click("#force-1")
        await console.keyboard.press("Escape")
        await expect(console.locator("dialog")).to_have_count(0)
        assert await _rung(listener) == 0

        # By the keyboard alone: the harmless button has the focus first.
        await console.focus("#force-1")
        await console.keyboard.press("Enter")
        dialog = console.locator("dialog")
        await expect(dialog).to_contain_text("about eight seconds late")
        await expect(dialog).to_contain_text("They read: “Many are listening.")
        await console.keyboard.press("Shift+Tab")
        await console.keyboard.press("Enter")
        await expect(console.locator(".rung[aria-current=step] strong")).to_have_text("Plain HLS")
        await until(lambda: _stands_on(listener, 1), 20, "the listener's page to stand on rung 1")
        await expect(listener.locator("main")).to_contain_text("Many are listening.")
        log = console.locator(".log")
        await expect(log).to_contain_text("Ladder ordered to “Plain HLS”")
        await expect(log).to_contain_text("by host")
        await expect(log).to_contain_text("Now on rung 1: Plain HLS")

        await console.fill("#status-text", LINE)
        await console.press("#status-text", "Enter")
        await _says_yes(console, "Show this line?", LINE)
        await expect(listener.locator(".status")).to_contain_text(LINE)
        await expect(log.locator("[data-kind=status]")).to_contain_text("by host")
        await look.at(console, "console-forced")
        await console.set_viewport_size(WIDE)

        # A console in another language shows the same, from what the site has written down.
        phone = await browser.page(
            event["console"].replace("#", "?lang=gu#"), viewport=PHONE, color_scheme="dark"
        )
        await expect(phone.locator(".log")).to_contain_text("host દ્વારા")
        await expect(phone.locator(".rung[data-lit] strong")).to_have_text("સાદું HLS")
        await look.at(phone, "console-forced-gu")

        await console.click("#force-0")
        await _says_yes(console, "Listeners get low latency", "until the ladder is released")
        await expect(console.locator(".ladder-told")).to_have_text("Nothing is given up.")
        await until(lambda: _stands_on(listener, 0), 20, "the listener's page to be as planned")
        await sees(listener, scene="live", sound="playing")
        await console.click("#release")
        await _says_yes(console, "Release the ladder?")
        await expect(console.locator("#release")).to_be_hidden()
        await expect(log).to_contain_text("Ladder released")
        browser.no_complaints()
    look.nothing_wrong()


async def _stands_on(page: Page, n: int) -> bool:
    return await _rung(page) == n


async def _plotted(plot: object) -> bool:
    words = await plot.get_attribute("aria-label")  # type: ignore[attr-defined]
    return "Listening: now 1" in (words or "")


def _an_evening(now_ms: int) -> Figures:
    """A quarter of an hour: a rush, a line, rungs up and down, an attack."""
    seconds = range(KEPT_S)
    at_ms = [now_ms - (KEPT_S - n) * 1000 for n in seconds]

    def crowd(n: int) -> float:
        return 12_000 * min(1.0, n / 200)

    rungs = [
        0 if n < 180 else 1 if n < 260 else 3 if n < 600 else 2 if n < 700 else 0 for n in seconds
    ]
    columns: dict[str, list[float | None]] = {
        "listening": [crowd(n) * 0.97 for n in seconds],
        "admitted": [crowd(n) for n in seconds],
        "in_line": [max(0.0, 8_000 - 12 * abs(n - 400)) if n > 200 else 0.0 for n in seconds],
        "joins_per_s": [60.0 if n < 200 else 4.0 + n % 5 for n in seconds],
        "refusals_per_s": [900.0 if 300 <= n < 520 else float(n % 3) for n in seconds],
        "requests_per_s": [crowd(n) * (1.6 if n < 180 else 0.4) for n in seconds],
        "mbit": [crowd(n) * 0.064 * (0.4 if n >= 260 else 1.0) for n in seconds],
        "p99_ms": [None if 640 <= n < 660 else 20 + crowd(n) / 40 for n in seconds],
        "cpu": [min(1.0, crowd(n) / 15_000) for n in seconds],
        "cpu_sum": [crowd(n) / 8_000 for n in seconds],
        "rung": [float(rung) for rung in rungs],
        "attack": [float(300 <= n < 520) for n in seconds],
    }
    return Figures(now_ms, 4, 4, at_ms, columns)


async def test_what_the_gates_tell_and_when_they_do_not(site: Site) -> None:
    """Answers of a made-up evening, of a machine that is silent, of none at all."""
    look = Look()
    event = site.event("A full evening")
    answers: list[tuple[int, object]] = []

    async def answer(route: Route) -> None:
        status, body = answers[0] if len(answers) == 1 else answers.pop(0)
        if status:
            await route.fulfill(status=status, json=body)
        else:
            await route.abort()

    evening = as_dict(event["event"], _an_evening(time.time_ns() // 1_000_000))
    async with chromium() as browser:
        console = await browser.page(viewport=WIDE)
        await console.route("**/figures.json*", answer)
        answers.append((200, evening | {"silent": []}))
        await console.goto(event["console"])
        crowd = console.locator(".plot-picture").first
        await expect(crowd).to_have_attribute("aria-label", re.compile("highest 12,000 at "))
        await expect(console.locator(".log")).to_contain_text("10,000 listening")
        await look.at(console, "console-evening")
        notice = console.locator(".console-plots .notice")
        await expect(notice).to_be_hidden()
        for status, body, says in (
            (200, evening | {"silent": ["10.0.0.2:8011"]}, "No figures from 10.0.0.2:8011"),
            (503, {"error": "gates_silent", "says": "…"}, "No gate tells its figures"),
            (0, None, "This site does not answer"),
            (
                200,
                evening | {"gates": {"alive": 1, "of": 4}, "silent": []},
                "1 of 4 gate processes",
            ),
        ):
            answers[:] = [(status, body)]
            await expect(notice).to_contain_text(says)
        answers[:] = [(200, evening | {"silent": []})]
        await expect(notice).to_be_hidden()
        browser.no_complaints()
    look.nothing_wrong()


async def test_without_the_key_there_is_nothing_to_press(site: Site, folder: Path) -> None:
    look = Look()
    event = site.event("Only to look at")
    async with chromium() as browser:
        stranger = await browser.page(event["console"].split("#")[0], viewport=PHONE)
        await expect(stranger.locator("#console")).to_contain_text("Read only")
        await expect(stranger.locator(".ladder-told")).to_have_text("Nothing is given up.")
        for button in ("#force-1", "#release", "#end", "#go-live", "#status-text"):
            await expect(stranger.locator(button)).to_be_hidden()
        await expect(stranger.locator(".plot").first).to_be_hidden()
        await look.at(stranger, "console-read-only")
        speaker = event["speakers"][0]["link"].split("#")[1]
        wrong = await browser.page(f"{event['console'].split('#')[0]}#{speaker}x", viewport=PHONE)
        await expect(wrong.locator("#console")).to_contain_text("Read only")
        browser.no_complaints()
    look.nothing_wrong()

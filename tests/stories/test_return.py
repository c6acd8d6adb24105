"""Somebody who was suspended years ago comes back, and announces a conversation: from the
reinstatement to the replay, on the same pages, and every step in the log."""

import datetime as dt
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.async_api import Page, expect

from tests.kit.chromium import Chromium, chromium
from tests.kit.people import go_in, sees
from tests.kit.site import Site
from tests.kit.sound import say
from tests.kit.until import until, until_now
from tests.kit.years_ago import PASSWORD

expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Who owns the river?"


def years_ago(site: Site, tag: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kit.years_ago", str(site.data), tag],
        cwd=ROOT,
        env=site.env,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


async def logged_in(browser: Chromium, site: Site, handle: str, **context: Any) -> Page:
    page = await browser.page(f"{site.web}/accounts/login/", **context)
    await page.fill("#id_login", handle)
    await page.fill("#id_password", PASSWORD)
    await page.click("main form button.main")
    await page.wait_for_url(lambda url: "login" not in url)
    return page


def a_photo(folder: Path) -> Path:
    Image.linear_gradient("L").resize((800, 600)).convert("RGB").save(folder / "river.jpg")
    return folder / "river.jpg"


def a_video(folder: Path) -> Path:
    path = folder / "river.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=2",
         "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return path


async def posts(page: Page, site: Site, text: str, field: str, file: Path) -> None:
    await page.goto(f"{site.web}/compose")
    await page.fill("#id_text", text)
    # Without scripts the fields are plain ones.
    await page.locator(f"input[name={field}]").set_input_files(file)
    await page.click("form.composer button.main")
    await page.wait_for_url(lambda url: "compose" not in url)


def summer() -> str:
    """A July day to come: 8 pm Eastern is daylight time then, 5:30 am in India."""
    today = dt.datetime.now(dt.UTC).date()
    return f"{today.year + (today.month >= 7)}-07-15"


async def announces(page: Page, site: Site) -> str:
    """8 pm Eastern, posted with its card; returns the event's id."""
    await page.goto(f"{site.web}/events/new")
    await page.fill("#id_title", TITLE)
    await page.check("input[name=start][value=later]")
    await page.fill("#id_date", summer())
    await page.fill("#id_time", "20:00")
    await page.select_option("#id_zone", "America/New_York")
    await page.click("main form button.main")
    await page.wait_for_url("**/events/**")
    return page.url.split("?")[0].rsplit("/", 1)[1]


async def test_reinstated_after_years_she_goes_on_air(site: Site, folder: Path) -> None:
    tag = secrets.token_hex(3)  # a story may be told more than once on one site
    then = years_ago(site, tag)
    asha_page, api = f"{site.web}/@asha{tag}", {"Authorization": f"Bearer {then['token']}"}
    async with chromium(say("The river belongs to nobody. " * 30), folder) as browser:
        india = {"locale": "en-IN", "timezone_id": "Asia/Kolkata"}
        bela = await logged_in(browser, site, f"bela{tag}", **india)
        await bela.goto(asha_page)
        await expect(bela.locator("main")).to_contain_text("This account is suspended.")
        refused = requests.post(f"{site.web}/api/v1/posts", json={"text": "x"}, headers=api)
        assert (refused.status_code, refused.json()["type"]) == (403, "suspended")

        site.samvad("user", "reinstate", f"asha{tag}", "--reason", "The report was false")
        await bela.goto(asha_page)
        await expect(bela.locator("main")).to_contain_text("The river is low this year.")
        await expect(bela.locator("main")).to_contain_text("1 follower")
        asha = await logged_in(browser, site, f"asha{tag}", java_script_enabled=False)
        await asha.goto(f"{site.web}/@dilip{tag}")
        await expect(asha.locator("main")).not_to_contain_text("Only for those who follow me.")

        await posts(asha, site, "I am back. This is the river today.", "photo1", a_photo(folder))
        await bela.goto(asha_page)
        await expect(bela.locator(".post-media img").first).to_be_visible()
        await posts(asha, site, "And this is how it moves.", "video", a_video(folder))

        async def shown() -> bool:
            await bela.reload()
            return await bela.locator("video.post-video").count() == 1

        await until(shown, 120, "the video to be there")

        event = await announces(asha, site)
        await bela.goto(f"{site.web}/home")
        card = bela.locator(".event-card", has_text=TITLE)
        when = card.locator(".event-card-when")
        await expect(when).to_contain_text("16 Jul")
        await expect(when).to_contain_text("5:30 am")
        await expect(when).to_contain_text("8:00 pm")
        await expect(when).to_contain_text("Eastern")
        await card.get_by_role("button", name="Remind me").click()
        await expect(bela.get_by_role("button", name="reminder is set")).to_be_visible()

        soon = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=9)).isoformat(timespec="seconds")
        moved = requests.post(
            f"{site.web}/api/v1/events/{event}/move", json={"starts_at": soon}, headers=api
        )
        assert moved.status_code == 200, moved.text
        links = site.samvad_json("event", "show", event)
        host = await browser.page(links["host"]["link"])
        await go_in(host, links["host"]["link"])
        await host.click("#go-live")
        await sees(host, phase="live")
        await bela.goto(f"{site.web}/home")
        await expect(card.locator("[data-lamp]")).to_be_visible()
        await card.locator(".event-card-title a").click()
        await bela.click("#play, #listen-then")
        await sees(bela, 60, scene="live", sound="playing")
        address = bela.url.split("?")[0]
        await host.click("#end")
        await host.click("dialog button.main")
        await sees(bela, 90, scene="replay")
        assert bela.url.split("?")[0] == address
        browser.no_complaints()

    until_now(lambda: site.samvad_json("event", "show", event)["replay"], 60)
    rows = [
        json.loads(line)
        for line in site.samvad("audit", "show", "--json", "--of", f"@asha{tag}").splitlines()
    ]
    assert [(r["action"], r["reason"]) for r in rows] == [
        ("account.suspend", "After a false report"),
        ("account.reinstate", "The report was false"),
    ]
    away = dt.datetime.fromisoformat(rows[-1]["at"]) - dt.datetime.fromisoformat(rows[0]["at"])
    assert away.days > 1000
    assert site.samvad_json("audit", "verify")["ok"]
    log = requests.get(f"{site.web}/transparency/").text
    assert "The report was false" in log
    happened = requests.get(links["happened"]).text
    for step in ("On air.", "The conversation ended.", "The recording is here."):
        assert step in happened, happened

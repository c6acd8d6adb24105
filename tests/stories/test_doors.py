"""The door: as many come in as there are seats, and everybody is told."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.kit import crowd, ears
from tests.kit.chromium import chromium
from tests.kit.compare import course, follow
from tests.kit.people import listen, sees, stats
from tests.kit.show import on_air
from tests.kit.site import Site, running_site
from tests.kit.sound import melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

HOLD_S = 6


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A seat that is not used for 6 s goes to somebody else."""
    data = tmp_path_factory.mktemp("doors") / "data"
    with running_site(data, settings={"GATE_SEAT_HOLD_S": HOLD_S}) as site:
        yield site


async def test_the_third_of_two_waits_until_a_seat_is_left(small_site: Site, folder: Path) -> None:
    site = small_site
    async with (
        on_air(site, "Two seats", melody(120, seed=31), folder, "--seats", "2") as (event, _),
        crowd.http() as web,
    ):
        name = event["event"]
        first = await crowd.knock(web, site, name)
        second = await crowd.knock(web, site, name)
        third = await crowd.knock(web, site, name)
        assert [v["verdict"] for v in (first, second, third)] == ["admit", "admit", "wait"]
        assert (third["number"], third["serving"], third["ahead"]) == (1, 0, 0)
        assert 0 < third["retry_after_ms"] <= 60_000
        assert first["ticket"] != second["ticket"]

        # A reload shows its ticket and keeps its seat, whichever gate process answers.
        for _ in range(6):
            async with crowd.http() as anew:
                again = await crowd.knock(anew, site, name, first["ticket"])
                assert again["verdict"] == "admit"
                waits = await crowd.knock(anew, site, name, place=third["place"])
                assert (waits["verdict"], waits["number"]) == ("wait", 1)

        # The first goes on listening; the second closes the page without a word.
        async def listens_and_asks() -> dict[str, object] | None:
            await crowd.status_of(web, urljoin(site.gate, first["play"]))
            verdict = await crowd.knock(web, site, name, place=third["place"])
            return verdict if verdict["verdict"] == "admit" else None

        await until(listens_and_asks, HOLD_S + 15, "the left seat to come back", every=0.5)
        playing = urljoin(site.gate, first["play"])
        await until(lambda: _answers(web, playing, 200), 20, "the first to go on listening")
        # Whoever left is not let in by the old ticket: the seat has another's name now.
        assert await crowd.status_of(web, urljoin(site.gate, second["play"])) == 410

        async def both_counted() -> bool:
            counts = (await crowd.state(web, site, name))["counts"]
            assert counts["seats"] == 2
            return bool(counts["admitted"] == 2)

        await until(both_counted, HOLD_S - 2, "both of the two seats to be counted as held")


async def test_the_second_of_one_is_told_and_goes_in_by_itself(
    small_site: Site, folder: Path
) -> None:
    site = small_site
    song = melody(150, seed=33)
    async with (
        on_air(site, "One seat", song, folder, "--seats", "1") as (event, _),
        chromium() as first,
        chromium() as second,
    ):
        page = await first.page()
        await listen(page, event["page"])
        seat = (await stats(page))["ticket"][:10]

        waiting = await second.page(event["page"])
        told = await sees(waiting, scene="line")
        assert (told["line"]["number"], told["line"]["ahead"]) == (1, 0)
        assert "you are number" in (await waiting.inner_text("#now")).lower()

        # A reload is the same person on the same seat.
        await page.reload()
        await sees(page, sound="playing")
        assert (await stats(page))["ticket"][:10] == seat
        assert (await stats(waiting))["scene"] == "line"

        # The first goes; the second is let in and hears without a hand moved.
        await page.close()
        await sees(waiting, scene="live", sound="playing", within=HOLD_S + 30)
        assert course(follow((await ears.record(waiting, 5)).samples, song)).covered > 0.9


async def test_the_page_without_javascript_says_what_it_is(small_site: Site) -> None:
    starts = ("--starts", "2030-05-01T20:00+05:30", "--zone", "Asia/Kolkata")
    event = small_site.event("Without scripts", *starts, speakers=("Asha", "Bilal"))
    async with chromium() as browser:
        page = await browser.page(event["page"], java_script_enabled=False)
        text = await page.inner_text("main")
        for wanted in ("Without scripts", "Asha", "Bilal", "2030", "JavaScript"):
            assert wanted in text
        link = page.get_by_role("link", name="the recording")
        assert (await link.get_attribute("href") or "").endswith("/replay.m4a")


async def test_tickets_are_nobody_elses(small_site: Site, folder: Path) -> None:
    """A forged ticket, one of another event, one cut short: 403, and no word more."""
    site = small_site
    song = melody(60, seed=32)
    async with (
        on_air(site, "Ours", song, folder) as (ours, _),
        on_air(site, "Theirs", song, folder) as (theirs, _),
        crowd.http() as web,
    ):
        ticket = (await crowd.knock(web, site, ours["event"]))["ticket"]
        await crowd.knock(web, site, theirs["event"])
        flipped = ticket[:5] + ("B" if ticket[5] == "A" else "A") + ticket[6:]
        for event, forged in (
            (theirs["event"], ticket),
            (ours["event"], flipped),
            (ours["event"], "A" * 32),
        ):
            url = f"{site.gate}/live/{event}/{forged}/master.m3u8"
            assert await crowd.status_of(web, url) == 403, forged
        assert await crowd.status_of(
            web, f"{site.gate}/live/{ours['event']}/{ticket[:-1]}/master.m3u8"
        ) in (403, 404)
        # The good one is good, as soon as there is something to hear (503 until then).
        good = f"{site.gate}/live/{ours['event']}/{ticket}/master.m3u8"
        await until(lambda: _answers(web, good, 200), 20, "the good ticket to be taken")


async def _answers(web: aiohttp.ClientSession, url: str, status: int) -> bool:
    return await crowd.status_of(web, url) == status


async def test_one_page_in_three_languages_with_and_without_scripts(small_site: Site) -> None:
    """The page says its essentials in the reader's language before any script has run."""
    site = small_site
    starts = ("--starts", "2030-05-01T20:00", "--zone", "Asia/Kolkata")
    event = site.event("વાતચીત: Rivers & roads", *starts)
    url = event["page"]
    async with crowd.http() as web:

        async def page(asked: str = "", **headers: str) -> tuple[str, aiohttp.ClientResponse]:
            async with web.get(url + asked, headers=headers) as answer:
                assert answer.status == 200
                return await answer.text(), answer

        english, answer = await page()
        assert 'lang="en"' in english
        assert "વાતચીત: Rivers &amp; roads" in english
        assert "20:00" in english or "8:00" in english or "8 p.m." in english
        assert "<noscript>" in english
        assert "Accept-Language" in answer.headers["Vary"]

        by_header = {}
        for code, script in (("gu", r"[\u0a80-\u0aff]{3}"), ("hi", r"[\u0900-\u097f]{3}")):
            asked, _ = await page(f"?lang={code}")
            by_header[code], _ = await page(**{"Accept-Language": f"{code}-IN,en;q=0.5"})
            assert asked == by_header[code]
            assert f'lang="{code}"' in asked
            words = re.sub(r"<script.*?</script>|<[^>]+>|વાતચીત", " ", asked, flags=re.S)
            assert len(re.findall(script, words)) > 10, f"hardly a word in {code}"
        assert (await page("?lang=xx"))[1].status == 200

        # What was fetched once is not sent again, and it travels packed.
        async with web.get(url, headers={"If-None-Match": answer.headers["ETag"]}) as same:
            assert same.status == 304
    async with aiohttp.ClientSession(auto_decompress=False) as plain:  # noqa: SIM117
        async with plain.get(url, headers={"Accept-Encoding": "gzip"}) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await packed.read()).decode() == english

"""The door asks for work: a browser does it by itself; one that cannot is told why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.chromium import chromium
from tests.kit.people import stats
from tests.kit.show import on_air
from tests.kit.site import Site, running_site
from tests.kit.sound import melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

NO_WORK = "Object.defineProperty(window, 'Worker', {value: undefined})"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("proof") / "data"
    with running_site(data, settings={"ATTACK_PROOF": "always"}) as site:
        yield site


async def test_a_browser_works_its_way_in_and_one_that_cannot_is_told_why(
    guarded: Site, folder: Path
) -> None:
    async with (
        on_air(guarded, "Under attack", melody(60, seed=4), folder) as (event, _),
        chromium() as browser,
    ):
        page = await browser.page(event["page"])

        async def inside() -> bool:
            return (await stats(page))["verdict"] == "admit"

        await until(inside, 40, "the work does not lead in")
        assert await page.evaluate("document.querySelectorAll('[role=alert]').length") <= 2

        slow = await browser.page(locale="hi-IN")
        await slow.add_init_script(NO_WORK)
        await slow.goto(event["page"])

        async def told() -> bool:
            return "यह ब्राउज़र नहीं कर सकता" in await slow.inner_text("#now")

        await until(told, 40, "nobody says why")
        assert (await stats(slow))["scene"] == "proof"
        browser.no_complaints()

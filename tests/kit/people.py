"""What people do on the pages, in either browser: go into the studio, listen, go.

Each step waits for what a person would see before the next one.
"""

import json
from collections.abc import Awaitable
from typing import Any, Protocol

from tests.kit.until import Late, until


class AnyPage(Protocol):
    """Playwright's page and tests.kit.firefox's alike."""

    def goto(self, url: str, /) -> Awaitable[Any]: ...

    def click(self, selector: str, /) -> Awaitable[Any]: ...

    def evaluate(self, expression: str, /) -> Awaitable[Any]: ...


async def stats(page: AnyPage) -> dict[str, Any]:
    """What `window.samvad.stats()` tells; {} while the page's script is not there yet."""
    told = await page.evaluate(
        "JSON.stringify(window.samvad?.stats() ?? {}, (k, v) => v instanceof Element ? null : v)"
    )
    found: dict[str, Any] = json.loads(str(told))
    return found


async def sees(page: AnyPage, within: float = 30.0, **wanted: Any) -> dict[str, Any]:
    """Wait until the page's stats say `wanted`; returns them all."""
    last: dict[str, Any] = {}

    async def so() -> dict[str, Any] | None:
        nonlocal last
        last = await stats(page)
        return last if all(last.get(k) == v for k, v in wanted.items()) else None

    try:
        return await until(so, within, f"the page to see {wanted}")
    except Late:
        text = await page.evaluate("document.body.innerText")
        raise Late(
            f"the page does not see {wanted} within {within:g} s, but {last}:\n{text}"
        ) from None


async def go_in(page: AnyPage, link: str) -> None:
    """Open one's personal link, go in, and be in: the room shows one as here."""
    await page.goto(link)
    await page.click("#go-in")

    async def here() -> bool:
        now = await stats(page)
        me = (now.get("you") or {}).get("id")
        return any(v["here"] for v in now.get("voices", ()) if v["id"] == me)

    try:
        await until(here, 30, "to be in the room")
    except Late:
        text = await page.evaluate("document.body.innerText")
        raise Late(f"not in the room within 30 s, but {await stats(page)}:\n{text}") from None


async def listen(page: AnyPage, url: str, within: float = 40.0) -> None:
    """Open the event's page, press the one big button, and hear it play."""
    await page.goto(url)
    await page.click("#play, #listen-then")
    await sees(page, within, sound="playing")

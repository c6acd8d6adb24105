"""The crowd's requests as any program would make them: door, state, playlists, media."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import aiohttp
import m3u8

from tests.kit.site import Site
from tests.kit.until import until


@asynccontextmanager
async def http(connections: int = 16) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that gives up after 20 s."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=20),
    ) as session:
        yield session


async def knock(
    session: aiohttp.ClientSession,
    site: Site,
    event: str,
    ticket: str | None = None,
    place: str = "",
) -> dict[str, Any]:
    """POST /door/<event>: the verdict."""
    shown = {"ticket": ticket, "place": place} if ticket or place else None
    async with session.post(f"{site.gate}/door/{event}", json=shown) as answer:
        assert answer.status == 200, f"the door answers {answer.status}: {await answer.text()}"
        verdict: dict[str, Any] = await answer.json()
        return verdict


async def enter(session: aiohttp.ClientSession, site: Site, event: str) -> str:
    """Go in; the absolute URL of the master playlist."""
    verdict = await knock(session, site, event)
    assert verdict["verdict"] == "admit", verdict
    return urljoin(site.gate, str(verdict["play"]))


async def state(session: aiohttp.ClientSession, site: Site, event: str) -> dict[str, Any]:
    async with session.get(f"{site.gate}/live/{event}/state.json") as answer:
        assert answer.status == 200, f"state.json: {answer.status}"
        told: dict[str, Any] = await answer.json()
        return told


async def state_is(site: Site, event: str, wanted: str, within: float = 30.0) -> dict[str, Any]:
    """Wait until state.json says `wanted` (doors, live, ended …); returns it."""
    async with http() as session:

        async def told() -> dict[str, Any] | None:
            now = await state(session, site, event)
            return now if now["state"] == wanted else None

        return await until(told, within, lambda: f"{event} to be {wanted}\n{site.tail(30)}")


async def status_of(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as answer:
        await answer.read()
        return answer.status


async def playlist(session: aiohttp.ClientSession, url: str) -> m3u8.M3U8:
    """A playlist as the m3u8 package reads it."""
    async with session.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        return m3u8.loads(await answer.text(), uri=str(answer.url))


async def seconds_on_air(session: aiohttp.ClientSession, master: str) -> float:
    """How much the live playlist holds; 0 while there is none yet (503)."""
    if await status_of(session, master) == 503:
        return 0.0
    variants = await playlist(session, master)
    index = await playlist(session, variants.playlists[0].absolute_uri)
    return sum(float(s.duration or 0.0) for s in index.segments)

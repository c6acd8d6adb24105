"""From a mouth to an ear, in seconds, three ways: WHEP, LL-HLS, plain HLS.

Everything is real: `samvad up`, a Chromium that speaks in the studio, another one that
listens (for WHEP: a second speaker's studio; for HLS: the event page). Both record: the
speaker's page what its microphone takes in, the listener's what its element plays, each with
the wall time of its first sample. How much later the same words stand in the second one is the
time from mouth to ear. Not in it: the sound card on either side.

Each run is a new listener, so it begins at another moment of a part and of a segment.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.kit import ears
from tests.kit.chromium import chromium
from tests.kit.compare import SPEECH_S, follow
from tests.kit.people import go_in, listen
from tests.kit.site import Site, running_site
from tests.kit.sound import Samples, chatter, silence, write_wav
from tests.kit.until import until

OUT = Path("build/bench/latency.json")
RUNS = 7
LISTEN_S = 6.0
STEADY_S = 3.0
"""So long a player has played at its own speed, before a run is recorded: one that has just
begun plays a little faster until it is where it wants to be."""


@dataclass(frozen=True)
class Way:
    """`settings` of the site; `target_s` None: reported only. `lead_s`: the mouth is recorded
    from so long before the listener comes, so that all that is heard is in the recording."""

    name: str
    target_s: float | None
    lead_s: float
    settings: dict[str, str]


WAYS = (
    Way("WHEP", 0.25, 0, {}),
    Way("LL-HLS", 2.5, 2, {}),
    Way("plain HLS", None, 12, {"GATE_LOW_LATENCY_LISTENERS": "0"}),
)


async def measure(mouth: Page, ear: Page) -> float | None:
    """Seconds from the microphone of one page to what the other one plays; None when so
    little was recognised that nothing can be said (the machine is busy with other things)."""
    await ears.start(ear)
    await asyncio.sleep(LISTEN_S)
    heard, said = await ears.stop(ear), await ears.stop(mouth)
    places = follow(heard.samples, said.samples, SPEECH_S)
    if len(places) < 3:
        for name, take in (("heard", heard), ("said", said)):
            write_wav(OUT.with_name(f"latency-{name}.wav"), take.samples)
        return None
    began_s = (heard.began_ms - said.began_ms) / 1000
    return began_s + statistics.median(p.heard_s - p.said_s for p in places)


@asynccontextmanager
async def speaker(
    event: dict[str, Any], name: str, sound: Samples, folder: Path
) -> AsyncIterator[Page]:
    """Somebody in the studio."""
    link = next(s["link"] for s in event["speakers"] if s["name"] == name)
    async with chromium(sound, folder) as browser:
        page = await browser.page()
        await go_in(page, link)
        yield page


_HURRIES = "[...document.querySelectorAll('audio')].some((a) => a.playbackRate > 1)"


async def steady(page: Page) -> None:
    since = time.monotonic()

    async def long_enough() -> bool:
        nonlocal since
        if await page.evaluate(_HURRIES):
            since = time.monotonic()
        return time.monotonic() - since > STEADY_S

    await until(long_enough, 90, "the player to be where it wants to be")


Listener = Callable[[], Coroutine[Any, Any, Page]]


async def runs(mouth: Page, listener: Listener, way: Way) -> list[float]:
    """RUNS figures. Raises RuntimeError when as many attempts gave none."""
    took: list[float] = []
    for number in range(2 * RUNS):
        await ears.start(mouth, "microphone")
        await asyncio.sleep(way.lead_s)
        page = await listener()
        await steady(page)
        await asyncio.sleep(number * 0.17)
        figure = await measure(mouth, page)
        await page.context.close()
        print(
            f"  {way.name} {number + 1}: {'-' if figure is None else f'{figure:.3f} s'}", flush=True
        )
        if figure is not None:
            took.append(figure)
        if len(took) == RUNS:
            return took
    raise RuntimeError(f"by {way.name} too little was recognised: see {OUT.parent}")


async def by_hls(site: Site, folder: Path, way: Way) -> list[float]:
    event = site.event(f"Latency by {way.name}", speakers=("Mouth",))
    async with (
        speaker(event, "Mouth", chatter(300, seed=1), folder) as mouth,
        chromium() as crowd,
    ):

        async def listener() -> Page:
            page = await crowd.page()
            await listen(page, event["page"])
            return page

        return await runs(mouth, listener, way)


async def by_whep(site: Site, folder: Path, way: Way) -> list[float]:
    event = site.event("Latency by WHEP", speakers=("Mouth", "Ear"))
    link = next(s["link"] for s in event["speakers"] if s["name"] == "Ear")
    async with (
        speaker(event, "Mouth", chatter(300, seed=2), folder) as mouth,
        chromium(silence(1), folder) as other,
    ):

        async def listener() -> Page:
            page = await other.page()
            await go_in(page, link)
            return page

        return await runs(mouth, listener, way)


def p90(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1]


def main() -> int:
    """Measure, print the table, write build/bench/latency.json; 1 when a target is missed."""
    OUT.parent.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for way in WAYS:
            by = by_whep if way.name == "WHEP" else by_hls
            with running_site(folder / way.name.replace(" ", "-"), settings=way.settings) as site:
                took = asyncio.run(by(site, folder, way))
            figures[way.name] = {
                "median_s": round(statistics.median(took), 3),
                "p90_s": round(p90(took), 3),
                "runs_s": [round(t, 3) for t in took],
                "target_s": way.target_s,
            }
    OUT.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\n{'mouth to ear':<14}{'median':>9}{'p90':>9}{'target':>9}   over {RUNS} listeners")
    kept = True
    for name, told in figures.items():
        target = told["target_s"]
        ok = target is None or told["median_s"] < target
        kept = kept and ok
        wanted = "" if target is None else f"{target:g} s"
        print(
            f"{name:<14}{told['median_s']:>7.2f} s{told['p90_s']:>7.2f} s{wanted:>9}"
            f"   {'' if ok else 'MISSED'}"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

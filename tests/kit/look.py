"""Looking at pages: screens to be looked at by people, and what axe-core finds by itself."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "build" / "screens"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROWEST: ViewportSize = {"width": 320, "height": 640}

_RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    rules: { "color-contrast-enhanced": { enabled: true } },
  });
  return JSON.stringify(found.violations.map((v) => ({
    id: v.id, help: v.help,
    nodes: v.nodes.map(
      (n) => n.html.slice(0, 160) + " | " + (n.any[0]?.message ?? n.failureSummary)),
  })));
}"""

_SETTLED = """async () => {
  await document.fonts.ready;
  const frame = new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const late = new Promise((done) => setTimeout(done, 250));
  await Promise.race([frame, late]);
  const ends = document.getAnimations()
    .filter((a) => a.effect?.getComputedTiming().endTime !== Infinity)
    .map((a) => a.finished.catch(() => undefined));
  await Promise.race([Promise.all(ends), late]);
}"""
"""Colours may fade from one scheme to the other; axe must see the last ones."""


@dataclass
class Look:
    """Collects what is wrong with any page, so that one run shows all of it."""

    wrong: list[str] = field(default_factory=list)

    async def at(self, page: Page, name: str, *, axe: bool = True) -> None:
        """Screens of the page as it is now (phone and desktop, light and dark), and checks.

        Writes build/screens/<name>-<width>-<scheme>.png, unless nobody will look at them
        (LOOK_SCREENS is "no", as on CI). Leaves the page as a light phone.
        """
        keeps = os.environ.get("LOOK_SCREENS") != "no"
        if keeps:
            SCREENS.mkdir(parents=True, exist_ok=True)
        await page.set_viewport_size(NARROWEST)
        await self._fits(page, name)
        for size in (WIDE, PHONE):
            for scheme in ("dark", "light"):
                await page.set_viewport_size(size)
                await page.emulate_media(color_scheme=scheme)
                await page.evaluate(_SETTLED)
                shot = f"{name}-{size['width']}-{scheme}"
                if keeps:
                    await page.screenshot(path=SCREENS / f"{shot}.png", full_page=True)
                await self._fits(page, shot)
                if axe and (size is PHONE) == (scheme == "light"):
                    await self._axe(page, shot)

    async def _fits(self, page: Page, name: str) -> None:
        """Nothing sticks out at the right (WCAG 1.4.10: no scrolling in two directions)."""
        wide = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide[0] > wide[1]:
            self.wrong.append(f"{name}: {wide[0]} px wide in a window of {wide[1]} px")

    async def _axe(self, page: Page, name: str) -> None:
        if not await page.evaluate("typeof axe === 'object'"):
            await page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
        violations: list[dict[str, Any]] = json.loads(await page.evaluate(_RUN))
        for one in violations:
            self.wrong += [f"{name}: {one['id']}: {node}" for node in one["nodes"]]

    def nothing_wrong(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)

"""From the last word to the replay playing, in a real browser with a whole site.

    python -m bench.posted
    python -m bench.posted --minutes 10 120

A listener's page hears the end of a conversation that has been recorded for so long already (speech
generated and laid end to end, as bench.record does). The host ends it; the page offers the replay
by itself, and it is played at once, then sought to its middle. Times are the page's own, from the
moment the host's command is given. Writes build/bench/posted.json.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import Figure, report
from bench.record import record
from samvad.base.folders import Folders
from tests.kit.chromium import chromium
from tests.kit.people import listen
from tests.kit.show import speaking
from tests.kit.site import Site, running_site
from tests.kit.sound import chatter

OUT = Path("build/bench/posted.json")
WATCH = """() => new Promise((done, fail) => {
  const began = performance.now();
  const since = () => performance.now() - began;
  const told = {};
  const look = () => {
    const audio = document.getElementById("replay-audio");
    const press = document.getElementById("replay-play");
    if (since() > 180_000) return fail(new Error("no replay"));
    if (press && told.offered === undefined) {
      told.offered = since();
      press.click();
    }
    if (told.playing === undefined && audio.currentTime > 0 && !audio.paused) {
      told.playing = since();
      told.length_s = audio.duration;
      audio.addEventListener("seeked", () => {
        const from = audio.currentTime;
        const sought = since();
        const sounds = () => {
          if (audio.currentTime > from) {
            told.sought = since() - told.asked;
            return done(told);
          }
          setTimeout(sounds, 5);
        };
        told.seeked = sought - told.asked;
        sounds();
      }, { once: true });
      told.asked = since();
      audio.currentTime = audio.duration / 2;
      return;
    }
    setTimeout(look, 10);
  };
  look();
})"""
WORKED_ON = """() => new Promise((done) => {
  const began = performance.now();
  const look = () => document.querySelector("canvas.wave")
    ? done(performance.now() - began) : setTimeout(look, 20);
  look();
})"""


async def posted(site: Site, scratch: Path, minutes: int) -> dict[str, Any]:
    host = site.event(f"A talk of {minutes} minutes", speakers=("Asha",))
    name = host["event"]
    folders = Folders(site.data)
    if minutes:
        record(folders, minutes, [], name)
    sound = chatter(90, seed=3)
    async with chromium() as browser, speaking(site, host["speakers"][0]["link"], sound, scratch):
        page = await browser.page(bypass_csp=True)
        await listen(page, host["page"], 90)
        await asyncio.sleep(5)
        watching = asyncio.create_task(page.evaluate(WATCH))
        worked = asyncio.create_task(page.evaluate(WORKED_ON))
        await asyncio.sleep(0)
        await asyncio.to_thread(site.samvad, "event", "end", name, within=120)
        told: dict[str, Any] = await watching
        return told | {"worked_on": await worked}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.posted", description="From end to replay.")
    parser.add_argument("--minutes", type=int, nargs="+", default=[0, 10, 120])
    asked = parser.parse_args()
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-posted-") as scratch,
        running_site(Path(scratch) / "data") as site,
    ):
        for minutes in asked.minutes:
            told = asyncio.run(posted(site, Path(scratch), minutes))
            what = f"{minutes} min" if minutes else "a few seconds"
            figures += [
                Figure(f"{what}: length of the replay", told["length_s"], "s"),
                Figure(f"{what}: end to replay offered", told["offered"] / 1000, "s"),
                Figure(f"{what}: end to replay playing", told["playing"] / 1000, "s"),
                Figure(f"{what}: end to waveform and chapters", told["worked_on"] / 1000, "s"),
                Figure(f"{what}: seek to sound", told["sought"], "ms"),
            ]
    report(figures, OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long a gate waits for the processor while browsers start beside it.

    python -m bench.neighbours [--rounds 5]

A whole site is on the air on all cores of this machine, and browsers come, listen and go, one
after the other, three pages each. Counted is what the gates' own probes see (gate/probe.py),
ten times a second each. The gates use a hundredth of a core, so all of it is waiting for others.
To compare two trees run it in turns from both. Writes build/bench/neighbours.json.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.figures import Figure, report
from samvad.gate.load import WAIT_BOUNDS_MS, wait_counter
from tests.kit.chromium import chromium
from tests.kit.gates import counted, fetch
from tests.kit.people import listen
from tests.kit.show import on_air
from tests.kit.site import Site, running_site
from tests.kit.sound import melody

OUT = Path("build/bench/neighbours.json")
BROWSERS, PAGES = 5, 3
OVER_MS = (20, 50, 100, 250)
BOUNDS_MS = (*WAIT_BOUNDS_MS, float("inf"))


def waited(site: Site) -> Counter[float]:
    """Probes of all gates so far, by the upper bound of how long they waited."""
    metrics = fetch(f"{site.gate_admin}/metrics").text
    return Counter(
        {bound: counted(metrics, wait_counter(place)) for place, bound in enumerate(BOUNDS_MS)}
    )


async def beside_browsers(site: Site, scratch: Path) -> Counter[float]:
    async with on_air(site, "Beside browsers", melody(120, seed=3), scratch) as (event, _):
        before = waited(site)
        for _ in range(BROWSERS):
            async with chromium() as browser:
                for page in [await browser.page(event["page"]) for _ in range(PAGES)]:
                    await listen(page, event["page"])
                await asyncio.sleep(1)
        return waited(site) - before


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.neighbours", description="Waits beside browsers.")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    probes: Counter[float] = Counter()
    for _ in range(asked.rounds):
        with (
            tempfile.TemporaryDirectory(prefix="bench-neighbours-") as scratch,
            running_site(Path(scratch) / "data") as site,
        ):
            probes += asyncio.run(beside_browsers(site, Path(scratch)))
    over = {ms: sum(n for bound, n in probes.items() if bound > ms) for ms in OVER_MS}
    figures = [Figure(f"waited longer than {ms} ms", over[ms], "probes") for ms in OVER_MS]
    report([Figure("probes", probes.total(), "probes"), *figures], OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Recording what a browser's page plays, or what its microphone takes in, with wall times."""

import base64
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from tests.kit.sound import RATE, Samples, decode
from tests.kit.until import until

EARS_JS = Path(__file__).with_name("ears.js").read_text(encoding="utf-8")
Which = Literal["speakers", "microphone"]


class HasEars(Protocol):
    """A page of either browser, made with EARS_JS in it."""

    def evaluate(self, expression: str, /) -> Awaitable[object]: ...


@dataclass(frozen=True)
class Take:
    """Mono at 48 kHz; its first sample was heard at `began_ms` (Unix time).

    Stretches in which the page played nothing at all are filled with silence, so time in the
    samples is time on the wall.
    """

    samples: Samples
    began_ms: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


async def start(page: HasEars, which: Which = "speakers", name: str = "take") -> None:
    """Record from now on; begins by itself when the page begins to play."""
    await page.evaluate(f"window.__ears.start({json.dumps(name)}, {json.dumps(which)})")


async def hears(page: HasEars, within: float = 30.0, which: Which = "speakers") -> None:
    """Wait until the page plays something (which may be silence)."""

    async def playing() -> bool:
        return bool(await page.evaluate(f"window.__ears.hears({json.dumps(which)})"))

    await until(playing, within, f"the page's {which} have no running sound")


async def stop(page: HasEars, name: str = "take") -> Take:
    """The recording since `start`; empty when nothing was played."""
    told = json.loads(str(await page.evaluate(f"window.__ears.stop({json.dumps(name)})")))
    if told["file"]:
        return Take(decode(base64.b64decode(told["file"])), float(told["began_ms"]))
    runs = [
        (float(run["began_ms"]), int(run["rate"]), base64.b64decode(run["samples"]))
        for run in told["runs"]
    ]
    if not runs:
        return Take(np.zeros(0, dtype=np.float32), 0.0)
    began = runs[0][0]
    whole = np.zeros(0, dtype=np.float32)
    for at_ms, rate, raw in runs:
        samples = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        if rate != RATE:
            t = np.arange(0, len(samples) * RATE // rate) * (rate / RATE)
            samples = np.interp(t, np.arange(len(samples)), samples).astype(np.float32)
        gap = round((at_ms - began) / 1000 * RATE) - len(whole)
        whole = np.concatenate([whole, np.zeros(max(gap, 0), dtype=np.float32), samples])
    return Take(whole, began)


async def record(page: HasEars, seconds: float, which: Which = "speakers") -> Take:
    """`seconds` of sound, counted from when the page first plays something."""
    await hears(page, which=which)
    await start(page, which, "record")
    await page.evaluate(f"new Promise((done) => setTimeout(done, {seconds * 1000:.0f}))")
    return await stop(page, "record")

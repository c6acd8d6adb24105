"""Full listeners beside the herd: `python -m samvad.rehearsal.full`, started by cast.py.

Each parses every playlist, checks the order of the media and decodes them (listener.py). An
order as one line of JSON on stdin: {"url", "count", "arrive_s", "from_s", "for_s", "number"};
"ready"; then a line that says when the rehearsal begins. Prints one line at the end: what each
of them heard. When stdin ends before, it ends them and reports what was heard so far.
"""

import asyncio
import dataclasses
import json
import random
import signal
import sys
from typing import Any

from samvad.base.clock import SystemClock
from samvad.base.errors import PlainError
from samvad.rehearsal.listener import Heard, Listener
from samvad.rehearsal.listener_check import Copies
from samvad.rehearsal.tell import tell

_TICK_S = 0.05
MOST = 100
"""In one process: each decodes, which costs about half a percent of a core."""


async def attend(order: dict[str, Any], began: float, ending: asyncio.Event) -> list[Any]:
    """All full listeners of this process; what each has heard, or {"failed": why}."""
    clock, copies = SystemClock(), Copies()
    dice = random.Random(f"full {order['number']}")
    until = began + order["for_s"]
    listeners: list[Listener] = []

    async def one(at: float) -> dict[str, Any]:
        try:
            await asyncio.wait_for(ending.wait(), max(0.0, at - clock.now()))
            return {"failed": "ended before it came"}
        except TimeoutError:
            pass
        listener = Listener(order["url"], None, wait_s=max(1.0, until - clock.now()), copies=copies)
        listeners.append(listener)
        try:
            heard: Heard = await listener.run()
            return dataclasses.asdict(heard)
        except PlainError as error:
            return {"failed": error.says}

    async def end() -> None:
        await asyncio.wait({asyncio.ensure_future(ending.wait())}, timeout=until - clock.now())
        for listener in listeners:
            listener.stop()

    times = [
        began + order["from_s"] + dice.random() * order["arrive_s"] for _ in range(order["count"])
    ]
    late = [0.0]
    ender, watch = asyncio.ensure_future(end()), asyncio.ensure_future(_watch(clock, late))
    heard = await asyncio.gather(*(one(at) for at in times))
    ender.cancel()
    watch.cancel()
    return [*heard, {"altered": copies.altered, "late_s": round(late[0], 3)}]


async def _watch(clock: SystemClock, late: list[float]) -> None:
    """Note in `late` how late this process itself was, at most."""
    while True:
        due = clock.now() + _TICK_S
        await asyncio.sleep(_TICK_S)
        late[0] = max(late[0], clock.now() - due)


async def _main(order: dict[str, Any], began: float) -> list[Any]:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ending.set)
    told = await attend(order, began, ending)
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    return told


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    order = json.loads(sys.stdin.readline())
    if not 0 < order["count"] <= MOST:
        return 1
    tell({"ready": True})
    start = sys.stdin.readline()
    if not start.strip():
        return 1
    tell({"heard": asyncio.run(_main(order, float(start)))})
    return 0


if __name__ == "__main__":
    sys.exit(main())

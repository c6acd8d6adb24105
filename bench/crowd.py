"""A crowd of listeners on one core: the gate, nginx and Icecast, on this machine.

    python -m bench.crowd                      4 thousand listeners, about 90 s
    python -m bench.crowd --listeners 20000,60000,115000 --rounds 3 --seconds 20
    python -m bench.crowd --share 0.5          the server has half of its core: the load has time
    python -m bench.crowd --full               the comparison that docs/adr/0011-lean.md has, 20 min
    python -m bench.crowd --ceiling 20000,60000       what the generator itself can do

The server has core 0, the load core 1; rounds are interleaved, so that what else this machine
does falls on all alike. Each listener has a connection and a ticket of its own, sends the
headers of a browser, asks for the playlist at its pace and for each new object, and for
state.json every 5 s. The lean ones ask as our page does on the lower rungs: `gate-lean-long` on one
connection, with pairs of long segments and state.json every 30 to 37 s; `gate-page-long` on two, as
browsers do, with a look at state.json that is held for news; `gate-opus-long` like the first, with
objects of Opus' size. They are measured when all of them read their names anew. Icecast's
listeners read an endless answer; their latency is how far they lie behind their own best pace.
Latencies count from the intended moment. Writes
build/bench/crowd.json.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.core_share import CoreShare, core_share
from bench.crowd_icecast import Icecast, Listened, listen
from bench.crowd_servers import Gate, Nginx, Server, scratch_folder
from bench.crowd_table import Run, print_ceiling, print_runs
from samvad.base.errors import PlainError
from samvad.gate.lean import AGAIN_S
from samvad.protocol.media import PAIR_S
from samvad.rehearsal.pacer import Shape
from samvad.rehearsal.shards import Crowd, Snapshot
from samvad.rehearsal.tally import LEAN, MEDIA, PLAYLIST
from samvad.rehearsal.trial import Trial

LOAD_CORE = 1
OPUS_PART_BYTES = 2_200
"""0.64 s of Opus at 24 kbit/s with its boxes."""
OUT = Path("build/bench/crowd.json")
ARRIVALS_PER_S = 2000
"""Whoever comes asks six things at once, 200 to 300 µs of the gate: not more than it can bear, for
what is measured comes after that."""
ICECAST_PER_S = 500
"""It lets few connections wait to be accepted; those beyond come a second later by TCP's rules."""
SETTLE_S = 3.0
CONFINED_S = 2.0
"""So long before it is measured a server is given its share of the core, where it has not all."""
NAMES_S = 0.8 * AGAIN_S
"""After so long the first of the lean ones read their names anew, and soon all do."""

Make = Callable[[Path, int, int], Server]


@dataclass(frozen=True, slots=True)
class Arm:
    """A server, and how its listeners ask."""

    make: Make
    lean: bool = False
    long: bool = False
    lines: int = 1


SERVERS: dict[str, Arm] = {
    "gate": Arm(Gate),
    "gate-lean": Arm(Gate, lean=True),
    "gate-lean-long": Arm(Gate, lean=True, long=True),
    "gate-page-long": Arm(lambda f, n, s: Gate(f, n, s, lines=2), lean=True, long=True, lines=2),
    "gate-opus-long": Arm(
        lambda f, n, s: Gate(f, n, s, part_bytes=OPUS_PART_BYTES), lean=True, long=True
    ),
    "nginx": Arm(lambda f, n, s: Nginx(f, n, s, sendfile=True)),
    "nginx-nosendfile": Arm(lambda f, n, s: Nginx(f, n, s, sendfile=False)),
    "icecast": Arm(Icecast),
}


FULL_SECONDS = 12.0
FULL: tuple[tuple[int, tuple[str, ...]], ...] = (
    (20_000, ("gate", "nginx", "nginx-nosendfile", "gate-lean-long", "icecast")),
    (20_000, ("gate-lean-long", "nginx-nosendfile", "nginx", "gate")),
    (60_000, ("gate", "nginx", "gate-lean-long", "icecast")),
    (115_000, ("nginx", "gate", "gate-lean-long", "gate-page-long")),
)
"""The whole comparison, interleaved; plain HLS is saturated from 60,000 on, which is when p99
tells. Icecast lets 500 a second in: 115,000 would take it four minutes."""


def _plan(sizes: list[int], names: list[str], rounds: int) -> list[tuple[int, str]]:
    """What is measured in which order: every other round backwards."""
    return [
        (size, name)
        for round_ in range(rounds)
        for size in sizes
        for name in (names if round_ % 2 == 0 else reversed(names))
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.crowd", description="Gate, nginx, Icecast.")
    parser.add_argument("--listeners", default="4000", help="sizes, separated by commas")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6.0, help="measured, of each run")
    parser.add_argument("--only", default=",".join(SERVERS), help="servers, by commas")
    parser.add_argument("--long", action="store_true", help="objects of 5.76 s, not 1.92 s")
    parser.add_argument("--share", type=float, default=1.0, help="of its core, for the server")
    parser.add_argument("--full", action="store_true", help="the whole comparison, 20 minutes")
    parser.add_argument("--ceiling", default="", help="sizes: measure the generator alone")
    asked = parser.parse_args()
    sizes = [int(n) for n in asked.listeners.split(",") if n]
    results: dict[str, Any] = {"machine": _machine(), "runs": [], "ceiling": []}
    try:
        if asked.ceiling:
            ceiling = [_ceiling(int(n), asked.seconds) for n in asked.ceiling.split(",")]
            results["ceiling"] = [asdict(run) for run in ceiling]
            print_ceiling(ceiling)
        else:
            plan = _plan(sizes, asked.only.split(","), asked.rounds)
            seconds = asked.seconds
            if asked.full:
                plan = [(size, name) for size, names in FULL for name in names]
                seconds = FULL_SECONDS
            runs = _run(plan, 3 if asked.long else 1, seconds, asked.share)
            results["runs"] = [asdict(run) for run in runs]
    except PlainError as error:
        print(f"{error.says} {error.mend}", file=sys.stderr)
        return 1
    _keep(results)
    return 0


def _run(plan: list[tuple[int, str]], stretch: int, seconds: float, share: float) -> list[Run]:
    """Measure, keep what there is after each run should a later one fail, and print the table."""
    runs: list[Run] = []
    try:
        for number, (size, name) in enumerate(plan):
            print(f"{number + 1}/{len(plan)}: {name}, {size:,}", file=sys.stderr, flush=True)
            runs.append(_measure(name, SERVERS[name], size, stretch, seconds, share=share))
            _keep({"runs": [asdict(run) for run in runs]})
    finally:
        print_runs(runs)
    return runs


def _keep(results: dict[str, Any]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.write_text(json.dumps(before | {k: v for k, v in results.items() if v}, indent=1) + "\n")


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


class _Window:
    """Figures between two moments of a run."""

    def __init__(self, server: Server, from_s: float, to_s: float, share: CoreShare | None) -> None:
        """`share`: what the server is confined to shortly before; it had all while they came."""
        self._server, self._from_s, self._to_s = server, from_s, to_s
        self._share = share
        self.first: tuple[Snapshot, float] | None = None
        self.last: tuple[Snapshot, float] | None = None
        self.memory_kb = 0

    def look(self, now: Snapshot) -> bool:
        if self._share is not None and now.at_s >= self._from_s - CONFINED_S:
            for pid in self._server.pids():
                self._share.add(pid)
            self._share = None
        if now.at_s < self._from_s:
            return True
        if self.first is None:
            self.first = (now, self._server.cpu_s())
        elif now.at_s >= self._to_s:
            self.last = (now, self._server.cpu_s())
            self.memory_kb = self._server.memory_kb()
            return False
        return True


def _measure(
    name: str, arm: Arm, listeners: int, stretch: int, seconds: float, *, share: float = 1.0
) -> Run:
    object_s = 1.92 * stretch if not arm.long else PAIR_S
    arrive_s = max(1.0, listeners / (ICECAST_PER_S if arm.make is Icecast else ARRIVALS_PER_S))
    from_s = arrive_s + (NAMES_S if arm.lean else SETTLE_S)
    with scratch_folder() as folder, core_share(share) as confined:
        server = arm.make(folder, listeners, stretch)
        try:
            empty_kb = server.memory_kb()
            if isinstance(server, Icecast):
                heard = listen(
                    server,
                    listeners,
                    arrive_s=arrive_s,
                    from_s=from_s,
                    to_s=from_s + seconds,
                    core=LOAD_CORE,
                )
                return _of_streams(Run(name, listeners, 0.0, seconds), heard, empty_kb)
            trial = Trial(
                url=server.url,
                listeners=listeners,
                arrive_s=arrive_s,
                for_s=from_s + seconds + 5,
                shape=Shape.POISSON,
                start=server.start,
                plays=server.plays,
                state=server.state,
                reload_s=object_s,
                lines=arm.lines,
                state_every_s=30.0 if arm.long else 5.0,
                lean=arm.lean,
                long=arm.long,
            )
            window = _Window(server, from_s, from_s + seconds, confined)
            with Crowd(trial, cores=[LOAD_CORE]) as crowd:
                crowd.run(window.look)
        finally:
            server.stop()
    if window.first is None or window.last is None:
        raise PlainError("The load ended before it was measured.")
    run = Run(name, listeners, object_s, seconds)
    _fill(run, window)
    run.kb_per_listener = (window.memory_kb - empty_kb) / listeners
    return run


def _of_streams(run: Run, heard: Listened, empty_kb: int) -> Run:
    run.playing = heard.playing
    run.requests_per_s = heard.readings / run.seconds
    run.cpu_us_per_listener_s = heard.server_cpu_s / max(heard.playing * run.seconds, 1) * 1e6
    run.cpu_us_per_request = heard.server_cpu_s / max(heard.readings, 1) * 1e6
    run.cpu_share = heard.server_cpu_s / run.seconds
    run.p50, run.p99, run.p999 = (heard.took.percentile(p) * 1000 for p in (0.5, 0.99, 0.999))
    run.late = heard.late
    run.errors = {"lost": heard.lost} if heard.lost else {}
    run.kb_per_listener = (heard.memory_kb - empty_kb) / run.listeners
    return run


def _fill(run: Run, window: _Window) -> None:
    assert window.first is not None
    assert window.last is not None
    (first, cpu_0), (last, cpu_1) = window.first, window.last
    tally, health = last.tally.since(first.tally), last.health.since(first.health)
    seconds, cpu_s = health.wall_s, cpu_1 - cpu_0
    requests = sum(h.total for h in tally.took)
    took = tally.of(PLAYLIST, LEAN, MEDIA)
    run.seconds = seconds
    run.playing = tally.playing_now
    run.requests_per_s = requests / seconds
    run.cpu_us_per_listener_s = cpu_s / max(tally.listened_s, 1e-9) * 1e6
    run.cpu_us_per_request = cpu_s / max(requests, 1) * 1e6
    run.cpu_share = cpu_s / seconds
    run.p50, run.p99, run.p999 = (took.percentile(p) * 1000 for p in (0.5, 0.99, 0.999))
    run.late, run.stalls = tally.late, tally.stalls
    run.errors, run.errors_before = tally.errors, first.tally.errors
    run.generator_cpu_share = health.cpu_s / seconds
    run.generator_us_per_request = health.cpu_s / max(requests, 1) * 1e6
    run.generator_late_p99 = health.late.percentile(0.99) * 1000
    run.generator_complaints = health.complaints(1)


def _ceiling(listeners: int, seconds: float) -> Run:
    """One request of 2 kB every 1.92 s from each listener, as cheap for the server as can be."""

    def still(folder: Path, count: int, stretch: int) -> Server:
        return Nginx(folder, count, stretch, sendfile=False, live=False)

    return _measure("nginx, still", Arm(still), listeners, 1, seconds)


if __name__ == "__main__":
    sys.exit(main())

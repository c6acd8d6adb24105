"""What the door costs: a join, a listener who waits, a refusal. Processor time of the gate.

    python -m bench.door                           four minutes
    python -m bench.door --waiting 15000 --joins 8000 --rounds 3

One gate process on core 0, the load on core 1. Joins: everybody with a new connection, POST
/door, admitted, away; open load, and then as many as the core takes (door_load.py). Waiting: a
full house, everybody else in line with what the page does (a place, and looks at serving.json that
the gate holds); the processor time of an idle gate is taken off. Refusals: the same requests over
kept connections, as fast as they are answered, interleaved. Writes build/bench/door.json.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.crowd_servers import Gate, scratch_folder
from bench.door_load import join
from bench.gate_load import load, request
from samvad.base.errors import PlainError
from samvad.protocol.ladder import CLOSED, DEFAULT_LADDER
from samvad.rehearsal.habit import Start
from samvad.rehearsal.shards import Crowd, Snapshot
from samvad.rehearsal.tally import DOOR, HELD, SERVING
from samvad.rehearsal.trial import Trial
from tests.kit.gates import EVENT

LOAD_CORE = 1
OUT = Path("build/bench/door.json")
CONNECTIONS = 64
ROUND_S = 50.0
"""A look is held for 44 to 54 s (gate/news.py). They come over so long, so that as many look in one
second as in another."""
AT_ONCE = 64
"""Joins under way while the core is saturated."""
SEATS = 120_000
SATURATED = 0.95
SETTLE_S = 75.0
"""After a round and a first look they are those who wait, and not those who have just come."""
IDLE_S = 10.0
"""An idle gate needs as much as some thousands who wait: it is measured for as long."""


@dataclass
class Cost:
    """Of one thing, in µs of the gate's processor time. `per_s`: what one core would bear."""

    what: str
    us: float
    per_s: float
    about: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.door", description="What the door costs.")
    parser.add_argument(
        "--joins", type=float, default=3_000, help="joins a second that are offered"
    )
    parser.add_argument("--waiting", type=int, default=4_000, help="people in line")
    parser.add_argument("--seconds", type=float, default=60.0, help="of those who wait")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    found: list[Cost] = []
    try:
        for _ in range(asked.rounds):
            found.append(joins(asked.joins))
            found += [capacity(ends) for ends in (False, True)]
            found.append(waiting(asked.waiting, asked.seconds))
            found += refusals()
    except PlainError as error:
        print(f"{error.says} {error.mend}", file=sys.stderr)
        return 1
    print(f"{'':34} {'µs':>8} {'per core':>12}")
    for what in dict.fromkeys(cost.what for cost in found):
        same = [cost for cost in found if cost.what == what]
        us = statistics.median(cost.us for cost in same)
        print(f"{what:34} {us:8.2f} {1e6 / us:12,.0f}  {same[-1].about}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps([asdict(cost) for cost in found], indent=1) + "\n")
    return 0


def _idle_cpu(server: Gate, seconds: float) -> float:
    """Processor seconds that the gate uses in a second with nobody there but what it plays."""
    before = server.cpu_s()
    time.sleep(seconds)
    return (server.cpu_s() - before) / seconds


def joins(per_s: float, seconds: float = 4.0) -> Cost:
    count = int(per_s * seconds)
    with scratch_folder() as folder:
        server = Gate(folder, count, 1)
        try:
            idle = _idle_cpu(server, 2.0)
            before, began = server.cpu_s(), time.monotonic()
            trial = Trial(
                url=server.url,
                listeners=count,
                arrive_s=seconds,
                for_s=seconds + 2,
                start=Start.DOOR,
                door_only=True,
                lines=1,
            )
            with Crowd(trial, cores=[LOAD_CORE]) as crowd:
                end = crowd.run()
            cpu_s = server.cpu_s() - before - idle * (time.monotonic() - began)
        finally:
            server.stop()
    door = end.tally.of(DOOR)
    each = max(cpu_s, 1e-9) / max(end.tally.admitted, 1)
    about = (
        f"{end.tally.admitted:,} of {count:,} let in, p99 {door.percentile(0.99) * 1000:.0f} ms "
        f"{end.tally.errors or ''} {'; '.join(end.health.complaints(1))}"
    )
    return Cost("a join (with its connection)", each * 1e6, 1 / each, about)


def capacity(ends: bool, seconds: float = 3.0) -> Cost:
    """What one core lets in while there is always somebody more. `ends`: the gate is asked to close
    the connection; else the client closes it, as a page's browser does in the end."""
    knock = request(f"/door/{EVENT}", b"{}")
    if ends:
        knock = knock.replace(b"Connection: keep-alive", b"Connection: close")
    with scratch_folder() as folder:
        # Neither seats nor pace nor what a source may: the core is the limit.
        server = Gate(folder, 1, 1, seats=SEATS)
        try:
            cores = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {LOAD_CORE})
            counted, cpu_s = server.gates.counter("admitted"), server.cpu_s()
            run = join(server.gates.port, knock, AT_ONCE, seconds)
            cpu_s = server.cpu_s() - cpu_s
            os.sched_setaffinity(0, cores)
            counted = server.gates.counter("admitted") - counted
        finally:
            server.stop()
    if not run.asked == run.admitted == counted:
        raise PlainError(
            f"Of {run.asked:,} who knocked {run.admitted:,} were let in, and the gate counted "
            f"{counted:,}.",
            "Without that all are, this is no figure. Look at the gate's log.",
        )
    busy, load = cpu_s / run.seconds, run.busy_s / run.seconds
    about = (
        f"{run.admitted:,} let in, {run.per_second:,.0f}/s; the gate's core {busy:.0%} busy, the "
        f"load's {load:.0%}{'' if busy >= SATURATED else ': not saturated'}"
    )
    each = cpu_s / run.admitted
    what = "a join, saturated, " + ("Connection: close" if ends else "kept until left")
    return Cost(what, each * 1e6, 1 / each, about)


def waiting(count: int, seconds: float) -> Cost:
    """A house with one seat, which is taken; `count` people in line."""
    arrive_s = max(ROUND_S, count / 1500)
    from_s = arrive_s + SETTLE_S
    marks: list[tuple[Snapshot, float]] = []
    with scratch_folder() as folder:
        server = Gate(folder, count, 1, seats=1)
        try:
            server.gates.knock()
            idle = _idle_cpu(server, IDLE_S)
            trial = Trial(
                url=server.url,
                listeners=count,
                arrive_s=arrive_s,
                for_s=from_s + seconds + 3,
                start=Start.DOOR,
                lines=1,
            )

            def each_second(now: Snapshot) -> bool:
                if (now.at_s >= from_s and not marks) or now.at_s >= from_s + seconds:
                    marks.append((now, server.cpu_s()))
                return len(marks) < 2

            with Crowd(trial, cores=[LOAD_CORE]) as crowd:
                crowd.run(each_second)
        finally:
            server.stop()
    (first, cpu_0), (last, cpu_1) = marks
    lasted = last.at_s - first.at_s
    in_line = last.tally.in_line_now
    us = (cpu_1 - cpu_0 - idle * lasted) / max(1, in_line) / lasted * 1e6
    looks = last.tally.since(first.tally).of(SERVING, HELD).total / lasted
    each = (cpu_1 - cpu_0 - idle * lasted) / max(1, looks * lasted) * 1e6
    about = (
        f"{in_line:,} in line, {looks:,.0f} looks/s of {each:.0f} µs, "
        f"{last.tally.errors or 'no errors'} {'; '.join(last.health.complaints(1))}"
    )
    return Cost("a second of one who waits", us, 1e6 / us, about)


def refusals(seconds: float = 3.0) -> list[Cost]:
    """At a full door of a closed house, and with a forged ticket."""
    found = []
    with scratch_folder() as folder:
        server = Gate(folder, 100, 1, ladder=DEFAULT_LADDER)
        try:
            closed = [rung.effect for rung in DEFAULT_LADDER].index(CLOSED) + 1
            server.on_air.order(closed)
            asks = {
                "a refusal: forged ticket": (f"/live/{EVENT}/{'A' * 32}/master.m3u8", b""),
                "a refusal: what is no knock": (f"/door/{EVENT}", b"[]"),
                "a refusal: by a closed door": (f"/door/{EVENT}", b"{}"),
            }
            for what, (path, body) in asks.items():
                run = load(
                    server.gates.port,
                    path,
                    CONNECTIONS,
                    seconds,
                    lambda: int(server.cpu_s() * 1e6),
                    body=body,
                )
                us = run.spent / run.requests
                found.append(Cost(what, us, 1e6 / us, f"{run.per_second:,.0f} requests/s"))
        finally:
            server.stop()
    return found


if __name__ == "__main__":
    sys.exit(main())

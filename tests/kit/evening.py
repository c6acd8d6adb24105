"""The evening in real processes: more people than seats, all at once; some leave; a gate is killed.

Sizes are by proportion: of 20 who come 12 find a seat and 8 wait; then 3 leave and 3 come in.
"""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from samvad.rehearsal.habit import Start
from samvad.rehearsal.health import Health
from samvad.rehearsal.shards import Crowd, Snapshot
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.trial import Trial
from tests.kit.gates import EVENT, Gates, running_gates
from tests.kit.on_air import OnAir

ARRIVE_S = 10.0
LEAVE_FROM_S, LEAVE_TO_S = 22.0, 27.0
KILL_S = 38.0
BACK_S = 5.0
"""So long after the kill its listeners must be back."""
FOR_S = 50.0
SAYS = ("waited", "queued", "in_line_now", "playing_now", "admitted", "stalled_now")


@dataclass
class Evening:
    """What was seen. `full`: when all had come; `moved`: after some had left; `killed`: just
    before a gate was; `back`: BACK_S after it; `end`."""

    listeners: int
    seats: int
    leavers: int
    full: Tally = field(default_factory=Tally)
    moved: Tally = field(default_factory=Tally)
    killed: Tally = field(default_factory=Tally)
    back: Tally = field(default_factory=Tally)
    end: Tally = field(default_factory=Tally)
    health: Health = field(default_factory=Health)
    counts: dict[str, int] = field(default_factory=dict)
    most_admitted: int = 0
    rows: list[str] = field(default_factory=list)


def spend(
    folder: Path, listeners: int, processes: int = 2, cores: Iterable[int] = (), kill: bool = True
) -> Evening:
    """Live through it; takes FOR_S and a little."""
    seats, leavers = listeners * 12 // 20, listeners * 3 // 20
    seen = Evening(listeners, seats, leavers)
    env = {
        "SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0",
        "SAMVAD_GATE_CONNECTIONS_PER_SOURCE": "10000",
    }
    with running_gates(folder, processes, env) as gates:
        air = OnAir(gates, seats=seats, joins_per_s=max(100, listeners // 4))
        trial = Trial(
            url=f"{gates.url}/door/{EVENT}",
            listeners=listeners,
            arrive_s=ARRIVE_S,
            for_s=FOR_S,
            start=Start.DOOR,
            lines=1,
            reload_s=1.92,
            state_every_s=0.0,
            state=f"/live/{EVENT}/state.json",
            leave_share=leavers / seats,
            leave_from_s=LEAVE_FROM_S,
            leave_to_s=LEAVE_TO_S,
            says_leave=True,
        )
        killed_at = [0.0]

        def each_second(now: Snapshot) -> None:
            tally = now.tally
            counts = gates.get(f"/live/{EVENT}/state.json").json["counts"]
            seen.most_admitted = max(seen.most_admitted, counts["admitted"])
            told = ", ".join(f"{name} {getattr(tally, name)}" for name in SAYS)
            seen.rows.append(f"{now.at_s:5.1f} s: {told}; {counts}; {tally.errors or ''}")
            if now.at_s < LEAVE_FROM_S - 1:
                seen.full = tally
            elif now.at_s < KILL_S:
                seen.moved = tally
            elif not killed_at[0]:
                seen.killed, killed_at[0] = tally, now.at_s
                if kill:
                    _kill_one(gates)
            elif now.at_s >= killed_at[0] + BACK_S and seen.back.arrived == 0:
                seen.back, seen.counts = tally, counts

        with Crowd(trial, cores=cores) as crowd:
            last = crowd.run(each_second)
        seen.end, seen.health = last.tally, last.health
        air.close()
    return seen


def _kill_one(gates: Gates) -> None:
    """kill -9, and started again as the supervisor would."""
    process = gates.processes[0]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    time.sleep(0.5)
    gates.processes.remove(process)
    gates.start(0)

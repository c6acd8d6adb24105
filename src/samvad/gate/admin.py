"""The admin port: /health and /metrics for all gate processes of the machine."""

import json
from pathlib import Path
from typing import Any

from samvad.base.clock import Moment
from samvad.gate.answers import JSON, NEVER_STORED, REFUSALS, Answer
from samvad.gate.counters import COUNTERS, Counters, Reading, read
from samvad.gate.http1 import Request


def counters_path(run: Path, index: int) -> Path:
    return run / "counters" / f"gate-{index}"


class Admin:
    """Answers from the counter files of gates 0 … `processes` - 1 in `run`; `own` is one of
    them."""

    def __init__(self, run: Path, processes: int, own: Counters) -> None:
        self._run, self._processes, self._own = run, processes, own

    def answer(self, request: Request, token: object, at: Moment) -> Answer:
        path = request.target.partition(b"?")[0]
        if path not in (b"/health", b"/metrics"):
            return REFUSALS[404]
        if request.method not in (b"GET", b"HEAD"):
            return REFUSALS[405]
        self._own.write()
        read_now = {i: read(counters_path(self._run, i), at.now) for i in range(self._processes)}
        return _health(read_now) if path == b"/health" else _metrics(read_now)

    def drop(self, token: object) -> None:
        """Nobody waits here."""


def _health(gates: dict[int, Reading | None]) -> Answer:
    """200 when every process answers, else 503."""
    ok = all(gate is not None and gate.fresh for gate in gates.values())
    said: dict[str, Any] = {
        "ok": ok,
        "gates": [
            {
                "index": index,
                "ok": gate is not None and gate.fresh,
                "pid": gate.pid if gate else None,
                "uplink": bool(gate and gate.fresh and gate.values["uplink_up"]),
                "connections": gate.values["connections_open"] if gate and gate.fresh else 0,
            }
            for index, gate in gates.items()
        ],
    }
    return Answer(200 if ok else 503, [JSON, NEVER_STORED], (json.dumps(said).encode(),))


def _metrics(gates: dict[int, Reading | None]) -> Answer:
    """Prometheus' text format 0.0.4."""
    lines = ["# HELP samvad_gate_up 1 while the process answers.", "# TYPE samvad_gate_up gauge"]
    for index, gate in gates.items():
        lines.append(f'samvad_gate_up{{gate="{index}"}} {int(gate is not None and gate.fresh)}')
    for about in COUNTERS:
        name = f"samvad_gate_{about.name}" + ("" if about.gauge else "_total")
        lines.append(f"# HELP {name} {about.text}")
        lines.append(f"# TYPE {name} {'gauge' if about.gauge else 'counter'}")
        for index, gate in gates.items():
            if gate is not None and (gate.fresh or not about.gauge):
                lines.append(f'{name}{{gate="{index}"}} {gate.values[about.name]}')
    body = ("\n".join(lines) + "\n").encode()
    kind = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    return Answer(200, [kind, NEVER_STORED], (body,))

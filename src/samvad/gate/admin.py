"""The admin port, for all gate processes of the machine: /health, /metrics, and an event's
figures with their history (protocol/figures.py)."""

import json
import re
from typing import Any

from samvad.base.clock import Moment
from samvad.gate.answerer import Answerer
from samvad.gate.answers import JSON, NEVER_STORED, REFUSALS, Answer
from samvad.gate.counters import COUNTERS, Reading
from samvad.gate.http1 import Request
from samvad.gate.watch import Watch
from samvad.protocol.hls import EVENT

_FIGURES = re.compile(rf"/events/({EVENT})\.json".encode())
_SINCE = re.compile(rb"since=([0-9]{1,15})")


class Admin(Answerer):
    """Whichever process is asked, it answers for all."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def answer(self, request: Request, token: object, at: Moment) -> Answer:
        path, _, query = request.target.partition(b"?")
        event = _FIGURES.fullmatch(path)
        if path not in (b"/health", b"/metrics") and event is None:
            return REFUSALS[404]
        if request.method not in (b"GET", b"HEAD"):
            return REFUSALS[405]
        if event is not None:
            return self._figures(event[1].decode(), query, at)
        gates = self._watch.gates(at.now)
        return _health(gates) if path == b"/health" else _metrics(gates)

    def _figures(self, event: str, query: bytes, at: Moment) -> Answer:
        since = _SINCE.fullmatch(query or b"since=0")
        if since is None:
            return REFUSALS[400]
        return self._watch.answer(event, int(since[1]), at) or REFUSALS[404]


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

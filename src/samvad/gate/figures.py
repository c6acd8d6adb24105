"""A second of an event: what is written into its history, and how figures are made of that. Pure.

Counts that only grow are kept as they are, and become rates when they are read: so it does not
matter which process wrote a row, and a gate that was restarted tears no hole.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samvad.gate.counters import Reading
from samvad.gate.state import Counts
from samvad.protocol.figures import FIGURES, Figures, Value

_RATES = {
    "joins_per_s": ("joined", 1.0),
    "refusals_per_s": ("refused", 1.0),
    "requests_per_s": ("requests", 1.0),
    "mbit": ("bytes", 8e-6),
    "cpu_sum": ("cpu_ms", 1e-3),
}
"""By figure: the count it is the growth of, and what that is multiplied with."""
_GAUGES = tuple(about.name for about in FIGURES if about.name not in _RATES)

FIELDS = (*(count for count, _ in _RATES.values()), *_GAUGES)
"""What a row holds; NaN is "not known"."""

_READINGS = ("cpu", "p99_ms", "attack")
"""Gauges over a few seconds, which load.py makes of the counters."""

_DIGITS = {"cpu": 3, "cpu_sum": 3, "mbit": 3}

Row = tuple[int, Mapping[str, float]]
"""Unix milliseconds, and values by FIELDS."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event now: its counts, exact whatever its pages are told, and its rung (0: none)."""

    counts: Counts
    rung: int


def sample(
    event: Seen, readings: Mapping[str, float], gates: Iterable[Reading | None]
) -> dict[str, float]:
    """The row of this second: the event, what the machine bears (load.py), and the counters of
    its gates."""
    row = dict.fromkeys(FIELDS, math.nan)
    row |= {name: value for name, value in readings.items() if name in _READINGS}
    row |= _of_event(event)
    row |= _of_machine([gate for gate in gates if gate is not None])
    return row


def _of_event(event: Seen) -> dict[str, float]:
    counts = event.counts
    return {
        "listening": counts.listening,
        "admitted": counts.admitted,
        "in_line": counts.in_line,
        "joined": counts.joined,
        "refused": counts.refused,
        "rung": event.rung,
    }


def _of_machine(gates: Sequence[Reading]) -> dict[str, float]:
    names = ("requests", "bytes", "cpu_ms")
    return {name: sum(gate.values[name] for gate in gates) for name in names}


def series(
    rows: Sequence[Row], since_ms: int, now_ms: int, gates: Sequence[Reading | None]
) -> Figures:
    """Figures of the rows after `since_ms`; `rows` (rising) may hold one before, for rates."""
    at_ms: list[int] = []
    columns: dict[str, list[Value]] = {about.name: [] for about in FIGURES}
    before: Row | None = None
    for row in rows:
        if row[0] > since_ms:
            at_ms.append(row[0])
            for name, column in columns.items():
                column.append(_rate(name, before, row) if name in _RATES else _gauge(name, row))
        before = row
    alive = sum(gate is not None and gate.fresh for gate in gates)
    return Figures(now_ms, alive, len(gates), at_ms, columns)


def _gauge(name: str, row: Row) -> Value:
    return _rounded(name, row[1][name])


def _rate(name: str, before: Row | None, row: Row) -> Value:
    if before is None:
        return None
    count, factor = _RATES[name]
    seconds = (row[0] - before[0]) / 1000
    grown = row[1][count] - before[1][count]
    # Counters begin anew when their layout changes; then nothing is known of that second.
    return _rounded(name, grown * factor / seconds) if seconds > 0 and grown >= 0 else None


def _rounded(name: str, value: float) -> Value:
    return round(value, _DIGITS.get(name, 1)) if math.isfinite(value) else None

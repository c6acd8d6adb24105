"""An event's figures for the console: what the gates of a machine count each second, and how
several machines add up. Pure.

A gate's admin port answers `GET /events/<event>.json?since=MS`:

    {"event", "now_ms", "every_ms", "gates": {"alive", "of"},
     "at_ms": [...], "figures": {name: [number or null, ...]}}

One number a row of `at_ms` (Unix milliseconds, rising), null where it was not known; only rows
after `since`, at most KEPT_S old. The last row is now.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVERY_MS = 1_000
KEPT_S = 900
"""How far back the rows go."""
CARRY_S = 3
"""Machines do not count in step: in merging, a machine's row stands for so many seconds."""


@dataclass(frozen=True, slots=True)
class About:
    """One figure. `most`: of several machines the highest counts, else their sum."""

    name: str
    text: str
    most: bool = False


FIGURES = (
    About("listening", "Listeners: who fetched a playlist just now."),
    About("admitted", "Seats held."),
    About("in_line", "People waiting in the line."),
    About("joins_per_s", "Seats given a second."),
    About("refusals_per_s", "People turned away at the door a second."),
    About("requests_per_s", "Requests a second, of all events of the machine."),
    About("mbit", "Sent, in Mbit/s, for all events of the machine."),
    About("p99_ms", "How long one request in a hundred waits in a gate, at least.", most=True),
    About("cpu", "Share of a core that the busiest gate process uses.", most=True),
    About("cpu_sum", "Cores that all gate processes use."),
    About("rung", "The rung of the ladder, 0 for none.", most=True),
    About("attack", "1 while an attack is seen.", most=True),
)

Value = float | None


class FiguresError(ValueError):
    """What was answered is not figures."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows, by columns: `columns[name][i]` is of the moment `at_ms[i]`."""

    now_ms: int
    alive: int
    of: int
    at_ms: Sequence[int]
    columns: Mapping[str, Sequence[Value]]


def as_dict(event: str, figures: Figures) -> dict[str, Any]:
    return {
        "event": event,
        "now_ms": figures.now_ms,
        "every_ms": EVERY_MS,
        "gates": {"alive": figures.alive, "of": figures.of},
        "at_ms": list(figures.at_ms),
        "figures": {name: list(column) for name, column in figures.columns.items()},
    }


def from_dict(data: Any) -> Figures:
    """The inverse of `as_dict`. Columns that are missing are null, others are passed over.
    Raises FiguresError."""
    try:
        at_ms = [int(at) for at in data["at_ms"]]
        gates, given = data["gates"], data["figures"]
        columns = {a.name: _column(given.get(a.name), len(at_ms)) for a in FIGURES}
        return Figures(int(data["now_ms"]), int(gates["alive"]), int(gates["of"]), at_ms, columns)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise FiguresError(f"not figures: {error}") from None


def _column(given: Any, rows: int) -> list[Value]:
    if given is None:
        return [None] * rows
    column = [_value(value) for value in given]
    if len(column) != rows:
        raise ValueError("a column is shorter or longer than at_ms")
    return column


def _value(value: Any) -> Value:
    return None if value is None or not math.isfinite(value) else float(value)


def merge(machines: Sequence[Figures], since_ms: int = 0) -> Figures:
    """One for all machines: a row for each whole second after `since_ms`, at which any counted.

    Ask the machines for CARRY_S more than that, so that the first row is whole too.
    """
    by_second = [{at // 1000: i for i, at in enumerate(m.at_ms)} for m in machines]
    seconds = sorted({s for rows in by_second for s in rows})
    columns: dict[str, list[Value]] = {about.name: [] for about in FIGURES}
    at_ms: list[int] = []
    last: list[tuple[int, int] | None] = [None] * len(machines)
    for second in seconds:
        for n, rows in enumerate(by_second):
            if second in rows:
                last[n] = (second, rows[second])
        if second * 1000 <= since_ms:
            continue
        at_ms.append(second * 1000)
        standing = [
            (machines[n], row[1])
            for n, row in enumerate(last)
            if row is not None and second - row[0] < CARRY_S
        ]
        for about in FIGURES:
            known = [m.columns[about.name][i] for m, i in standing]
            columns[about.name].append(_together(about, known))
    return Figures(
        max((m.now_ms for m in machines), default=0),
        sum(m.alive for m in machines),
        sum(m.of for m in machines),
        at_ms,
        columns,
    )


def _together(about: About, values: Iterable[Value]) -> Value:
    known = [v for v in values if v is not None]
    if not known:
        return None
    return max(known) if about.most else sum(known)

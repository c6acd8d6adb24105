"""A rehearsal while it runs: a live view where somebody looks, plain lines elsewhere (stderr)."""

import sys
from typing import Any

import click

from samvad.rehearsal.record import Row
from samvad.rehearsal.scenario import Scenario

_LINE_EVERY_S = 5.0
_BAR = 32


class View:
    """A context manager; `show` each second."""

    def __init__(self, scenario: Scenario, url: str) -> None:
        self._scenario, self._url = scenario, url
        self._live: Any = None
        self._told = -_LINE_EVERY_S

    def __enter__(self) -> "View":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        else:
            click.echo(f"{self._scenario.title}: {self._url}", err=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, row: Row) -> None:
        if self._live is not None:
            self._live.update(self._table(row), refresh=True)
        elif row.at_s - self._told >= _LINE_EVERY_S - 0.5:
            self._told = row.at_s
            click.echo(line(row), err=True)

    def _table(self, row: Row) -> Any:
        from rich.table import Table

        scenario = self._scenario
        done = min(1.0, row.at_s / scenario.for_s)
        bar = "━" * round(done * _BAR) + "╌" * (_BAR - round(done * _BAR))
        inside = [p.name for p in scenario.phases if p.from_s <= row.at_s < p.to_s]
        table = Table.grid(padding=(0, 2))
        table.add_row(scenario.title, f"{bar} {row.at_s:.0f} of {scenario.for_s:.0f} s")
        table.add_row("Now", ", ".join(inside) or "—")
        table.add_row("Arrived", f"{row.arrived:,}, let in {row.admitted:,}")
        table.add_row("Playing", f"{row.playing:,}, stopped {row.stalled:,}")
        table.add_row("In line", f"{row.waiting:,}")
        table.add_row(
            "Answers", f"{row.answers:,}/s, p99 {row.p99_ms:.0f} ms, {row.errors:,} failed"
        )
        table.add_row("Server", f"rung {row.rung}" + _cores(row))
        table.add_row(
            "Generator", f"{row.own_cpu:.2f} cores, late p99 {row.own_late_p99_ms:.0f} ms"
        )
        return table


def line(row: Row) -> str:
    """One second in one line."""
    return (
        f"{row.at_s:5.0f} s  arrived {row.arrived:,}  playing {row.playing:,}  "
        f"in line {row.waiting:,}  stopped {row.stalled:,}  p99 {row.p99_ms:.0f} ms  "
        f"failed {row.errors:,}  rung {row.rung}"
    )


def _cores(row: Row) -> str:
    return f", {row.server_cpu:.2f} cores" if row.server_cpu is not None else ""

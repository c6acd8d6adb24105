"""`samvad rehearse URL`, and what belongs to it: compare, permit, certify, scenarios, --join."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from samvad.base.errors import PlainError
from samvad.cli import rehearse_papers, say
from samvad.cli.durations import Duration
from samvad.cli.rehearse_view import View
from samvad.protocol.permission import ATTACKS
from samvad.rehearsal import compare as comparing
from samvad.rehearsal import report as reports
from samvad.rehearsal import scenario as scenarios
from samvad.rehearsal.conductor import AnyCrowd, Rehearsal
from samvad.rehearsal.scenario import Scenario
from samvad.rehearsal.shards import Crowd
from samvad.rehearsal.trial import Trial
from samvad.rehearsal.troupe import Troupe, follow

_FILE = click.Path(dir_okay=False, path_type=Path)


class _OrRun(click.Group):
    """What is none of the commands is for `run`: `samvad rehearse URL …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_OrRun)
def rehearse() -> None:
    """Rehearse the evening."""


@rehearse.command(
    epilog="Besides: samvad rehearse compare A B, permit EVENT, certify FILE, scenarios."
)
@click.argument("url", required=False)
@click.option(
    "--scenario",
    "name",
    default="steady",
    show_default=True,
    metavar="NAME|FILE",
    help=f"{', '.join(scenarios.names())}, or a file in their form.",
)
@click.option("--listeners", type=click.IntRange(1), metavar="N", help="How many come.")
@click.option("--arrive", "arrive_s", type=Duration(), metavar="60s", help="They come within.")
@click.option("--for", "for_s", type=Duration(), metavar="5m", help="How long it all takes.")
@click.option(
    "--attack",
    "attacks",
    metavar="KIND,…",
    help=f"Mix in {', '.join(ATTACKS)}; flood=500 sets the strength; none leaves out those of "
    "the scenario.",
)
@click.option(
    "--stage", default="", metavar="URL", help="Where the attack whip goes. Default: port 8002."
)
@click.option("--seats", type=click.IntRange(1), help="Seats there are. Default: state.json.")
@click.option(
    "--full", "full_share", type=click.FloatRange(0, 1), help="Share of full listeners (0.01)."
)
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write the result.")
@click.option("--report", type=_FILE, metavar="FILE", help="Write the report, a page.")
@click.option("--metrics", default="", metavar="URL", help="The server's Prometheus metrics.")
@click.option("--key", default="", help="The event's key, for a site on another machine.")
@click.option("--at-doors", is_flag=True, help="The herd comes as the doors open.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Wait for N workers.")
@click.option(
    "--listen", default="127.0.0.1:8100", show_default=True, metavar="HOST:PORT", help="For them."
)
@click.option("--join", metavar="HOST:PORT", help="Be a worker of a rehearsal there.")
@click.option("--processes", type=click.IntRange(0, 256), default=0, help="Of the crowd, here.")
def run(  # noqa: PLR0917
    url: str | None,
    name: str,
    listeners: int | None,
    arrive_s: float | None,
    for_s: float | None,
    attacks: str | None,
    stage: str,
    seats: int | None,
    full_share: float | None,
    json_file: Path | None,
    report: Path | None,
    metrics: str,
    key: str,
    at_doors: bool,
    workers: int,
    listen: str,
    join: str | None,
    processes: int,
) -> int:
    """Rehearse the evening at URL (a conversation's page, or an HLS playlist).

    A crowd comes through page, door and line, listens, loses its network, leaves; attackers
    come with it. At the end stands whether the promise was kept, and why not. Only then is
    the exit status 0. Ctrl-C ends it with a partial report.

    Load goes to this machine only, unless the site itself permits more (permit, --key).
    """
    if join:
        return follow(join, key, say.note)
    if url is None:
        raise click.UsageError("Give the URL of a conversation's page.")
    chosen = chosen_scenario(
        name,
        listeners=listeners,
        arrive_s=arrive_s,
        for_s=for_s,
        attacks=attacks,
        stage=stage,
        seats=seats,
        full_share=full_share,
    )
    crowd = _crowd(workers, listen, processes)
    rehearsal = Rehearsal(chosen, url, key=key, metrics=metrics, at_doors=at_doors, crowd=crowd)
    with View(chosen, url) as view, _on_interrupt(rehearsal.stop):
        told = rehearsal.run(view.show)
    _write(told, json_file, report)
    tell(told)
    return 0 if told["verdict"] == "kept" else 1


def chosen_scenario(
    name: str,
    *,
    listeners: int | None = None,
    arrive_s: float | None = None,
    for_s: float | None = None,
    attacks: str | None = None,
    stage: str = "",
    seats: int | None = None,
    full_share: float | None = None,
) -> Scenario:
    """The scenario with what the command line says of it. Raises PlainError."""
    chosen = scenarios.load(name)
    if listeners is not None:
        chosen = replace(chosen, listeners=listeners)
    if for_s is not None:
        chosen = chosen.stretched(for_s)
    if arrive_s is not None:
        chosen = chosen.arriving_in(arrive_s)
    if attacks:
        chosen = chosen.attacked_by([word.strip() for word in attacks.split(",")])
    if stage:
        chosen = chosen.at_stage(stage)
    if seats is not None:
        chosen = replace(chosen, promise=replace(chosen.promise, seats=seats))
    if full_share is not None:
        chosen = replace(chosen, full_share=full_share)
    return chosen


def _crowd(workers: int, listen: str, processes: int) -> Callable[[Trial], AnyCrowd]:
    if workers:
        return lambda trial: Troupe(trial, listen, workers, processes, say.note)
    return lambda trial: Crowd(trial, processes)


class _on_interrupt:
    """While the block runs, Ctrl-C calls `stop`; a second one is an ordinary Ctrl-C."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, self._first)

    def _first(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        say.note("Ending; a second Ctrl-C ends it without a report.")
        self._stop()

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)


def _write(told: dict[str, Any], json_file: Path | None, report: Path | None) -> None:
    try:
        if json_file is not None:
            json_file.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
        if report is not None:
            report.write_text(reports.page(told), encoding="utf-8")
    except OSError as error:
        raise PlainError(f"{error.filename} cannot be written: {error.strerror}.") from None


def tell(told: dict[str, Any]) -> None:
    """The result in words, on stdout."""
    kept = told["verdict"] == "kept"
    click.echo("The promise was kept." if kept else "The promise was broken.")
    for says in told["why"] or [f["says"] for f in told["findings"] if told["knee"]]:
        click.echo(f"  {says}")
    sound, own = told["first_sound_ms"], told["generator"]
    rows = [
        ("Arrived", f"{told['arrived']:,}, let in {told['admitted']:,}"),
        ("Playing", f"{told['playing_peak']:,} at the peak"),
        ("In line", f"{told['waited']:,}, the median for {told['wait_ms']['p50'] / 1000:.0f} s"),
        ("First sound", f"{sound['p50']:.0f} ms (99 of 100 within {sound['p99']:.0f} ms)"),
        ("Stalls", f"{told['stalls']:,} for {told['stalled_listeners']:,} listeners"),
        ("Errors", f"{told['errors']:,}"),
        ("Proven", f"{told['proven']['seats']:,} seats, {told['proven']['joins_per_s']:g} joins/s"),
        ("Generator", _own(own)),
    ]
    for attack in told["attacks"]:
        rows.append((f"Attack {attack['kind']}", attack["says"]))
    say.pairs(rows)


def _own(own: dict[str, Any]) -> str:
    most = own["ceiling_per_core"]
    could = (
        f"; it could have done about {most:,} such listeners a core" if most else ", hardly used"
    )
    return (
        f"{'healthy' if own['healthy'] else 'NOT healthy'}, late p99 {own['late_p99_ms']} ms{could}"
    )


@rehearse.command()
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def compare(before: Path, after: Path) -> int:
    """Two results (the files of --json) beside each other: what is better, what is worse.

    The exit status is 1 when something is clearly worse.
    """
    a, b = (comparing.read(path.read_bytes()) for path in (before, after))
    found = comparing.compare(a, b)
    say.pairs([("", f"{'before':>12}  {'after':>12}")])
    say.pairs([(line.name, line.says) for line in found])
    return 1 if any(line.worse for line in found) else 0


@rehearse.command("scenarios")
def scenarios_() -> None:
    """The scenarios that come with Samvad."""
    say.pairs([(name, " ".join(scenarios.load(name).says.split())) for name in scenarios.names()])


rehearse.add_command(rehearse_papers.permit)
rehearse.add_command(rehearse_papers.certify)

"""`samvad speak`."""

import asyncio
import dataclasses
import sys
from pathlib import Path

import click

from samvad.cli import say
from samvad.cli.site import Site, with_site


@click.command()
@click.argument("url")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--token", help="The speaker's token, when URL is a WHIP URL.")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(0.1),
    metavar="S",
    help="Stop after S seconds. Default: at the file's end.",
)
@click.option("--loop", is_flag=True, help="Begin anew at the file's end.")
@click.option("--json", "json_", is_flag=True, help="Print how it went as JSON.")
@with_site()
def speak(
    site: Site,
    *,
    url: str,
    file: Path,
    token: str | None,
    for_s: float | None,
    loop: bool,
    json_: bool,
) -> None:
    """Publish the audio FILE as a speaker, by WHIP, at the speed of speech.

    URL is a speaker's link (with what stands behind #), or a WHIP URL with --token. FILE is
    anything FFmpeg can decode. A stage that restarts is found again.
    """
    from samvad.stage.speak import Progress
    from samvad.stage.speak import speak as publish

    shown = sys.stderr.isatty() and not json_

    def on_progress(at: Progress) -> None:
        if shown:
            click.echo(f"\r\x1b[K{at.state}: {at.seconds:.0f} s", nl=False, err=True)
        elif at.state in ("lost", "connecting") and not json_:
            say.note(f"{at.state} at {at.seconds:.0f} s")

    try:
        spoken = asyncio.run(publish(url, file, token, on_progress, for_s, loop=loop))
    finally:
        if shown:
            click.echo("\r\x1b[K", nl=False, err=True)
    if json_:
        say.as_json(dataclasses.asdict(spoken))
    else:
        why = {"file": "the file's end", "time": "the time asked for", "event": "the event's end"}
        say.pairs(
            [
                ("Spoken", f"{spoken.seconds:.1f} s, to {why[spoken.ended]}"),
                ("Connected", f"in {spoken.connected_ms} ms"),
                ("Reconnects", str(spoken.reconnects)),
            ]
        )

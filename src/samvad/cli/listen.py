"""`samvad listen`."""

import asyncio
import dataclasses
import signal
import sys
from pathlib import Path

import click

from samvad.cli import say
from samvad.cli.root import INTERRUPTED
from samvad.cli.site import Site, with_site
from samvad.rehearsal.listener import RENDITIONS, Heard, Listener


@click.command()
@click.argument("url")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(0.1),
    metavar="S",
    help="Listen S seconds. Default: to the end.",
)
@click.option(
    "--wav",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what was heard.",
)
@click.option(
    "--rendition",
    type=click.Choice(RENDITIONS),
    default="aac",
    show_default=True,
    help="Which encoding to take.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="How long to wait for the doors and for the first voice.",
)
@click.option("--json", "json_", is_flag=True, help="Print the measurements as JSON.")
@with_site()
def listen(
    site: Site,
    *,
    url: str,
    for_s: float | None,
    wav: Path | None,
    rendition: str,
    wait_s: float,
    json_: bool,
) -> int:
    """Be one listener of the page at URL, and measure what is heard.

    Goes the whole way of a listener: page, door, ticket, playlists, parts, sound. Reports the
    time to the first sound, the latency against PROGRAM-DATE-TIME, stalls and loudness.
    Ctrl-C ends it with a report of what was heard so far. The exit status is 1 when the door
    refuses.
    """
    listener = Listener(url, for_s, rendition=rendition, wait_s=wait_s, wav=wav)
    heard = asyncio.run(_run(listener, progress=sys.stderr.isatty() and not json_))
    if json_:
        say.as_json(dataclasses.asdict(heard))
    else:
        say.pairs(rows(heard))
    if heard.verdict != "admit":
        return 1
    return 0 if heard.seconds > 0 else INTERRUPTED


async def _run(listener: Listener, *, progress: bool) -> Heard:
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, listener.stop)
    showing = asyncio.create_task(_show(listener)) if progress else None
    try:
        return await listener.run()
    finally:
        if showing is not None:
            showing.cancel()
            click.echo("\r\x1b[K", nl=False, err=True)


async def _show(listener: Listener) -> None:
    while True:
        player = listener.player
        click.echo(
            f"\r\x1b[K{player.state}: {player.played_s:.0f} s heard, "
            f"{player.buffered_s:.1f} s in the buffer, {player.stalls} stalls",
            nl=False,
            err=True,
        )
        await asyncio.sleep(0.5)


def rows(heard: Heard) -> list[tuple[str, str]]:
    """The report in words."""
    if heard.verdict != "admit":
        told = [("Door", f"refused: {heard.reason}")]
        return told + ([("Replay", heard.replay)] if heard.replay else [])
    loud = "silence" if heard.loudness_lufs is None else f"{heard.loudness_lufs:.1f} LUFS"
    return [
        ("Door", "admitted" + (f" after {heard.doors} knocks" if heard.doors > 1 else "")),
        (
            "Heard",
            f"{heard.seconds:.1f} s ({heard.rendition})" + (", to the end" if heard.ended else ""),
        ),
        ("First sound", "none" if heard.first_sound_ms is None else f"{heard.first_sound_ms} ms"),
        ("Latency", "unknown" if heard.latency_ms is None else f"{heard.latency_ms} ms"),
        ("Stalls", f"{heard.stalls}, {heard.stalled_ms} ms"),
        ("Jumps", str(heard.jumps)),
        ("Loudness", loud),
    ]

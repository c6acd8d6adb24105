"""The processes of a site, each for itself: what `samvad up` starts, or systemd at scale."""

import click

from samvad.cli import say
from samvad.cli.django import django
from samvad.cli.parent import die_with_parent
from samvad.cli.site import Site, with_site


@click.command()
@with_site(show_ports=True, logs=True)
def web(site: Site) -> int:
    """Run the web process: accounts, events, studio, console."""
    die_with_parent()
    from samvad.web import serve

    return serve.main(site.data, site.settings)


@click.command()
@with_site(show_ports=True, logs=True)
def worker(site: Site) -> int:
    """Run the background loop of the web: it reads what stage and gates have written down."""
    die_with_parent()
    from samvad.web import worker as loop

    return loop.main(site.data, site.settings)


@click.command()
@with_site(show_ports=True, logs=True)
def stage(site: Site) -> int:
    """Run the stage process: WHIP and WHEP, mixing, encoding, recording."""
    die_with_parent()
    from samvad.stage import main as process

    return process.main(site.data, site.settings)


@click.command()
@click.option(
    "--index",
    type=click.IntRange(0, 63),
    default=0,
    show_default=True,
    help="Which of the gate processes on this port it is.",
)
@with_site(show_ports=True, logs=True)
def gate(site: Site, index: int) -> int:
    """Run one gate process: page, door, playlists, media. Several share one port."""
    die_with_parent()
    from samvad.gate import main as process

    return process.main(site.data, site.settings, index)


@click.command(hidden=True)
@click.option("--demo/--no-demo", default=True)
@with_site(logs=True)
def first_run(site: Site, demo: bool) -> None:
    """Make the database, and a first host and event when there is none; print them as JSON."""
    die_with_parent()
    if demo:
        from samvad.web.first_run import first_run as make

        say.as_json(make(site.data, site.settings))
    else:
        django(site)
        say.as_json({})

"""`samvad incident`: the operator's word on what is going on."""

import json

import click

from samvad.cli import say
from samvad.cli.site import Site, with_site
from samvad.gate import posture
from samvad.protocol import incident_order


@click.group()
def incident() -> None:
    """Open, close and show the record of an attack, or of a surge that looks like one."""


@incident.command("open")
@click.option("--by", default="operator", show_default=True, help="Who says so.")
@with_site()
def open_(site: Site, *, by: str) -> None:
    """Begin a record now, for all conversations that are on."""
    incident_order.write(site.folders.run, True, by)
    say.note("The gates write it down, minute by minute, until you close it.")


@incident.command()
@click.option("--by", default="operator", show_default=True, help="Who says so.")
@with_site()
def close(site: Site, *, by: str) -> None:
    """End the record."""
    incident_order.write(site.folders.run, False, by)
    say.note("It is closed; its verdict is on the page of what happened.")


@incident.command()
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def show(site: Site, *, json_: bool) -> None:
    """What this machine is in now."""
    now = posture.read(posture.posture_path(site.folders.run))
    if json_:
        click.echo(json.dumps(now.as_json()))
        return
    click.echo(f"{now.state.value}: {now.reason}")
    click.echo(f"Record: {'open, ' + now.incident if now.incident else 'none is open'}")

"""`samvad plan`."""

import dataclasses

import click

from samvad.base import machine
from samvad.base.errors import PlainError
from samvad.cli import say
from samvad.cli.durations import Amount, Duration
from samvad.cli.site import Site, with_site
from samvad.protocol import certificate as certificates
from samvad.protocol.certificate import Certificate, CertificateError
from samvad.protocol.proven import certificate_of, here
from samvad.protocol.secret import read_secret
from samvad.rehearsal.sizing import Assumptions, Need, need


@click.command()
@click.option("--listeners", type=Amount(), required=True, metavar="N", help="At once, at most.")
@click.option(
    "--bitrate", type=Amount(), default=64_000.0, metavar="64k", help="Of the rendition (64k)."
)
@click.option(
    "--segment", "segment_s", type=Duration(), default=5.76, metavar="5.76s", help="Its segments."
)
@click.option(
    "--arrive", "arrive_s", type=Duration(), default=60.0, metavar="60s", help="They come within."
)
@click.option("--tls/--no-tls", default=True, help="Whether TLS ends on these machines.")
@click.option("--event", default="", help="With this event's certificate. Default: the site's.")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def plan(
    site: Site,
    *,
    listeners: float,
    bitrate: float,
    segment_s: float,
    arrive_s: float,
    tls: bool,
    event: str,
    json_: bool,
) -> None:
    """What a crowd of a given size needs: requests, bandwidth, cores, gates, and what drives
    the cost.

    Where this site has a certificate of a rehearsal, machines are counted by what it has
    proven; else by the assumptions that stand below the table.
    """
    if not 1 <= listeners <= 1e9 or not 0.2 <= segment_s <= 60 or not 1000 <= bitrate <= 1e8:
        raise PlainError(
            "These numbers are no audio broadcast's.",
            "As --listeners 8000000 --bitrate 64k --segment 5.76s.",
        )
    found, notice = _certificate(site, event)
    certified = None
    if found is not None and found.seats > 0:
        certified = found.seats, found.joins_per_s, machine.cpus()
    needed = need(
        round(listeners), bitrate, segment_s, arrive_s=arrive_s, tls=tls, certified=certified
    )
    if json_:
        told = dataclasses.asdict(needed) | {"cores": needed.cores, "notice": notice}
        say.as_json(told | {"assumptions": dict(Assumptions().said())})
        return
    say.pairs(rows(needed))
    click.echo("\nWhat drives the cost, in cores:")
    say.pairs([(f"  {name}", f"{cores:,.1f}") for name, cores in needed.drivers])
    click.echo(f"\n{notice}")
    click.echo("Assumed:")
    say.pairs([(f"  {name}", said) for name, said in Assumptions().said()])


def rows(needed: Need) -> list[tuple[str, str]]:
    """The need in words."""
    return [
        ("Listeners", f"{needed.listeners:,} at once, arriving within {needed.arrive_s:g} s"),
        ("Requests", f"{needed.requests_per_s:,.0f} a second"),
        ("Joins", f"{needed.joins_per_s:,.0f} a second while they arrive"),
        (
            "Bandwidth",
            f"{needed.gbit_s:,.1f} Gbit/s listening, and {needed.arrival_gbit_s:,.1f} Gbit/s more "
            "while they arrive, unless a CDN has the page's files",
        ),
        ("Traffic", f"{needed.tb_per_hour:,.1f} TB an hour"),
        (
            "Cores",
            f"{needed.cores:,.0f}: {needed.listening_cores:,.0f} listening, "
            f"{needed.arrival_cores:,.0f} arriving"
            + (f", {needed.tls_cores:,.0f} for TLS" if needed.tls else ""),
        ),
        ("Gates", f"{needed.gates:,}" + (" (by the certificate)" if needed.proven else "")),
        ("Memory", f"{needed.memory_gb:,.0f} GB for connections"),
    ]


def _certificate(site: Site, event: str) -> tuple[Certificate | None, str]:
    """The event's certificate, or the site's; and what is to be said of it."""
    try:
        found = certificate_of(site.folders, _secret(site), event)
    except CertificateError as error:
        return None, f"The certificate cannot be used: {error}."
    if found is None:
        return None, "No rehearsal has proven anything here yet; counted by the assumptions alone."
    reasons = certificates.outdated(found, here(dataclasses.asdict(site.settings.gate)))
    if reasons:
        return None, f"The certificate is outdated: {'; '.join(reasons)}."
    return found, (
        f"Counted by the certificate: {found.seats:,} seats and {found.joins_per_s:g} joins/s "
        f"on a machine like this ({found.margin:.0%} of what “{found.scenario}” has proven)."
    )


def _secret(site: Site) -> bytes:
    """The site's; nothing is signed by the empty one of a site that has none yet."""
    return read_secret(site.folders.secret) if site.folders.secret.exists() else b""

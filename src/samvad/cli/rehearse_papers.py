"""`samvad rehearse permit` and `certify`: papers that the site's own key signs."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from samvad.base.errors import PlainError
from samvad.cli import say
from samvad.cli.durations import Duration
from samvad.cli.site import Site, with_site
from samvad.protocol import certificate as certificates
from samvad.protocol import permission as permissions
from samvad.protocol.certificate import MARGIN, Place
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.permission import ATTACKS, Permission
from samvad.protocol.plan import PlanFolder
from samvad.protocol.proven import here
from samvad.protocol.secret import read_secret
from samvad.protocol.signing import public_key
from samvad.rehearsal.permit import origin_of


@click.command()
@click.argument("event", metavar="EVENT")
@click.option("--listeners", type=click.IntRange(1), required=True, help="At most so many.")
@click.option("--per-second", "per_s", type=click.FloatRange(1), required=True, help="Arrivals.")
@click.option(
    "--for", "for_s", type=Duration(), required=True, metavar="5m", help="At most so long."
)
@click.option("--days", type=click.IntRange(1, 30), default=1, show_default=True, help="Valid.")
@click.option("--attack", "attacks", default="", metavar="KIND,…", help="Attacks allowed, too.")
@click.option("--attack-per-second", "attack_per_s", type=click.FloatRange(0), default=500.0)
@click.option("--attack-connections", type=click.IntRange(0), default=1000)
@click.option("--origin", "origins", multiple=True, metavar="HOST:PORT", help="May be repeated.")
@click.option("--withdraw", is_flag=True, help="Take a permission back.")
@with_site()
def permit(
    site: Site,
    *,
    event: str,
    listeners: int,
    per_s: float,
    for_s: float,
    days: int,
    attacks: str,
    attack_per_s: float,
    attack_connections: int,
    origins: tuple[str, ...],
    withdraw: bool,
) -> None:
    """Permit rehearsals of EVENT from other machines, within limits; prints the key they need.

    The gates serve the permission at /.well-known/samvad-rehearsal.
    """
    path = site.folders.permission(_event(site, event))
    if withdraw:
        path.unlink(missing_ok=True)
        click.echo("There is no permission any more.")
        return
    kinds = tuple(word for word in attacks.split(",") if word)
    unknown = [kind for kind in kinds if kind not in ATTACKS]
    if unknown:
        raise PlainError(f"There is no attack {unknown[0]!r}.", f"There are: {', '.join(ATTACKS)}.")
    secret = read_secret(site.folders.secret)
    now_ms = time.time_ns() // 1_000_000
    given = Permission(
        event=event,
        origins=origins or (origin_of(site.settings.gate_url()),),
        listeners=listeners,
        per_s=per_s,
        seconds=for_s,
        from_ms=now_ms,
        until_ms=now_ms + days * 86_400_000,
        attacks=kinds,
        attack_per_s=attack_per_s if kinds else 0.0,
        attack_connections=attack_connections if kinds else 0,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(permissions.write(secret, given)) + "\n", encoding="utf-8")
    draft.replace(path)
    say.pairs([("For", ", ".join(given.origins)), ("Key", public_key(secret, event))])


@click.command()
@click.argument("result", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--event", default="", help="For this event. Default: for the whole site.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    default=MARGIN,
    show_default=True,
    help="Share of what was proven that the door may use.",
)
@with_site()
def certify(site: Site, *, result: Path, event: str, margin: float) -> None:
    """Make a certificate from RESULT (the file of --json) of a rehearsal that kept its promise.

    The door takes its seats and joins a second from it, on this machine, with these settings
    and this version. Run it where the site runs: its own key signs.
    """
    try:
        told = json.loads(result.read_bytes())
        certificate = of_result(
            told, _event(site, event) if event else "", margin, here(asdict(site.settings.gate))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PlainError(
            f"{result} is no result of a rehearsal: {error!r}.", "Give the file of --json."
        ) from None
    path = site.folders.certificate(event)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(
        certificates.write(read_secret(site.folders.secret), certificate), encoding="utf-8"
    )
    draft.replace(path)
    say.pairs(
        [
            ("Seats", f"{certificate.seats:,} ({margin:.0%} of {certificate.proven_seats:,})"),
            (
                "Joins",
                f"{certificate.joins_per_s:g}/s "
                f"({margin:.0%} of {certificate.proven_joins_per_s:g})",
            ),
            ("File", str(path)),
        ]
    )


def of_result(
    told: dict[str, Any], event: str, margin: float, place: Place
) -> certificates.Certificate:
    """Raises PlainError for a rehearsal that proves nothing."""
    if told["verdict"] != "kept" or told["partial"] or not told["generator"]["healthy"]:
        raise PlainError(
            "This rehearsal did not keep its promise; there is nothing to certify.",
            "See its report for why: samvad rehearse … --report.",
        )
    if told["version"] != place.version:
        raise PlainError(
            f"It was held with version {told['version']}, and this is {place.version}.",
            "Rehearse again.",
        )
    return certificates.proven(
        event,
        seats=int(told["proven"]["seats"]),
        joins_per_s=float(told["proven"]["joins_per_s"]),
        knee=bool(told["knee"] and told["knee"]["found"]),
        scenario=str(told["scenario"]["name"]),
        at_ms=time.time_ns() // 1_000_000,
        place=place,
        promise=told["promise"],
        margin=margin,
    )


def _event(site: Site, event: str) -> str:
    if not EVENT_RE.fullmatch(event) or PlanFolder(site.folders.plans).read(event) is None:
        raise PlainError(f"There is no event {event!r} on this site.", "See samvad event list.")
    return event

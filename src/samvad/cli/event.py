"""`samvad event create | list | show | end | fetch`."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from samvad.base.errors import PlainError
from samvad.broadcast.s3 import Store, StoreError
from samvad.broadcast.storing import bring_back, place_of
from samvad.cli import say
from samvad.cli.django import django
from samvad.cli.fetch import get, reachable
from samvad.cli.site import Site, running_site, with_site
from samvad.protocol.hls import stage_path, state_path
from samvad.protocol.ladder import PRESETS
from samvad.protocol.ladder import read as check_ladder
from samvad.protocol.secret import read_secret, token_for

LADDER_FORM = (
    'It is a list of rungs: [{"effect": "plain", "over": {"cpu": 0.6}, "under": {"cpu": 0.4}, '
    '"says": {"en": "…"}}, …].'
)

KNOWN_WITHIN_S = 5.0
"""How long `create` waits until stage and gates know the new event."""
_ASK_EVERY_S = 0.1


@click.group()
def event() -> None:
    """Create, list, show and end conversations; bring their recordings back."""


@event.command()
@click.option("--title", required=True, help="What it is about.")
@click.option("--description", default="", help="A few sentences for the page.")
@click.option(
    "--starts",
    metavar="ISO8601",
    help="When, as 2027-08-12T20:00-04:00; without an offset it is in --zone. "
    "Not given: doors open at once, on air with the first voice.",
)
@click.option("--zone", metavar="NAME", help="Time zone, as America/New_York. Default: web.zone.")
@click.option("--seats", type=click.IntRange(1), help="Listeners at most. Default: gate.seats.")
@click.option("--speaker", "speakers", multiple=True, metavar="NAME", help="May be repeated.")
@click.option("--host", metavar="HANDLE", help="Whose it is. Default: the site's first host.")
@click.option(
    "--way",
    type=click.Choice(["shuffled", "first_come", "priority", "invite"]),
    default="shuffled",
    show_default=True,
    help="How listeners come in when not all fit. priority: guests, reminders, members, anyone.",
)
@click.option("--passphrase", metavar="WORDS", help="Lets people in, with --way invite.")
@click.option(
    "--joins-per-s",
    type=click.IntRange(0),
    default=0,
    help="New listeners a second at most. Default: what the site is set to.",
)
@click.option(
    "--ladder",
    default="standard",
    show_default=True,
    metavar="NAME|FILE",
    help="What is given up when too many come: gentle, standard, strict, or a JSON file with "
    "rungs of one's own (as in a plan; `says` holds own words by language).",
)
@click.option(
    "--floor", type=click.IntRange(0), default=0, help="So many listeners are kept at the worst."
)
@click.option(
    "--promise",
    "promise_min",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="MINUTES",
    help="The recording is promised so long after the end; checked, and published.",
)
@click.option("--json", "json_", is_flag=True, help="Print the links as JSON.")
@with_site()
def create(
    site: Site,
    *,
    title: str,
    description: str,
    starts: str | None,
    zone: str | None,
    seats: int | None,
    speakers: tuple[str, ...],
    host: str | None,
    way: str,
    passphrase: str | None,
    joins_per_s: int,
    ladder: str,
    floor: int,
    promise_min: int,
    json_: bool,
) -> None:
    """Announce a conversation and print the links of host, speakers and listeners."""
    zone = zone or site.settings.web.zone
    begins = start_time(starts, zone)
    own_ladder = ladder_file(ladder)
    if passphrase is not None and way != "invite":
        raise PlainError("A passphrase opens nothing here.", "Give it with --way invite.")
    service = _events(site)
    from samvad.events.terms import Terms

    made = service.create_event(
        host=_host(host),
        title=title,
        description=description,
        starts=begins,
        zone=zone,
        seats=seats,
        speakers=speakers,
        terms=Terms(
            way=way,
            passphrase=passphrase,
            joins_per_s=joins_per_s,
            ladder="standard" if own_ladder is not None else ladder,
            own_ladder=own_ladder,
            floor=floor,
            promise_min=promise_min,
        ),
    )
    links = service.links(made)
    missing = wait_until_known(site, links["event"])
    if missing:
        say.note(
            f"Note: {' and '.join(missing)} did not confirm the event; its links work "
            f"once `samvad up` runs on {site.data}."
        )
    _show(links, json_)


@event.command("list")
@click.option("--json", "json_", is_flag=True, help="Print them as JSON.")
@with_site()
def list_(site: Site, json_: bool) -> None:
    """All conversations, the newest first."""
    every = _events(site).list_events()
    if json_:
        say.as_json(every)
        return
    if not every:
        click.echo("There is none yet. Make one: samvad event create --title '…'")
    for one in every:
        click.echo(
            f"{one['event']}  {one['state']:<9}  {one['starts'] or 'at once':<25}  {one['title']}"
        )


@event.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def show(site: Site, id_: str, json_: bool) -> None:
    """One conversation: links, state, replay. ID is its id or the end of its address."""
    _show(_events(site).show(id_), json_)


@event.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "json_", is_flag=True, help="Print what has become of it as JSON.")
@with_site()
def end(site: Site, id_: str, json_: bool) -> None:
    """End a conversation; returns when it has ended and its recording is closed."""
    service = _events(site)
    service.end_event(id_)
    told = service.show(id_)
    if json_:
        say.as_json(told)
        return
    click.echo(f"{told['title']}: {told['state']}.")
    if told["replay"]:
        click.echo(f"Replay  {told['replay']}")


@event.command()
@click.argument("id_", metavar="ID")
@with_site()
def fetch(site: Site, id_: str) -> None:
    """Bring a recording back from the other store.

    After [record] keep_days the recording itself lies there only. Here again, it can be cut, and
    its replay is HLS too; it stays for as long again. Every file is verified.
    """
    place = place_of(site.settings.record)
    if place is None:
        raise PlainError(
            "There is no other store.", "Recordings are in the data folder; see [record] s3_url."
        )
    found = _events(site).find(id_)
    from samvad.events import retention

    try:
        brought = bring_back(site.folders.recording(found.pk), found.pk, Store(place))
    except StoreError as error:
        raise PlainError(f"It could not be brought back: {error}.", "Try again later.") from None
    if not brought:
        say.note("Nothing of it is only there.")
        return
    retention.keep_longer(found.pk)
    for name in brought:
        click.echo(name)


def ladder_file(name: str) -> object | None:
    """The rungs in the file `name`; None when it is a preset's name. Raises PlainError."""
    if name in PRESETS:
        return None
    try:
        data: object = json.loads(Path(name).read_text(encoding="utf-8"))
        check_ladder(data)
    except FileNotFoundError:
        raise PlainError(
            f"There is no ladder {name!r}, and no such file.",
            f"Name one of {', '.join(PRESETS)}, or a JSON file.",
        ) from None
    except (OSError, ValueError) as error:
        raise PlainError(f"The ladder in {name} cannot be used: {error}.", LADDER_FORM) from None
    return data


def start_time(text: str | None, zone: str) -> datetime | None:
    """An aware time from ISO 8601; one without an offset is in `zone`. Raises PlainError."""
    try:
        in_zone = ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise PlainError(
            f"{zone!r} is not a time zone.", "Give a name like Asia/Kolkata or America/New_York."
        ) from None
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise PlainError(
            f"{text!r} is not a time.", "Write it as 2027-08-12T20:00, or with an offset: +05:30."
        ) from None
    return (when if when.tzinfo else when.replace(tzinfo=in_zone)).astimezone(UTC)


def wait_until_known(site: Site, event_id: str) -> list[str]:
    """Wait until stage and gates know the event; who did not by then: "stage", "gate".

    Where `samvad up` does not run on this folder and nobody answers, there is nothing to wait for.
    """
    settings = site.settings
    token = token_for(read_secret(site.folders.secret), "operator")
    state = f"{_local(settings.gate.port, site)}{state_path(event_id)}"
    # Each connection reaches one of the gate processes, and each takes the plan for itself.
    enough = min(4 * settings.gate.processes, 32)
    asked: dict[str, Callable[[], bool]] = {
        "gate": lambda: all(_has(state, "") for _ in range(enough)),
        "stage": lambda: _has(
            f"{_local(settings.stage.port, site)}{stage_path(event_id, 'room')}", token
        ),
    }
    missing = dict(asked)
    ports = {"gate": settings.gate.port, "stage": settings.stage.port}
    if running_site(site.data) is None:
        silent = [name for name, port in ports.items() if get(_local(port, site)) is None]
        if silent:
            return silent

    def everybody() -> bool:
        for name in [n for n, knows in missing.items() if knows()]:
            del missing[name]
        return not missing

    _poll(everybody, KNOWN_WITHIN_S)
    return list(missing)


def _poll(done: Callable[[], bool], within_s: float) -> bool:
    give_up = time.monotonic() + within_s
    while not done():
        if time.monotonic() > give_up:
            return False
        time.sleep(_ASK_EVERY_S)
    return True


def _has(url: str, token: str) -> bool:
    answer = get(url, token=token)
    return answer is not None and answer[0] == 200


def _local(port: int, site: Site) -> str:
    return f"http://{reachable(site.settings.public.host)}:{port}"


def _events(site: Site) -> Any:
    """The service of events, with Django set up for this site."""
    django(site)
    from samvad.events import service

    return service


def _host(handle: str | None) -> Any:
    from samvad.accounts.models import User
    from samvad.accounts.service import ensure_first_host

    if handle is None:
        host, password = ensure_first_host()
        if password is not None:
            say.note(f"Made the account {host.handle} with the password {password}")
        return host
    found = User.objects.filter(handle=handle).first()
    if found is None:
        raise PlainError(
            f"There is no account {handle!r}.", f"Make it: samvad user create {handle}"
        )
    return found


def _show(links: dict[str, Any], json_: bool) -> None:
    if json_:
        say.as_json(links)
        return
    rows = [("Title", links["title"]), ("Event", links["event"])]
    if "state" in links:
        rows.append(("State", links["state"]))
    rows += [("Listen", links["page"]), ("Host", links["studio"]), ("Console", links["console"])]
    rows += [(s["name"], s["link"]) for s in links["speakers"] if s["link"] != links["studio"]]
    rows += [(f"Guests of {s['name']}", s["guests"]) for s in links["speakers"] if s["guests"]]
    if links.get("replay"):
        rows.append(("Replay", links["replay"]))
    say.pairs(rows)

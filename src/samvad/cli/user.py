"""`samvad user create | suspend | reinstate | moderator | official`."""

import datetime as dt

import click

from samvad.base.errors import PlainError
from samvad.cli import say
from samvad.cli.django import django
from samvad.cli.durations import Duration
from samvad.cli.site import Site, with_site


@click.group()
def user() -> None:
    """Create accounts, and decide how they stand."""


@user.command()
@click.argument("handle", metavar="NAME")
@click.option("--name", default="", help="The name people see. Default: the handle.")
@click.option("--email", default="", help="Where mail goes.")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def create(site: Site, handle: str, *, name: str, email: str, json_: bool) -> None:
    """Create an account. Its password and API token are shown this once."""
    django(site)
    from samvad.accounts import service

    password = service.new_password()
    made, token = service.create_user(handle, name=name, email=email, password=password)
    profile = f"{site.settings.web_url()}/@{made.handle}"
    if json_:
        say.as_json(
            {"handle": made.handle, "profile": profile, "token": token, "password": password}
        )
    else:
        say.pairs(
            [
                ("Handle", made.handle),
                ("Profile", profile),
                ("Password", password),
                ("API token", token),
            ]
        )


@user.command()
@click.argument("handle", metavar="NAME")
@click.option("--reason", required=True, help="Why. The person reads it, and the public log.")
@click.option("--rule", default="other", show_default=True, help="The rule that was broken.")
@click.option("--for", "for_s", type=Duration(), help="For so long, as 30d. Default: for good.")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def suspend(
    site: Site, handle: str, *, reason: str, rule: str, for_s: float | None, json_: bool
) -> None:
    """Suspend an account: nothing of it is shown, nobody acts with it. Its name stays its own."""
    django(site)
    from django.utils import timezone

    from samvad.accounts import service
    from samvad.moderation.kinds import Action, Rule
    from samvad.moderation.service import decide

    if rule not in Rule.values:
        raise PlainError(f"There is no rule {rule!r}.", f"It is one of {', '.join(Rule.values)}.")
    until = timezone.now() + dt.timedelta(seconds=for_s) if for_s is not None else None
    account = service.find(handle)
    decision = decide(account, Action.SUSPEND, by=None, reason=reason, rule=rule, until=until)
    account.refresh_from_db()
    told = {
        "handle": account.handle,
        "standing": account.standing,
        "until": account.standing_until.isoformat() if account.standing_until else None,
        "decision": decision.pk,
    }
    if json_:
        say.as_json(told)
    else:
        ending = f" until {told['until']}" if told["until"] else ""
        click.echo(f"@{account.handle} is suspended{ending}.")


@user.command()
@click.argument("handle", metavar="NAME")
@click.option("--reason", required=True, help="Why. The person reads it, and the public log.")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def reinstate(site: Site, handle: str, *, reason: str, json_: bool) -> None:
    """End a suspension or a freeze: what was there is there again (docs/standing.md)."""
    django(site)
    from samvad.accounts import service
    from samvad.moderation.kinds import Action
    from samvad.moderation.service import decide

    account = service.find(handle)
    decision = decide(account, Action.REINSTATE, by=None, reason=reason)
    account.refresh_from_db()
    if json_:
        say.as_json(
            {"handle": account.handle, "standing": account.standing, "decision": decision.pk}
        )
    else:
        click.echo(f"@{account.handle} is reinstated.")


@user.command()
@click.argument("handle", metavar="NAME")
@click.option("--off", is_flag=True, help="No longer.")
@click.option("--reason", default="By whoever runs this site.", help="Stands in the public log.")
@with_site()
def moderator(site: Site, handle: str, *, off: bool, reason: str) -> None:
    """Let an account moderate: read reports, decide, answer appeals."""
    django(site)
    from samvad.accounts import service
    from samvad.moderation.service import set_moderator

    account = service.find(handle)
    set_moderator(account, None, not off, reason)
    click.echo(f"@{account.handle} {'no longer moderates' if off else 'moderates'}.")


@user.command()
@click.argument("handle", metavar="NAME")
@click.argument("office", default="")
@click.option("--reason", default="By whoever runs this site.", help="Stands in the public log.")
@with_site()
def official(site: Site, handle: str, office: str, *, reason: str) -> None:
    """Mark an account as speaking for OFFICE; without OFFICE, for nobody any more."""
    django(site)
    from samvad.accounts import service
    from samvad.moderation.service import set_official

    account = service.find(handle)
    set_official(account, None, office, reason)
    click.echo(
        f"@{account.handle} speaks for {account.official}."
        if account.official
        else f"@{account.handle} is no longer marked as official."
    )


@user.command("two-moderators")
@click.argument("handle", metavar="NAME")
@click.option("--off", is_flag=True, help="No longer.")
@click.option("--reason", default="By whoever runs this site.", help="Stands in the public log.")
@with_site()
def two_moderators(site: Site, handle: str, *, off: bool, reason: str) -> None:
    """Put an account on the list of those about whom two moderators must agree."""
    django(site)
    from samvad.accounts import service
    from samvad.moderation.service import set_two

    account = service.find(handle)
    set_two(account, None, not off, reason)
    click.echo(f"@{account.handle} {'needs no' if off else 'needs a'} second moderator.")

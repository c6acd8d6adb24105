"""`samvad user create`."""

import click

from samvad.cli import say
from samvad.cli.django import django
from samvad.cli.site import Site, with_site


@click.group()
def user() -> None:
    """Create accounts."""


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

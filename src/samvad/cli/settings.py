"""`samvad settings`."""

import click

from samvad.base import params
from samvad.base.settings import Settings
from samvad.cli import say
from samvad.cli.site import Site, setting, with_site


@click.command()
@click.option("--toml", is_flag=True, help="Print a settings file with every default, commented.")
@click.option("--markdown", is_flag=True, help="Print docs/reference/settings.md.")
@click.option("--json", "json_", is_flag=True, help="Print the values in force as JSON.")
@with_site(show_ports=True)
def settings(site: Site, toml: bool, markdown: bool, json_: bool) -> None:
    """Show every setting as it is in force here: defaults, samvad.toml, environment, options."""
    if toml:
        click.echo(params.as_toml(Settings), nl=False)
    elif markdown:
        click.echo(params.as_markdown(Settings), nl=False)
    else:
        values = {
            section: {key: setting(site.settings, f"{section}.{key}") for key in keys}
            for section, keys in params.names(Settings).items()
        }
        if json_:
            say.as_json(values)
        else:
            say.pairs(
                [
                    (f"{section}.{key}", params.shown(value))
                    for section, held in values.items()
                    for key, value in held.items()
                ]
            )

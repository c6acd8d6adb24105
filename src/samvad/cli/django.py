"""Django inside a command: for those that read or write what `web` keeps."""

from samvad.cli.site import Site


def django(site: Site) -> None:
    """Set Django up for the site and bring its database up to date. Raises PlainError.

    Services of accounts and events may be imported afterwards.
    """
    from samvad.web.setup import setup

    setup(site.data, site.settings)
    from samvad.web.migrate import migrate

    migrate()

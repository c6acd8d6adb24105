"""A site that somebody can use a minute after the first start."""

from pathlib import Path
from typing import Any

from samvad.base.settings import Settings
from samvad.web.setup import setup


def first_run(data: Path, settings: Settings) -> dict[str, Any]:
    """Migrate, and make the first host and the first event when they are missing.

    {"created": whether anything was made, "handle": the host's, "password": str when the
    account was made just now, else None, "event": as `event create --json`}. Raises PlainError.
    """
    setup(data, settings)
    from samvad.accounts.service import ensure_first_host
    from samvad.events.service import ensure_first_event, links
    from samvad.web.migrate import migrate

    migrate()
    host, password = ensure_first_host()
    event, made = ensure_first_event(host)
    return {
        "created": made or password is not None,
        "handle": host.handle,
        "password": password,
        "event": links(event),
    }

"""The web process: Django under waitress."""

import errno
import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from samvad.base.errors import PlainError
from samvad.base.settings import Settings
from samvad.web.setup import setup

log = logging.getLogger("samvad.web")

BODY_MAX = 24 * 1024 * 1024
"""Bytes of a request: some photos in a form. Longer things come in pieces (pages/media.py)."""


def application() -> Any:
    """The WSGI application, for any server. Django must be set up."""
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def main(data: Path, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean end. Raises PlainError (port taken, …)."""
    signal.signal(signal.SIGTERM, _leave)
    setup(data, settings)
    from django.conf import settings as django_settings

    from samvad.web.migrate import migrate

    migrate()
    if not (django_settings.ASSETS / "manifest.json").is_file():
        log.warning("the front end is not built (`make assets`): pages come without it")
    import waitress.server

    try:
        server = waitress.server.create_server(
            application(),
            host=settings.public.host,
            port=settings.web.port,
            threads=settings.web.threads,
            ident=None,
            connection_limit=500,
            channel_timeout=30,
            max_request_header_size=32 * 1024,
            max_request_body_size=BODY_MAX,
        )
    except OSError as error:
        raise _cannot_listen(settings, error) from None
    log.info("web is serving %s", settings.web_url())
    try:
        server.run()  # ends on SystemExit and KeyboardInterrupt, after its threads
    finally:
        server.close()
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _cannot_listen(settings: Settings, error: OSError) -> PlainError:
    where = f"{settings.public.host}:{settings.web.port}"
    if error.errno == errno.EADDRINUSE:
        return PlainError(
            f"Port {settings.web.port} is taken by another program.",
            "End it, or choose another port: setting web.port, SAMVAD_WEB_PORT or --web-port.",
        )
    return PlainError(
        f"Web cannot listen on {where}: {error.strerror}.",
        "Settings: public.host and web.port.",
    )

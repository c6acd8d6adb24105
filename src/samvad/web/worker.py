"""The background loop: facts in, events moved on, plans out.

Every step may be repeated or cut off at any point. A step that fails is logged once and tried
again with a growing pause; nothing that the crowd needs depends on this process.
"""

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from samvad.base.clock import Clock, SystemClock
from samvad.base.settings import Settings
from samvad.web.setup import setup

log = logging.getLogger("samvad.worker")

PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


def main(data: Path, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean end."""
    setup(data, settings)
    from samvad.web.migrate import migrate

    migrate()
    over = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker is running")
    try:
        loop(over, SystemClock())
    finally:
        from samvad.events.postproduction import WORK

        WORK.close()
    return 0


def loop(over: threading.Event, clock: Clock) -> None:
    """Do rounds until `over`. A round that fails is repeated, later and later (30 s at most)."""
    pause = PAUSE_S
    pages_of: int | None = None
    while not over.is_set():
        built = _front_end_built()
        failed = round_trip(clock, renew=built != pages_of)
        if "pages" not in failed:
            pages_of = built
        pause = min(pause * 2, LONGEST_PAUSE_S) if failed else PAUSE_S
        over.wait(pause)


def _front_end_built() -> int:
    """When the front end was built (its manifest's mtime in ns); 0 when it is not."""
    from django.conf import settings

    try:
        return int((settings.ASSETS / "manifest.json").stat().st_mtime_ns)
    except OSError:
        return 0


def round_trip(clock: Clock, renew: bool = False) -> list[str]:
    """One round: journals, clock, plans. Names of the steps that failed; the others were done.

    `renew`: first see whether the pages in all plans would look different now.
    """
    from django.conf import settings
    from django.db import DatabaseError, close_old_connections

    from samvad.events import clockwork, intake, plans, postproduction, promises, retention

    steps: dict[str, Callable[[], object]] = {
        "journal": lambda: intake.take_all(settings.FOLDERS.journal),
        "lifecycle": lambda: clockwork.move_due(clock.wall_ms()),
        "promises": lambda: promises.check_due(clock.wall_ms()),
        "replays": postproduction.step,
        "retention": lambda: retention.prune(lambda _event: False),
        "pages": lambda: renew and plans.renew_if_site_changed(),
        "plans": plans.write_pending,
    }
    failed = []
    for name, step in steps.items():
        try:
            step()
        except (DatabaseError, OSError) as error:
            log.warning("%s failed and will be tried again: %s", name, error)
            failed.append(name)
            close_old_connections()
        except Exception:
            # A bug in one step must not keep the others from their work.
            log.exception("%s failed; this is a bug", name)
            failed.append(name)
    return failed

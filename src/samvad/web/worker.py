"""The background loop: facts in, events moved on, plans out.

Every step may be repeated or cut off at any point. A step that fails is logged once and tried
again with a growing pause; nothing that the crowd needs depends on this process.
"""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from samvad.base.clock import Clock, SystemClock
from samvad.base.settings import Settings
from samvad.events.zones import from_ms
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
    # Mail and push services may take their time; nothing else waits for them.
    errands = threading.Thread(target=run_errands, args=(over, SystemClock()), name="errands")
    errands.start()
    try:
        loop(over, SystemClock())
    finally:
        from samvad.events.postproduction import WORK

        WORK.close()
    errands.join()
    return 0


def run_errands(over: threading.Event, clock: Clock) -> None:
    """Send letters and pushes until `over`; as `loop`, on a thread of its own."""
    pause = PAUSE_S
    while not over.is_set():
        failed = errands(clock)
        pause = min(pause * 2, LONGEST_PAUSE_S) if failed else PAUSE_S
        over.wait(pause)


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

    from samvad.events import (
        clockwork,
        intake,
        plans,
        postproduction,
        promises,
        reminders,
        retention,
    )
    from samvad.notices import digest
    from samvad.posts import previews, transcodes
    from samvad.web import chores, found, posting, told

    now = from_ms(clock.wall_ms())
    steps: dict[str, Callable[[], object]] = {
        "journal": lambda: intake.take_all(settings.FOLDERS.journal),
        "lifecycle": lambda: clockwork.move_due(clock.wall_ms()),
        "promises": lambda: promises.check_due(clock.wall_ms()),
        "replays": postproduction.step,
        "replays posted": posting.post_due,
        "retention": lambda: retention.prune(posting.refers),
        "pages": lambda: renew and plans.renew_if_site_changed(),
        "plans": plans.write_pending,
        **chores.steps(clock),
        "changes told": lambda: reminders.tell_changes(now, told.reminder),
        "reminders": lambda: reminders.send_due(now, told.reminder),
        "digests": lambda: digest.write_due(now, told.digest),
        "transcodes": transcodes.step,
        "previews": previews.step,
        "search": found.fill,
    }
    return _do(steps)


def errands(clock: Clock) -> list[str]:
    """One round of what is sent elsewhere. Names of the steps that failed."""
    from samvad.notices import letters, push
    from samvad.web import told

    now = from_ms(clock.wall_ms())
    return _do(
        {
            "pushes lined up": lambda: push.line_up(now),
            "pushes": lambda: push.send_due(now, told.payload),
            "letters": lambda: letters.send_due(now),
        }
    )


def _do(steps: Mapping[str, Callable[[], object]]) -> list[str]:
    from django.db import DatabaseError, close_old_connections

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

"""Previews that wait, fetched one after the other on a thread of the worker.

The table is the queue. A row is taken by moving its date on, so that of two workers one fetches;
however many people post a link, its page is asked once (again after an hour if it was ill).
"""

import datetime as dt
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models import F, QuerySet
from django.utils import timezone

from samvad.accounts import pictures
from samvad.posts import fetch
from samvad.posts.link_models import LinkPreview

log = logging.getLogger("samvad.previews")

A_ROUND = 20
TRIES_MAX = 3
LEASE = dt.timedelta(minutes=2)
AGAIN = dt.timedelta(hours=1)

_thread: threading.Thread | None = None


def step() -> None:
    """Begin a round when none is going on and something waits. Never waits itself."""
    global _thread  # noqa: PLW0603  (one round a worker process)
    if _thread is not None and _thread.is_alive():
        return
    _thread = None
    if _due().exists():
        _thread = threading.Thread(target=_aside, name="previews", daemon=True)
        _thread.start()


def _aside() -> None:
    try:
        close_old_connections()
        round_of()
    except Exception:
        log.exception("previews failed; this is a bug")
    finally:
        connection.close()


def round_of(
    allowed: Callable[[str], bool] = fetch.is_global, ports: tuple[int, ...] = (80, 443)
) -> int:
    """Fetch up to A_ROUND; how many."""
    done = 0
    for preview in list(_due().order_by("due_at")[:A_ROUND]):
        mine = LinkPreview.objects.filter(pk=preview.pk, due_at=preview.due_at)
        if mine.update(due_at=timezone.now() + LEASE, tries=F("tries") + 1):
            preview.tries += 1
            _fetch(preview, allowed, ports)
            done += 1
    return done


def _due() -> QuerySet[LinkPreview]:
    return LinkPreview.objects.filter(state=LinkPreview.WAITING, due_at__lte=timezone.now())


def _fetch(preview: LinkPreview, allowed: Callable[[str], bool], ports: tuple[int, ...]) -> None:
    try:
        page = fetch.fetch_page(preview.url, allowed, ports)
    except fetch.NotFetched as error:
        log.info("no preview of a link: %s", error)
        if error.again and preview.tries < TRIES_MAX:
            preview.due_at = timezone.now() + AGAIN
        else:
            preview.state = LinkPreview.NONE
        preview.save()
        return
    preview.title, preview.description, preview.site = page.title, page.description, page.site
    preview.picture = _picture(preview, page.picture, allowed, ports) if page.picture else ""
    preview.state = LinkPreview.READY
    preview.save()


def _picture(
    preview: LinkPreview, url: str, allowed: Callable[[str], bool], ports: tuple[int, ...]
) -> str:
    """The page's picture, written anew by us: its place below /media/, or "" without one."""
    try:
        made = pictures.photo(fetch.fetch_picture(url, allowed, ports), widths=(640,))
    except (fetch.NotFetched, pictures.PictureError) as error:
        log.info("no picture of a link: %s", error)
        return ""
    name = f"l/{preview.url_hash[:40]}.webp"
    path = Path(settings.FOLDERS.web) / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.files["w640"])
    return name

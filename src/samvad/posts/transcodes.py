"""Videos that wait, transcoded one after the other in a child of the worker.

`step` is called each round and never waits. The table is the queue: a video that a dead worker
was at is taken up again when its lease is over, TRIES_MAX times, and then fails with a reason.
"""

import datetime as dt
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from samvad.posts.media import folder
from samvad.posts.media_models import Medium
from samvad.posts.videos import drop_stale, failed, source

log = logging.getLogger("samvad.transcodes")

TRIES_MAX = 2
LEASE_S = 180
"""A child that says nothing for so long is taken as stuck."""

FILES = {"mp4": "video.mp4", "hls": "hls.m3u8", "segments": "hls.m4s", "poster": "poster.jpg"}
_CODES = {"unreadable", "no_picture", "large", "long", "gave_up"}


@dataclass
class _Work:
    medium: Medium
    child: subprocess.Popen[bytes]
    heard_at: float
    rest: bytes = b""
    last: dict[str, object] | None = None


_work: _Work | None = None


def step() -> None:
    """Look after the child; without one, begin with the next video."""
    global _work  # noqa: PLW0603  (one child a worker process)
    if _work is not None and not _look_after(_work):
        _work = None
    if _work is None:
        _take_back()
        _work = _begin()


def stop() -> None:
    """End the child, as when the worker ends; the video waits for the next one."""
    global _work  # noqa: PLW0603
    if _work is not None:
        _work.child.kill()
        _work.child.wait()
        again = Medium.objects.filter(pk=_work.medium.pk, state=Medium.State.WORKING)
        again.update(state=Medium.State.WAITING, lease_until=None)
        _work = None


def _begin() -> _Work | None:
    waiting = Medium.objects.filter(state=Medium.State.WAITING).order_by("created_at")
    medium = waiting.first()
    if medium is None:
        return None
    mine = Medium.objects.filter(pk=medium.pk, state=Medium.State.WAITING)
    if not mine.update(
        state=Medium.State.WORKING, tries=F("tries") + 1, progress=0, lease_until=_lease()
    ):
        return None
    home = folder(medium)
    child = subprocess.Popen(
        [sys.executable, "-m", "samvad.posts.transcode", str(source(medium)), str(home),
         str(settings.SAMVAD.posts.video_max_s)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Of the site's environment it needs nothing but what finds Python.
        env={k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG", "HOME")},
    )  # fmt: skip
    assert child.stdout is not None
    os.set_blocking(child.stdout.fileno(), False)
    return _Work(medium, child, time.monotonic())


def _look_after(work: _Work) -> bool:
    """Read what the child says. False when it is over."""
    over = work.child.poll() is not None
    assert work.child.stdout is not None
    said = work.child.stdout.read() or b""
    *lines, work.rest = (work.rest + said).split(b"\n")
    for line in lines:
        try:
            work.last = json.loads(line)
        except ValueError:
            continue
        work.heard_at = time.monotonic()
    if over:
        _over(work)
        return False
    if time.monotonic() - work.heard_at > LEASE_S:
        log.warning("the transcode of %s says nothing and is ended", work.medium.name)
        work.child.kill()
        work.child.wait()
        _over(work)
        return False
    if lines and work.last and "progress" in work.last:
        here = Medium.objects.filter(pk=work.medium.pk)
        if not here.update(progress=int(str(work.last["progress"])), lease_until=_lease()):
            work.child.kill()  # it was removed meanwhile
    return True


def _over(work: _Work) -> None:
    last = work.last or {}
    if work.child.stdout is not None:
        work.child.stdout.close()
    done = last.get("done")
    if work.child.returncode == 0 and isinstance(done, dict):
        made = {what: name for what, name in FILES.items() if (folder(work.medium) / name).exists()}
        Medium.objects.filter(pk=work.medium.pk).update(
            state=Medium.State.READY,
            progress=100,
            lease_until=None,
            files=made,
            width=done["width"],
            height=done["height"],
            duration_ms=done["duration_ms"],
        )
        source(work.medium).unlink(missing_ok=True)
        log.info("the video %s is ready", work.medium.name)
        return
    why = str(last.get("failed", "gave_up"))
    if why == "gave_up":
        # Ended by a signal or a limit: perhaps not the file's fault, so once more.
        again = Medium.objects.filter(pk=work.medium.pk, tries__lt=TRIES_MAX)
        if again.update(state=Medium.State.WAITING, lease_until=None):
            return
    failed(work.medium, why if why in _CODES else "unreadable")
    log.info("the video %s cannot be used: %s", work.medium.name, why)


def _take_back() -> None:
    """Videos whose worker died: again, or no more."""
    drop_stale()
    late = Medium.objects.filter(state=Medium.State.WORKING, lease_until__lt=timezone.now())
    late.filter(tries__lt=TRIES_MAX).update(state=Medium.State.WAITING, lease_until=None)
    for medium in late:
        failed(medium, "gave_up")


def _lease() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=LEASE_S)

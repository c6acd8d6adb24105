"""Videos: received in pieces, then handed to the worker (transcodes.py)."""

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.posts import captions
from samvad.posts.errors import PostError
from samvad.posts.media import check_room, folder
from samvad.posts.media_models import CAPTIONS_MAX_BYTES, Captions, Medium

SOURCE = "source"
CHUNK = 256 * 1024
SPARE_DISK = 500_000_000
"""Bytes that stay free on the disk, whatever is uploaded."""


class Readable(Protocol):
    """What has bytes to read: a request, an uploaded file."""

    def read(self, size: int, /) -> bytes: ...


def begin(owner: User, size: int) -> Medium:
    """A video of `size` bytes that will come. Raises PostError when it is too large."""
    most = settings.SAMVAD.posts.video_max_mb
    if not 0 < size <= most * 1_000_000:
        raise PostError(
            _("A video has at most %(n)d MB.") % {"n": most}, code="large", field="video"
        )
    check_room(owner)
    home = Path(settings.FOLDERS.web)
    if shutil.disk_usage(home).free < SPARE_DISK + 2 * size:
        raise PostError(
            _("This site has no room for a video just now."),
            _("Its operators can mend that; try again later."),
            code="disk",
            field="video",
        )
    medium = Medium(owner=owner, kind=Medium.Kind.VIDEO, state=Medium.State.UPLOADING, size=size)
    folder(medium).mkdir(parents=True, exist_ok=True)
    source(medium).touch()
    medium.save(force_insert=True)
    return medium


def receive(medium: Medium, offset: int, body: Readable, length: int) -> int | None:
    """Write what comes from `offset` on; the new offset, or None when `offset` is not where it is.

    A connection that breaks leaves what had come: the next piece goes on there. Whole: it waits
    for the worker.
    """
    if medium.state != Medium.State.UPLOADING or offset != medium.received:
        return None
    at, end = offset, min(medium.size, offset + length)
    with open(source(medium), "r+b") as out:
        out.seek(offset)
        try:
            while at < end:
                piece = body.read(min(CHUNK, end - at))
                if not piece:
                    break
                out.write(piece)
                at += len(piece)
        except OSError:
            pass  # the sender is gone; what came before is kept
        out.flush()
        os.fdatasync(out.fileno())
    # Two requests for the same piece: one of them moves the offset, the other is told where it is.
    state = Medium.State.WAITING if at == medium.size else Medium.State.UPLOADING
    same = Medium.objects.filter(pk=medium.pk, received=offset, state=Medium.State.UPLOADING)
    return at if same.update(received=at, state=state) else None


def add_video(owner: User, file: Any) -> Medium:
    """A video that came whole, in a form without scripts. Raises PostError."""
    medium = begin(owner, int(file.size))
    receive(medium, 0, file, medium.size)
    medium.refresh_from_db()
    if medium.state == Medium.State.UPLOADING:
        raise PostError(_("The video did not come whole."), _("Send it again."), field="video")
    return medium


def put_captions(medium: Medium, language: str, file: Any) -> Captions:
    """Captions of a video in a language, in place of older ones. Raises PostError."""
    text = captions.clean(file.read(CAPTIONS_MAX_BYTES + 1)[: CAPTIONS_MAX_BYTES + 1])
    if text is None or len(text.encode()) > CAPTIONS_MAX_BYTES:
        raise PostError(
            _("This file cannot be read as captions."),
            _("Use a WebVTT file (.vtt) of at most 512 kB in UTF-8."),
            code="unreadable",
            field="file",
        )
    made, _new = Captions.objects.update_or_create(
        medium=medium, language=language, defaults={"text": text}
    )
    _know_captions(medium)
    return made


def drop_captions(medium: Medium, language: str) -> None:
    """Take the captions in a language away."""
    medium.captions.filter(language=language).delete()
    _know_captions(medium)


def _know_captions(medium: Medium) -> None:
    spoken = list(medium.captions.order_by("language").values_list("language", flat=True))
    Medium.objects.filter(pk=medium.pk).update(spoken=spoken)


def source(medium: Medium) -> Path:
    """What was uploaded, until it is transcoded."""
    return folder(medium) / SOURCE


def failed(medium: Medium, why: str) -> None:
    """For good, with the reason (a code that web puts into words)."""
    Medium.objects.filter(pk=medium.pk).update(
        state=Medium.State.FAILED, failure=why, lease_until=None
    )
    source(medium).unlink(missing_ok=True)


def drop_stale(now: Any = None) -> int:
    """Uploads that nobody went on with for a day fail; media.sweep removes them later."""
    before = (now or timezone.now()) - dt.timedelta(days=1)
    stale = Medium.objects.filter(state=Medium.State.UPLOADING, created_at__lt=before)
    return stale.update(state=Medium.State.FAILED, failure="stale")

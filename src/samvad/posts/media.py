"""Photos and videos: taken in, described, addressed, removed.

Their files lie in `web/media/<two letters>/<name>/` of the data folder. Who has the address of a
file of a public post may have the file; for others the address bears a permission that ends
(`key_for`), since the path is read without cookies.
"""

import datetime as dt
import hashlib
import hmac
import shutil
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts import pictures
from samvad.accounts.models import User
from samvad.posts import seen
from samvad.posts.errors import PostError
from samvad.posts.media_models import ALT_MAX, Medium
from samvad.protocol.secret import derive

PHOTOS_MAX = 4
UNUSED_MAX = 40
"""Media of one person that belong to no post; the sweep takes them after UNUSED_S."""

UNUSED_S = 24 * 3600
KEY_S = 3600
PUBLIC = "p"


def add_photo(
    owner: User, data: bytes, *, alt: str = "", focus: tuple[float, float] | None = None
) -> Medium:
    """A photo of `owner` for a post to come. Raises PostError on a file that is none."""
    if len(data) > settings.SAMVAD.posts.photo_max_mb * 1_000_000:
        raise PostError(
            _("This photo has more than %(n)d MB.") % {"n": settings.SAMVAD.posts.photo_max_mb},
            code="large",
            field="media",
        )
    check_room(owner)
    try:
        picture = pictures.photo(data)
    except pictures.PictureError as error:
        raise PostError(error.says, error.mend, code=error.code, field="media") from error
    medium = Medium(
        owner=owner,
        kind=Medium.Kind.PHOTO,
        width=picture.width,
        height=picture.height,
        size=sum(map(len, picture.files.values())),
    )
    medium.files = write_files(medium, picture.files)
    described(medium, alt, focus)
    medium.save(force_insert=True)
    return medium


def write_files(medium: Medium, files: dict[str, bytes]) -> dict[str, Any]:
    """Write them; what for → file name."""
    home = folder(medium)
    home.mkdir(parents=True, exist_ok=True)
    written = {}
    for what, data in files.items():
        name = f"{what}.jpg" if what in ("jpg", "poster") else f"{what}.webp"
        (home / name).write_bytes(data)
        written[what] = name
    return written


def check_room(owner: User) -> None:
    """Raises PostError when somebody has UNUSED_MAX media that no post uses."""
    if Medium.objects.filter(owner=owner, post__isnull=True).count() >= UNUSED_MAX:
        raise PostError(
            _("Too many photos and videos of yours wait for a post."),
            _("Post or remove some of them, or come back tomorrow."),
            code="too_many",
            field="media",
        )


def described(medium: Medium, alt: str, focus: tuple[float, float] | None) -> None:
    """Set description and focal point (0 to 1 from left and top), unsaved. Raises PostError."""
    alt = alt.strip()
    if len(alt) > ALT_MAX:
        raise PostError(_("The description is too long."), code="too_long", field="alt")
    medium.alt = alt
    if focus is not None:
        medium.focus_x, medium.focus_y = (min(1.0, max(0.0, float(at))) for at in focus)


def folder(medium: Medium) -> Path:
    """Where its files lie."""
    return Path(settings.FOLDERS.web) / "media" / medium.name[:2] / medium.name


def remove(medium: Medium) -> None:
    """Row and files; the files when the transaction is over."""
    home = folder(medium)
    medium.delete()
    transaction.on_commit(lambda: shutil.rmtree(home, ignore_errors=True))


def sweep() -> int:
    """Remove what no post has used for a day; how many."""
    before = timezone.now() - dt.timedelta(seconds=UNUSED_S)
    left = list(Medium.objects.filter(post__isnull=True, created_at__lt=before)[:100])
    for medium in left:
        remove(medium)
    return len(left)


# Addresses


def address(medium: Medium, what: str, key: str = PUBLIC) -> str:
    """The path of one of its files; "" when it has none of that. PUBLIC opens public posts only."""
    name = medium.files.get(what)
    return f"/media/{medium.name}/{key}/{name}" if name else ""


def key_for(name: str, now_s: float | None = None) -> str:
    """A permission to read the files of `name` for one to two hours from now."""
    end = (int(time.time() if now_s is None else now_s) // KEY_S + 2) * KEY_S
    return f"{end:x}-{_mac(name, end)}"


def may_read(medium: Medium, key: str, now_s: float) -> bool:
    """Whether the key in an address opens its files now. The author must be served either way."""
    if not medium.owner.is_visible:
        return False
    if medium.post is None:
        return _opens(medium.name, key, now_s)
    if medium.post.gone:
        return False
    if key == PUBLIC:
        return seen.public_enough(medium.post)
    return _opens(medium.name, key, now_s)


def _opens(name: str, key: str, now_s: float) -> bool:
    end, _dash, mac = key.partition("-")
    try:
        until = int(end, 16)
    except ValueError:
        return False
    return until > now_s and hmac.compare_digest(mac.encode(), _mac(name, until).encode())


def _mac(name: str, end: int) -> str:
    secret = derive(settings.SITE_SECRET, "media")
    return hmac.new(secret, f"{name} {end}".encode(), hashlib.sha256).hexdigest()[:32]

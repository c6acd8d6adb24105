"""Changing what others see of a person: words, pictures, links."""

import functools
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts import pictures
from samvad.accounts.models import ProfileLink, User
from samvad.base.errors import PlainError

UPLOAD_MAX = 10 * 1024 * 1024


def change(user: User, data: Mapping[str, Any]) -> None:
    """As ProfileForm gives it. Raises PlainError for a file that is no picture."""
    avatar, banner = data.get("avatar"), data.get("banner")
    new = {
        "avatar": _keep(pictures.avatar(_read(avatar)), "96") if avatar else None,
        "banner": _keep(pictures.banner(_read(banner)), "1500") if banner else None,
    }
    with transaction.atomic():
        user.display_name = " ".join(data["name"].split())
        user.bio = data["bio"].strip()
        for what, name in new.items():
            if name is not None or data.get(f"no_{what}"):
                old = getattr(user, what)
                setattr(user, what, name or "")
                transaction.on_commit(functools.partial(forget, old))
        user.save(update_fields=["display_name", "bio", "avatar", "banner"])
        _set_links(user, data["links"])


def at(picture: str, wide: int) -> str:
    """Another size of a picture: `User.avatar` is its smallest, `User.banner` its largest file."""
    return re.sub(r"-\d+\.webp$", f"-{wide}.webp", picture)


def forget(picture: str) -> None:
    """Remove the files of a picture."""
    stem = re.sub(r"-\d+\.webp$", "", Path(picture).name)
    if stem:
        for path in folder().glob(f"{stem}*"):
            path.unlink(missing_ok=True)


def folder() -> Path:
    """Where they lie; /media/a/ serves them while their account is shown (web/media_files.py)."""
    return Path(settings.FOLDERS.web) / "media" / "a"


def _keep(picture: pictures.Picture, shown: str) -> str:
    stem = secrets.token_hex(13)
    folder().mkdir(parents=True, exist_ok=True)
    for what, data in picture.files.items():
        name = f"{stem}.jpg" if what == "jpg" else f"{stem}-{what.removeprefix('w')}.webp"
        (folder() / name).write_bytes(data)
    return f"a/{stem}-{shown}.webp"


def _read(upload: "UploadedFile[bytes]") -> bytes:
    if (upload.size or 0) > UPLOAD_MAX:
        raise PlainError(_("This picture is larger than %(n)d MB.") % {"n": UPLOAD_MAX >> 20})
    return bytes(upload.read())


def _set_links(user: User, links: list[str]) -> None:
    have = {link.url: link for link in user.links.all()}
    for position, url in enumerate(links):
        link = have.pop(url, None)
        if link is None:
            ProfileLink.objects.create(
                user=user, position=position, url=url, look_at=timezone.now()
            )
        elif link.position != position:
            ProfileLink.objects.filter(pk=link.pk).update(position=position)
    for gone in have.values():
        gone.delete()

"""All of a person's data in one file: JSON that programs read, and the photos and videos as they
are kept here. The worker makes it; it is kept `accounts.archive_days`."""

import datetime as dt
import json
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils import timezone

from samvad.accounts import ties
from samvad.accounts.models import Archive, User
from samvad.events.models import Event
from samvad.moderation.models import Decision
from samvad.posts import media
from samvad.posts.models import Medium, Post
from samvad.web import profiles

_POST_FIELDS = [
    *("id", "text", "language", "visibility", "warning", "event"),
    *("created_at", "edited_at", "gone", "reply_to_id", "repost_of_id"),
]


def ask(user: User) -> Archive:
    """An archive of now; the one that waits already, if one does."""
    waiting = Archive.objects.filter(user=user, made_at=None, failed=False).first()
    return waiting or Archive.objects.create(user=user)


def newest(user: User) -> Archive | None:
    return Archive.objects.filter(user=user).order_by("-asked_at").first()


def path_of(archive: Archive) -> Path | None:
    """Its file, if there is one."""
    path = _folder() / archive.name
    return path if archive.name and path.is_file() else None


def make_next() -> bool:
    """Make the archive that waits longest. False when none does. The worker calls it."""
    archive = Archive.objects.filter(made_at=None, failed=False).order_by("asked_at").first()
    if archive is None:
        return False
    name = f"{secrets.token_hex(16)}.zip"
    path = _folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as out:
            _write(out, archive.user)
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        Archive.objects.filter(pk=archive.pk).update(failed=True)
        raise
    Archive.objects.filter(pk=archive.pk).update(
        made_at=timezone.now(), name=name, size=path.stat().st_size
    )
    return True


def sweep() -> None:
    """Remove files whose time is over, and those that no row knows."""
    before = timezone.now() - dt.timedelta(days=settings.SAMVAD.accounts.archive_days)
    Archive.objects.filter(asked_at__lt=before).delete()
    known = set(Archive.objects.exclude(name="").values_list("name", flat=True))
    if _folder().is_dir():
        for path in _folder().iterdir():
            if path.name not in known and path.suffix == ".zip":
                path.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(settings.FOLDERS.web) / "archives"


def _write(out: zipfile.ZipFile, user: User) -> None:
    _json(out, "account.json", _account(user))
    _json(out, "posts.json", [_row(post, _POST_FIELDS) for post in _posts(user)])
    _json(out, "events.json", list(_events(user)))
    _json(
        out,
        "ties.json",
        {
            "follows": [u.handle for u in ties.followed_by(user)],
            "followers": [u.handle for u in ties.followers_of(user)],
            "mutes": list(user.mutes.values_list("muted__handle", flat=True)),
            "blocks": list(user.blocks.values_list("blocked__handle", flat=True)),
        },
    )
    decisions = Decision.objects.filter(account=user, in_force_at__isnull=False)
    fields = ["id", "action", "rule", "reason", "state", "in_force_at", "until", "post"]
    _json(out, "decisions.json", [_row(d, fields) for d in decisions])
    pieces = []
    for medium in Medium.objects.filter(owner=user).order_by("pk").iterator():
        pieces.append(_row(medium, ["name", "kind", "alt", "post_id", "created_at"]))
        home = media.folder(medium)
        for name in sorted(set(medium.files.values())):
            if isinstance(name, str) and (home / name).is_file():
                # Pictures and videos are packed already.
                out.write(home / name, f"media/{medium.name}/{name}", zipfile.ZIP_STORED)
    _json(out, "media.json", pieces)
    for what in (user.avatar, user.banner):
        path = profiles.folder() / Path(what).name
        if what and path.is_file():
            out.write(path, f"profile/{path.name}", zipfile.ZIP_STORED)


def _account(user: User) -> dict[str, Any]:
    fields = [
        "handle",
        "display_name",
        "email",
        "bio",
        "official",
        "joined_at",
        "standing",
        "standing_since",
    ]
    return _row(user, fields) | {"links": list(user.links.values_list("url", flat=True))}


def _posts(user: User) -> Iterator[Post]:
    return Post.objects.filter(author=user).order_by("pk").iterator(chunk_size=500)


def _events(user: User) -> Iterator[dict[str, Any]]:
    fields = [
        "id",
        "slug",
        "title",
        "description",
        "starts_at",
        "zone",
        "state",
        "created_at",
        "ended_at",
    ]
    for event in Event.objects.filter(host=user).order_by("created_at").iterator():
        yield _row(event, fields)


def _row(row: Model, fields: list[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in fields}


def _json(out: zipfile.ZipFile, name: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, default=_plain)
    out.writestr(name, text)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)

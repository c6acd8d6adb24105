"""What something looked like when it was reported: words in the row, pictures as copies.

Whoever deletes or changes a post afterwards does not change what was seen. Copies lie below
`evidence/` in the web's data folder, are shown to moderators only, and go when their time is over.
"""

import datetime as dt
import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from samvad.accounts.models import User
from samvad.events.models import Event
from samvad.moderation.models import Report
from samvad.posts import media
from samvad.posts.models import Post

COPY_MAX = 4 * 1024 * 1024
"""Larger files (videos) are named, with their poster copied."""

_NAME = re.compile(r"[0-9]{1,2}-[\w.-]{1,60}")


def snapshot(subject: User | Post | Event) -> dict[str, Any]:
    """As it is now, in JSON."""
    if isinstance(subject, User):
        return {"handle": subject.handle, "name": subject.shown_name, "about": subject.bio}
    if isinstance(subject, Event):
        return {
            "title": subject.title,
            "description": subject.description,
            "starts": subject.starts_at.isoformat() if subject.starts_at else None,
        }
    return {
        "text": subject.text,
        "warning": subject.warning,
        "visibility": subject.visibility,
        "created": subject.created_at.isoformat(timespec="seconds"),
        "edited": subject.edited_at.isoformat(timespec="seconds") if subject.edited_at else None,
        "media": [
            {"kind": m.kind, "alt": m.alt, "name": m.name}
            for m in subject.media.order_by("position")
        ],
    }


def keep_files(report: Report, subject: User | Post | Event) -> None:
    """Copy the pictures of a reported post. What is gone already, or does not fit, is left out."""
    if not isinstance(subject, Post):
        return
    kept = []
    for n, medium in enumerate(subject.media.order_by("position")[:8]):
        name = next((medium.files[w] for w in ("jpg", "poster") if medium.files.get(w)), None)
        source = media.folder(medium) / name if name else None
        if source is None or not source.is_file() or source.stat().st_size > COPY_MAX:
            continue
        home = folder(report)
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, home / f"{n}-{name}")
        kept.append(f"{n}-{name}")
    if kept:
        report.evidence = report.evidence | {"files": kept}
        report.save(update_fields=["evidence"])


def folder(report: Report) -> Path:
    return Path(settings.FOLDERS.web) / "evidence" / str(report.pk)


def file(report: Report, name: str) -> Path | None:
    """One of the copies."""
    if not _NAME.fullmatch(name) or name not in report.evidence.get("files", []):
        return None
    path = folder(report) / name
    return path if path.is_file() else None


def sweep() -> int:
    """Forget the evidence of reports that were closed long ago; how many."""
    days = settings.SAMVAD.moderation.evidence_days
    before = timezone.now() - dt.timedelta(days=days)
    old = Report.objects.exclude(evidence={}).filter(closed_at__lt=before)[:100]
    count = 0
    for report in old:
        shutil.rmtree(folder(report), ignore_errors=True)
        report.evidence = {}
        report.words = ""
        report.save(update_fields=["evidence", "words"])
        count += 1
    return count

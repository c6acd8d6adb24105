"""What of a recording may leave this machine, and when. Nothing does before its copy is verified.

After `[record] keep_days` the *originals* (the recording itself, tracks) go, as soon as the other
store has them, read back and compared by SHA-256 (`stored.json`, broadcast/storing.py); what was
brought back stays for as long again (`fetched`). What is
published goes only when it can be had from there by everybody (`s3_public_url`) and neither a
clip nor a post refers to it. A file that changed since it was copied stays.
"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from samvad.events import publishing
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.events.replays import Replay

ORIGINALS = ("aac.mp4", "opus.mp4", "captions.jsonl", "measures.jsonl")
STAY = ("ended.json", "parts.jsonl", "stored.json", "edits.json")
FETCHED = "fetched"
"""An empty file: when it was brought back."""
A_ROUND = 20

Refers = Callable[[str], bool]
"""Whether something outside of this app (a post) refers to an event's replay."""


def prune(refers: Refers, now: dt.datetime | None = None) -> list[str]:
    """Remove what may go; the removed files as event/path."""
    record = settings.SAMVAD.record
    if not record.keep_days or not record.s3_url:
        return []
    before = (now or timezone.now()) - dt.timedelta(days=record.keep_days)
    due = Replay.objects.filter(
        event__state=State.ENDED, event__ended_at__lt=before, deleted_at__isnull=True
    ).exclude(stored={})
    gone: list[str] = []
    for replay in due.select_related("event")[:A_ROUND]:
        if not _fetched_since(replay.event_id, before):
            gone += _prune(replay, refers)
    return gone


def is_away(event_id: str) -> bool:
    """Whether the recording itself is only in the other store."""
    at = publishing.folder(event_id)
    return "aac.mp4" in stored(at) and not (at / "aac.mp4").exists()


def keep_longer(event_id: str) -> None:
    """It was brought back: it is left here for `keep_days`, and all is made of it once more."""
    (publishing.folder(event_id) / FETCHED).touch()
    publishing.again(Event.objects.get(pk=event_id))


def _fetched_since(event_id: str, before: dt.datetime) -> bool:
    try:
        at = (publishing.folder(event_id) / FETCHED).stat().st_mtime
    except OSError:
        return False
    return at > before.timestamp()


def _prune(replay: Replay, refers: Refers) -> list[str]:
    event_id, folder = replay.event_id, publishing.folder(replay.event_id)
    referred = replay.event.clips.exists() or refers(event_id)
    public = bool(settings.SAMVAD.record.s3_public_url) and not referred
    gone = []
    for name, copy in stored(folder).items():
        path = folder / name
        published = name.startswith("public/") or name == "replay.m4a"
        if path.name in STAY or (published and not (public and not _shown(name))):
            continue
        if not published and not (name in ORIGINALS or name.startswith("tracks/")):
            continue
        if unchanged(path, copy):
            path.unlink()
            gone.append(f"{event_id}/{name}")
    if any(name.endswith("aac.mp4") for name in gone):
        # HLS of the replay was the recording itself; the file replay.m4a is what is left.
        _no_hls(folder)
    return gone


def _shown(name: str) -> bool:
    """Small files that pages and gates read here."""
    return name.endswith((".json", ".vtt", ".png")) or name == "replay.m4a"


def _no_hls(folder: Path) -> None:
    path = folder / "public" / ".gate.json"
    rules = dict(publishing.read(path) or {}) | {"kept": []}
    publishing.write_whole(path, rules)


def stored(folder: Path) -> dict[str, dict[str, Any]]:
    """`stored.json`: path → {"sha256", "size", "mtime_ns"} of a verified copy."""
    try:
        found = json.loads((folder / "stored.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def unchanged(path: Path, copy: dict[str, Any]) -> bool:
    """Whether the file is the one that was copied."""
    try:
        at = path.stat()
    except OSError:
        return False
    return (at.st_size, at.st_mtime_ns) == (copy.get("size"), copy.get("mtime_ns"))


def note_stored(event_id: str) -> None:
    """All has a copy now: files that were published may be fetched from there."""
    found = stored(publishing.folder(event_id))
    names = {n.removeprefix("public/"): c["sha256"] for n, c in found.items()}
    Replay.objects.filter(pk=event_id).update(stored=names, stored_revision=F("made"))

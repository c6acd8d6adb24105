"""What a host may do with a replay, and what the gates are told of it.

Holding back and deleting reach the gates at once: their rules (`public/.gate.json` in the
recording's folder, read by gate/published.py) are written in the same call. Everything else
grows the revision, and the worker has it made (postproduction.py).
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.events.errors import EventError
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.events.replays import (
    CHAPTERS_MAX,
    CLIP_MAX_MS,
    CLIP_MIN_MS,
    CUTS_MAX,
    TITLE_MAX,
    Clip,
    Replay,
)
from samvad.protocol.hls import published_path, replay_path

CORRECTION_MAX = 1000
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:[.,](\d{1,3}))?")
_KEPT_WHEN_DELETED = ("ended.json", "public")


def of(event: Event) -> Replay:
    """The event's replay row; made when it is first asked for."""
    return Replay.objects.get_or_create(event=event)[0]


def folder(event_id: str) -> Path:
    found: Path = settings.FOLDERS.recording(event_id)
    return found


def about(event_id: str) -> dict[str, Any] | None:
    """What players are shown (public/about.json); None before it is made."""
    return read(folder(event_id) / "public" / "about.json")


def transcript(event_id: str) -> dict[str, Any] | None:
    """The published transcript; None when there is none."""
    return read(folder(event_id) / "public" / "transcript.json")


def own_transcript(event_id: str) -> dict[str, Any] | None:
    """All that was heard, in recorded time, for the host."""
    return read(folder(event_id) / "transcript.json")


def own_wave(event_id: str) -> list[int]:
    """Peaks of all that was recorded, 0 to 255, for the host; empty before they are made."""
    peaks = (read(folder(event_id) / "wave.json") or {}).get("peaks")
    return [int(p) for p in peaks] if isinstance(peaks, list) else []


def is_open(event: Event) -> bool:
    """Whether everybody may have the replay now."""
    replay = Replay.objects.filter(event=event).first()
    recorded = event.life is State.ENDED and bool(event.replay_ms) and not event.withheld
    return recorded and (replay is None or replay.open)


def link(event_id: str, name: str) -> str:
    """The address of a published file at the gate; of the replay itself for "replay.m4a"."""
    path = replay_path(event_id) if name == "replay.m4a" else published_path(event_id, name)
    return str(settings.SAMVAD.gate_url()) + path


# --- what a host does -----------------------------------------------------------------------


def hold(event: Event, held: bool) -> None:
    """Hold the replay back, or publish it. At once, for everybody. Raises EventError."""
    replay = of(event)
    _alive(replay)
    _tell_gates(event.pk, held)
    replay.held = held
    _decided(replay, "held")


def cut(event: Event, from_ms: int, to_ms: int) -> None:
    """Take a passage out of what is published. It stays in the recording. Raises EventError."""
    replay = of(event)
    _alive(replay)
    length = _length(event)
    start, end = max(0, from_ms), min(to_ms, length)
    if end - start < 1:
        raise EventError(_("The passage has no length."), _("Let it end after it begins."))
    cuts = _joined([*((int(a), int(b)) for a, b in replay.cuts), (start, end)])
    if sum(b - a for a, b in cuts) > length - 1000:
        raise EventError(
            _("Nothing would be left of the recording."), _("Hold it back or delete it instead.")
        )
    if len(cuts) > CUTS_MAX:
        raise EventError(_("There are too many cuts."), _("Join some of them."))
    replay.cuts = [list(c) for c in cuts]
    _decided(replay, "cuts")


def uncut(event: Event, from_ms: int) -> None:
    """Take a cut back: the passage that begins there is published again."""
    replay = of(event)
    _alive(replay)
    replay.cuts = [c for c in replay.cuts if c[0] != from_ms]
    _decided(replay, "cuts")


def set_chapters(event: Event, text: str) -> None:
    """Chapters from lines like "1:02:03 Title"; an empty text: as suggested. Raises EventError."""
    replay = of(event)
    _alive(replay)
    replay.chapters = read_chapters(text, _length(event)) if text.strip() else None
    _decided(replay, "chapters")


def correct(event: Event, line: int, text: str) -> None:
    """Put the host's words for a line of the transcript; empty: as it was heard."""
    replay = of(event)
    _alive(replay)
    text = " ".join(text.split())[:CORRECTION_MAX]
    corrections = dict(replay.corrections)
    if text:
        corrections[str(line)] = text
    else:
        corrections.pop(str(line), None)
    replay.corrections = corrections
    _decided(replay, "corrections")


def delete(event: Event) -> None:
    """The recording and all that was made of it, for good. Not the event and its log."""
    replay = of(event)
    _alive(replay)
    _tell_gates(event.pk, True)
    Replay.objects.filter(pk=replay.pk).update(
        held=True, deleted_at=timezone.now(), revision=F("revision") + 1
    )
    Clip.objects.filter(event=event).delete()
    remove_files(event.pk)


def remove_files(event_id: str) -> None:
    """Everything of a recording but the mark of its end and the rule that holds it back."""
    at = folder(event_id)
    for path in at.iterdir() if at.exists() else ():
        if path.name in _KEPT_WHEN_DELETED:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for path in (at / "public").glob("*"):
        if path.name != ".gate.json":
            path.unlink(missing_ok=True)


def clip(event: Event, by: User, title: str, from_ms: int, to_ms: int) -> Clip:
    """A clip of the replay; times in recorded milliseconds. Raises EventError."""
    replay = of(event)
    _alive(replay)
    start, end = max(0, from_ms), min(to_ms, _length(event))
    if not CLIP_MIN_MS <= end - start <= CLIP_MAX_MS:
        raise EventError(
            _("A clip is from one second to two minutes long."), _("Choose another passage.")
        )
    if any(a < end and b > start for a, b in replay.cuts):
        raise EventError(_("Some of this passage is cut out."), _("Choose another passage."))
    name = " ".join(title.split())[:TITLE_MAX] or event.title
    return Clip.objects.create(event=event, by=by, title=name, from_ms=start, to_ms=end)


def again(event: Event) -> None:
    """Make all files once more: something went wrong."""
    replay = of(event)
    _alive(replay)
    _decided(replay, "held")
    Clip.objects.filter(event=event).exclude(failed="").update(failed="")


def delete_clip(clip: Clip) -> None:
    """The row and its files."""
    for ending in ("m4a", "mp4", "png"):
        (folder(clip.event_id) / "public" / f"clip-{clip.pk}.{ending}").unlink(missing_ok=True)
    event = clip.event
    clip.delete()
    tell_clips(event)


PART_MS = 640
"""Cuts lie on the recording's parts (docs/adr/0029-replay.md)."""


def _kept(event: Event) -> list[tuple[int, int]]:
    """Ranges of recorded milliseconds that are published, as the files have it."""
    rules = read(folder(event.pk) / "public" / ".gate.json") or {}
    kept = rules.get("kept")
    if kept is None:
        return [(0, max(1, _length(event)))]
    return [(int(a) * PART_MS, int(b) * PART_MS) for a, b in kept]


def recorded_times(event: Event) -> Callable[[int], int]:
    """From a time in the replay to recorded time."""
    ranges = _kept(event)

    def to_recorded(ms: int) -> int:
        for start, end in ranges:
            if ms < end - start:
                return start + ms
            ms -= end - start
        return ranges[-1][1] if ranges else 0

    return to_recorded


def kept_times(event: Event) -> Callable[[int], int]:
    """From recorded time to the replay's; what is cut out is where it goes on."""
    ranges = _kept(event)

    def to_kept(ms: int) -> int:
        before = 0
        for start, end in ranges:
            if ms < end:
                return before + max(0, ms - start)
            before += end - start
        return before

    return to_kept


def tell_clips(event: Event) -> None:
    """`clips.json`: what the replay's page lists."""
    to_kept = kept_times(event)
    told = [
        {
            "title": one.title,
            "url": f"{settings.SAMVAD.web_url()}/clips/{one.pk}",
            "from_ms": to_kept(one.from_ms),
            "length_ms": one.length_ms,
        }
        for one in shown_clips(event)
    ]
    public = folder(event.pk) / "public"
    public.mkdir(parents=True, exist_ok=True)
    write_whole(public / "clips.json", {"clips": told})


def shown_clips(event: Event) -> list[Clip]:
    """Clips that are ready and of which nothing is cut out, in their order."""
    replay = Replay.objects.filter(event=event).first()
    if replay is not None and not replay.open:
        return []
    cuts = replay.cuts if replay else []
    made = event.clips.filter(made=True).order_by("from_ms", "created_at")
    return [c for c in made if not any(a < c.to_ms and b > c.from_ms for a, b in cuts)]


# --- forms ----------------------------------------------------------------------------------


def read_clock(text: str) -> int | None:
    """Milliseconds of "1:02:03", "62:03" or "2:03.5"; None for anything else."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = int(found[1] or 0), int(found[2]), int(found[3])
    if seconds > 59 or (found[1] and minutes > 59):
        return None
    ms = int((found[4] or "0").ljust(3, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def clock(ms: int) -> str:
    """1:02:03, or 2:03; with thousandths when there are some."""
    seconds, rest = divmod(ms, 1000)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{text}.{rest:03d}".rstrip("0").rstrip(".") if rest else text


def read_chapters(text: str, length_ms: int) -> list[list[Any]]:
    """[[ms, title], …] in their order. Raises EventError that names the line."""
    found: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        at, _space, title = line.strip().partition(" ")
        ms = read_clock(at)
        if ms is None or ms >= max(1, length_ms):
            raise EventError(
                _("Line %(n)s does not begin with a time of the recording.") % {"n": number},
                _("Write each chapter like this: 12:30 Questions"),
            )
        found[ms] = title.strip()[:TITLE_MAX]
    if len(found) > CHAPTERS_MAX:
        raise EventError(_("There are too many chapters."), _("Leave some out."))
    return [[ms, found[ms]] for ms in sorted(found)]


# --- inside ---------------------------------------------------------------------------------


def _joined(cuts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(cuts):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _length(event: Event) -> int:
    return int(event.replay_ms or 0)


def _alive(replay: Replay) -> None:
    if replay.deleted_at is not None:
        raise EventError(_("This recording was deleted."), _("Nothing of it is left."))


def _decided(replay: Replay, field: str) -> None:
    replay.save(update_fields=[field])
    Replay.objects.filter(pk=replay.pk).update(revision=F("revision") + 1, failed="")
    replay.refresh_from_db()


def _tell_gates(event_id: str, held: bool) -> None:
    """The rules of the gates with `held`. Raises OSError when the disk does not take them."""
    public = folder(event_id) / "public"
    public.mkdir(parents=True, exist_ok=True)
    rules = dict(read(public / ".gate.json") or {}) | {"held": held}
    write_whole(public / ".gate.json", rules)


def write_whole(path: Path, said: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    os.replace(draft, path)


def read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None

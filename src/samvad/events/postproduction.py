"""The worker's part of posting: who decided what, written down for the processes that make files.

Each piece of work is a child process (`python -m samvad.broadcast.…`), watched here: at most one
*quick* one (a second or two), one that codes (niced, minutes) and one that makes a clip. Rows
are the queue; a worker that dies finds them again.
"""

import logging
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from samvad.events import publishing, retention
from samvad.events.intake import happened
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.events.replays import Clip, Replay
from samvad.protocol import journal

log = logging.getLogger("samvad.worker")

LONGEST_S = 4 * 3600
A_ROUND = 50
STORE_AGAIN_S = 60.0
HEARD = "captions.done"
"""In the recording's folder: all of it was listened to."""


@dataclass(slots=True)
class Work:
    """The children there are, by kind; `about` says what each is at."""

    running: dict[str, tuple["subprocess.Popen[bytes]", tuple[Any, ...]]] = field(
        default_factory=dict
    )

    store_at: float = 0.0
    """Not before this (monotonic) is the store asked again."""
    deaf: set[str] = field(default_factory=set)
    """Events whose recogniser failed."""

    def busy(self, kind: str) -> bool:
        return kind in self.running

    def start(self, kind: str, about: tuple[Any, ...], module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, str(settings.FOLDERS.data), *arguments]
        self.running[kind] = (subprocess.Popen(command, stdin=subprocess.DEVNULL), about)

    def ended(self) -> list[tuple[str, tuple[Any, ...], int]]:
        """Kinds whose child is through, and its exit status; it is forgotten."""
        done = []
        for kind, (child, about) in list(self.running.items()):
            status = child.poll()
            if status is not None:
                done.append((kind, about, status))
                del self.running[kind]
        return done

    def close(self) -> None:
        """End the children that still run: what they were at is done again."""
        for child, _about in self.running.values():
            child.terminate()
        for child, _about in self.running.values():
            child.wait()
        self.running.clear()


WORK = Work()
"""Of this process."""


def step(work: Work = WORK) -> None:
    """Look at what has ended, start what is due. Never waits."""
    for kind, about, status in work.ended():
        if kind == "captions":
            _heard(work, about[0], status)
        elif kind == "store":
            _stored(work, about[0], status)
        else:
            _through(kind, about, status)
    for event in _without_replay():
        publishing.of(event)
    if not work.busy("quick"):
        _start(work, "quick", Q(quick__lt=F("revision")))
    if not work.busy("rest"):
        _start(work, "rest", Q(made__lt=F("revision"), quick=F("revision")))
    _listen(work)
    if not work.busy("store"):
        _store(work)
    if not work.busy("clip"):
        _start_clip(work)


def _without_replay() -> list[Event]:
    recorded = Event.objects.filter(state=State.ENDED, replay_ms__gt=0, replay__isnull=True)
    return list(recorded[:A_ROUND])


def _start(work: Work, kind: str, due: Q) -> None:
    replays = Replay.objects.filter(
        due, deleted_at__isnull=True, failed="", event__state=State.ENDED, event__replay_ms__gt=0
    )
    found = replays.select_related("event__host").order_by("event__ended_at").first()
    if found is None:
        return
    try:
        write_edits(found)
    except FileNotFoundError:
        # One whose files were taken away must not stand before all others for ever.
        log.warning("The recording of %s is not there: nothing is made of it", found.pk)
        Replay.objects.filter(pk=found.pk).update(failed="no recording")
    else:
        how = ["quick"] if kind == "quick" else ["all"]
        about = (found.pk, found.revision)
        work.start(kind, about, "samvad.broadcast.afterwards", found.event_id, *how)


def _listen(work: Work) -> None:
    """One recogniser, for the conversation that went on air last and was not listened to; after
    the end it goes on until all is heard."""
    record = settings.SAMVAD.record
    if record.recogniser == "none" or work.busy("captions"):
        return
    due = Event.objects.filter(
        Q(state=State.LIVE) | Q(state=State.ENDED, replay__deleted_at__isnull=True),
        live_since__isnull=False,
    )
    for event in due.exclude(pk__in=work.deaf).order_by("-live_since")[:A_ROUND]:
        at = publishing.folder(event.pk)
        if not (at / "parts.jsonl").exists() or (at / HEARD).exists():
            continue
        model = [record.recogniser_model] if record.recogniser_model else []
        arguments = (event.pk, record.recogniser, *model)
        work.start("captions", (event.pk,), "samvad.broadcast.captions", *arguments)
        return


def _store(work: Work) -> None:
    """Copies of what is made, one recording at a time; a store that fails is asked again later."""
    if not settings.SAMVAD.record.s3_url or time.monotonic() < work.store_at:
        return
    due = Replay.objects.filter(
        made=F("revision"), stored_revision__lt=F("made"), deleted_at__isnull=True
    )
    found = due.order_by("event__ended_at").first()
    if found is not None:
        work.start("store", (found.pk,), "samvad.broadcast.storing", found.event_id)


def _stored(work: Work, event_id: str, status: int) -> None:
    if status:
        work.store_at = time.monotonic() + STORE_AGAIN_S
    else:
        retention.note_stored(event_id)


def _start_clip(work: Work) -> None:
    due = Clip.objects.filter(made=False, failed="", event__replay__deleted_at__isnull=True)
    found = due.select_related("event").order_by("created_at").first()
    if found is not None:
        arguments = [found.event_id, found.pk, str(found.from_ms), str(found.to_ms), found.title]
        work.start("clip", (found.pk,), "samvad.broadcast.clip", *arguments)


def _heard(work: Work, event_id: str, status: int) -> None:
    """All was listened to: the transcript is made. Or not: then not again before a restart."""
    if status:
        log.warning("captions of %s ended with exit status %d", event_id, status)
        work.deaf.add(event_id)
        return
    (publishing.folder(event_id) / HEARD).touch()
    publishing.of(Event.objects.get(pk=event_id))
    Replay.objects.filter(pk=event_id).update(revision=F("revision") + 1)


def _through(kind: str, about: tuple[Any, ...], status: int) -> None:
    failed = "" if status == 0 else f"{kind}: exit {status}"
    if failed:
        log.warning("%s of %s failed with exit status %d", kind, about[0], status)
    if kind == "clip":
        Clip.objects.filter(pk=about[0]).update(made=not failed, failed=failed)
        for clip in Clip.objects.filter(pk=about[0]).select_related("event"):
            publishing.tell_clips(clip.event)
        return
    pk, revision = about
    same = Replay.objects.filter(pk=pk, revision=revision)
    if failed:
        same.update(failed=failed)
    elif kind == "quick":
        same.update(quick=revision)
        publishing.tell_clips(Event.objects.get(pk=pk))
        Replay.objects.filter(pk=pk, published_at__isnull=True, held=False).update(
            published_at=timezone.now()
        )
    else:
        same.update(quick=revision, made=revision)


def write_edits(replay: Replay) -> None:
    """`edits.json`: what broadcast/afterwards.py works by. Raises OSError."""
    event = replay.event
    marks = happened(event.pk, [journal.MARK])
    speakers = {s.id: s.name for s in event.speakers.all()}
    for fact in happened(event.pk, [journal.SPEAKER_JOINED]):
        who, name = fact.data.get("speaker"), fact.data.get("name")
        if isinstance(who, str) and isinstance(name, str):
            speakers.setdefault(who, name)
    publishing.write_whole(
        publishing.folder(event.pk) / "edits.json",
        {
            "revision": replay.revision,
            "held": replay.held,
            "title": event.title,
            "artist": event.host.shown_name,
            "cuts": replay.cuts,
            "chapters": replay.chapters,
            "marks": [
                [int(fact.at.timestamp() * 1000), str(fact.data.get("title") or "")]
                for fact in marks
            ],
            "speakers": speakers,
            "corrections": replay.corrections,
            "elsewhere": {
                name: f"{settings.SAMVAD.record.s3_public_url.rstrip('/')}/{event.pk}/{name}"
                for name in replay.stored
                if settings.SAMVAD.record.s3_public_url
            },
        },
    )

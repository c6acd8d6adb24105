"""A host's replay: publish or hold, trim and cut, chapters, downloads, tracks, delete."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.base.errors import PlainError
from samvad.events import publishing, retention
from samvad.events.errors import EventError
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.web.media_files import file_answer


@login_required
@require_safe
@never_cache
def replay(request: HttpRequest, event_id: str) -> HttpResponse:
    """All that a host may do with what was recorded."""
    return _page(request, own(request, event_id))


@login_required
@require_POST
@never_cache
def change(request: HttpRequest, event_id: str) -> HttpResponse:
    """One decision: what `do` says."""
    event = own(request, event_id)
    what = request.POST.get("do", "")
    try:
        told = _do(event, what, request)
    except (EventError, PlainError) as error:
        return _page(request, event, str(error))
    messages.success(request, told)
    return redirect("event_replay", event.pk)


def _do(event: Event, what: str, request: HttpRequest) -> str:
    match what:
        case "hold":
            publishing.hold(event, True)
            return _("The recording is held back. Nobody can play it now.")
        case "publish":
            publishing.hold(event, False)
            return _("The recording is published.")
        case "cut" | "trim":
            start, end = _passage(event, request)
            publishing.cut(event, start, end)
            return _("The passage is cut out. The original stays: you can take it back.")
        case "uncut":
            publishing.uncut(event, int(request.POST.get("from_ms") or -1))
            return _("The passage is back.")
        case "chapters":
            publishing.set_chapters(event, request.POST.get("chapters", ""))
            return _("The chapters are saved.")
        case "again":
            publishing.again(event)
            return _("It is made once more.")
        case _:
            raise Http404


def _passage(event: Event, request: HttpRequest) -> tuple[int, int]:
    """From and to; an empty one is the beginning or the end. Raises EventError."""
    start, end = request.POST.get("from", "").strip(), request.POST.get("to", "").strip()
    from_ms = publishing.read_clock(start) if start else 0
    to_ms = publishing.read_clock(end) if end else event.replay_ms or 0
    if from_ms is None or to_ms is None:
        raise EventError(_("This is not a time."), _("Write times like this: 1:02:03"))
    return from_ms, to_ms


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def delete(request: HttpRequest, event_id: str) -> HttpResponse:
    """Asks once, then removes the recording for good."""
    event = own(request, event_id)
    if request.method == "POST":
        try:
            publishing.delete(event)
        except PlainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("The recording is deleted."))
        return redirect("event_replay", event.pk)
    return render(request, "events/replay_delete.html", {"event": event})


@login_required
@require_safe
@never_cache
def track(request: HttpRequest, event_id: str, name: str) -> FileResponse:
    """A speaker's own track, for the host."""
    event = own(request, event_id)
    if name not in {one["file"] for one in _tracks(event)}:
        raise Http404
    path = publishing.folder(event.pk) / "tracks" / name
    return FileResponse(open(path, "rb"), as_attachment=True, content_type="audio/flac")


@login_required
@require_safe
@never_cache
def recorded(request: HttpRequest, event_id: str) -> HttpResponseBase:
    """All that was recorded, as the stage has written it down, with ranges: for the host, who
    listens for where to cut."""
    event = own(request, event_id)
    path = publishing.folder(event.pk) / "replay.m4a"
    if publishing.of(event).deleted_at is not None or not path.exists():
        raise Http404
    return file_answer(request, path, private=True)


def own(request: HttpRequest, event_id: str) -> Event:
    """The event, if it is the asker's and was recorded; 404 for others."""
    found = Event.objects.filter(pk=event_id, host=request.user.pk).select_related("host").first()
    if found is None or found.life is not State.ENDED or not found.replay_ms:
        raise Http404
    return found


def _tracks(event: Event) -> list[dict[str, str]]:
    names = {s.id: s.name for s in event.speakers.all()}
    folder = publishing.folder(event.pk) / "tracks"
    return [
        {"file": path.name, "name": names.get(path.stem, path.stem)}
        for path in (sorted(folder.glob("*.flac")) if folder.exists() else ())
    ]


def _page(request: HttpRequest, event: Event, blame: str = "") -> HttpResponse:
    found = publishing.of(event)
    about = publishing.about(event.pk) or {}
    chosen = found.chapters
    if chosen is None:
        chosen = [[c["at_ms"], c["title"]] for c in about.get("suggested", ())]
    context: dict[str, Any] = {
        "event": event,
        "replay": found,
        "about": about,
        "blame": blame,
        "sent": request.POST if blame else {},
        "cuts": [
            {"from": publishing.clock(a), "to": publishing.clock(b), "from_ms": a}
            for a, b in found.cuts
        ],
        "away": retention.is_away(event.pk),
        "cutter": _cutter(event, found.cuts),
        "chapters": "\n".join(f"{publishing.clock(int(at))} {title}" for at, title in chosen),
        "downloads": downloads(event, about),
        "tracks": _tracks(event),
        "preparing": found.quick < found.revision and not found.failed,
        "gaps": about.get("gaps", ()),
        "clips": event.clips.order_by("-created_at")[:50],
    }
    return render(request, "events/replay.html", context, status=422 if blame else 200)


def _cutter(event: Event, cuts: list[list[int]]) -> dict[str, Any] | None:
    """What cuts are chosen on: the waveform of all that was recorded; None before it is made."""
    peaks = publishing.own_wave(event.pk)
    if not peaks:
        return None
    return {
        "peaks": peaks,
        "length_ms": event.replay_ms,
        "part_ms": publishing.PART_MS,
        "cuts": cuts,
        "audio": reverse("event_recorded", args=[event.pk]),
    }


def downloads(event: Event, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, address and size of what can be downloaded."""
    files = [{"name": "replay.m4a", "bytes": event.replay_bytes or 0}, *about.get("files", ())]
    return [one | {"url": publishing.link(event.pk, one["name"])} for one in files]

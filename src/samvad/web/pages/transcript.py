"""What was said, for reading: search, links to the second, and the host's corrections."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from samvad.events import publishing
from samvad.events.models import Event
from samvad.protocol.hls import page_path

A_PAGE = 200
QUERY_MAX = 100


@require_http_methods(["GET", "HEAD", "POST"])
def transcript(request: HttpRequest, event_id: str) -> HttpResponse:
    """The transcript; `q` shows the lines that hold it. A POST is a correction by the host."""
    event = get_object_or_404(Event.objects.select_related("host"), pk=event_id)
    host = event.host_id == request.user.pk
    if request.method == "POST":
        return _corrected(request, event, host)
    if not (host or publishing.is_open(event)):
        raise Http404
    found = publishing.own_transcript(event.pk) if host else publishing.transcript(event.pk)
    if found is None:
        raise Http404
    query = request.GET.get("q", "").strip()[:QUERY_MAX]
    lines = [line for line in found["lines"] if query.casefold() in line["text"].casefold()]
    page = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "events/transcript.html",
        {
            "event": event,
            "host": host,
            "query": query,
            "count": len(lines),
            "page": page,
            "lines": [_shown(event, line, found["speakers"]) for line in page],
            "files": [
                {"name": name, "url": publishing.link(event.pk, f"transcript.{name}")}
                for name in ("txt", "vtt", "srt", "json")
            ]
            if publishing.is_open(event)
            else [],
        },
    )


def _shown(event: Event, line: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    at = int(line["from_ms"])
    link = f"{settings.SAMVAD.gate_url()}{page_path(event.slug)}?t={at // 1000}"
    return {
        "id": line["id"],
        "who": names.get(line["who"], ""),
        "text": line["text"],
        "heard": line.get("heard"),
        "clock": publishing.clock(at // 1000 * 1000),
        "link": link,
    }


def _corrected(request: HttpRequest, event: Event, host: bool) -> HttpResponse:
    if not host:
        raise Http404
    try:
        line = int(request.POST.get("line", ""))
    except ValueError:
        raise Http404 from None
    publishing.correct(event, line, request.POST.get("text", ""))
    messages.success(request, _("Corrected. What was heard is kept beside it."))
    return redirect(f"{request.path}#line-{line}")

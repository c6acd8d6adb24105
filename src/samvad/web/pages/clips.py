"""Clips: made from the replay's page, each with a page of its own that travels well."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.accounts.models import User
from samvad.events import publishing
from samvad.events.errors import EventError
from samvad.events.models import Event
from samvad.events.replays import Clip
from samvad.protocol.hls import page_path

WIDTH, HEIGHT = 1280, 720
CLIPS_A_PERSON = 50
"""Of one event, by one person: each costs a minute of the machine."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: HttpRequest, event_id: str) -> HttpResponse:
    """The form; `from` and `to` come from the waveform or the transcript."""
    event = get_object_or_404(Event.objects.select_related("host"), pk=event_id)
    if not publishing.is_open(event):
        raise Http404
    sent = request.POST if request.method == "POST" else request.GET
    blame = ""
    if request.method == "POST":
        try:
            clip = _made(request, event)
        except EventError as error:
            blame = str(error)
        else:
            return redirect("clip", clip.pk)
    values = {name: sent.get(name, "") for name in ("from", "to", "title")}
    about = {"event": event, "values": values, "blame": blame}
    return render(request, "events/clip_new.html", about, status=422 if blame else 200)


def _made(request: HttpRequest, event: Event) -> Clip:
    assert isinstance(request.user, User)
    start = publishing.read_clock(request.POST.get("from", ""))
    end = publishing.read_clock(request.POST.get("to", ""))
    if start is None or end is None:
        raise EventError(_("This is not a time."), _("Write times like this: 1:02:03"))
    if event.clips.filter(by=request.user).count() >= CLIPS_A_PERSON:
        raise EventError(_("You have made many clips of this."), _("Delete some of them first."))
    to_recorded = publishing.recorded_times(event)
    return publishing.clip(
        event, request.user, request.POST.get("title", ""), to_recorded(start), to_recorded(end)
    )


@require_safe
@cache_control(public=True, max_age=30)
def clip(request: HttpRequest, clip_id: str) -> HttpResponse:
    """The clip's page; while it is being made, for its maker only."""
    found = _shown(request, clip_id)
    return render(request, "events/clip.html", _about(found))


@require_safe
@xframe_options_exempt
@cache_control(public=True, max_age=30)
def embed(request: HttpRequest, clip_id: str) -> HttpResponse:
    """The player alone, for other sites' frames."""
    found = _shown(request, clip_id)
    answer = render(request, "events/clip_embed.html", _about(found))
    answer["Content-Security-Policy"] = (
        f"default-src 'none'; media-src {settings.SAMVAD.gate_url()}; "
        f"img-src {settings.SAMVAD.gate_url()}; style-src 'self'; frame-ancestors *"
    )
    return answer


@login_required
@require_POST
def delete(request: HttpRequest, clip_id: str) -> HttpResponse:
    """By its maker, or the conversation's host."""
    found = get_object_or_404(Clip.objects.select_related("event"), pk=clip_id)
    if request.user.pk not in (found.by_id, found.event.host_id):
        raise PermissionDenied
    publishing.delete_clip(found)
    messages.success(request, _("The clip is deleted."))
    return redirect(settings.SAMVAD.gate_url() + page_path(found.event.slug))


@require_safe
@cache_control(public=True, max_age=300)
def oembed(request: HttpRequest) -> JsonResponse:
    """oEmbed 1.0, section 2.3: `url` is a clip's page; `format` json alone."""
    if request.GET.get("format", "json") != "json":
        return JsonResponse({"error": "only json"}, status=501)
    path = urlsplit(request.GET.get("url", "")).path
    try:
        match = resolve(path)
    except Resolver404:
        raise Http404 from None
    if match.url_name != "clip":
        raise Http404
    found = _shown(request, match.kwargs["clip_id"])
    about = _about(found)
    most = _bound(request.GET.get("maxwidth"), WIDTH), _bound(request.GET.get("maxheight"), HEIGHT)
    scale = min(most[0] / WIDTH, most[1] / HEIGHT, 0.5)
    width, height = max(1, round(WIDTH * scale)), max(1, round(HEIGHT * scale))
    answer = JsonResponse(
        {
            "version": "1.0",
            "type": "video",
            "title": found.title,
            "author_name": found.event.host.shown_name,
            "author_url": settings.SAMVAD.web_url()
            + reverse("profile", args=[found.event.host.handle]),
            "provider_name": "Samvad",
            "provider_url": settings.SAMVAD.web_url() + "/",
            "thumbnail_url": about["picture"],
            "thumbnail_width": WIDTH,
            "thumbnail_height": HEIGHT,
            "width": width,
            "height": height,
            "html": f'<iframe src="{escape(about["embed"])}" width="{width}" height="{height}" '
            'frameborder="0" loading="lazy"></iframe>',
        }
    )
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _bound(text: str | None, most: int) -> int:
    return min(most, int(text)) if text and text.isdecimal() and int(text) > 0 else most


def _shown(request: HttpRequest, clip_id: str) -> Clip:
    found = get_object_or_404(Clip.objects.select_related("event__host", "by"), pk=clip_id)
    mine = request.user.pk in (found.by_id, found.event.host_id)
    if found.made and found.pk in {c.pk for c in publishing.shown_clips(found.event)}:
        return found
    if mine and not found.made:
        return found
    raise Http404


def _about(found: Clip) -> dict[str, Any]:
    event, web = found.event, settings.SAMVAD.web_url()
    at = publishing.kept_times(event)(found.from_ms)
    page = web + reverse("clip", args=[found.pk])
    return {
        "clip": found,
        "event": event,
        "page": page,
        "embed": web + reverse("clip_embed", args=[found.pk]),
        "oembed": f"{web}{reverse('clip_oembed')}?url={page}",
        "audio": publishing.link(event.pk, f"clip-{found.pk}.m4a"),
        "video": publishing.link(event.pk, f"clip-{found.pk}.mp4"),
        "picture": publishing.link(event.pk, f"clip-{found.pk}.png"),
        "whole": f"{settings.SAMVAD.gate_url()}{page_path(event.slug)}?t={at // 1000}",
        "width": WIDTH,
        "height": HEIGHT,
    }

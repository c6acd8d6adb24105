"""Uploads: videos in pieces (tus 1.0.0: core, creation, termination), photos whole.

A piece that breaks off goes on where it broke: HEAD says where. The account is that of the session
or of a Bearer token. A header that other sites cannot send (Tus-Resumable, which browsers ask about
first) stands in for the CSRF token, so that any tus client can be used.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.posts import media, videos
from samvad.posts.cards import shown
from samvad.posts.errors import PostError
from samvad.posts.models import Medium
from samvad.web.api.keys import token_of
from samvad.web.post_forms import focus_of
from samvad.web.posted import why_failed
from samvad.web.reader import account_of

TUS = "1.0.0"
PIECE = "application/offset+octet-stream"


@csrf_exempt
@require_http_methods(["OPTIONS", "POST"])
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """OPTIONS: what this server does. POST: a video of Upload-Length bytes will come."""
    if request.method == "OPTIONS":
        return _answer(
            204,
            **{
                "Tus-Version": TUS,
                "Tus-Extension": "creation,termination",
                "Tus-Max-Size": str(settings.SAMVAD.posts.video_max_mb * 1_000_000),
            },
        )
    who = _who(request)
    if isinstance(who, HttpResponse):
        return who
    size = _number(request, "Upload-Length")
    if size is None:
        return _answer(400, "Upload-Length says how many bytes will come.")
    try:
        medium = videos.begin(who, size)
    except PostError as error:
        return _answer(413 if error.code == "large" else 422, str(error))
    at = reverse("upload", args=[medium.name])
    return _answer(201, **{"Location": settings.SAMVAD.web_url() + at, "Upload-Offset": "0"})


@csrf_exempt
@require_http_methods(["HEAD", "PATCH", "DELETE"])
@never_cache
def go_on(request: HttpRequest, name: str) -> HttpResponse:
    """HEAD: how far it is. PATCH: the next piece. DELETE: never mind."""
    who = _who(request)
    if isinstance(who, HttpResponse):
        return who
    medium = Medium.objects.filter(owner=who, kind=Medium.Kind.VIDEO, name=name).first()
    if medium is None:
        return _answer(404)
    if request.method == "HEAD":
        told = {"Upload-Offset": str(medium.received), "Upload-Length": str(medium.size)}
        return _answer(200, **told)
    if request.method == "DELETE":
        if medium.post_id is not None:
            return _answer(403, "It belongs to a post.")
        media.remove(medium)
        return _answer(204)
    return _piece(request, medium)


def _piece(request: HttpRequest, medium: Medium) -> HttpResponse:
    if request.content_type != PIECE:
        return _answer(415, f"A piece is sent as {PIECE}.")
    offset, length = _number(request, "Upload-Offset"), _number(request, "Content-Length")
    if offset is None or length is None:
        return _answer(400, "Upload-Offset and Content-Length say what comes.")
    if offset + length > medium.size:
        return _answer(413, "This is more than was announced.")
    at = videos.receive(medium, offset, request, length)
    if at is None:
        now = Medium.objects.filter(pk=medium.pk).values_list("received", flat=True).first()
        return _answer(409, "The upload is at another place.", **{"Upload-Offset": str(now or 0)})
    return _answer(204, **{"Upload-Offset": str(at)})


@login_required
@require_POST
@never_cache
def photo(request: HttpRequest) -> HttpResponse:
    """One photo, whole, from a script: its name and where it is to be seen."""
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"says": "no file"}, status=400)
    most = settings.SAMVAD.posts.photo_max_mb * 1_000_000
    try:
        medium = media.add_photo(
            account_of(request),
            file.read(most + 1),
            alt=request.POST.get("alt", ""),
            focus=_focus(request.POST.get("focus", "")),
        )
    except PostError as error:
        return JsonResponse({"says": str(error), "code": error.code}, status=422)
    return JsonResponse({"name": medium.name, "shown": shown(medium).at["w480"]}, status=201)


@login_required
@require_http_methods(["GET", "POST", "DELETE"])
@never_cache
def state(request: HttpRequest, name: str) -> HttpResponse:
    """GET: how far a photo or video is. POST: its description. DELETE: never mind."""
    medium = Medium.objects.filter(owner=account_of(request), name=name).first()
    if medium is None:
        raise Http404
    if request.method == "DELETE":
        if medium.post_id is None:
            media.remove(medium)
        return HttpResponse(status=204)
    if request.method == "POST":
        try:
            where = _focus(request.POST.get("focus", ""))
            media.described(medium, request.POST.get("alt", medium.alt), where)
        except PostError as error:
            return JsonResponse({"says": str(error)}, status=422)
        medium.save(update_fields=["alt", "focus_x", "focus_y"])
    told: dict[str, Any] = {"state": medium.state, "progress": medium.progress}
    if medium.state == Medium.State.FAILED:
        told["says"] = why_failed(medium)
    return JsonResponse(told)


def _focus(value: str) -> tuple[float, float] | None:
    try:
        return focus_of(value)
    except ValueError:
        return None


def _who(request: HttpRequest) -> User | HttpResponse:
    """The account that uploads, or the answer that refuses it."""
    if request.headers.get("Tus-Resumable") != TUS:
        return _answer(412, "This is tus 1.0.0.", **{"Tus-Version": TUS})
    if "Authorization" in request.headers:
        token = token_of(request)
        user = token.user if token is not None and token.allows(Scope.MEDIA) else None
    else:
        user = request.user if isinstance(request.user, User) else None
    if user is None:
        return _answer(401, "Log in, or send a token that may write media.")
    return user if user.may_act else _answer(403, "This account cannot post now.")


def _number(request: HttpRequest, header: str) -> int | None:
    told = request.headers.get(header, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None


def _answer(status: int, says: str = "", **headers: str) -> HttpResponse:
    response = HttpResponse(says, status=status, content_type="text/plain; charset=utf-8")
    for name, value in {"Tus-Resumable": TUS, **headers}.items():
        response.headers[name] = value
    return response

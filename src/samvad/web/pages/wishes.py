"""How one wants to be told: the digest, the browsers that take pushes, and the end of letters."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.base.errors import PlainError
from samvad.notices import letters, push, service, vapid
from samvad.web import off_links
from samvad.web.notice_forms import WishesForm
from samvad.web.reader import account_of, zone_of
from samvad.web.templatetags.samvad import asset

_BROWSERS = [
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
]
_SYSTEMS = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def wishes(request: HttpRequest) -> HttpResponse:
    """How one wants to be told: the digest, what is pushed, and to which browsers."""
    user = account_of(request)
    have = service.wishes(user)
    form = WishesForm(request.POST if request.method == "POST" else None, wishes=have)
    if request.method == "POST" and form.is_valid():
        service.wish(user, **form.values(), language=request.LANGUAGE_CODE)
        messages.success(request, _("Saved."))
        return redirect("notice_wishes")
    return render(
        request,
        "notices/wishes.html",
        {
            "form": form,
            "mail": letters.address_of(user),
            "browsers": user.push_subscriptions.order_by("-pk"),
            "push": {
                "key": vapid.public_key(settings.SITE_SECRET),
                "subscribe": reverse("push_subscribe"),
                "worker": reverse("push_worker"),
            },
        },
    )


@login_required
@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    """A browser's own subscription, as JSON; DELETE-like with {"off": endpoint}."""
    user = account_of(request)
    try:
        told: Any = json.loads(request.body)
    except ValueError:
        return JsonResponse({"error": _("This is no JSON.")}, status=400)
    if isinstance(told, dict) and isinstance(told.get("off"), str):
        push.unsubscribe(user, told["off"])
        return HttpResponse(status=204)
    try:
        push.subscribe(user, told, browser_name(request.headers.get("User-Agent", "")))
    except PlainError as error:
        return JsonResponse({"error": str(error)}, status=422)
    service.remember_reader(user, request.LANGUAGE_CODE, zone_of(request))
    return HttpResponse(status=204)


@login_required
@require_POST
def forget_browser(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """No more pushes to one of one's browsers."""
    user = account_of(request)
    if not user.push_subscriptions.filter(pk=subscription_id).delete()[0]:
        raise Http404
    return redirect("notice_wishes")


@require_safe
def push_worker(request: HttpRequest) -> HttpResponse:
    """The script that takes pushes. It stands at the root, as it may only serve what is below."""
    path = settings.ASSETS / Path(asset("push-worker.js")).name
    if not path.is_file():
        raise Http404
    return HttpResponse(
        path.read_bytes(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )


@csrf_exempt  # RFC 8058: the mail program posts, without a page; the signature is what counts
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def off(request: HttpRequest, token: str) -> HttpResponse:
    """The end of letters of one sort, by the link in them. Asks once; one POST ends them."""
    found = off_links.read(token)
    if found is None:
        raise Http404
    if request.method == "POST":
        off_links.end(found)
    return render(request, "notices/off.html", {"done": request.method == "POST"})


def browser_name(agent: str) -> str:
    """ "Firefox on Android", as far as a browser says; else ""."""
    name = next((n for key, n in _BROWSERS if key in agent), "")
    system = next((n for key, n in _SYSTEMS if key in agent), "")
    return f"{name} · {system}" if name and system else name or system

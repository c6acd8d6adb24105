"""The console: the page, its figures and its log, for the host of the event and the staff.

The page itself holds nothing secret (see live.py). What is asked for by its script comes with
the host's key as a bearer token, or with the session of the event's owner or of staff.
"""

import hmac
import json
import re
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from samvad.base.clock import SystemClock
from samvad.base.errors import PlainError
from samvad.events import gate_client, incidents, intake, plans
from samvad.events.models import Event, Fact, Speaker
from samvad.events.zones import unix_ms
from samvad.protocol import incident as incident_record
from samvad.protocol import journal, operator
from samvad.protocol.figures import as_dict
from samvad.protocol.incident import judge
from samvad.web import incidents as incident_words
from samvad.web.pages.live import live_config, manage_address

LOAD = "load"
MOST = 200
"""Entries of the log in one answer."""
_NUMBER = re.compile(r"[0-9]{1,15}")

NOTED = (
    journal.WENT_LIVE,
    journal.RESUMED,
    journal.ENDED,
    journal.RECORDING_READY,
    journal.SPEAKER_JOINED,
    journal.SPEAKER_LEFT,
    journal.SPEAKER_MUTED,
    journal.SPEAKER_UNMUTED,
    journal.SPEAKER_REMOVED,
    journal.STATUS,
    journal.LADDER,
    journal.RUNG,
    journal.PROMISE,
    journal.PROMISE_KEPT,
    journal.PROMISE_LATE,
    journal.INCIDENT,
)
"""What the console's log shows: all that was done and happened, but the counts."""


@require_safe
@never_cache
def console(request: HttpRequest, event_id: str) -> HttpResponse:
    """The operators' page. Its owner and the staff need no token: they get the host's, or one
    that names them."""
    event = get_object_or_404(Event, pk=event_id)
    plan = plans.plan_of(event, {})
    config = live_config(event) | {
        "web": settings.SAMVAD.web_url(),
        "manage": manage_address(request, event),
        "token": _key(request, event),
        "figures": reverse("console_figures", args=[event.pk]),
        "log": reverse("console_log", args=[event.pk]),
        "incident": reverse("console_incident", args=[event.pk]),
        "ladder": [asdict(rung) for rung in plan.ladder],
        "floor": plan.floor,
    }
    return render(request, "console.html", {"title": event.title, "config": config})


@require_safe
@never_cache
def figures(request: HttpRequest, event_id: str) -> HttpResponse:
    """What the gates count, after ?since= (Unix milliseconds): protocol/figures.py, and the
    admin addresses that are "silent". 503 when all are."""
    refused = _refused(request, event_id)
    if refused is not None:
        return refused
    since = request.GET.get("since", "0")
    if not _NUMBER.fullmatch(since):
        return _no(400, "bad_request", "since is a time in Unix milliseconds.")
    try:
        told, silent = gate_client.figures(event_id, int(since))
    except PlainError as error:
        return _no(503, "gates_silent", str(error))
    return JsonResponse(as_dict(event_id, told) | {"silent": silent})


@require_safe
@never_cache
def log(request: HttpRequest, event_id: str) -> HttpResponse:
    """What was done and happened, {"entries": [{"id", "at_ms", "kind", "by", "data"}]}, oldest
    first: all that the site has taken after the entry ?after=."""
    refused = _refused(request, event_id)
    if refused is not None:
        return refused
    after = request.GET.get("after", "0")
    if not _NUMBER.fullmatch(after):
        return _no(400, "bad_request", "after is the id of an entry.")
    entries = [
        {
            "id": fact.pk,
            "at_ms": unix_ms(fact.at),
            "kind": fact.kind,
            "by": _who(fact),
            "data": fact.data,
        }
        for fact in intake.taken_since(event_id, NOTED, int(after), MOST)
    ]
    return JsonResponse({"entries": entries})


@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def incident(request: HttpRequest, event_id: str) -> HttpResponse:
    """The newest record, live, in the reader's language: {"open", "from_ms", "says", "evidence",
    "share", "document"}; null where there is none. POST {"open": bool} orders one, or its end."""
    refused = _refused(request, event_id)
    if refused is not None:
        return refused
    if request.method == "POST":
        # A session's cookie is not enough: what may be sent from elsewhere carries no bearer token.
        if not request.headers.get("Authorization"):
            return _no(401, "no_token", "This needs the host's key.")
        try:
            wanted = json.loads(request.body[:1_000])["open"]
        except (ValueError, KeyError, TypeError):
            wanted = None
        if not isinstance(wanted, bool):
            return _no(400, "bad_request", 'The body is {"open": true} or {"open": false}.')
        incidents.order(settings.FOLDERS.run, wanted, _name(request, event_id))
    found = incidents.of(event_id)
    if not found:
        return JsonResponse({"incident": None})
    newest = found[-1]
    verdict = judge(newest.minutes)
    told = {
        "open": newest.to_ms is None,
        "from_ms": newest.from_ms,
        "says": incident_words.verdict(verdict),
        "evidence": incident_words.evidence(verdict),
        "share": round(verdict.share, 3),
        "document": reverse("incident_json", args=[event_id, newest.id]),
    }
    return JsonResponse({"incident": told})


def _name(request: HttpRequest, event_id: str) -> str:
    """Who orders it: the operator whom the key names, or the host."""
    shown = request.headers.get("Authorization", "").partition(" ")[2].strip()
    holder = operator.holder(settings.SITE_SECRET, event_id, shown, _wall_ms())
    return holder or "host"


def _who(fact: Fact) -> str:
    """The name of who did it; "" when nobody did, as a rung that was climbed by load."""
    by = str(fact.data.get("by") or "")
    by_itself = (fact.kind, by) in (
        (journal.RUNG, LOAD),
        (journal.INCIDENT, incident_record.BY_DETECTOR),
    )
    return "" if by_itself else by


def _refused(request: HttpRequest, event_id: str) -> HttpResponse | None:
    """Why this one may not look into the console of the event; None: they may."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and shown.strip():
        token = _host_token(event_id)
        if token is None:
            return _no(404, "no_event", "There is no such event.")
        shown = shown.strip()
        if hmac.compare_digest(token.encode(), shown.encode()):
            return None
        if operator.holder(settings.SITE_SECRET, event_id, shown, _wall_ms()) is not None:
            return None
        return _no(403, "not_host", "This is for the host of the event.")
    if not request.user.is_authenticated:
        return _no(401, "no_token", "This needs the host's key.")
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        return _no(404, "no_event", "There is no such event.")
    if not _may_operate(request, event):
        return _no(403, "not_host", "This is for the host of the event.")
    return None


def _no(status: int, code: str, says: str) -> JsonResponse:
    response = JsonResponse({"error": code, "says": says}, status=status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="samvad"'
    return response


def _may_operate(request: HttpRequest, event: Event) -> bool:
    user: Any = request.user
    return bool(user.is_authenticated and (user.is_staff or event.host_id == user.pk))


def _key(request: HttpRequest, event: Event) -> str:
    """What opens the event's room to whoever asks: nothing to most."""
    user: Any = request.user
    if event.host_id == user.pk:
        return _host_token(event.pk) or ""
    if _may_operate(request, event):
        return operator.key_for(settings.SITE_SECRET, event.pk, user.shown_name, _wall_ms())
    return ""


def _wall_ms() -> int:
    return SystemClock().wall_ms()


def _host_token(event_id: str) -> str | None:
    hosts = Speaker.objects.filter(event=event_id, role=Speaker.HOST)
    return hosts.values_list("token", flat=True).first()

"""What happened: an event's public log, for everybody, during it and for good."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from samvad.events import incidents, intake, promises
from samvad.events.models import Event, Fact
from samvad.protocol import journal
from samvad.protocol.incident import Incident, judge, sums
from samvad.web import incidents as incident_words
from samvad.web import settled, words

MOST = 500
"""Entries on the page; the newest ones, should there be more."""

SHOWN = (
    journal.WENT_LIVE,
    journal.RESUMED,
    journal.ENDED,
    journal.RECORDING_READY,
    journal.STATUS,
    journal.RUNG,
    journal.PROMISE,
    journal.PROMISE_KEPT,
    journal.PROMISE_LATE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log. `kind` is the fact's; `quote` is the host's own sentence, or "".
    `clock` is the time of day in the conversation's zone, to the second."""

    at: dt.datetime
    clock: str
    kind: str
    says: str
    quote: str = ""


@require_safe
@cache_control(public=True, max_age=5)
def happened(request: HttpRequest, event_id: str) -> HttpResponse:
    """The log, and what it amounts to."""
    event = get_object_or_404(Event.objects.visible(), pk=event_id)
    facts = intake.happened(event.pk, SHOWN)[-MOST:]
    return render(
        request,
        "events/happened.html",
        {
            "event": event,
            "entries": [entry for fact in facts if (entry := entry_of(fact, event.zone))],
            "due": promises.due_at(event),
            "incidents": [shown(one, event.zone) for one in incidents.of(event.pk)],
        },
    )


@require_safe
@cache_control(public=True, max_age=5)
def incident_json(request: HttpRequest, event_id: str, incident_id: str) -> HttpResponse:
    """The record, signed with the event's key; its public key stands in it (docs/incidents.md)."""
    event = get_object_or_404(Event.objects.visible(), pk=event_id)
    for one in incidents.of(event.pk):
        if one.id == incident_id:
            response = JsonResponse(incidents.document(one, settings.SITE_SECRET))
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response
    raise Http404


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident as the page has it. `minutes`: clock, newcomers, good, harm, success in percent,
    listeners whose sound stopped."""

    id: str
    began: str
    ended: str
    verdict: str
    share: int
    evidence: list[str]
    networks: list[tuple[str, int]]
    minutes: list[tuple[str, int, int, int, int | None, int]]


MINUTES_SHOWN = 240
NETWORKS_SHOWN = 8


def shown(one: Incident, zone: str) -> Shown:
    """In the reader's language."""
    lang = translation.get_language() or "en"

    def clock(at_ms: int) -> str:
        return words.clock(dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC), lang, zone)

    found = judge(one.minutes)
    networks = sums(dict(minute.networks) for minute in one.minutes)
    return Shown(
        one.id,
        clock(one.from_ms),
        clock(one.to_ms) if one.to_ms is not None else "",
        incident_words.verdict(found),
        round(found.share * 100),
        incident_words.evidence(found),
        sorted(networks.items(), key=lambda item: -item[1])[:NETWORKS_SHOWN],
        [
            (
                clock(m.at_ms),
                m.newcomers,
                m.good,
                m.harm,
                None if m.success is None else round(m.success * 100),
                m.stalled,
            )
            for m in one.minutes[-MINUTES_SHOWN:]
        ],
    )


def entry_of(fact: Fact, zone: str) -> Entry | None:
    """The fact in words, in the reader's language; None when it has none for the public."""
    says, quote = _words(fact, zone)
    clock = words.exact_clock(fact.at, zone, translation.get_language() or "en")
    return Entry(fact.at, clock, fact.kind, says, quote) if says else None


def _words(fact: Fact, zone: str) -> tuple[str, str]:
    match fact.kind:
        case journal.WENT_LIVE:
            return _("On air."), ""
        case journal.RESUMED:
            return _("The stage was started again; the conversation went on."), ""
        case journal.ENDED:
            return _("The conversation ended."), ""
        case journal.RECORDING_READY:
            return _("The recording is here."), ""
        case journal.STATUS:
            text = str(fact.data.get("text") or "")
            return (
                (_("From the host:"), text) if text else (_("The host took the sentence away."), "")
            )
        case journal.RUNG:
            return _rung(fact), ""
        case journal.PROMISE:
            return _("The recording is promised by %(time)s.") % {"time": _by(fact, zone)}, ""
        case journal.PROMISE_KEPT:
            return _("Promise kept: it was due by %(time)s.") % {"time": _by(fact, zone)}, ""
        case journal.PROMISE_LATE:
            return _("Promise not kept: it was due now and is late."), ""
        case _:
            return "", ""


def _rung(fact: Fact) -> str:
    effect = str(fact.data.get("effect") or "")
    if not fact.data.get("n") or not effect:
        return _("Everything is as it was again; nothing is given up.")
    return f"{_whose(fact)} {settled.rung(effect)}"


def _whose(fact: Fact) -> str:
    if str(fact.data.get("by") or "load") == "load":
        return _("By the load:")
    who = str(fact.data.get("who") or "")
    return _("By order of %(name)s:") % {"name": who} if who else _("By order:")


def _by(fact: Fact, zone: str) -> str:
    by_ms = fact.data.get("by_ms")
    if not isinstance(by_ms, int) or not 0 <= by_ms < 253_402_300_799_000:
        return "?"
    at = dt.datetime.fromtimestamp(by_ms / 1000, dt.UTC)
    return words.clock(at, translation.get_language() or "en", zone)

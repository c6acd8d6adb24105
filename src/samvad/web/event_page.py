"""The crowd's page of an event, in every language: what the plan carries to the gates."""

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from samvad.events import passes, terms
from samvad.events.models import Event
from samvad.events.service import happened_path
from samvad.events.zones import unix_ms
from samvad.protocol.hls import door_path, page_path, replay_path, serving_path, state_path
from samvad.web import previews, words
from samvad.web.calendars import uid
from samvad.web.context import common
from samvad.web.templatetags.samvad import asset


def pages(event: Event, speakers: list[str]) -> dict[str, str]:
    """The complete HTML by language code. Needs no request: nothing in it is about a reader."""
    rendered: dict[str, str] = {}
    for code, _ in settings.LANGUAGES:
        with translation.override(code):
            rendered[code] = render_to_string("event_page.html", context(event, speakers))
    return rendered


def _mirror(url: str) -> str:
    """Its origin, as a Content-Security-Policy has it behind others; "": there is none."""
    parts = urlsplit(url)
    return f" {parts.scheme}://{parts.netloc}" if url else ""


def context(event: Event, speakers: list[str]) -> dict[str, Any]:
    """What event_page.html is given, in the language that is active now."""
    shared = common(page_path(event.slug))
    lang = shared["lang"]
    starts = event.starts_at
    web = settings.SAMVAD.web_url()
    # A made-up event (plans.renew_if_site_changed) has no host.
    withheld = not event._state.adding and event.withheld
    waits = starts is not None and not event.over
    priority = event.way == "priority" and not event.over
    return shared | {
        "title": event.title,
        "description": "" if withheld else event.description,
        "speakers": [] if withheld else speakers,
        "when": words.moment(starts, event.zone, lang) if starts else "",
        "starts_iso": starts.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if starts else "",
        "replay": replay_path(event.pk),
        "state": event.state,
        "happened": web + happened_path(event),
        "remind": f"{web}/events/{event.pk}/reminder?lang={lang}" if waits else "",
        "withheld": withheld,
        "mirror": _mirror(settings.SAMVAD.attack.mirror_url),
        "meta": None if withheld else previews.meta(event, speakers),
        "config": {
            "event": event.pk,
            "slug": event.slug,
            "lang": lang,
            "gate": "",
            "web": web,
            "state": state_path(event.pk),
            "door": door_path(event.pk),
            "serving": serving_path(event.pk),
            "way": event.way,
            "ladder": [rung.effect for rung in terms.rungs(event)],
            "worker": asset("pbkdf2.js"),
            "member": f"{web}/events/{event.pk}/member?lang={lang}" if priority else "",
            "remind": f"{web}/events/{event.pk}/remind?lang={lang}"
            if passes.reminders_close_ms(event) is not None
            else "",
            "starts_ms": unix_ms(starts) if starts else None,
            "zone": event.zone,
            "title": event.title,
            "speakers": speakers,
            "uid": uid(event.pk),
        },
    }

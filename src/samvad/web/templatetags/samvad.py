"""Template tags: assets, moments, numbers."""

import datetime as dt
import json
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString

from samvad.accounts.models import User
from samvad.events.models import Event
from samvad.notices import words as notice_words
from samvad.notices.models import Notice
from samvad.posts.cards import Card as PostCard
from samvad.protocol.hls import page_path
from samvad.web import navigation, previews, settled, words
from samvad.web.cards import Card as EventCard

register = template.Library()


@lru_cache(maxsize=4)
def _manifest(path: Path, changed_ns: int) -> dict[str, str]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@register.simple_tag
def asset(name: str) -> str:
    """{% asset "event.js" %}: the address of a file of the built front end, with its hash.

    Before the front end is built the plain name stands there, and the page comes without it.
    """
    path = settings.ASSETS / "manifest.json"
    try:
        hashed = _manifest(path, path.stat().st_mtime_ns).get(name, name)
    except (OSError, ValueError):
        hashed = name
    return f"/a/{hashed}"


@register.filter
def when(at: dt.datetime | None, zone: str = "UTC") -> SafeString:
    """{{ event.starts_at|when:event.zone }}: date and time in words with the zone, as <time>."""
    if at is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" data-local data-zone="{}">{}</time>',
        at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        zone,
        words.moment(at, zone, translation.get_language() or "en"),
    )


@register.filter
def at_ms(ms: int, zone: str = "UTC") -> str:
    """{{ gap.from_ms|at_ms:event.zone }}: a time of day of Unix milliseconds, to the second."""
    at = dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    return words.exact_clock(at, zone, translation.get_language() or "en")


@register.filter
def duration(ms: int | None) -> str:
    """{{ event.replay_ms|duration }}: 1:32:07."""
    return words.length(ms or 0)


@register.filter
def number(value: int | None) -> str:
    """{{ 112480|number }}: digits grouped as the language does (1,12,480 in gu and hi)."""
    return words.number(value or 0, translation.get_language() or "en")


@register.filter
def page(event: Event) -> str:
    """{{ event|page }}: the listeners' page, in the reader's language."""
    lang = translation.get_language() or "en"
    return f"{settings.SAMVAD.gate_url()}{page_path(event.slug)}?lang={lang}"


@register.filter
def names(event: Event) -> str:
    """{{ event|names }}: who speaks, "A, B and C" as the language joins a list."""
    return words.joined([s.name for s in event.speakers.all()], translation.get_language() or "en")


@register.filter
def way_in(event: Event) -> str:
    """{{ event|way_in }}: how listeners come in."""
    return settled.way_in(event)


@register.filter
def ladder_name(event: Event) -> str:
    """{{ event|ladder_name }}: which ladder it has."""
    return settled.ladder_name(event)


@register.filter
def says(notice: Notice) -> str:
    """{{ notice|says }}: what happened, in a sentence."""
    return notice_words.sentence(notice)


@register.filter
def ago(at: dt.datetime) -> SafeString:
    """{{ notice.created_at|ago }}: "5 minutes ago", as <time> with the moment itself in it."""
    lang = translation.get_language() or "en"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        words.moment(at, "UTC", lang),
        words.ago(at, dt.datetime.now(dt.UTC), lang),
    )


@register.filter
def utc_iso(at: dt.datetime | None) -> str:
    """{{ event.starts_at|utc_iso }}: 2024-08-13T00:00:00Z."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


@register.simple_tag(takes_context=True)
def site_places(context: dict[str, Any]) -> list[navigation.Entry]:
    """{% site_places as places %}: where the reader can go from here."""
    request = context.get("request")
    return navigation.entries(request) if request is not None else []


@register.filter
def initials(user: User) -> str:
    """{{ user|initials }}: one or two letters for a person without a picture."""
    parts = user.shown_name.split()
    letters = [parts[0], parts[-1]] if len(parts) > 1 else parts[:1]
    return "".join(_first_letter(word) for word in letters).upper() or "?"


def _first_letter(word: str) -> str:
    """The first letter with the signs that belong to it: ચં, not ચ."""
    signs = len(word) > 1 and unicodedata.category(word[1]).startswith("M")
    return word[: 2 if signs else 1]


@register.simple_tag
def post_meta(
    shown: PostCard, event_cards: dict[str, EventCard] | None = None
) -> previews.Meta | None:
    """{% post_meta card event_cards as meta %}: what other sites show of a public post's page."""
    post = shown.post
    if not post.is_public or shown.by is not None:
        return None
    pictures = [path for one in shown.media for what in _PICTURE if (path := one.at.get(what))]
    carried = (event_cards or {}).get(post.pk)
    if carried is None or carried.phase == "withheld":
        return previews.post_meta(post, pictures[0] if pictures else "", None, [])
    return previews.post_meta(post, pictures[0] if pictures else "", carried.event, carried.names)


_PICTURE = ("jpg", "poster")

"""A host's podcast: one RSS feed, the same entry from announcement to replay.

RSS 2.0 with the namespaces of Apple and of the podcast standard (podcastindex.org/namespace/1.0).
A conversation that is announced or live is a `podcast:liveItem` whose status is the event's
state; when its recording is published it is an `item` with the same GUID.
"""

import datetime as dt
import uuid
from email.utils import format_datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from samvad.accounts.models import User
from samvad.events import publishing
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.protocol.hls import page_path

ITEMS = 200
PODCAST = "https://podcastindex.org/namespace/1.0"
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
ATOM = "http://www.w3.org/2005/Atom"
_PODCAST_UUID = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of podcast:guid, as the standard gives it."""
LONGEST = dt.timedelta(hours=2)
"""How long a conversation is taken to last before anybody knows."""

for prefix, uri in (("podcast", PODCAST), ("itunes", ITUNES), ("atom", ATOM)):
    register_namespace(prefix, uri)

_STATUS = {State.ANNOUNCED: "pending", State.DOORS: "pending", State.LIVE: "live"}


@require_safe
@cache_control(public=True, max_age=15)
def feed(request: HttpRequest, handle: str) -> HttpResponse:
    """The feed of one host."""
    host = get_object_or_404(User.objects.visible(), handle=handle)
    events = Event.objects.filter(host=host).exclude(state=State.CANCELLED)
    events = (
        events.select_related("replay", "host").prefetch_related("speakers").order_by("-created_at")
    )
    body = tostring(_rss(host, list(events[:ITEMS])), encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, content_type="application/rss+xml; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=60)
def chapters(request: HttpRequest, event_id: str) -> JsonResponse:
    """Chapters of a replay (podcast namespace, JSON chapters 1.2)."""
    event = get_object_or_404(Event.objects.select_related("host"), pk=event_id, state=State.ENDED)
    about = publishing.about(event.pk) if publishing.is_open(event) else None
    told = {
        "version": "1.2.0",
        "title": event.title,
        "chapters": [
            {"startTime": c["at_ms"] / 1000, "title": c["title"] or publishing.clock(c["at_ms"])}
            for c in (about or {}).get("chapters", ())
        ],
    }
    answer = JsonResponse(told, content_type="application/json+chapters")
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def feed_address(host: User) -> str:
    return settings.SAMVAD.web_url() + reverse("feed", args=[host.handle])


def _rss(host: User, events: list[Event]) -> Element:
    rss = Element("rss", version="2.0")
    channel = SubElement(rss, "channel")
    web, address = settings.SAMVAD.web_url(), feed_address(host)
    profile = web + reverse("profile", args=[host.handle])
    _text(channel, "title", host.shown_name)
    _text(channel, "link", profile)
    _text(
        channel,
        "description",
        getattr(host, "bio", "") or _("Conversations of %(name)s.") % {"name": host.shown_name},
    )
    _text(channel, "language", settings.LANGUAGE_CODE)
    _text(channel, "generator", "Samvad")
    SubElement(channel, f"{{{ATOM}}}link", href=address, rel="self", type="application/rss+xml")
    _text(channel, f"{{{ITUNES}}}author", host.shown_name)
    _text(channel, f"{{{ITUNES}}}explicit", "false")
    _text(channel, f"{{{ITUNES}}}type", "episodic")
    SubElement(channel, f"{{{ITUNES}}}category", text="Society & Culture")
    bare = address.split("://", 1)[-1].rstrip("/")
    _text(channel, f"{{{PODCAST}}}guid", str(uuid.uuid5(_PODCAST_UUID, bare)))
    _text(channel, f"{{{PODCAST}}}locked", "no")
    _text(channel, f"{{{PODCAST}}}medium", "podcast")
    for event in events:
        if event.life in _STATUS:
            _live_item(channel, event)
    for event in events:
        if publishing.is_open(event):
            _item(channel, event)
    return rss


def _live_item(channel: Element, event: Event) -> None:
    starts = event.live_since or event.starts_at or event.created_at
    item = SubElement(
        channel,
        f"{{{PODCAST}}}liveItem",
        status=_STATUS[event.life],
        start=starts.astimezone(dt.UTC).isoformat(timespec="seconds"),
        end=(starts + LONGEST).astimezone(dt.UTC).isoformat(timespec="seconds"),
    )
    page = _common(item, event)
    # The stream wants a seat, which the page takes: so the page is where one listens.
    SubElement(item, "enclosure", url=page, type="text/html", length="0")
    SubElement(item, f"{{{PODCAST}}}contentLink", href=page).text = _("Listen live")


def _item(channel: Element, event: Event) -> None:
    item = SubElement(channel, "item")
    _common(item, event)
    length, seconds = str(event.replay_bytes or 0), (event.replay_ms or 0) // 1000
    about = publishing.about(event.pk) or {}
    if about:
        seconds = int(about.get("duration_ms", 0)) // 1000
    url = publishing.link(event.pk, "replay.m4a")
    SubElement(item, "enclosure", url=url, type="audio/mp4", length=length)
    _text(item, f"{{{ITUNES}}}duration", str(seconds))
    _text(item, "pubDate", format_datetime(event.ended_at or event.created_at))
    web = settings.SAMVAD.web_url()
    SubElement(
        item,
        f"{{{PODCAST}}}chapters",
        url=web + reverse("replay_chapters", args=[event.pk]),
        type="application/json+chapters",
    )
    kinds = {"vtt": "text/vtt", "srt": "application/x-subrip", "json": "application/json"}
    for one in about.get("files", ()):
        stem, _dot, ending = str(one["name"]).partition(".")
        if stem == "transcript" and ending in kinds:
            SubElement(
                item,
                f"{{{PODCAST}}}transcript",
                url=publishing.link(event.pk, one["name"]),
                type=kinds[ending],
            )
        if one["name"] == "replay.mp3":
            other = SubElement(
                item,
                f"{{{PODCAST}}}alternateEnclosure",
                type="audio/mpeg",
                length=str(one["bytes"]),
                title="MP3",
            )
            url = publishing.link(event.pk, "replay.mp3")
            SubElement(other, f"{{{PODCAST}}}source", uri=url)


def _common(item: Element, event: Event) -> str:
    """What an entry has in all its life; its page."""
    page = str(settings.SAMVAD.gate_url()) + page_path(event.slug)
    _text(item, "title", event.title)
    _text(item, "link", page)
    guid = SubElement(item, "guid", isPermaLink="false")
    guid.text = f"samvad:{event.pk}"
    _text(item, "description", event.description or event.title)
    for speaker in event.speakers.all():
        role = "host" if speaker.role == "host" else "guest"
        SubElement(item, f"{{{PODCAST}}}person", role=role).text = speaker.name
    _text(item, f"{{{ITUNES}}}explicit", "false")
    return page


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = _clean(text)


def _clean(text: str) -> str:
    """XML 1.0 has no place for most control characters."""
    return "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and c not in "\ufffe\uffff"))

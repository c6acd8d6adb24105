"""What other sites show of an event: OpenGraph, Twitter card, oEmbed, and an image.

All of it is bytes on disk, written with the event's plan and named by what it shows: whoever
unfurls a link a million times costs a file's reading, and a name that was told stays true as
long as what it shows does.
"""

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from samvad.events.models import Event
from samvad.posts.models import Post
from samvad.protocol.hls import page_path
from samvad.web import draw, words

log = logging.getLogger(__name__)

DESCRIPTION_MOST = 200
FORM = 1
"""Grows when the image looks different: a new form has new names."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a page says of itself to other sites. URLs are absolute; "" where there is none.
    `sized`: the image has the size of draw.py's."""

    title: str
    description: str
    url: str
    image: str = ""
    image_alt: str = ""
    oembed: str = ""
    sized: bool = True


def meta(event: Event, speakers: list[str]) -> Meta:
    """Of the listeners' page, in the language that is active."""
    with_whom, when = _lines(event, speakers)
    about = " · ".join(part for part in (when, with_whom, event.description) if part)
    base, name = settings.SAMVAD.web_url(), _name(event, speakers)
    return Meta(
        title=event.title,
        description=Truncator(" ".join(about.split())).chars(DESCRIPTION_MOST),
        url=settings.SAMVAD.gate_url() + page_path(event.slug),
        image=base + reverse("preview", args=[f"{name}.png"]),
        image_alt=" · ".join(part for part in (event.title, with_whom, when) if part),
        oembed=base + reverse("preview", args=[f"{name}.json"]),
    )


def post_meta(post: Post, image: str, event: Event | None, speakers: list[str]) -> Meta:
    """Of a public post's page. `image` is the path of its first picture, or ""; a post that carries
    an event and no picture shows the event's preview."""
    base = settings.SAMVAD.web_url()
    text = post.warning or post.text
    about = meta(event, speakers) if event is not None else None
    title = _("%(name)s on Samvad") % {"name": post.author.shown_name}
    shown = base + image if image and not post.warning else about.image if about else ""
    said = [text, about.title if about else "", about.description if about else ""]
    return Meta(
        title=title,
        description=Truncator(" ".join(" · ".join(filter(None, said)).split())).chars(
            DESCRIPTION_MOST
        ),
        url=base + post.path,
        image=shown,
        image_alt=about.image_alt if about and not image else title,
        oembed=f"{base}{reverse('oembed')}?{urlencode({'url': base + post.path})}",
        sized=about is not None and not image,
    )


def post_oembed(post: Post) -> dict[str, Any]:
    """The oEmbed answer of a public post: a link with its author (2.3.4)."""
    base = settings.SAMVAD.web_url()
    return {
        "version": "1.0",
        "type": "link",
        "title": Truncator(" ".join((post.warning or post.text).split())).chars(DESCRIPTION_MOST),
        "author_name": post.author.shown_name,
        "author_url": base + reverse("profile", args=[post.author.handle]),
        "provider_name": "Samvad",
        "provider_url": base + "/",
        "cache_age": 3600,
    }


def write(event: Event) -> None:
    """Write the image and the oEmbed answer that are not there yet; remove older ones.

    Of an event that is withheld everything is removed. Raises OSError.
    """
    folder = settings.FOLDERS.previews
    folder.mkdir(parents=True, exist_ok=True)
    speakers = [speaker.name for speaker in event.speakers.all()]
    name = "" if event.withheld else _name(event, speakers)
    keep = {f"{name}.png", f"{name}.json"}
    if name:
        with translation.override(settings.LANGUAGE_CODE):
            if not (folder / f"{name}.png").is_file():
                with_whom, when = _lines(event, speakers)
                _put(f"{name}.png", draw.preview(event.title, with_whom, when))
            _put(f"{name}.json", json.dumps(_oembed(event, speakers)).encode())
    for old in folder.glob(f"{event.pk}-*"):
        if old.name not in keep:
            old.unlink(missing_ok=True)


def oembed_file(event: Event) -> str:
    """The name of the event's oEmbed answer."""
    return f"{_name(event, [speaker.name for speaker in event.speakers.all()])}.json"


def _oembed(event: Event, speakers: list[str]) -> dict[str, Any]:
    """oEmbed 1.0, section 2.3.4: a link with a thumbnail."""
    about = meta(event, speakers)
    return {
        "version": "1.0",
        "type": "link",
        "title": event.title,
        "author_name": event.host.shown_name,
        "author_url": settings.SAMVAD.web_url() + reverse("profile", args=[event.host.handle]),
        "provider_name": "Samvad",
        "provider_url": settings.SAMVAD.web_url() + "/",
        "cache_age": 3600,
        "thumbnail_url": about.image,
        "thumbnail_width": draw.WIDTH,
        "thumbnail_height": draw.HEIGHT,
    }


def _lines(event: Event, speakers: list[str]) -> tuple[str, str]:
    """("with A and B", "Mon 12 Aug 2024, 8:00 pm Eastern")."""
    lang = translation.get_language() or "en"
    with_whom = _("with %(names)s") % {"names": words.joined(speakers, lang)} if speakers else ""
    at = event.starts_at
    when = words.here_and_there(at, event.zone, "", lang)[0] if at else ""
    return with_whom, when


def _name(event: Event, speakers: list[str]) -> str:
    """By what is shown, so that a change has another name."""
    at = event.starts_at.isoformat() if event.starts_at else ""
    shown = json.dumps([FORM, event.title, speakers, at, event.zone, event.slug])
    return f"{event.pk}-{hashlib.sha256(shown.encode()).hexdigest()[:12]}"


def _put(name: str, content: bytes) -> None:
    """Whole or not at all."""
    folder = settings.FOLDERS.previews
    fresh = folder / f".{name}.{os.getpid()}"
    fresh.write_bytes(content)
    fresh.replace(folder / name)

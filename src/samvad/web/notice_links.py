"""Where a notice leads: notices know what they are about, only this room knows addresses."""

from collections.abc import Sequence

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from samvad.events.models import Event
from samvad.notices.models import Notice
from samvad.protocol.hls import page_path


def links_of(notices: Sequence[Notice]) -> dict[int, str]:
    """Addresses by the notice's key; what is gone has none. One query for each kind of subject."""
    wanted = {n.subject for n in notices if n.subject_kind == "event"}
    slugs = dict(Event.objects.filter(pk__in=wanted).values_list("pk", "slug")) if wanted else {}
    links = {}
    for notice in notices:
        link = _link(notice, slugs)
        if link:
            links[notice.pk] = link
    return links


def link_of(notice: Notice) -> str:
    """The address of one notice's subject, or ""."""
    return links_of([notice]).get(notice.pk, "")


def _link(notice: Notice, slugs: dict[str, str]) -> str:
    match notice.subject_kind:
        case "event":
            slug = slugs.get(notice.subject)
            return settings.SAMVAD.gate_url() + page_path(slug) if slug else ""
        case "post":
            return _reverse("post_by_id", notice.subject)
        case "case":
            return _reverse("case", notice.subject)
    return reverse("profile", args=[notice.actor.handle]) if notice.actor else ""


def _reverse(name: str, about: str) -> str:
    try:
        return reverse(name, args=[about])
    except NoReverseMatch:
        return ""

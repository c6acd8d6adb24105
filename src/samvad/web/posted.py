"""What posts show beside their words: the conversation one announces, why a video failed."""

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from samvad.events.models import Event
from samvad.posts.cards import Card
from samvad.posts.models import Medium


def event_cards(shown: Iterable[Card], request: HttpRequest) -> dict[str, Event]:
    """The conversations that posts announce, by id: no query without any, else two."""
    wanted = {card.post.event for card in shown if card.post.event}
    if not wanted:
        return {}
    found = Event.objects.filter(pk__in=wanted).prefetch_related("speakers")
    return {event.pk: event for event in found}


def why_failed(medium: Medium) -> str:
    """Why a video did not become one, and what its owner can do."""
    most_s = settings.SAMVAD.posts.video_max_s
    return {
        "long": _("The video is longer than %(n)d minutes. Shorten it and send it again.")
        % {"n": most_s // 60},
        "large": _("The picture of this video is too large. Send it in 4K or less."),
        "no_picture": _("There is no picture in this video. Send another file."),
        "gave_up": _("The video could not be prepared. Send it again, or in another format."),
        "stale": _("The upload was not finished. Send the video again."),
    }.get(
        medium.failure,
        _("This file cannot be read as a video. Send it as MP4, WebM or MOV."),
    )

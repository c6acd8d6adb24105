"""Timelines: home, local, a hashtag, what one keeps."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from samvad.accounts.models import User
from samvad.posts import text, timelines
from samvad.posts.cards import Card, cards
from samvad.web.cards import cards_for
from samvad.web.post_forms import PostForm
from samvad.web.reader import account_of


@login_required
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Of those one follows."""
    me = account_of(request)
    return feed(
        request,
        timelines.home(me, before(request)),
        at="home",
        title=pgettext("timeline", "Home"),
        form=composer(me),
        empty=_("Nothing here yet. Follow somebody, or write the first post."),
    )


@require_safe
@never_cache
def local(request: HttpRequest) -> HttpResponse:
    """What everybody here may read."""
    return feed(
        request,
        timelines.local(asker(request), before(request)),
        at="local",
        title=pgettext("timeline", "Local"),
        empty=_("Nobody has posted here yet."),
    )


@require_safe
@never_cache
def tag(request: HttpRequest, tag: str) -> HttpResponse:
    """Public posts with a hashtag."""
    folded = text.fold(tag)
    if not folded or text.tags(f"#{folded}") != [folded]:
        raise Http404
    return feed(
        request,
        timelines.tagged(folded, asker(request), before(request)),
        at="tag",
        title=f"#{folded}",
        empty=_("Nobody has used this hashtag yet."),
    )


@login_required
@require_safe
@never_cache
def bookmarks(request: HttpRequest) -> HttpResponse:
    """What one keeps; nobody else sees it."""
    return feed(
        request,
        timelines.bookmarks(account_of(request), before(request)),
        at="bookmarks",
        title=pgettext("timeline", "Kept"),
        empty=_("You keep nothing yet. Only you see what you keep."),
    )


def feed(
    request: HttpRequest,
    page: timelines.Page,
    template: str = "posts/timeline.html",
    more: str = "",
    beside: Sequence[str] = (),
    **about: Any,
) -> HttpResponse:
    """A timeline's page; for htmx its rows alone. `more`: parameters that older pages keep.

    `beside`: posts that stand elsewhere on the page, in the context as `beside`.
    """
    shown = cards([*beside, *page.ids], asker(request))
    at = len(beside)
    rows = _once(shown[at:])
    context = {
        "beside": shown[:at],
        "cards": rows,
        "next": page.next,
        "more": more,
        "event_cards": cards_for((card.post for card in shown), request),
        "text_max": settings.SAMVAD.posts.text_max,
        **about,
    }
    rows_only = request.headers.get("HX-Request") == "true" and bool(before(request))
    response = render(request, "posts/rows.html" if rows_only else template, context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _once(shown: list[Card]) -> list[Card]:
    """Each post once on a page: passed on by three people, or by one who read it here, is one."""
    first: dict[str, Card] = {}
    for card in shown:
        first.setdefault(card.post.pk, card)
    return list(first.values())


def composer(me: User, **initial: str) -> PostForm | None:
    """The form to write with; None for those who may not."""
    if not me.may_act:
        return None
    return PostForm(initial={"language": translation.get_language() or "", **initial})


def asker(request: HttpRequest) -> User | None:
    """The account that asks, or None."""
    return request.user if isinstance(request.user, User) else None


def before(request: HttpRequest) -> str:
    """The cursor in the address; "" for none, or one that no page gave."""
    told = request.GET.get("before", "")
    return told if len(told) <= 20 and told.isascii() and told.isalnum() else ""

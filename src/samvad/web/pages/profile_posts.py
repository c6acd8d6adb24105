"""What a profile shows of posts and ties: tabs, pinned posts, and the buttons to follow by."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from samvad.accounts import ties
from samvad.accounts.models import Follow, User
from samvad.posts import timelines
from samvad.posts.cards import cards
from samvad.web.pages.timelines import asker, before, feed

TABS = ("", "replies", "media")


def profile_feed(request: HttpRequest, person: User, **about: Any) -> HttpResponse:
    """The profile with a page of posts; `?tab=` replies or media."""
    me = asker(request)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else ""
    page = timelines.profile(person, me, tab, before(request))
    first = not before(request) and not tab
    return feed(
        request,
        page,
        template="people/profile.html",
        more=f"tab={tab}&" if tab else "",
        person=person,
        tab=tab,
        tie=ties.tie(me, person) if me is not None and me != person else None,
        pinned_cards=cards(timelines.pinned(person, me), me) if first else [],
        followers=Follow.objects.filter(followed=person).count(),
        follows=Follow.objects.filter(follower=person).count(),
        **about,
    )

"""What a profile shows of posts and ties: tabs, pinned posts, and the buttons to follow by."""

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from samvad.accounts.models import Block, Follow, Mute, User
from samvad.posts import timelines
from samvad.web.pages.timelines import asker, before, feed

TABS = ("", "replies", "media")


def with_ties(request: HttpRequest) -> QuerySet[User]:
    """Accounts with their counts, and how the asker stands to them: one query for a profile.

    `followers_n`, `follows_n`; and for one who asks about somebody else `tied` and the five
    answers of ties.Tie.
    """
    me = asker(request)
    people = User.objects.annotate(
        followers_n=_count("followed"),
        follows_n=_count("follower"),
    )
    if me is None:
        return people
    return people.annotate(
        following=Exists(Follow.objects.filter(follower=me, followed=OuterRef("pk"))),
        follows_me=Exists(Follow.objects.filter(follower=OuterRef("pk"), followed=me)),
        muting=Exists(Mute.objects.filter(muter=me, muted=OuterRef("pk"))),
        blocking=Exists(Block.objects.filter(blocker=me, blocked=OuterRef("pk"))),
        blocks_me=Exists(Block.objects.filter(blocker=OuterRef("pk"), blocked=me)),
    )


def profile_feed(request: HttpRequest, person: User) -> HttpResponse:
    """The profile with a page of posts; `?tab=` replies or media."""
    me = asker(request)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else ""
    if not before(request) and not tab:
        pins, page = timelines.profile_top(person, me)
    else:
        pins, page = [], timelines.profile(person, me, tab, before(request))
    return feed(
        request,
        page,
        template="people/profile.html",
        more=f"tab={tab}&" if tab else "",
        beside=pins,
        person=person,
        tab=tab,
    )


def _count(field: str) -> Coalesce:
    """How many rows of Follow name the account as `field`."""
    rows = Follow.objects.filter(**{field: OuterRef("pk")}).values(field)
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)

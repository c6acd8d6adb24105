"""Which posts a timeline shows, newest first. Read anew each time it is asked for (fan-out on
read, docs/adr/0016-timelines.md): nothing is copied when somebody posts.

A page of a timeline is asked for with the id it goes on below, and says where the next begins.
"""

import time
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from samvad.accounts.models import Follow, Mute, PeopleList, User
from samvad.posts.models import Bookmark, Medium, Post, PostTag, Visibility
from samvad.posts.names import first_id_at, wall_ms_of
from samvad.posts.seen import readable, served, within_reach

A_PAGE = 20
_DAY_MS = 24 * 3600 * 1000
WINDOW_MS = 4 * _DAY_MS
"""How far back is looked first: most pages are full of the last days, and the rest is not read."""


THREAD_MAX = 1000
"""Answers of a thread that are looked through for one page."""


@dataclass(frozen=True)
class Page:
    """Ids of posts in their order; `next` is the cursor of the following page, or ""."""

    ids: list[str]
    next: str = ""


def home(reader: User, before: str = "", limit: int = A_PAGE) -> Page:
    """Of those one follows, and one's own. No replies to strangers, nothing of muted people."""
    mutes = Mute.objects.filter(muter=reader, muted=OuterRef("followed"))
    follows = Follow.objects.filter(~Exists(mutes), served("followed"), follower=reader)
    people = set(follows.values_list("followed_id", flat=True))
    people.add(reader.pk)
    known = Follow.objects.filter(follower=reader).values("followed")
    posts = (
        readable(reader)
        .filter(author_id__in=people)
        .filter(
            Q(answers__isnull=True)
            | Q(answers=reader)
            | Q(answers=F("author"))
            | Q(answers__in=known)
        )
    )
    return _recent(_unmuted(posts, reader), before, limit)


def of_list(people_list: PeopleList, reader: User, before: str = "", limit: int = A_PAGE) -> Page:
    """Of the people on a list of `reader`'s."""
    people = people_list.members.values("person_id")
    return page(_unmuted(readable(reader).filter(author_id__in=people), reader), before, limit)


def local(reader: User | None, before: str = "", limit: int = A_PAGE) -> Page:
    """What everybody here may read: no replies, no reposts."""
    posts = readable(reader).filter(
        visibility=Visibility.PUBLIC, repost_of__isnull=True, reply_to__isnull=True
    )
    return page(_unmuted(posts, reader).filter(within_reach(reader)), before, limit)


def tagged(tag: str, reader: User | None, before: str = "", limit: int = A_PAGE) -> Page:
    """Public posts that bear the (folded) hashtag."""
    borne = PostTag.objects.filter(tag=tag).values("post")
    posts = readable(reader).filter(pk__in=borne, visibility=Visibility.PUBLIC)
    return page(_unmuted(posts, reader).filter(within_reach(reader)), before, limit)


def profile(
    person: User, reader: User | None, tab: str = "", before: str = "", limit: int = A_PAGE
) -> Page:
    """A person's posts and reposts; `tab` "replies": also replies; "media": with photo or video."""
    posts = readable(reader).filter(author=person)
    if tab == "media":
        posts = posts.filter(Exists(Medium.objects.filter(post=OuterRef("pk"))))
    elif tab != "replies":
        posts = posts.filter(Q(reply_to__isnull=True) | Q(answers=person))
    return page(posts, before, limit)


def profile_top(person: User, reader: User | None, limit: int = A_PAGE) -> tuple[list[str], Page]:
    """What is pinned, latest pin first, and the first page of posts: in one query."""
    posts = readable(reader).filter(author=person)
    own = posts.filter(Q(reply_to__isnull=True) | Q(answers=person))
    newest = own.order_by("-pk").values("pk")[: limit + 1]
    both = posts.filter(Q(pinned_at__isnull=False) | Q(pk__in=newest))
    rows = list(both.order_by("-pk").values_list("pk", "pinned_at", "reply_to", "answers"))
    pins = sorted(((at, pk) for pk, at, _to, _whom in rows if at), reverse=True)
    # An older post that is pinned stands after the page; a pinned answer is not of this tab.
    ids = [pk for pk, _at, to, whom in rows if to is None or whom == person.pk][: limit + 1]
    page = Page(ids[:limit], ids[limit - 1] if len(ids) > limit else "")
    return [pk for _at, pk in pins], page


def pinned(person: User, reader: User | None) -> list[str]:
    """Posts at the top of a profile, latest pin first."""
    posts = readable(reader).filter(author=person, pinned_at__isnull=False)
    return list(posts.order_by("-pinned_at").values_list("pk", flat=True))


def bookmarks(reader: User, before: str = "", limit: int = A_PAGE) -> Page:
    """What `reader` keeps, newest bookmark first; the cursor is the bookmark's number."""
    kept = Bookmark.objects.filter(person=reader, post__in=readable(reader))
    if before.isdigit():
        kept = kept.filter(pk__lt=int(before))
    rows = list(kept.order_by("-pk").values_list("pk", "post_id")[: limit + 1])
    more = str(rows[limit - 1][0]) if len(rows) > limit else ""
    return Page([post for _pk, post in rows[:limit]], more)


def above(post: Post, reader: User | None, limit: int = 20) -> list[str]:
    """What a post answers, and what that answers, oldest first; what one may not read ends it."""
    if post.root_id is None or post.reply_to_id is None:
        return []
    rows = dict(
        readable(reader)
        .filter(Q(root=post.root_id) | Q(pk=post.root_id), pk__lt=post.pk)
        .order_by("-pk")
        .values_list("pk", "reply_to")[:1000]
    )
    found: list[str] = []
    at: str | None = post.reply_to_id
    while at in rows and len(found) < limit:
        found.append(at)
        at = rows[at]
    return found[::-1]


def below(post: Post, reader: User | None, after: str = "", limit: int = 50) -> Page:
    """Answers to a post and answers to these, in the order they came; goes on above `after`."""
    posts = readable(reader).filter(root=post.root_id or post.pk, pk__gt=post.pk)
    rows = _unmuted(posts, reader).order_by("pk").values_list("pk", "reply_to")[:THREAD_MAX]
    within = {post.pk}
    for pk, reply_to in rows:
        if reply_to in within:
            within.add(pk)
    found = sorted(pk for pk in within if pk > max(post.pk, after))
    return Page(found[:limit], found[limit - 1] if len(found) > limit else "")


def page(posts: QuerySet[Post], before: str, limit: int) -> Page:
    """One page of any posts, newest first."""
    if before:
        posts = posts.filter(pk__lt=before)
    ids = list(posts.order_by("-pk").values_list("pk", flat=True)[: limit + 1])
    return Page(ids[:limit], ids[limit - 1] if len(ids) > limit else "")


def _recent(posts: QuerySet[Post], before: str, limit: int) -> Page:
    """As `page`, looking into the last days first: then the database need not sort years."""
    from_ms = time.time_ns() // 1_000_000
    if before:
        from_ms = min(from_ms, wall_ms_of(before))
    found = page(posts.filter(pk__gte=first_id_at(from_ms - WINDOW_MS)), before, limit)
    return found if found.next else page(posts, before, limit)


def _unmuted(posts: QuerySet[Post], reader: User | None) -> QuerySet[Post]:
    if reader is None:
        return posts
    mutes = Mute.objects.filter(muter=reader)
    return posts.filter(
        ~Exists(mutes.filter(muted=OuterRef("author"))),
        ~Exists(mutes.filter(muted=OuterRef("repost_of__author"))),
    )

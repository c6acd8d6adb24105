"""Posts: written, read, answered, passed on, marked, changed, taken back."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.posts import marks, seen, service, timelines
from samvad.posts.cards import Card, cards
from samvad.posts.models import Medium, Post
from samvad.posts.names import POST_ID
from samvad.web.api.keys import anybody, key, reader, who
from samvad.web.api.problems import ERRORS, Refused

router = Router()
WRITES = key(Scope.POSTS)


class Person(Schema):
    """Whose it is."""

    handle: str
    name: str
    url: str


class MediumOut(Schema):
    """A photo or video. `state` "ready": `files` has its addresses (what for → URL)."""

    name: str
    kind: str
    state: str
    failure: str
    alt: str
    width: int
    height: int
    duration_ms: int
    focus: tuple[float, float]
    files: dict[str, str]


class PostOut(Schema):
    """A post as the asker may see it. In a list, `reposted_by` says who passed it on."""

    id: str
    url: str
    author: Person
    text: str
    language: str
    visibility: str
    warning: str
    event: str
    created_at: dt.datetime
    edited_at: dt.datetime | None
    reply_to: str | None
    quote_of: str | None
    likes: int
    reposts: int
    replies: int
    quotes: int
    liked: bool
    bookmarked: bool
    reposted: bool
    reposted_by: Person | None
    media: list[MediumOut]


class Posts(Schema):
    """`next` is null on the last page."""

    items: list[PostOut]
    next: str | None


class Thread(Schema):
    """What a post answers (`above`) and its answers (`below`), in the order they came."""

    above: list[PostOut]
    post: PostOut
    below: list[PostOut]
    next: str | None


class Writing(Schema):
    """A post to be written. `media`: names of one's own photos, or of one video."""

    text: str = Field("", max_length=20_000)
    visibility: str = Field("public", pattern="^(public|followers|mentioned)$")
    warning: str = Field("", max_length=500)
    language: str = Field("", max_length=12, pattern=r"^[A-Za-z-]*$")
    event: str = Field("", max_length=32, pattern=r"^[a-z0-9]*$")
    reply_to: str = Field("", pattern=f"^({POST_ID})?$")
    quote_of: str = Field("", pattern=f"^({POST_ID})?$")
    media: list[str] = Field(default_factory=list, max_length=4)


class Change(Schema):
    """What a post shall say from now on."""

    text: str = Field(max_length=20_000)
    warning: str = Field("", max_length=500)


class Version(Schema):
    """What a post said, and since when."""

    text: str
    warning: str
    written_at: dt.datetime


@router.post("", auth=WRITES, response={201: PostOut, **ERRORS})
def write(request: HttpRequest, said: Writing) -> Any:
    """Write a post."""
    author = who(request)
    post = service.create(
        author,
        said.text,
        visibility=said.visibility,
        warning=said.warning,
        language=said.language,
        event=said.event,
        reply_to=readable(said.reply_to, author) if said.reply_to else None,
        quote_of=readable(said.quote_of, author) if said.quote_of else None,
        media=_media(author, said.media),
    )
    return Status(201, shown(cards([post.pk], author)[0]))


@router.get("", auth=anybody, response={200: Posts, **ERRORS})
def of_author(
    request: HttpRequest, author: str, tab: str = "", cursor: str = "", limit: int = 20
) -> Any:
    """Posts and reposts of one account; `tab`: "replies" also those, "media" only with them."""
    person = User.objects.visible().filter(handle=author.lower()).first()
    if person is None:
        raise Http404
    page = timelines.profile(person, reader(request), tab, place(cursor), bounded(limit))
    return listed(page, reader(request))


@router.get("/{post_id}", auth=anybody, response={200: PostOut, **ERRORS})
def read(request: HttpRequest, post_id: str) -> Any:
    """One post. 404 for one that the asker may not read, or that is gone."""
    return one(post_id, reader(request))


@router.get("/{post_id}/thread", auth=anybody, response={200: Thread, **ERRORS})
def thread(request: HttpRequest, post_id: str, cursor: str = "", limit: int = 20) -> Any:
    """A post among what it answers and its answers."""
    asker = reader(request)
    post = readable(post_id, asker).counted
    page = timelines.below(post, asker, place(cursor), bounded(limit))
    above = timelines.above(post, asker)
    every = cards([*above, post.pk, *page.ids], asker)
    told = [shown(card) for card in every]
    at = len(above)
    return {
        "above": told[:at],
        "post": told[at],
        "below": told[at + 1 :],
        "next": page.next or None,
    }


@router.get("/{post_id}/history", auth=anybody, response={200: list[Version], **ERRORS})
def history(request: HttpRequest, post_id: str) -> Any:
    """What it said before, oldest first, and what it says now."""
    post = readable(post_id, reader(request)).counted
    return [*post.revisions.all(), _now(post)]


@router.patch("/{post_id}", auth=WRITES, response={200: PostOut, **ERRORS})
def change(request: HttpRequest, post_id: str, said: Change) -> Any:
    """Change one's own post. What it said before stays readable."""
    post = own(post_id, who(request))
    service.edit(post, said.text, warning=said.warning)
    return one(post_id, who(request))


@router.delete("/{post_id}", auth=WRITES, response={204: None, **ERRORS})
def delete(request: HttpRequest, post_id: str) -> Any:
    """Delete one's own post for good."""
    service.delete(own(post_id, who(request)))
    return Status(204, None)


@router.put("/{post_id}/like", auth=WRITES, response={200: PostOut, **ERRORS})
def like(request: HttpRequest, post_id: str) -> Any:
    """Like it; may be repeated."""
    marks.like(who(request), readable(post_id, who(request)))
    return one(post_id, who(request))


@router.delete("/{post_id}/like", auth=WRITES, response={200: PostOut, **ERRORS})
def unlike(request: HttpRequest, post_id: str) -> Any:
    """Take a like back."""
    marks.unlike(who(request), readable(post_id, who(request)))
    return one(post_id, who(request))


@router.put("/{post_id}/bookmark", auth=WRITES, response={200: PostOut, **ERRORS})
def bookmark(request: HttpRequest, post_id: str) -> Any:
    """Keep it; nobody else learns of it."""
    marks.bookmark(who(request), readable(post_id, who(request)))
    return one(post_id, who(request))


@router.delete("/{post_id}/bookmark", auth=WRITES, response={200: PostOut, **ERRORS})
def unbookmark(request: HttpRequest, post_id: str) -> Any:
    """Keep it no longer."""
    marks.unbookmark(who(request), readable(post_id, who(request)))
    return one(post_id, who(request))


@router.put("/{post_id}/repost", auth=WRITES, response={200: PostOut, **ERRORS})
def repost(request: HttpRequest, post_id: str) -> Any:
    """Pass a public post on to those who follow one."""
    service.repost(who(request), readable(post_id, who(request)))
    return one(post_id, who(request))


@router.delete("/{post_id}/repost", auth=WRITES, response={200: PostOut, **ERRORS})
def unrepost(request: HttpRequest, post_id: str) -> Any:
    """Take a repost back."""
    original = readable(post_id, who(request)).counted
    service.unrepost(who(request), original)
    return one(original.pk, who(request))


@router.put("/{post_id}/pin", auth=WRITES, response={200: PostOut, **ERRORS})
def pin(request: HttpRequest, post_id: str) -> Any:
    """Put one's own post to the top of one's profile."""
    service.pin(own(post_id, who(request)))
    return one(post_id, who(request))


@router.delete("/{post_id}/pin", auth=WRITES, response={200: PostOut, **ERRORS})
def unpin(request: HttpRequest, post_id: str) -> Any:
    """Pin it no longer."""
    service.unpin(own(post_id, who(request)))
    return one(post_id, who(request))


# What the neighbours use too


def shown(card: Card) -> dict[str, Any]:
    """A card as `PostOut` has it."""
    post = card.post
    return {
        "id": post.pk,
        "url": settings.SAMVAD.web_url() + post.path,
        "author": person(post.author),
        "text": post.text,
        "language": post.language,
        "visibility": post.visibility,
        "warning": post.warning,
        "event": post.event,
        "created_at": post.created_at,
        "edited_at": post.edited_at,
        "reply_to": post.reply_to_id,
        "quote_of": post.quote_of_id,
        "likes": post.likes,
        "reposts": post.reposts,
        "replies": post.reply_count,
        "quotes": post.quotes,
        "liked": card.liked,
        "bookmarked": card.bookmarked,
        "reposted": card.reposted,
        "reposted_by": person(card.by) if card.by else None,
        "media": [medium(one.medium, one.at) for one in card.media],
    }


def medium(one: Medium, at: dict[str, str]) -> dict[str, Any]:
    """A photo or video as `MediumOut` has it."""
    return {
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "failure": one.failure,
        "alt": one.alt,
        "width": one.width,
        "height": one.height,
        "duration_ms": one.duration_ms,
        "focus": (one.focus_x, one.focus_y),
        "files": {what: settings.SAMVAD.web_url() + path for what, path in at.items() if path},
    }


def person(user: User) -> dict[str, str]:
    """An account as `Person` has it."""
    return {
        "handle": user.handle,
        "name": user.shown_name,
        "url": f"{settings.SAMVAD.web_url()}/@{user.handle}",
    }


def listed(page: timelines.Page, asker: User | None) -> dict[str, Any]:
    """A page of a timeline as `Posts` has it."""
    return {"items": [shown(c) for c in cards(page.ids, asker)], "next": page.next or None}


def one(post_id: str, asker: User | None) -> dict[str, Any]:
    """One post as `PostOut` has it. Raises Http404."""
    return shown(cards([readable(post_id, asker).pk], asker)[0])


def readable(post_id: str, asker: User | None) -> Post:
    """The post, if the asker may read it. Raises Http404."""
    related = ("author", "repost_of__author", "root", "reply_to")
    found = seen.readable(asker).select_related(*related).filter(pk=post_id).first()
    if found is None or "\0" in post_id:
        raise Http404
    return found


def own(post_id: str, asker: User) -> Post:
    """The asker's own post. Raises Http404 for all others."""
    post = readable(post_id, asker)
    if post.author_id != asker.pk:
        raise Http404
    return post


def place(cursor: str) -> str:
    """A cursor of ours. Raises Refused (400) for one that no list gave."""
    if cursor and not (len(cursor) <= 20 and cursor.isascii() and cursor.isalnum()):
        raise Refused(400, "This cursor is none of this list. Begin without one.")
    return cursor


def bounded(limit: int) -> int:
    """Rows on a page, 1 to 100. Raises Refused (422)."""
    if not 1 <= limit <= 100:
        raise Refused(422, "limit is 1 to 100.")
    return limit


def _media(author: User, names: list[str]) -> list[Medium]:
    found = {m.name: m for m in Medium.objects.filter(owner=author, name__in=names)}
    missing = [name for name in names if name not in found]
    if missing:
        raise Refused(422, f"There is no photo or video {missing[0][:40]!r} of yours.")
    return [found[name] for name in dict.fromkeys(names)]


def _now(post: Post) -> dict[str, Any]:
    return {
        "text": post.text,
        "warning": post.warning,
        "written_at": post.edited_at or post.created_at,
    }

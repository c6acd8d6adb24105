"""Whom a post's life is told to. The one place where posts and notifications meet.

All of these are called inside the transaction that made the change.
"""

from collections.abc import Iterable

from samvad.accounts.models import User
from samvad.notices import service as notices
from samvad.notices.kinds import Kind
from samvad.posts.models import Post

EXCERPT = 120


def created(post: Post, named: Iterable[User]) -> None:
    """Who is answered, quoted or named: each once, by the nearest of these."""
    told = {post.author_id}
    if post.answers is not None and post.reply_to is not None:
        _tell(post.answers, Kind.REPLY, post, told)
    if post.quote_of is not None:
        _tell(post.quote_of.author, Kind.QUOTE, post, told)
    for person in named:
        _tell(person, Kind.MENTION, post, told)


def edited(post: Post, named: Iterable[User]) -> None:
    """Who was not named before."""
    told = {post.author_id}
    for person in named:
        _tell(person, Kind.MENTION, post, told)


def reposted(repost: Post, original: Post) -> None:
    """The original's author."""
    notices.tell(
        original.author, Kind.REPOST, repost.author, ("post", original.pk), _about(original)
    )


def unreposted(person: User, original: Post) -> None:
    notices.untell(original.author, Kind.REPOST, person, ("post", original.pk))


def liked(person: User, post: Post) -> None:
    """The post's author."""
    notices.tell(post.author, Kind.LIKE, person, ("post", post.pk), _about(post))


def unliked(person: User, post: Post) -> None:
    notices.untell(post.author, Kind.LIKE, person, ("post", post.pk))


def gone(post: Post) -> None:
    """What was told of it is told no longer."""
    notices.forget_subject("post", post.pk)


def _tell(person: User, kind: Kind, post: Post, told: set[int]) -> None:
    if person.pk not in told:
        told.add(person.pk)
        notices.tell(person, kind, post.author, ("post", post.pk), _about(post))


def _about(post: Post) -> dict[str, str]:
    shown = post.warning or post.text
    short = shown if len(shown) <= EXCERPT else shown[: EXCERPT - 1] + "…"
    return {"excerpt": short, "language": post.language}

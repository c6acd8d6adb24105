"""Who may read which post. Every page, feed, search and count asks here."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from samvad.accounts.models import Block, Follow, User
from samvad.accounts.standing import VISIBLE
from samvad.posts.models import Gone, Mention, Post, Visibility

_SERVED = [standing.value for standing in VISIBLE]


def served(author: str) -> Q:
    """Whose posts are served at all; `author` is the path to the account."""
    return Q(**{f"{author}__is_active": True, f"{author}__standing__in": _SERVED})


def within_reach(reader: User | None) -> Q:
    """Leaves out, where strangers meet, those whose reach a moderator has limited."""
    near = Q(author__reach_limited=False)
    if reader is not None:
        follows = Follow.objects.filter(follower=reader, followed=OuterRef("author"))
        near |= Q(author=reader) | Q(Exists(follows))
    return near


def readable(reader: User | None) -> QuerySet[Post]:
    """Posts that `reader` may read; None is anybody, without an account.

    What is gone, or whose author is not served, nobody reads; a repost stands and falls with
    what it reposts. Mutes are no matter of permission: timelines.py leaves them out.
    """
    posts = Post.objects.filter(served("author"), gone=Gone.NO).filter(
        Q(repost_of__isnull=True) | (Q(repost_of__gone=Gone.NO) & served("repost_of__author"))
    )
    if reader is None:
        return posts.filter(visibility=Visibility.PUBLIC)
    may = (
        Q(visibility=Visibility.PUBLIC)
        | Q(author=reader)
        | (
            Q(visibility=Visibility.FOLLOWERS)
            & Exists(Follow.objects.filter(follower=reader, followed=OuterRef("author")))
        )
        | Q(Exists(Mention.objects.filter(post=OuterRef("pk"), person=reader)))
    )
    return posts.filter(
        may, *_not_apart(reader, "author"), *_not_apart(reader, "repost_of__author")
    )


def can_read(post: Post, reader: User | None) -> bool:
    """One post, one reader, one query."""
    return readable(reader).filter(pk=post.pk).exists()


def public_enough(post: Post) -> bool:
    """Whether anybody at all may read it: then its media need no permission of their own."""
    return readable(None).filter(pk=post.pk).exists()


def _not_apart(reader: User, author: str) -> tuple[Q, Q]:
    blocks = Block.objects
    return (
        Q(~Exists(blocks.filter(blocker=reader, blocked=OuterRef(author)))),
        Q(~Exists(blocks.filter(blocked=reader, blocker=OuterRef(author)))),
    )

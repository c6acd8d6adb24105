"""Whom a post's life is told to. The one place where posts and notifications meet.

All of these are called inside the transaction that made the change.
"""

from collections.abc import Sequence

from samvad.accounts.models import User
from samvad.posts.models import Post


def created(post: Post, named: Sequence[User]) -> None:
    """Who is named, answered or quoted."""


def edited(post: Post, named: Sequence[User]) -> None:
    """Who was not named before."""


def reposted(repost: Post, original: Post) -> None:
    """The original's author."""


def liked(person: User, post: Post) -> None:
    """The post's author."""


def gone(post: Post) -> None:
    """What was told of it is told no longer."""

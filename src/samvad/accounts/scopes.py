"""What an API token may do. Pure."""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """One thing that a token may be allowed. Reading what is public needs no token."""

    READ = "read"
    POSTS = "write:posts"
    MEDIA = "write:media"
    EVENTS = "write:events"
    TIES = "write:ties"
    ACCOUNT = "write:account"
    MODERATE = "moderate"


ALL = " ".join(Scope)
"""What a token may do when nobody said less. Moderating still wants a moderator's account."""


def read(text: str) -> frozenset[Scope]:
    """The scopes named in `text`, separated by spaces. Raises ValueError on any other word."""
    return frozenset(Scope(word) for word in text.split())


def write(scopes: Iterable[Scope]) -> str:
    """As `read` takes it, in the order of the enum."""
    wanted = set(scopes)
    return " ".join(scope for scope in Scope if scope in wanted)

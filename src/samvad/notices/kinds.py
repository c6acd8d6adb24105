"""What a notification can be about, declared once with how it travels. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why somebody is told something. The value stands in the database and in the API."""

    MENTION = "mention"
    REPLY = "reply"
    QUOTE = "quote"
    REPOST = "repost"
    LIKE = "like"
    FOLLOW = "follow"
    EVENT_STARTS = "event_starts"
    EVENT_MOVED = "event_moved"
    EVENT_CANCELLED = "event_cancelled"
    EVENT_BACK = "event_back"
    EVENT_REPLAY = "event_replay"
    MODERATION = "moderation"


class Group(StrEnum):
    """How the page sorts kinds."""

    PEOPLE = "people"
    EVENTS = "events"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind travels.

    `once`: the same actor and subject are told once and not again while that notice is kept, so
    that liking, taking it back and liking again rings once. `pushed`: it is sent by Web Push.
    `digested`: the mail digest names it; what has a letter of its own is not named twice.
    """

    group: Group
    once: bool = False
    pushed: bool = False
    digested: bool = True


WAYS: dict[Kind, Way] = {
    Kind.MENTION: Way(Group.PEOPLE, pushed=True),
    Kind.REPLY: Way(Group.PEOPLE, pushed=True),
    Kind.QUOTE: Way(Group.PEOPLE, pushed=True),
    Kind.REPOST: Way(Group.PEOPLE, once=True),
    Kind.LIKE: Way(Group.PEOPLE, once=True),
    Kind.FOLLOW: Way(Group.PEOPLE, once=True),
    Kind.EVENT_STARTS: Way(Group.EVENTS, pushed=True, digested=False),
    Kind.EVENT_MOVED: Way(Group.EVENTS, pushed=True, digested=False),
    Kind.EVENT_CANCELLED: Way(Group.EVENTS, pushed=True, digested=False),
    Kind.EVENT_BACK: Way(Group.EVENTS, pushed=True, digested=False),
    Kind.EVENT_REPLAY: Way(Group.EVENTS),
    Kind.MODERATION: Way(Group.SITE, pushed=True),
}


def kinds_of(group: Group) -> list[Kind]:
    """The kinds of a group."""
    return [kind for kind, way in WAYS.items() if way.group is group]

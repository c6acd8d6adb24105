"""Event cards: one form from the announcement to the replay, in posts, lists and on their page.

    cards_for(posts, request)   {post's id: Card} for posts that carry an event; one query for many
    card_of(event, request)     the card of one event, whose host and speakers are loaded

What is counted while it is live the card's script reads from the gate, which says the same to
everybody: a timeline asks the site for nothing more.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.db.models import BooleanField, Exists, OuterRef, Value
from django.http import HttpRequest
from django.utils import timezone, translation

from samvad.accounts.models import User
from samvad.events.lifecycle import State
from samvad.events.models import Event, Reminder, Speaker
from samvad.protocol.hls import page_path, state_path
from samvad.web import words
from samvad.web.reader import zone_of


class WithEvent(Protocol):
    """A post, as far as a card cares."""

    @property
    def pk(self) -> str: ...
    @property
    def event(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Card:
    """An event as one reader sees it. `phase` is its state, or "withheld" for one whose host is
    not served, which shows nothing but that. `here` is its time in the reader's zone, `there` the
    announced one where that differs; `at` is that moment. `reminded`: the reader has set a
    reminder."""

    event: Event
    phase: str
    names: list[str]
    speakers: str
    here: str
    there: str
    away: str
    url: str
    state_url: str
    at: dt.datetime | None
    reminded: bool
    mine: bool

    @property
    def remindable(self) -> bool:
        """A reminder makes sense."""
        return self.phase in (State.ANNOUNCED, State.DOORS) and self.event.starts_at is not None


def cards_for(posts: Iterable[WithEvent], request: HttpRequest) -> dict[str, Card]:
    """The cards of those posts that carry an event, by the post's id."""
    wanted = {post.pk: post.event for post in posts if post.event}
    if not wanted:
        return {}
    user = _reader(request)
    # Every event has its host's place: by way of the speakers one query brings all of it.
    rows = Speaker.objects.filter(event__in=set(wanted.values())).select_related("event__host")
    mine = Reminder.objects.filter(user=user, event=OuterRef("event")) if user else None
    reminded = Exists(mine) if mine is not None else Value(False, output_field=BooleanField())
    found: dict[str, tuple[Event, list[str], bool]] = {}
    for row in rows.annotate(reminded=reminded):
        found.setdefault(row.event_id, (row.event, [], row.reminded))[1].append(row.name)
    zone = zone_of(request)
    by_event = {
        pk: _card(event, names, zone, user, set_) for pk, (event, names, set_) in found.items()
    }
    return {post: by_event[event] for post, event in wanted.items() if event in by_event}


def card_of(event: Event, request: HttpRequest) -> Card:
    """The card of one event."""
    return cards([event], request)[0]


def cards(events: Sequence[Event], request: HttpRequest) -> list[Card]:
    """Cards of events whose host and speakers are loaded; one query more for a reader."""
    user = _reader(request)
    reminded: set[str] = set()
    if user is not None and events:
        mine = Reminder.objects.filter(user=user, event__in=[event.pk for event in events])
        reminded = set(mine.values_list("event_id", flat=True))
    zone = zone_of(request)
    return [
        _card(event, [s.name for s in event.speakers.all()], zone, user, event.pk in reminded)
        for event in events
    ]


def _reader(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _card(event: Event, names: list[str], zone: str, user: User | None, reminded: bool) -> Card:
    lang = translation.get_language() or "en"
    began = event.live_since if event.over or event.starts_at is None else None
    at = began or event.starts_at
    here, there = words.here_and_there(at, event.zone, zone, lang) if at else ("", "")
    now, gate = timezone.now(), settings.SAMVAD.gate_url()
    waits = event.life in (State.ANNOUNCED, State.DOORS) and at is not None and at > now
    return Card(
        event=event,
        phase="withheld" if event.withheld else event.state,
        names=names,
        speakers=words.joined(names, lang),
        here=here,
        there=there,
        away=words.until(at, now, lang) if waits and at is not None else "",
        url=f"{gate}{page_path(event.slug)}?lang={lang}",
        state_url=gate + state_path(event.pk),
        at=at,
        reminded=reminded,
        mine=user is not None and event.host_id == user.pk,
    )

"""Event cards: one form from the announcement to the replay, in posts, lists and on their page.

    cards_for(posts, request)   {post's id: Card} for posts that carry an event; 3 queries for many
    card_of(event, request)     the card of one event, whose host and speakers are loaded

What is counted while it is live the card's script reads from the gate, which says the same to
everybody: a timeline asks the site for nothing more.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation

from samvad.accounts.models import User
from samvad.events.lifecycle import State
from samvad.events.models import Event, Reminder
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
    events = Event.objects.filter(pk__in=set(wanted.values()))
    found = cards(list(events.select_related("host").prefetch_related("speakers")), request)
    by_event = {card.event.pk: card for card in found}
    return {post: by_event[event] for post, event in wanted.items() if event in by_event}


def card_of(event: Event, request: HttpRequest) -> Card:
    """The card of one event."""
    return cards([event], request)[0]


def cards(events: Sequence[Event], request: HttpRequest) -> list[Card]:
    """Cards of events whose host and speakers are loaded; one query more for a reader."""
    user = request.user if isinstance(request.user, User) else None
    reminded: set[str] = set()
    if user is not None and events:
        mine = Reminder.objects.filter(user=user, event__in=[event.pk for event in events])
        reminded = set(mine.values_list("event_id", flat=True))
    zone = zone_of(request)
    return [_card(event, zone, user, event.pk in reminded) for event in events]


def _card(event: Event, zone: str, user: User | None, reminded: bool) -> Card:
    lang = translation.get_language() or "en"
    began = event.live_since if event.over or event.starts_at is None else None
    at = began or event.starts_at
    here, there = words.here_and_there(at, event.zone, zone, lang) if at else ("", "")
    now, gate = timezone.now(), settings.SAMVAD.gate_url()
    waits = event.life in (State.ANNOUNCED, State.DOORS) and at is not None and at > now
    return Card(
        event=event,
        phase="withheld" if event.withheld else event.state,
        speakers=words.joined([s.name for s in event.speakers.all()], lang),
        here=here,
        there=there,
        away=words.until(at, now, lang) if waits and at is not None else "",
        url=f"{gate}{page_path(event.slug)}?lang={lang}",
        state_url=gate + state_path(event.pk),
        at=at,
        reminded=reminded,
        mine=user is not None and event.host_id == user.pk,
    )

"""One event as this gate knows it: its plan, its room, its media, its seats and line.

Holds no clock: `now` is monotonic seconds, `wall_ms` Unix milliseconds, a Moment both.
"""

import dataclasses
import random
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from samvad.base.clock import Moment
from samvad.gate import promise, serving, state
from samvad.gate.answers import Answer
from samvad.gate.door import Door, Terms, far_ms
from samvad.gate.figures import Seen
from samvad.gate.fresh import Fresh
from samvad.gate.house import House
from samvad.gate.http1 import Fields
from samvad.gate.ladder import BY, Standing
from samvad.gate.lines import Figure
from samvad.gate.live import LiveEvent, form_for
from samvad.gate.news import UNTIL_S, Look, News, listener_hold_s
from samvad.gate.pages import Page
from samvad.gate.place import Places
from samvad.gate.published import Published
from samvad.gate.state import OPEN, Counts, Situation, rounded, rung_json, situation_of
from samvad.protocol.hls import replay_path
from samvad.protocol.ladder import CLOSED, COARSE, FLOOR, LATER, LONG, PLAIN
from samvad.protocol.plan import EventPlan
from samvad.protocol.room import Phase, Replay, RoomState
from samvad.protocol.ticket import Tickets

WAITING = (Situation.ANNOUNCED, *OPEN)
COUNT_EVERY_S = 1.0
COARSE_EVERY_S = 5.0
SHUTTING = frozenset((CLOSED, FLOOR, LATER))
REDUCING = frozenset((FLOOR, LATER))
MARK_MS = 100
TERMS_MS = 50
"""So long the terms of the door are good for all who knock: no longer than a tick."""
KEPT_AFTER_END_S = 900.0
"""How long the window of an ended event stays, if the stage never says to forget it."""

Token = TypeVar("Token", bound=Hashable)


class Event(Generic[Token]):
    """`open_house` opens seats and line with a given number of seats, when first needed. `seats`:
    how many it has, on all machines."""

    def __init__(
        self,
        name: str,
        *,
        live: LiveEvent[Token],
        tickets: Tickets,
        published: Published,
        places: Places,
        pass_key: bytes,
        open_house: Callable[[int], House],
        low_latency_listeners: int,
    ) -> None:
        self.name = name
        self.live = live
        self.tickets, self._places, self.pass_key = tickets, places, pass_key
        self.published = published
        self.plan: EventPlan | None = None
        self.room: RoomState | None = None
        self.page = Page({})
        self._open_house = open_house
        self._house: House | None = None
        self._door: Door | None = None
        self.seats, self._joins_per_s = 0, 0.0
        self._certificate: dict[str, Any] | None = None
        self._low_latency_listeners = low_latency_listeners
        self._counts, self._counted = Counts(), float("-inf")
        self._state, self._serving = Fresh(self._make_state), Fresh(self._make_serving)
        self._terms: Terms | None = None
        self._terms_ms = self._marked_ms = self._promised_before_ms = 0
        self._ended_at: float | None = None
        self.news: News[Token] = News()
        self._mark = ""
        self._standing = Standing()
        self.refused = 0
        """Turned away by this process since the counts were made."""

    @property
    def house(self) -> House:
        """Seats and line, of as many seats as the plan says. Raises OSError."""
        if self._house is None:
            self._house = self._open_house(self.seats)
            self._follow()
        return self._house

    @property
    def door(self) -> Door:
        """The door. Raises OSError."""
        if self._door is None:
            self._door = Door(self.house, self.tickets, self._places)
        return self._door

    def terms(self, wall_ms: int) -> Terms:
        """What holds at the door now, TERMS_MS old at most; the house has the pace of it.
        Raises OSError."""
        terms = self._terms
        if terms is None or not 0 <= wall_ms - self._terms_ms < TERMS_MS:
            terms, self._terms_ms = self._terms_now(wall_ms), wall_ms
            self._terms = terms
        return terms

    def _terms_now(self, wall_ms: int) -> Terms:
        plan, house, situation = self.plan, self.house, self.situation(wall_ms)
        assert plan is not None
        closed = self._closed
        house.doors_open = situation in OPEN
        house.per_s = 0.0 if closed else self._joins_per_s
        return Terms(
            situation=situation,
            doors_ms=plan.doors_ms,
            shuffled=plan.door.way != "first_come",
            invited_only=plan.door.way == "invite",
            closed=closed,
            reduced=self._floor is not None,
        )

    def _stale(self) -> None:
        """What was made of plan, room, limits and rung is to be made anew."""
        self._state.stale()
        self._serving.stale()
        self._terms = None

    def is_open(self, wall_ms: int) -> bool:
        """Whether listeners may come in: the doors are open, or it is live."""
        return self.situation(wall_ms) in OPEN

    # -- the ladder -------------------------------------------------------------------------

    @property
    def _closed(self) -> bool:
        return not SHUTTING.isdisjoint(self._standing.effects)

    @property
    def _floor(self) -> int | None:
        """How many are kept, while a rung says so and the plan has declared it."""
        floor = self.plan.floor if self.plan is not None else 0
        reducing = floor and not REDUCING.isdisjoint(self._standing.effects)
        return floor if reducing else None

    @property
    def standing(self) -> Standing:
        """Which rung holds, as the board has it."""
        if self._house is None or self.plan is None:
            return Standing()
        figure, rungs = self._house.figure, self.plan.ladder
        n = min(figure(Figure.RUNG), len(rungs))
        return Standing(
            n,
            len(rungs),
            tuple(rung.effect for rung in rungs[:n]),
            figure(Figure.RUNG_SINCE_MS),
            BY[figure(Figure.RUNG_BY) % len(BY)],
        )

    def stand(self, standing: Standing, at: Moment) -> int | None:
        """What this event's climber has found: all gates will follow it. The Unix milliseconds
        for which the recording is promised, when that is new."""
        promised_ms = self.house.figure(Figure.PROMISE_MS)
        fresh_ms = None
        if LATER not in standing.effects:
            promised_ms = 0
        elif not promised_ms:
            assert self.plan is not None
            promised_ms = fresh_ms = promise.by_rung(self.plan, self.room, at.wall_ms)
        if standing != self.standing or promised_ms != self.house.figure(Figure.PROMISE_MS):
            self.house.stand(standing, promised_ms)
        self._follow()
        if self._floor is not None:
            self.house.reduce(at.now, self._floor)
        return fresh_ms

    def _follow(self) -> None:
        """Do as the rung on the board says."""
        standing = self.standing
        if standing == self._standing:
            return
        self._standing = standing
        self.live.stand(standing.effects)
        self._settle()

    def _settle(self) -> None:
        """Plan, limit or rung is another one."""
        self._stale()
        if self._house is not None:
            floor = self._floor
            self._house.set_seats(self.seats if floor is None else min(floor, self.seats))

    def tick(self, at: Moment) -> None:
        """Let the line move."""
        if self._house is not None and self.is_open(at.wall_ms):
            self._follow()
            self.terms(at.wall_ms)
            self._house.tick(at.now)

    def set_limits(
        self, seats: int, joins_per_s: float, certificate: dict[str, Any] | None
    ) -> None:
        """How many seats it has, how many may join a second, and what proves it."""
        if (seats, joins_per_s, certificate) == (self.seats, self._joins_per_s, self._certificate):
            return
        self.seats, self._joins_per_s, self._certificate = seats, joins_per_s, certificate
        self._counts = dataclasses.replace(self._counts, seats=seats)
        self._settle()

    def set_plan(self, plan: EventPlan) -> bool:
        """Take a plan unless it is older than the one there is."""
        if self.plan is not None and plan.revision < self.plan.revision:
            return False
        if self.plan is None or dict(plan.pages) != dict(self.plan.pages):
            self.page = Page(plan.pages)
        self.plan = plan
        self._settle()
        return True

    def set_room(self, room: RoomState, now: float) -> list[Token]:
        """Take the room's newest state; gives those whose waiting is over because it ended."""
        self.room = room
        self._stale()
        if room.phase is not Phase.ENDED or self._ended_at is not None:
            return []
        self._ended_at = now
        return self.live.end()

    def situation(self, wall_ms: int) -> Situation:
        """Where it is. An event without a plan has not been announced to anybody."""
        if self.plan is None:
            return Situation.ANNOUNCED
        return situation_of(self.plan, self.room, wall_ms)

    def outlived(self, now: float) -> bool:
        """Whether its window has been kept long enough after its end."""
        return self._ended_at is not None and now - self._ended_at > KEPT_AFTER_END_S

    def counts(self, at: Moment) -> Counts:
        """Counted at most once a second, over all gates of this machine."""
        # Another gate may have let people in before anybody has come to this one.
        every_s = COARSE_EVERY_S if COARSE in self._standing.effects else COUNT_EVERY_S
        due = at.now - self._counted >= every_s
        if due and (self._house is not None or self.is_open(at.wall_ms)):
            self._counted = at.now
            house = self.house
            listening = house.seats.listening(at.now)
            house.note_peak(listening)
            if self.refused:
                house.board.add(Figure.REFUSED, self.refused)
                self.refused = 0
            self._counts = Counts(
                listening,
                house.seats.held(at.now),
                self.seats,
                house.lines.waiting,
                house.figure(Figure.REFUSED),
                house.figure(Figure.PEAK),
                house.figure(Figure.JOINED),
            )
            self.live.form = form_for(listening, self._low_latency_listeners, self.live.form)
        return self._counts

    def seen(self, at: Moment) -> Seen:
        """For the console: what grows is exact, whatever the pages are told."""
        counts = self.counts(at)
        if self._house is not None:
            counts = dataclasses.replace(
                counts,
                in_line=self._house.lines.waiting,
                joined=self._house.figure(Figure.JOINED),
                refused=self._house.figure(Figure.REFUSED),
            )
        return Seen(counts, self._standing.n)

    def _told(self, counts: Counts) -> Counts:
        """What everybody is told of the counts: of all machines."""
        if self._house is not None:
            counts = self._house.with_others(counts)
        return rounded(counts) if COARSE in self._standing.effects else counts

    def _rung(self) -> dict[str, Any] | None:
        return rung_json(self._standing, self.plan.ladder) if self.plan is not None else None

    def _promised_ms(self) -> int | None:
        """For when the recording is promised: by a rung, or once it is over."""
        if self._house is not None:
            self._promised_before_ms = self._house.figure(Figure.PROMISE_MS)
        return self._promised_before_ms or promise.once_over(self.plan, self.room)

    def mark(self, wall_ms: int) -> str:
        """What all are told now, as serving.json and state.json have it; at most MARK_MS old."""
        if not 0 <= wall_ms - self._marked_ms < MARK_MS:
            self._marked_ms = wall_ms
            self._mark = serving.mark(
                self.situation(wall_ms), self._closed, self.room, self._rung(), self._promised_ms()
            )
        return self._mark

    def tell(self, at: Moment) -> dict[Token, bool]:
        """Those held for news who are to be answered now, and whether because a turn has come."""
        if not len(self.news):
            return {}
        reached = self._house.lines.reached() if self._house is not None else ()
        return self.news.take(at.now, self.mark(at.wall_ms), reached)

    def hold(self, look: Look, token: Token, at: Moment, listens: bool = False) -> bool:
        """Whether one who has seen that mark waits for news from now on: one in line, or one who
        `listens` and looks at state.json."""
        if self.plan is None or look.mark != self.mark(at.wall_ms):
            return False
        hold_s = self._listener_s(at.wall_ms) if listens else self._waiter_s(look, at.now)
        if hold_s is None:
            return False
        self.news.add(token, look, at.now, random.random(), hold_s)
        return True

    def _listener_s(self, wall_ms: int) -> float | None:
        on_air = self.situation(wall_ms) is Situation.LIVE
        return listener_hold_s(self.live.latency, self._counts.listening) if on_air else None

    def _waiter_s(self, look: Look, now: float) -> float | None:
        house = self._house
        if look.lane >= 0:
            come = house is not None and house.lines.reached_of(look.lane) >= look.number
            return None if come else UNTIL_S
        waits = (house.waiting, house.moves_per_s(now) > 0) if house is not None else (0, False)
        return look.hold_s(far_ms(*waits) / 1000)

    def replay(self, now: float) -> Replay | None:
        """The finished recording, once its file is there and may be had."""
        return None if self.withheld else self.published.replay(now)

    @property
    def withheld(self) -> bool:
        """Nothing of it is served now, its recording neither."""
        return self.plan is not None and self.plan.withheld

    def may_go_back(self, wall_ms: int) -> bool:
        """Whether listeners may go back to the beginning while it is live: on the first rungs,
        where requests are not what is scarce."""
        live = self.situation(wall_ms) is Situation.LIVE
        return live and set(self._standing.effects) <= {PLAIN, LONG}

    def state(self, fields: Fields, at: Moment) -> Answer | None:
        """state.json; None without a plan."""
        return self._state.answer(fields, at) if self.plan is not None else None

    def _make_state(self, at: Moment) -> bytes:
        assert self.plan is not None
        here = self.situation(at.wall_ms)
        replay = self.replay(at.now) if here is Situation.ENDED else None
        return state.as_json(
            self.plan,
            self.room,
            counts=self._told(self.counts(at)),
            rung=self._rung(),
            promise_ms=self._promised_ms() if replay is None else None,
            form=self.live.latency,
            lean=self.live.lean,
            certificate=self._certificate,
            replay=replay,
            back=self.may_go_back(at.wall_ms),
            captions=here is Situation.LIVE and self.published.captions.look(at.now),
            replay_path=replay_path(self.name),
            mark=self.mark(at.wall_ms),
            wall_ms=at.wall_ms,
        )

    def serving(self, fields: Fields, at: Moment) -> Answer | None:
        """serving.json; None without a plan."""
        return self._serving.answer(fields, at) if self.plan is not None else None

    def _make_serving(self, at: Moment) -> bytes:
        assert self.plan is not None
        situation = self.situation(at.wall_ms)
        return serving.as_json(
            self.plan,
            self.room,
            situation=situation,
            house=self.house if situation in WAITING else None,
            closed=self._closed,
            rung=self._rung(),
            promise_ms=self._promised_ms(),
            now=at.now,
            wall_ms=at.wall_ms,
        )

    def close(self) -> list[Token]:
        """Let go of media, seats and line; the plan stays, so that the page and the replay do."""
        if self._house is not None:
            self._house.remove()
            self._house = self._door = None
        self._ended_at = None if self._ended_at is None else float("inf")
        self._stale()
        return self.live.forget()

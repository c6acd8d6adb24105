"""One event as this gate knows it: its plan, its room, its media, its seats and line.

Holds no clock: `now` is monotonic seconds, `wall_ms` Unix milliseconds, a Moment both.
"""

import dataclasses
import random
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from samvad.base.clock import Moment
from samvad.gate import serving, state
from samvad.gate.answers import ANYWHERE, JSON, NO_SNIFF, Answer
from samvad.gate.door import Door, Terms, far_ms
from samvad.gate.figures import Seen
from samvad.gate.house import House
from samvad.gate.http1 import Fields
from samvad.gate.ladder import BY, Standing
from samvad.gate.lease import SUMMED
from samvad.gate.lines import Figure
from samvad.gate.live import LiveEvent
from samvad.gate.news import Look, News
from samvad.gate.pages import Page, Variants
from samvad.gate.place import Places
from samvad.gate.replay import ReplayFile
from samvad.gate.state import Counts, Situation, rounded, rung_json, situation_of
from samvad.protocol.hls import replay_path
from samvad.protocol.ladder import CLOSED, COARSE, FLOOR, LATER
from samvad.protocol.plan import PROMISE_MIN, EventPlan
from samvad.protocol.playlist import Form
from samvad.protocol.room import Phase, Replay, RoomState
from samvad.protocol.ticket import Tickets

OPEN = (Situation.DOORS, Situation.LIVE)
WAITING = (Situation.ANNOUNCED, *OPEN)
COUNT_EVERY_S = 1.0
COARSE_EVERY_S = 5.0
SHUTTING = frozenset((CLOSED, FLOOR, LATER))
REDUCING = frozenset((FLOOR, LATER))
HOUR_MS, QUARTER_MS = 3_600_000, 900_000
STATE_EVERY_MS = 1_000
MARK_MS = 100
KEPT_AFTER_END_S = 900.0
"""How long the window of an ended event stays, if the stage never says to forget it."""
BACK_TO_LOW = 0.8
"""LL-HLS comes back when the crowd is down to so much of its limit, so that it does not flap."""

_STATE_HEADERS = (JSON, ("Cache-Control", "public, max-age=1"), ANYWHERE, NO_SNIFF)

Token = TypeVar("Token", bound=Hashable)


def form_for(listening: int, limit: int, form: Form) -> Form:
    """The playlists' form for so many listeners; between the two bounds it stays as it is."""
    if listening > limit or limit == 0:
        return Form.PLAIN
    return Form.LOW if listening <= limit * BACK_TO_LOW else form


class Event(Generic[Token]):
    """`open_house` opens seats and line with a given number of seats; it is called when first
    needed."""

    def __init__(
        self,
        name: str,
        *,
        live: LiveEvent[Token],
        tickets: Tickets,
        replay: ReplayFile,
        places: Places,
        pass_key: bytes,
        open_house: Callable[[int], House],
        low_latency_listeners: int,
    ) -> None:
        self.name = name
        self.live = live
        self.tickets, self._places, self.pass_key = tickets, places, pass_key
        self.replay_file = replay
        self.plan: EventPlan | None = None
        self.room: RoomState | None = None
        self.page = Page({})
        self._open_house = open_house
        self._house: House | None = None
        self._door: Door | None = None
        self._limit, self._joins_per_s = 0, 0.0
        self._certificate: dict[str, Any] | None = None
        self._low_latency_listeners = low_latency_listeners
        self._counts = Counts()
        self._counted = float("-inf")
        self._state: Variants | None = None
        self._state_ms = 0
        self._serving: Variants | None = None
        self._serving_ms = 0
        self._ended_at: float | None = None
        self.news: News[Token] = News()
        self._mark = self._newest_mark = ""
        self._marked_ms = 0
        self._promised_before_ms = 0
        self._standing = Standing()
        self.refused = 0
        """Turned away by this process since the counts were made."""

    @property
    def house(self) -> House:
        """Seats and line, of as many seats as the plan says. Raises OSError."""
        if self._house is None:
            self._house = self._open_house(self._limit)
            self._follow()
        return self._house

    def door(self, at: Moment) -> Door:
        """The door, with the pace of now. Raises OSError."""
        if self._door is None:
            self._door = Door(self.house, self.tickets, self._places)
        self._set_pace(at)
        return self._door

    def _set_pace(self, at: Moment) -> None:
        house = self.house
        house.doors_open = self.is_open(at.wall_ms)
        house.per_s = 0.0 if self._closed else self._joins_per_s

    def terms(self, wall_ms: int) -> Terms:
        """What holds at the door now."""
        plan = self.plan
        assert plan is not None
        return Terms(
            situation=self.situation(wall_ms),
            doors_ms=plan.doors_ms,
            shuffled=plan.door.way != "first_come",
            invited_only=plan.door.way == "invite",
            closed=self._closed,
            reduced=self._floor is not None,
        )

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
            promised_ms = fresh_ms = self._promise_ms(at.wall_ms)
        if standing != self.standing or promised_ms != self.house.figure(Figure.PROMISE_MS):
            self.house.stand(standing, promised_ms)
        self._follow()
        if self._floor is not None:
            self.house.reduce(at.now, self._floor)
        return fresh_ms

    def _promise_ms(self, wall_ms: int) -> int:
        """The recording is there so long after the end; the end is taken to be an hour after
        the beginning, or after now, whichever is later. On the quarter of an hour."""
        plan = self.plan
        assert plan is not None
        began_ms = (self.room.live_since_ms if self.room else None) or plan.starts_ms or wall_ms
        ends_ms = max(began_ms, wall_ms) + HOUR_MS
        ready_ms = ends_ms + (plan.promise_min or PROMISE_MIN) * 60_000
        return -(-ready_ms // QUARTER_MS) * QUARTER_MS

    def _follow(self) -> None:
        """Do as the rung on the board says."""
        standing = self.standing
        if standing == self._standing:
            return
        self._standing = standing
        self.live.stand(standing.effects)
        self._set_limit()
        self._state = self._serving = None

    def _set_limit(self) -> None:
        if self._house is not None:
            floor = self._floor
            self._house.set_seats(self._limit if floor is None else min(floor, self._limit))

    def tick(self, at: Moment) -> None:
        """Let the line move."""
        if self._house is not None and self.is_open(at.wall_ms):
            self._follow()
            self._set_pace(at)
            self._house.tick(at.now)

    def set_limits(
        self, seats: int, joins_per_s: float, certificate: dict[str, Any] | None
    ) -> None:
        """How many seats it has, how many may join a second, and what proves it."""
        if (seats, joins_per_s, certificate) == (self._limit, self._joins_per_s, self._certificate):
            return
        self._limit, self._joins_per_s, self._certificate = seats, joins_per_s, certificate
        self._counts = dataclasses.replace(self._counts, seats=seats)
        self._set_limit()
        self._state = self._serving = None

    def set_plan(self, plan: EventPlan) -> bool:
        """Take a plan unless it is older than the one there is."""
        if self.plan is not None and plan.revision < self.plan.revision:
            return False
        if self.plan is None or dict(plan.pages) != dict(self.plan.pages):
            self.page = Page(plan.pages)
        self.plan = plan
        self._set_limit()
        self._state = self._serving = None
        return True

    def set_room(self, room: RoomState, now: float) -> list[Token]:
        """Take the room's newest state; gives those whose waiting is over because it ended."""
        self.room = room
        self._state = self._serving = None
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

    @property
    def seats(self) -> int:
        """How many the event has, on all machines."""
        return self._limit

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
                self._limit,
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
            others = self._house.others()
            counts = Counts(
                **{n: getattr(counts, n) + getattr(others, n) for n in SUMMED}, seats=counts.seats
            )
        return rounded(counts) if COARSE in self._standing.effects else counts

    def _rung(self) -> dict[str, Any] | None:
        return rung_json(self._standing, self.plan.ladder) if self.plan is not None else None

    def _promised_ms(self) -> int | None:
        """For when the recording is promised: by a rung, or once it is over."""
        if self._house is not None:
            self._promised_before_ms = self._house.figure(Figure.PROMISE_MS)
        plan, room = self.plan, self.room
        if self._promised_before_ms or plan is None or room is None:
            return self._promised_before_ms or None
        if room.live_since_ms is None or room.ended_ms is None:
            return None
        return room.ended_ms + (plan.promise_min or PROMISE_MIN) * 60_000

    def mark(self, wall_ms: int) -> str:
        """What all who wait are told now, as serving.json has it; at most MARK_MS old."""
        if not 0 <= wall_ms - self._marked_ms < MARK_MS:
            self._marked_ms = wall_ms
            self._newest_mark = serving.mark(
                self.situation(wall_ms), self._closed, self.room, self._rung(), self._promised_ms()
            )
        return self._newest_mark

    def tell(self, at: Moment) -> list[Token]:
        """Those held for news who are to be answered now."""
        if not len(self.news):
            return []
        mark = self.mark(at.wall_ms)
        if mark != self._mark:
            self._mark = mark
            self.news.changed()
        return self.news.take(at.now)

    def hold(self, look: Look, token: Token, at: Moment) -> bool:
        """Whether one who has seen that mark waits for news from now on."""
        if self.plan is None or look.mark != self.mark(at.wall_ms):
            return False
        if not len(self.news):
            self._mark = look.mark
        house = self._house
        waits = (house.waiting, house.moves_per_s(at.now) > 0) if house is not None else (0, False)
        self.news.add(token, at.now, random.random(), look.hold_s(far_ms(*waits) / 1000))
        return True

    def replay(self, now: float) -> Replay | None:
        """The finished recording, once its file is there; None while it is withheld."""
        return None if self.withheld else self.replay_file.look(now)

    @property
    def withheld(self) -> bool:
        """Nothing of it is served now, its recording neither."""
        return self.plan is not None and self.plan.withheld

    def state(self, fields: Fields, at: Moment) -> Answer | None:
        """state.json, made anew when something changed and at least each second."""
        if self.plan is None:
            return None
        if self._state is None or not 0 <= at.wall_ms - self._state_ms < STATE_EVERY_MS:
            over = self.situation(at.wall_ms) is Situation.ENDED
            replay = self.replay(at.now) if over else None
            body = state.as_json(
                self.plan,
                self.room,
                counts=self._told(self.counts(at)),
                rung=self._rung(),
                promise_ms=self._promised_ms() if replay is None else None,
                form=self.live.latency,
                lean=self.live.lean,
                certificate=self._certificate,
                replay=replay,
                replay_path=replay_path(self.name),
                wall_ms=at.wall_ms,
            )
            self._state, self._state_ms = Variants(body, _STATE_HEADERS), at.wall_ms
        return self._state.answer(fields)

    def serving(self, fields: Fields, at: Moment) -> Answer | None:
        """serving.json, made anew at least each second; None without a plan."""
        if self.plan is None:
            return None
        if self._serving is None or not 0 <= at.wall_ms - self._serving_ms < STATE_EVERY_MS:
            body = serving.as_json(
                self.plan,
                self.room,
                situation=self.situation(at.wall_ms),
                house=self.house if self.situation(at.wall_ms) in WAITING else None,
                closed=self._closed,
                rung=self._rung(),
                promise_ms=self._promised_ms(),
                now=at.now,
                wall_ms=at.wall_ms,
            )
            self._serving, self._serving_ms = Variants(body, _STATE_HEADERS), at.wall_ms
        return self._serving.answer(fields)

    def close(self) -> list[Token]:
        """Let go of media, seats and line; the plan stays, so that the page and the replay do."""
        if self._house is not None:
            self._house.remove()
            self._house = self._door = None
        self._ended_at = None if self._ended_at is None else float("inf")
        self._state = self._serving = None
        return self.live.forget()

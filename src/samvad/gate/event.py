"""One event as this gate knows it: its plan, its room, its media, its seats and line.

Holds no clock: `now` is monotonic seconds, `wall_ms` Unix milliseconds, a Moment both.
"""

import dataclasses
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from samvad.base.clock import Moment
from samvad.gate import serving, state
from samvad.gate.answers import ANYWHERE, JSON, NO_SNIFF, Answer
from samvad.gate.door import Door, Terms
from samvad.gate.house import House
from samvad.gate.http1 import Fields
from samvad.gate.lines import Figure
from samvad.gate.live import LiveEvent
from samvad.gate.pages import Page, Variants
from samvad.gate.place import Places
from samvad.gate.replay import ReplayFile
from samvad.gate.state import Counts, Situation, situation_of
from samvad.protocol.hls import replay_path
from samvad.protocol.plan import EventPlan
from samvad.protocol.playlist import Form
from samvad.protocol.room import Phase, Replay, RoomState
from samvad.protocol.ticket import Tickets

OPEN = (Situation.DOORS, Situation.LIVE)
WAITING = (Situation.ANNOUNCED, *OPEN)
COUNT_EVERY_S = 1.0
STATE_EVERY_MS = 1_000
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
    needed. `joins_per_s`: where the plan says nothing."""

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
        joins_per_s: int,
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
        self._limit, self._joins_per_s = 0, joins_per_s
        self._low_latency_listeners = low_latency_listeners
        self._counts = Counts()
        self._counted = float("-inf")
        self._state: Variants | None = None
        self._state_ms = 0
        self._serving: Variants | None = None
        self._serving_ms = 0
        self._ended_at: float | None = None

    @property
    def house(self) -> House:
        """Seats and line, of as many seats as the plan says. Raises OSError."""
        if self._house is None:
            self._house = self._open_house(self._limit)
        return self._house

    def door(self, at: Moment) -> Door:
        """The door, with the pace of now. Raises OSError."""
        if self._door is None:
            self._door = Door(self.house, self.tickets, self._places)
        self._set_pace(at)
        return self._door

    def _set_pace(self, at: Moment) -> None:
        house, plan = self.house, self.plan
        house.doors_open = self.situation(at.wall_ms) in OPEN
        house.per_s = float((plan.door.joins_per_s if plan else 0) or self._joins_per_s)

    def terms(self, wall_ms: int) -> Terms:
        """What holds at the door now."""
        plan = self.plan
        assert plan is not None
        return Terms(
            situation=self.situation(wall_ms),
            doors_ms=plan.doors_ms,
            shuffled=plan.door.way != "first_come",
            invited_only=plan.door.way == "invite",
        )

    def tick(self, at: Moment) -> None:
        """Let the line move."""
        if self._house is not None and self.situation(at.wall_ms) in OPEN:
            self._set_pace(at)
            self._house.tick(at.now)

    def set_plan(self, plan: EventPlan, seats: int) -> bool:
        """Take a plan unless it is older than the one there is. `seats`: as many as it has."""
        if self.plan is not None and plan.revision < self.plan.revision:
            return False
        if self.plan is None or dict(plan.pages) != dict(self.plan.pages):
            self.page = Page(plan.pages)
        self.plan = plan
        self._limit = seats
        self._counts = dataclasses.replace(self._counts, seats=seats)
        if self._house is not None:
            self._house.seats.set_limit(seats)
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

    def counts(self, at: Moment) -> Counts:
        """Counted at most once a second, over all gates of the machine."""
        # Another gate may have let people in before anybody has come to this one.
        open_now = self.situation(at.wall_ms) in OPEN
        if (open_now or self._house is not None) and at.now - self._counted >= COUNT_EVERY_S:
            self._counted = at.now
            house = self.house
            listening = house.seats.listening(at.now)
            house.note_peak(listening)
            self._counts = Counts(
                listening,
                house.seats.held(at.now),
                house.seats.limit,
                house.lines.waiting,
                house.figure(Figure.REFUSED),
                house.figure(Figure.PEAK),
                house.figure(Figure.JOINED),
            )
            self.live.form = form_for(listening, self._low_latency_listeners, self.live.form)
        return self._counts

    def replay(self, now: float) -> Replay | None:
        """The finished recording, once its file is there."""
        return self.replay_file.look(now)

    def state(self, fields: Fields, at: Moment) -> Answer | None:
        """state.json, made anew when something changed and at least each second."""
        if self.plan is None:
            return None
        if self._state is None or not 0 <= at.wall_ms - self._state_ms < STATE_EVERY_MS:
            over = self.situation(at.wall_ms) is Situation.ENDED
            body = state.as_json(
                self.plan,
                self.room,
                counts=self.counts(at),
                form=self.live.latency,
                lean=self.live.lean,
                replay=self.replay(at.now) if over else None,
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
                at=at,
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

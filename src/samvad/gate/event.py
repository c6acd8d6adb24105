"""One event as this gate knows it: its plan, its room, its media, its seats.

Holds no clock: `now` is monotonic seconds, `wall_ms` Unix milliseconds, a Moment both.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from samvad.base.clock import Moment
from samvad.gate import state
from samvad.gate.answers import ANYWHERE, JSON, NO_SNIFF, Answer
from samvad.gate.http1 import Fields
from samvad.gate.live import LiveEvent
from samvad.gate.pages import Page, Variants
from samvad.gate.replay import ReplayFile
from samvad.gate.seats import Seats
from samvad.gate.state import Counts, Situation, situation_of
from samvad.protocol.hls import replay_path
from samvad.protocol.plan import EventPlan
from samvad.protocol.playlist import Form
from samvad.protocol.room import Phase, Replay, RoomState
from samvad.protocol.ticket import Tickets

LISTENING_S = 12.0
"""Whoever fetched a playlist within so long is listening: six Target Durations."""
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
    """`open_seats` opens the shared table with a given limit; it is called when first needed."""

    def __init__(
        self,
        name: str,
        *,
        live: LiveEvent[Token],
        tickets: Tickets,
        replay: ReplayFile,
        open_seats: Callable[[int], Seats],
        low_latency_listeners: int,
    ) -> None:
        self.name = name
        self.live = live
        self.tickets = tickets
        self.replay_file = replay
        self.plan: EventPlan | None = None
        self.room: RoomState | None = None
        self.page = Page({})
        self._open_seats = open_seats
        self._seats: Seats | None = None
        self._limit = 0
        self._low_latency_listeners = low_latency_listeners
        self._counts = Counts()
        self._counted = float("-inf")
        self._state: Variants | None = None
        self._state_ms = 0
        self._ended_at: float | None = None

    @property
    def seats(self) -> Seats:
        """The seat table, of as many seats as the plan says. Raises OSError."""
        if self._seats is None:
            self._seats = self._open_seats(self._limit)
        return self._seats

    def set_plan(self, plan: EventPlan, seats: int) -> bool:
        """Take a plan unless it is older than the one there is. `seats`: as many as it has."""
        if self.plan is not None and plan.revision < self.plan.revision:
            return False
        if self.plan is None or dict(plan.pages) != dict(self.plan.pages):
            self.page = Page(plan.pages)
        self.plan = plan
        self._limit = seats
        self._counts = Counts(self._counts.listening, self._counts.admitted, seats)
        if self._seats is not None:
            self._seats.set_limit(seats)
        self._state = None
        return True

    def set_room(self, room: RoomState, now: float) -> list[Token]:
        """Take the room's newest state; gives those whose waiting is over because it ended."""
        self.room = room
        self._state = None
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
        open_now = self.situation(at.wall_ms) in (Situation.DOORS, Situation.LIVE)
        if (open_now or self._seats is not None) and at.now - self._counted >= COUNT_EVERY_S:
            self._counted = at.now
            seats = self.seats
            listening = seats.seen_within(at.now, LISTENING_S)
            self._counts = Counts(listening, seats.held(at.now), seats.limit)
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

    def close(self) -> list[Token]:
        """Let go of media and seats; the plan stays, so that the page and the replay do."""
        if self._seats is not None:
            self._seats.remove()
            self._seats = None
        self._ended_at = None if self._ended_at is None else float("inf")
        self._state = None
        return self.live.forget()

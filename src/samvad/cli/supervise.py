"""Who is to be started, asked to end, or killed, and when: the judgement of `samvad up`.

Pure: `now` is monotonic seconds, and what is to be done comes back as values. The driver that
does it is cli/children.py. A process that dies is started again after a delay that doubles
from 0.2 s to 10 s, and begins anew once it has answered for 30 s. At the end the groups are
ended one after the other, each within its grace; what has not ended by then is killed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FIRST_DELAY_S = 0.2
MOST_DELAY_S = 10.0
SOUND_AFTER_S = 30.0


class State(StrEnum):
    """Of one process."""

    WAITING = "waiting"  # to be started when its delay is over
    STARTING = "starting"  # runs, has not answered yet
    UP = "up"  # has answered
    ENDING = "ending"  # has been asked to end
    DOWN = "down"  # has ended and stays so


class Event(StrEnum):
    """What happens to one process."""

    START = "start"
    ANSWER = "answer"
    DIE = "die"
    END = "end"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.WAITING: {Event.START: State.STARTING, Event.END: State.DOWN},
    State.STARTING: {
        Event.ANSWER: State.UP,
        Event.DIE: State.WAITING,
        Event.END: State.ENDING,
    },
    State.UP: {Event.ANSWER: State.UP, Event.DIE: State.WAITING, Event.END: State.ENDING},
    State.ENDING: {Event.ANSWER: State.ENDING, Event.DIE: State.DOWN, Event.END: State.ENDING},
    State.DOWN: {Event.END: State.DOWN},
}


@dataclass(frozen=True, slots=True)
class Start:
    """Start this process now."""

    name: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask it to end (SIGTERM)."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End it (SIGKILL)."""

    name: str


@dataclass(frozen=True, slots=True)
class Died:
    """Worth saying: it ended unasked, with this status, and starts again in `delay_s`."""

    name: str
    status: int
    delay_s: float


Action = Start | Terminate | Kill | Died


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that are ended together. `grace_s`: how long before they are killed."""

    names: tuple[str, ...]
    grace_s: float


@dataclass(slots=True)
class _Process:
    state: State = State.WAITING
    due: float = 0.0
    up_since: float = 0.0
    deaths: int = 0  # in a row, without having been sound in between
    starts: int = 0

    def on(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]


def delay_s(deaths: int) -> float:
    """The pause before the next start, after `deaths` (at least 1) deaths in a row."""
    return min(FIRST_DELAY_S * 2.0 ** min(deaths - 1, 30), MOST_DELAY_S)


class Supervisor:
    """All processes of a site. `groups` stand in the order in which they are ended."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = tuple(groups)
        self._all = {name: _Process() for group in groups for name in group.names}
        self._ending: int | None = None  # index of the group being ended
        self._deadline = 0.0

    @property
    def ending(self) -> bool:
        return self._ending is not None

    def state(self, name: str) -> State:
        return self._all[name].state

    def starts(self, name: str) -> int:
        """How often it has been started."""
        return self._all[name].starts

    def all_up(self) -> bool:
        return all(p.state is State.UP for p in self._all.values())

    def all_down(self) -> bool:
        return all(p.state is State.DOWN for p in self._all.values())

    def tick(self, now: float) -> list[Action]:
        """What is due: starts whose delay is over; kills whose grace is."""
        if self._ending is not None:
            return self._end_next(now)
        return list(self._start_due(now))

    def answered(self, name: str, now: float) -> None:
        """It has answered for the first time since its start."""
        process = self._all[name]
        if process.state is State.STARTING:
            process.up_since = now
        if process.state is not State.DOWN and process.state is not State.WAITING:
            process.on(Event.ANSWER)

    def died(self, name: str, status: int, now: float) -> list[Action]:
        """It has ended. `status`: its exit status, or minus the signal that ended it."""
        process = self._all[name]
        was = process.state
        if was is State.UP and now - process.up_since >= SOUND_AFTER_S:
            process.deaths = 0
        process.on(Event.DIE)
        if self._ending is not None:
            process.state = State.DOWN  # no longer wanted, whether it was asked already or not
            return self._end_next(now)
        process.deaths += 1
        pause = delay_s(process.deaths)
        process.due = now + pause
        return [Died(name, status, pause)]

    def end(self, now: float) -> list[Action]:
        """End everything in order. Asked a second time: kill what is left."""
        if self._ending is not None:
            return self.kill()
        for process in self._all.values():
            if process.state is State.WAITING:
                process.on(Event.END)
        self._ending = 0
        return self._ask(now) + self._end_next(now)

    def kill(self) -> list[Action]:
        """End what still runs at once."""
        left = [n for n, p in self._all.items() if p.state not in (State.WAITING, State.DOWN)]
        for name in left:
            self._all[name].on(Event.END)
        return [Kill(name) for name in left]

    def next_due(self) -> float | None:
        """When `tick` has something to do; None when nothing is due by time."""
        if self._ending is not None:
            return None if self.all_down() else self._deadline
        return min((p.due for p in self._all.values() if p.state is State.WAITING), default=None)

    def _start_due(self, now: float) -> Iterable[Action]:
        for name, process in self._all.items():
            if process.state is State.WAITING and process.due <= now:
                process.on(Event.START)
                process.starts += 1
                yield Start(name)

    def _ask(self, now: float) -> list[Action]:
        assert self._ending is not None
        group = self._groups[self._ending]
        self._deadline = now + group.grace_s
        asked = [n for n in group.names if self._all[n].state in (State.STARTING, State.UP)]
        for name in asked:
            self._all[name].on(Event.END)
        return [Terminate(name) for name in asked]

    def _end_next(self, now: float) -> list[Action]:
        assert self._ending is not None
        actions: list[Action] = []
        while True:
            last = self._ending + 1 == len(self._groups)
            # With the last group's grace ends that of all: a kill is repeated until it takes.
            watched = tuple(self._all) if last else self._groups[self._ending].names
            left = [name for name in watched if self._all[name].state is not State.DOWN]
            if left and now < self._deadline:
                return actions
            actions += [Kill(name) for name in left]
            if last:
                self._deadline = now + 1.0
                return actions
            self._ending += 1
            actions += self._ask(now)

"""Quiet, surge or attack: what the machine is in, judged once a second. Pure.

A crowd raises demand, an attack raises harm; the two may come together. So a surge is judged by
how many come, an attack by how much of what is done is harm (behaviour.py, and gauges of
connections that only hold on), whatever the volume. `TRANSITIONS` is the whole machine;
hysteresis lies in how long a signal has to last.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from samvad.gate.behaviour import Kind


class State(StrEnum):
    QUIET = "quiet"
    SURGE = "surge"
    ATTACK = "attack"


class Signal(StrEnum):
    """What one second looks like."""

    CALM = "calm"
    CROWD = "crowd"
    HARM = "harm"


@dataclass(frozen=True, slots=True)
class Second:
    """One second of all gates of the machine: acts a second, and gauges at its end.

    `good`: requests that were answered, of sources that are not blamed. `harm`: acts by kind.
    `newcomers`: connections accepted. `unproven`: open for a while (guard.py UNPROVEN_S) without
    having proven anything; among them `silent`, without one whole request, and `stuck`, readers
    that take nothing. `knocks`: at doors, that showed nothing. `deep`: connections that are at a
    door's or a listener's objects.
    """

    now: float
    good: float = 0.0
    newcomers: float = 0.0
    harm: Mapping[Kind, float] = field(default_factory=dict)
    open: int = 0
    unproven: int = 0
    silent: int = 0
    stuck: int = 0
    knocks: float = 0.0
    deep: int = 0
    runs: float = 0.0
    """Connections that came for one thing and went at once."""

    @property
    def harm_per_s(self) -> float:
        return sum(self.harm.values())

    @property
    def hold_on(self) -> bool:
        """Whether too many connections do nothing else."""
        holding = self.silent + self.stuck
        few = HOLD_SHARE if holding < HOLD_MOST * self.unproven else HOLD_FEW
        return holding >= HOLD and holding >= few * self.open


@dataclass(frozen=True, slots=True)
class Judgement:
    """`since`: monotonic seconds. `kinds`: of harm since it began, the most of now first.
    `reason`: in words, for a log; `says` and `figures` are the same for pages in other languages.
    """

    state: State
    since: float
    kinds: tuple[Kind, ...] = ()
    says: str = "calm"
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return REASONS[self.says].format(**self.figures)


REASONS = {
    "calm": "Nothing unusual.",
    "crowd": "{newcomers:.0f} new connections a second, nearly all of people who come to listen.",
    "harm": "{harm:.0f} harmful acts a second, {share:.0%} of all that is done.",
    "silent": "{silent:.0f} connections send no request, {share:.0%} of all.",
    "stuck": "{stuck:.0f} connections take no answer, {share:.0%} of all.",
    "runs": "{runs:.0f} connections a second come for one thing and go at once.",
    "door": "{knocks:.0f} knocks at the door in ten seconds, of which next to nobody comes to wait "
    "or to listen.",
}

HARM_PER_S = 100.0
HARM_SHARE = 0.05
"""Harm is seen when so much is done a second, and so much of all: a crowd of a hundred thousand
has its odd clients too."""
HOLD = 300
HOLD_SHARE = 0.1
"""So many connections that only hold on, of sources of which nobody listens, and so much of all;"""
HOLD_FEW, HOLD_MOST = 0.015, 0.75
"""or so much of all, if they are nearly all that have proven nothing: where people come, a few have
bad lines beside many who read the page, and a browser's spare connection is beside another one."""
HELD_S = 2.0
"""A connection is counted as holding on when it has done so for so long (guard.py HOLDS_ON_S): such
harm needs no second look. Everything else is known when a second is over."""
DOOR_KNOCKS = 1_500.0
DOOR_COMES = 0.1
DOOR_S = 10.0
"""So many bare knocks within DOOR_S of which fewer than that share is there afterwards."""
RUNS_PER_S, RUNS_SHARE = 150.0, 0.5
"""So many connections that go at once a second, and so much of all that come: browsers keep
theirs. They came for the door if so much of them was knocks."""
CROWD_PER_S = 100.0

LASTS_S: Mapping[tuple[State, Signal], float] = {
    (State.QUIET, Signal.CROWD): 3.0,
    (State.QUIET, Signal.HARM): 2.0,
    (State.SURGE, Signal.CALM): 60.0,
    (State.SURGE, Signal.HARM): 2.0,
    (State.ATTACK, Signal.CALM): 30.0,
    (State.ATTACK, Signal.CROWD): 30.0,
}
TRANSITIONS: Mapping[tuple[State, Signal], State] = {
    (State.QUIET, Signal.CROWD): State.SURGE,
    (State.QUIET, Signal.HARM): State.ATTACK,
    (State.SURGE, Signal.CALM): State.QUIET,
    (State.SURGE, Signal.HARM): State.ATTACK,
    (State.ATTACK, Signal.CALM): State.QUIET,
    (State.ATTACK, Signal.CROWD): State.SURGE,
}
"""To go from a state to another, its signal has to last for LASTS_S. Harm ends every other wait,
and a gap of one second among harmful ones does not end theirs."""
GRACE_S = 1.5
_SAYS = {State.QUIET: Signal.CALM, State.SURGE: Signal.CROWD, State.ATTACK: Signal.HARM}


class Detector:
    """`step` once a second; whoever takes over from another begins in `state`."""

    def __init__(self, state: State = State.QUIET, since: float = 0.0) -> None:
        self._state, self._since = state, since
        self._signal_since: dict[Signal, float] = {}
        self._last_seen: dict[Signal, float] = {}
        self._knocks: deque[tuple[float, float]] = deque()
        self._told: dict[Signal, tuple[str, dict[str, float]]] = {}
        self._kinds: tuple[Kind, ...] = ()

    def step(self, second: Second) -> Judgement:
        now = second.now
        signal, says, figures, kinds = self._signal(second)
        if signal is Signal.HARM:
            # Soon after it is seen who did it is banned, and then all that is left is that.
            goes_on = self._state is State.ATTACK or Signal.HARM in self._signal_since
            self._kinds = tuple(dict.fromkeys((*kinds, *(self._kinds if goes_on else ()))))
        self._note(signal, now, HELD_S if says in ("silent", "stuck") else 1.0)
        goes = TRANSITIONS.get((self._state, signal))
        if goes is not None:
            lasts_s = LASTS_S[self._state, signal]
            # Who takes over, or sees calm after harm, counts from the last harm of all.
            began = self._signal_since[signal]
            if self._state is State.ATTACK:
                began = max(began, self._last_seen.get(Signal.HARM, began))
            if now - began >= lasts_s - 1e-6:
                self._state, self._since = goes, now
                self._signal_since.clear()
                if goes is not State.ATTACK:
                    self._kinds = ()
        self._told[signal] = says, figures
        says, figures = self._told.get(_SAYS[self._state], ("calm", {}))
        return Judgement(self._state, self._since, self._kinds, says, figures)

    def _note(self, signal: Signal, now: float, for_s: float) -> None:
        """`for_s`: how long it has gone on when it is first known."""
        self._last_seen[signal] = now
        for other in list(self._signal_since):
            gap_s = now - self._last_seen.get(other, now)
            if other is not signal and (other is not Signal.HARM or gap_s > GRACE_S):
                del self._signal_since[other]
        self._signal_since.setdefault(signal, now - for_s)

    def _signal(self, second: Second) -> tuple[Signal, str, dict[str, float], tuple[Kind, ...]]:
        self._knocks.append((second.now, second.knocks))
        while second.now - self._knocks[0][0] >= DOOR_S:
            self._knocks.popleft()
        knocks = sum(count for _, count in self._knocks)
        harm = second.harm_per_s
        share = harm / (harm + second.good) if harm else 0.0
        kinds = tuple(sorted(second.harm, key=lambda k: -second.harm[k]))
        if harm >= HARM_PER_S and share >= HARM_SHARE:
            return Signal.HARM, "harm", {"harm": harm, "share": share}, kinds
        if second.hold_on:
            share = 1 / max(1, second.open)
            if second.silent >= second.stuck:
                figures = {"silent": second.silent, "share": second.silent * share}
                return Signal.HARM, "silent", figures, (Kind.SLOW,)
            figures = {"stuck": second.stuck, "share": second.stuck * share}
            return Signal.HARM, "stuck", figures, (Kind.READERS,)
        if knocks >= DOOR_KNOCKS and second.deep < DOOR_COMES * knocks:
            return Signal.HARM, "door", {"knocks": knocks}, (Kind.DOOR,)
        if second.runs >= RUNS_PER_S and second.runs >= RUNS_SHARE * second.newcomers:
            came_for = Kind.DOOR if second.knocks >= RUNS_SHARE * second.runs else Kind.PAGES
            return Signal.HARM, "runs", {"runs": second.runs}, (came_for,)
        if second.newcomers >= CROWD_PER_S:
            return Signal.CROWD, "crowd", {"newcomers": second.newcomers}, ()
        return Signal.CALM, "calm", {}, ()

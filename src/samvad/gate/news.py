"""Held looks at serving.json and state.json: a word of the host or a rung reaches everybody within
a second, and a turn that comes reaches the one whose turn it is.

Who waits in a long line looks seldom (door.py FAR_MS), and a status line must not take so long.
So a look may name the mark of what it has seen (`?after=…`), and is held until the mark is
another one, or for some time. It may also name the lane and the number that the line is to reach
first (`&until=3.1200`): then it is held much longer, for nothing that matters can be missed.
That costs a waiting listener fewer looks, and the connection that was idle between two of them.

Pure: waiting parties are opaque tokens, `now` is monotonic seconds. A token waits for one thing
at a time, so there are never more than connections.
"""

import re
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from samvad.gate.turns import Turns
from samvad.protocol.passes import Lane
from samvad.protocol.playlist import Form

HOLD_SHARE = 7 / 8
"""Of the time between two ordinary looks; the page's pause is the rest. In the mean: a quarter
more or less by chance, so that a crowd that was answered together does not come back together
for ever."""
NEAR_S = 2.0
"""The same for one whose turn may come soon (`&near`), who wants to see the line move."""
UNTIL_S = 49.0
"""The same for one who hears of it when the line moves (`&until`), a tenth more or less: 44 to
54 s, for proxies give up after 60, and each round costs a look."""
LISTENERS_HOLD_S = {Form.PLAIN: 10.0, Form.LONG: 43.0}
"""The same for a listener's look at state.json, at most (with the quarter more 54 s; what is news
comes at once); by parts it is not held."""
LISTENERS_LEAST_S, LISTENERS_LOOKS_PER_S = 2.0, 500
"""On segments a small crowd looks more often, as often as costs next to nothing: the state also
says who speaks, and that is not to be ten seconds old without need."""
AT_ONCE = 2_000
"""Answers given in one go: a whole house answered together would keep the media waiting."""

_AFTER = re.compile(rb"after=([0-9a-f]{1,16})(?:(&near)|&until=([0-3])\.([0-9]{1,9}))?")

Token = TypeVar("Token", bound=Hashable)


class Look(NamedTuple):
    """A look by one who has seen the news of `mark`. `lane`, `number`: the turn it waits for;
    a lane of -1: none."""

    mark: str
    near: bool = False
    lane: int = -1
    number: int = 0

    def hold_s(self, far_s: float) -> float:
        """How long it is held if it names no turn; `far_s`: between two ordinary looks of
        somebody far back."""
        return min(NEAR_S, far_s) if self.near else far_s * HOLD_SHARE


def look(query: bytes) -> Look | None:
    """What a query asks to be held for; None for an ordinary look."""
    asked = _AFTER.fullmatch(query)
    if asked is None:
        return None
    mark, near, lane, number = asked.groups()
    if lane is None:
        return Look(mark.decode(), near is not None)
    return Look(mark.decode(), False, int(lane), int(number))


def listener_hold_s(form: Form, listening: int) -> float | None:
    """How long a look of one of so many listeners is held; None: not at all."""
    most_s = LISTENERS_HOLD_S.get(form)
    if form is not Form.PLAIN or most_s is None:
        return most_s
    return min(most_s, max(LISTENERS_LEAST_S, listening / LISTENERS_LOOKS_PER_S))


class _Held(NamedTuple):
    second: int
    lane: int
    number: int


class News(Generic[Token]):
    """Those who wait for the news of one event, in the order they came."""

    def __init__(self) -> None:
        self._held: dict[Token, _Held] = {}
        self._until: dict[int, dict[Token, None]] = {}
        """Who is held until which second."""
        self._turns = tuple(Turns[Token]() for _ in Lane)
        self._due: dict[Token, bool] = {}
        """Who is to be answered, and whether because a turn has come."""
        self._mark = ""

    def __len__(self) -> int:
        return len(self._held) + len(self._due)

    def add(self, token: Token, look: Look, now: float, chance: float, hold_s: float) -> None:
        """Hold `token`, who has seen the newest mark; `chance` is from 0 to 1."""
        if look.mark != self._mark:
            self._changed(look.mark)
        spread = 0.25 if look.lane < 0 else 0.1
        second = int(now + hold_s * (1 - spread + 2 * spread * chance)) + 1
        self._held[token] = _Held(second, look.lane, look.number)
        there = self._until.get(second)
        if there is None:
            self._until[second] = {token: None}
        else:
            there[token] = None
        if look.lane >= 0:
            self._turns[look.lane].add(token, look.number)

    def drop(self, token: Token) -> None:
        """Its asker is gone."""
        self._due.pop(token, None)
        self._let_go(token)

    def _let_go(self, token: Token) -> bool:
        held = self._held.pop(token, None)
        if held is None:
            return False
        self._until[held.second].pop(token, None)
        if held.lane >= 0:
            self._turns[held.lane].drop(token, held.number)
        return True

    def _changed(self, mark: str) -> None:
        """There is something new: all are to be answered."""
        self._mark = mark
        self._due.update(dict.fromkeys(self._held, False))
        self._held.clear()
        self._until.clear()
        for turns in self._turns:
            turns.clear()

    def take(self, now: float, mark: str, reached: Sequence[int] = ()) -> dict[Token, bool]:
        """Those to be answered now, AT_ONCE at most, each with whether a turn has come: first
        those for whom there is news (`mark` is not what they have seen), then those whose turn
        has come (`reached`: how far each lane is), then those who were held for long enough."""
        if mark != self._mark:
            self._changed(mark)
        for turns, number in zip(self._turns, reached, strict=False):
            for token in turns.reached(number):
                if self._let_go(token):
                    self._due[token] = True
        for second in [s for s in self._until if s <= now]:
            for token in list(self._until[second]):
                self._let_go(token)
                self._due[token] = False
            del self._until[second]
        if len(self._due) <= AT_ONCE:
            taken, self._due = self._due, {}
            return taken
        taken = dict(islice(self._due.items(), AT_ONCE))
        for token in taken:
            del self._due[token]
        return taken

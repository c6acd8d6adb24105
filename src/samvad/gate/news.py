"""Held looks at serving.json: a word of the host or a rung reaches all who wait within a second.

Who waits in a long line looks seldom (door.py FAR_MS), and a status line must not take so long.
So a look may name the mark of what it has seen (`?after=…`), and is held until the mark is
another one, or for nearly as long as one would have waited. That costs a waiting listener as
many looks as before, and the connection that was idle between two of them.

Pure: waiting parties are opaque tokens, `now` is monotonic seconds. A token waits for one thing
at a time, so there are never more than connections.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

HOLD_SHARE = 7 / 8
"""Of the time between two ordinary looks; the page's pause is the rest. In the mean: a quarter
more or less by chance, so that a crowd that was answered together does not come back together
for ever."""
NEAR_S = 2.0
"""The same for one whose turn may come soon (`&near`), who wants to see the line move."""
AT_ONCE = 2_000
"""Answers given in one go: a whole house answered together would keep the media waiting."""

_AFTER = re.compile(rb"after=([0-9a-f]{1,16})(&near)?")

Token = TypeVar("Token", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Look:
    """A look at serving.json by one who has seen the news of `mark`."""

    mark: str
    near: bool = False

    def hold_s(self, far_s: float) -> float:
        """How long it is held; `far_s`: between two ordinary looks of somebody far back."""
        return min(NEAR_S, far_s) if self.near else far_s * HOLD_SHARE


def look(query: bytes) -> Look | None:
    """What a query asks to be held for; None for an ordinary look."""
    asked = _AFTER.fullmatch(query)
    return Look(asked[1].decode(), asked[2] is not None) if asked else None


class News(Generic[Token]):
    """Those who wait for the news of one event, in the order they came."""

    def __init__(self) -> None:
        self._second_of: dict[Token, int] = {}
        self._until: dict[int, dict[Token, None]] = {}
        """Who is held until which second, in the order of the seconds."""
        self._due: dict[Token, None] = {}

    def __len__(self) -> int:
        return len(self._second_of) + len(self._due)

    def add(self, token: Token, now: float, chance: float, hold_s: float) -> None:
        """Hold `token`; `chance` is from 0 to 1."""
        second = int(now + hold_s * (0.75 + chance / 2)) + 1
        self._second_of[token] = second
        self._until.setdefault(second, {})[token] = None

    def drop(self, token: Token) -> None:
        second = self._second_of.pop(token, None)
        if second is not None:
            del self._until[second][token]
        self._due.pop(token, None)

    def changed(self) -> None:
        """There is something new: all are to be answered."""
        self._due.update(dict.fromkeys(self._second_of))
        self._second_of.clear()
        self._until.clear()

    def take(self, now: float) -> list[Token]:
        """Those to be answered now, AT_ONCE at most: first those for whom there is news, then
        those who were held for long enough."""
        for second in [s for s in self._until if s <= now]:
            over = self._until.pop(second)
            for token in over:
                del self._second_of[token]
            self._due.update(over)
        taken = list(islice(self._due, AT_ONCE))
        for token in taken:
            del self._due[token]
        return taken

"""Who wants to hear when a lane of the line has reached a number. Pure.

A held look (news.py) may name the number at which it is worth an answer. To hold one is an entry in
a table; to see that a lane has moved costs what there is to answer, not what is held.
"""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

_STALE = 64
"""Numbers nobody waits for any more that are kept beside the others, before they are let go."""

Token = TypeVar("Token", bound=Hashable)


class Turns(Generic[Token]):
    """Of one lane. A token waits for one number at a time."""

    def __init__(self) -> None:
        self._at: dict[int, dict[Token, None]] = {}
        self._order: list[int] = []
        """A heap of the numbers in `_at`, and of some that were."""

    def add(self, token: Token, number: int) -> None:
        tokens = self._at.get(number)
        if tokens is None:
            tokens = self._at[number] = {}
            heapq.heappush(self._order, number)
            if len(self._order) > 2 * len(self._at) + _STALE:
                self._order = sorted(self._at)
        tokens[token] = None

    def drop(self, token: Token, number: int) -> None:
        tokens = self._at.get(number)
        if tokens is not None:
            tokens.pop(token, None)
            if not tokens:
                del self._at[number]

    def reached(self, number: int) -> list[Token]:
        """Those who waited for this number or a lower one; they wait no more."""
        come: list[Token] = []
        order = self._order
        while order and order[0] <= number:
            come += self._at.pop(heapq.heappop(order), ())
        return come

    def clear(self) -> None:
        self._at.clear()
        self._order.clear()

"""One object for all who ask, made at most once a second and anew when something has changed."""

from collections.abc import Callable

from samvad.base.clock import Moment
from samvad.gate.answers import ANYWHERE, JSON, NO_SNIFF, Answer
from samvad.gate.http1 import Fields
from samvad.gate.pages import Variants

EVERY_MS = 1_000
_HEADERS = (JSON, ("Cache-Control", "public, max-age=1"), ANYWHERE, NO_SNIFF)


class Fresh:
    """`make` gives the JSON as it is at a moment."""

    __slots__ = ("_made", "_made_ms", "_make")

    def __init__(self, make: Callable[[Moment], bytes]) -> None:
        self._make = make
        self._made: Variants | None = None
        self._made_ms = 0

    def stale(self) -> None:
        """What it says has changed."""
        self._made = None

    def answer(self, fields: Fields, at: Moment) -> Answer:
        made = self._made
        if made is None or not 0 <= at.wall_ms - self._made_ms < EVERY_MS:
            made = self._made = Variants(self._make(at), _HEADERS)
            self._made_ms = at.wall_ms
        return made.answer(fields)

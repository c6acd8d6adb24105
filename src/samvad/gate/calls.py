"""Those who were called and those who came: how many more to expect, and how fast it goes. Pure.

Nobody is remembered, only how many of each second's calls have come. `now` and `called_at` are
monotonic seconds; when a number was called is known from the line's own history.
"""

from dataclasses import dataclass

APPEAR_S = 30
"""Whoever was called longer ago and has not come is absent. Pages look every few seconds."""
MEASURE_S = 60
"""Over so many seconds the rate of admission is measured."""
_CAUTION = 50.0
"""So many imagined calls, all of which were answered: the first few say little."""
_MEMORY = 5_000.0
"""Of so many calls the share of those who come is remembered: the crowd changes its mind."""


@dataclass(slots=True)
class _Called:
    """One second's calls, and how many of them have come so far."""

    called: int = 0
    came: int = 0


class Calls:
    """The last minute of a line, and the share of those called that come."""

    def __init__(self) -> None:
        self._calls: dict[int, _Called] = {}
        self._admitted: dict[int, int] = {}
        self._began: float | None = None
        self._called = self._came = _CAUTION

    def called(self, now: float, count: int) -> None:
        """So many numbers may come in from now on."""
        self._forget(now)
        self._calls.setdefault(int(now), _Called()).called += count

    def came(self, called_at: float, count: int = 1) -> None:
        """So many of those called then have come, whether there was a seat at once or not."""
        second = self._calls.get(int(called_at))
        if second is not None:  # else they were taken for absent already
            second.came = min(second.called, second.came + count)

    def admitted(self, now: float, count: int = 1) -> None:
        """So many have got a seat, in whatever way."""
        self._forget(now)
        if self._began is None:
            self._began = now
        self._admitted[int(now)] = self._admitted.get(int(now), 0) + count

    def _forget(self, now: float) -> None:
        # Both are in the order of time: the oldest stand first.
        for at in [at for at in self._calls if at < now - APPEAR_S]:
            over = self._calls.pop(at)
            self._called += over.called
            self._came += over.came
            if self._called > _MEMORY:
                self._came *= _MEMORY / self._called
                self._called = _MEMORY
        for at in [at for at in self._admitted if at < now - MEASURE_S]:
            del self._admitted[at]

    @property
    def shows(self) -> float:
        """The share (0 to 1) of those called that comes."""
        return self._came / self._called

    def expected(self, now: float) -> float:
        """How many of those called are still to come."""
        self._forget(now)
        shows = self.shows
        return sum(max(0.0, s.called * shows - s.came) for s in self._calls.values())

    def per_s(self, now: float) -> float:
        """Admissions a second, measured over the last minute; 0.0 before the first."""
        self._forget(now)
        if self._began is None:
            return 0.0
        over = min(float(MEASURE_S), max(1.0, now - self._began))
        return sum(self._admitted.values()) / over

"""Clocks that move only when told to."""


class FakeClock:
    """A `samvad.base.clock.Clock` whose time is in the test's hand.

    Both times move together by `advance`; `step_wall_ms` moves only the wall clock, as an
    administrator or NTP does.
    """

    def __init__(self, now: float = 1_000.0, wall_ms: int = 1_790_000_000_000) -> None:
        self._now = now
        self._wall_ms = float(wall_ms)

    def now(self) -> float:
        return self._now

    def wall_ms(self) -> int:
        return int(self._wall_ms)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("monotonic time does not go back")
        self._now += seconds
        self._wall_ms += seconds * 1000

    def step_wall_ms(self, by_ms: int) -> None:
        self._wall_ms += by_ms

"""Two clocks with two names. Media time is the third, and is counted in samples, never read.

Pure modules take `now` (monotonic seconds) or `wall_ms` (Unix milliseconds) as arguments;
only drivers hold a `Clock`. Tests hold a `FakeClock` (tests/kit).
"""

import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks: monotonic seconds and Unix milliseconds."""

    now: float
    wall_ms: int


class Clock(Protocol):
    """Where a driver reads time."""

    def now(self) -> float:
        """Monotonic seconds; comparable between processes of one machine (CLOCK_MONOTONIC)."""

    def wall_ms(self) -> int:
        """Unix time in whole milliseconds, UTC."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

"""When a listener would hear what: a player's buffer without a loudspeaker. Pure.

`now` is monotonic seconds, `wall_ms` Unix milliseconds; media arrive with their duration and
the wall clock of their first sample (EXT-X-PROGRAM-DATE-TIME). The player starts once
`start_after_s` of media lie in its buffer, plays at real speed, stalls when the buffer is dry
and starts again by the same rule. It does not catch up: what a stall costs stays as latency.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

_EPSILON_S = 0.001  # durations in playlists are rounded to the millisecond or so


class Playing(StrEnum):
    """What the player is doing."""

    BUFFERING = "buffering"  # has not played yet
    PLAYING = "playing"
    STALLED = "stalled"
    DONE = "done"  # the stream has ended and all of it has been played


@dataclass(frozen=True, slots=True)
class _Held:
    """One piece of media. `audible_s`: where in it the first audible sample is."""

    duration_s: float
    wall_ms: float
    audible_s: float | None


class PlayerClock:
    """One listener's ears. Counts what it played, its stalls, and when sound first came."""

    def __init__(self, start_after_s: float) -> None:
        self.start_after_s = start_after_s
        self.state = Playing.BUFFERING
        self.stalls = 0
        self.played_s = 0.0
        self.started_at: float | None = None
        self.first_sound_at: float | None = None
        self._stalled_s = 0.0
        self._stalled_since = 0.0
        self._held: deque[_Held] = deque()
        self._buffered_s = 0.0
        self._position_s = 0.0  # in the first piece held
        self._at = 0.0
        self._complete = False

    @property
    def buffered_s(self) -> float:
        """How much lies in the buffer, not yet played."""
        return self._buffered_s

    def stalled_s(self, now: float) -> float:
        """Seconds of silence in the middle, the present stall's included."""
        ongoing = now - self._stalled_since if self.state is Playing.STALLED else 0.0
        return self._stalled_s + ongoing

    def latency_ms(self, wall_ms: float) -> float | None:
        """Age of the sample that plays now; None while nothing plays."""
        if self.state is not Playing.PLAYING or not self._held:
            return None
        return wall_ms - (self._held[0].wall_ms + self._position_s * 1000)

    def add(self, now: float, duration_s: float, wall_ms: float, audible_s: float | None) -> None:
        """Media have arrived and follow what lies in the buffer."""
        self.advance(now)
        self._held.append(_Held(duration_s, wall_ms, audible_s))
        self._buffered_s += duration_s
        self._start_if_enough(now)

    def end_of_stream(self, now: float) -> None:
        """Nothing more will come; what lies in the buffer is played to its end."""
        self.advance(now)
        self._complete = True
        if self.state is not Playing.PLAYING and not self._held:
            if self.state is Playing.STALLED:
                self._stalled_s += now - self._stalled_since
            self.state = Playing.DONE
        self._start_if_enough(now)

    def advance(self, now: float) -> None:
        """Play until `now`."""
        passed, began = now - self._at, self._at
        self._at = now
        if self.state is not Playing.PLAYING:
            return
        left = min(passed, self._buffered_s)
        dry_at = began + self._buffered_s
        self.played_s += left
        self._buffered_s -= left
        while self._held:
            first = self._held[0]
            step = min(left, first.duration_s - self._position_s)
            self._hear(first, began, step)
            left -= step
            began += step
            self._position_s += step
            if first.duration_s - self._position_s > 1e-9:
                break
            self._held.popleft()
            self._position_s = 0.0
        if not self._held:
            self._buffered_s = 0.0
            self._dry(dry_at)

    def _hear(self, piece: _Held, began: float, step: float) -> None:
        audible = piece.audible_s
        if self.first_sound_at is None and audible is not None:
            ahead = max(0.0, audible - self._position_s)
            if ahead < step:
                self.first_sound_at = began + ahead

    def _dry(self, at: float) -> None:
        if self._complete:
            self.state = Playing.DONE
        else:
            self.state = Playing.STALLED
            self.stalls += 1
            self._stalled_since = at

    def _start_if_enough(self, now: float) -> None:
        enough = self._buffered_s >= self.start_after_s - _EPSILON_S or self._complete
        if self.state not in (Playing.BUFFERING, Playing.STALLED) or not self._held or not enough:
            return
        if self.state is Playing.STALLED:
            self._stalled_s += now - self._stalled_since
        else:
            self.started_at = now
        self.state = Playing.PLAYING

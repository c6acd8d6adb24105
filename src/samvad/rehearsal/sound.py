"""A light listener's sound: a clock that runs dry when media are not complete in time. Pure.

It plays from the first piece on; the media it joined with are its buffer. A stall begins when
the clock is dry and ends with the next complete piece; what it cost stays as latency.
"""

from samvad.rehearsal.tally import Tally

NEVER = float("inf")


class Sound:
    """`dry_at`: when what has been fetched will have been played; NEVER while nothing plays."""

    __slots__ = ("_anew", "_ever", "_stalled", "_tally", "dry_at")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._stalled = self._anew = self._ever = False
        self.dry_at = NEVER

    def rejoin(self) -> None:
        """The next piece is not the one after the last: what lies in the buffer is dropped
        when it comes. Until then it plays on."""
        self._anew = True

    def add(self, now: float, duration_s: float) -> None:
        """A piece is complete."""
        tally = self._tally
        if self.dry_at == NEVER:
            tally.playing_now += 1
            self.dry_at = now
        elif now > self.dry_at:
            if not self._stalled:
                self._stall()
            self._stalled = False
            tally.stalled_now -= 1
            tally.playing_now += 1
            tally.stalled_s += now - self.dry_at
            self.dry_at = now
        elif self._anew:
            self.dry_at = now
        self._anew = False
        self.dry_at += duration_s
        tally.segments += 1
        tally.media_s += duration_s

    def look(self, now: float) -> None:
        """Notice a stall while it lasts (it is counted in any case when it is over)."""
        if now > self.dry_at and not self._stalled:
            self._stall()

    def _stall(self) -> None:
        self._stalled = True
        self._tally.stalls += 1
        self._tally.stalled_listeners += not self._ever
        self._ever = True
        self._tally.stalled_now += 1
        self._tally.playing_now -= 1

    def end(self, now: float) -> None:
        """It is not listened to any more."""
        if self.dry_at == NEVER:
            return
        if self._stalled:
            self._tally.stalled_now -= 1
            self._tally.stalled_s += now - self.dry_at
        else:
            self._tally.playing_now -= 1
        self.dry_at, self._stalled, self._anew = NEVER, False, False

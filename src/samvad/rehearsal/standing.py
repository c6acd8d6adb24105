"""What a light listener notices of the line while it stands in it, and of the door. Pure."""

from samvad.rehearsal.place import Place
from samvad.rehearsal.tally import HONEST_S, Tally
from samvad.rehearsal.verdict import Said, Verdict

NEVER = float("inf")
TURNED_AWAY = ("full", "closed", "invite")


class Standing:
    """`place`: the one it holds, if any. `inside`: whether it has been let in before."""

    __slots__ = ("_estimate", "_joined_at", "_tally", "_turned_away", "inside", "place")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.place: Place | None = None
        self.inside = self._turned_away = False
        self._joined_at = NEVER
        self._estimate: tuple[float, float] | None = None  # when the door said how long

    def knocked(self, verdict: Verdict) -> None:
        """The door has answered."""
        refused = verdict.said is Said.REFUSE and verdict.reason in TURNED_AWAY
        away = refused and not self.inside
        self._tally.turned_away_now += away - self._turned_away
        self._turned_away = away

    def line_up(self, place: Place, now: float) -> None:
        """It waits: at the place it had, or at a new one."""
        tally, before = self._tally, self.place
        tally.waited += 1
        if before is None:
            tally.queued += 1
            tally.in_line_now += 1
            self._joined_at = now
        if place.final and (before is None or not before.final):
            tally.number(place.lane, place.number)
        elif before is not None and before.final:
            moved = (place.lane, place.number) != (before.lane, before.number)
            tally.renumbered += moved
        if self._estimate is None and place.estimate_s is not None:
            self._estimate = now, place.estimate_s
        self.place = place

    def let_in(self, now: float) -> float:
        """It comes in; seconds it had stood in line."""
        tally, waited_s = self._tally, 0.0
        tally.admitted += 1
        tally.came_in += not self.inside
        self.inside = True
        if self.place is not None and self._joined_at < NEVER:
            waited_s = now - self._joined_at
            tally.moved_up += 1
            tally.in_line.add(waited_s)
            self._judge(now)
        self.lose()
        return waited_s

    def lose(self) -> None:
        """It has no place any more."""
        self._tally.in_line_now -= self.place is not None
        self.place, self._joined_at, self._estimate = None, NEVER, None

    def away(self, gone: bool) -> None:
        """It is cut off; `gone` for good. Its place is kept for it otherwise."""
        self._tally.in_line_now -= self.place is not None
        if gone:
            self.place = None

    def back(self) -> None:
        self._tally.in_line_now += self.place is not None

    def end(self, now: float) -> None:
        """The trial is over. What was said of the wait may be wrong by now, whatever comes."""
        if self._estimate is not None and now - sum(self._estimate) > HONEST_S:
            self._judge(now)

    def _judge(self, now: float) -> None:
        if self._estimate is not None:
            told_at, said_s = self._estimate
            self._tally.waited_for(said_s, now - told_at)

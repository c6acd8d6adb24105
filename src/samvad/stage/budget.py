"""How often one may try at the stage. Pure; `now` is monotonic seconds.

A good token always passes, whatever else comes from the same address: nobody locks a speaker out
by being wrong beside them. What is counted by source is tokens that are wrong, and by speaker how
often a session is begun.
"""

from collections import OrderedDict

WRONG_MOST, WRONG_PER_S = 30, 0.5
"""Wrong tokens of a source: so many at once, then one in two seconds is looked at."""
BEGIN_MOST, BEGIN_PER_S = 200, 1.0
"""Sessions one speaker begins: a bad network makes some; a loop that went wrong makes many."""
KEPT = 4_096


class Budget:
    """Token buckets by name; the ones that were used longest ago are forgotten, which forgives."""

    def __init__(self, most: float, per_s: float) -> None:
        self._most, self._per_s = most, per_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, name: str, now: float) -> bool:
        """Whether there is one left; it is gone then."""
        left, at = self._left.pop(name, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        good = left >= 1.0
        self._left[name] = (left - 1.0 if good else left), now
        while len(self._left) > KEPT:
            self._left.popitem(last=False)
        return good


class Budgets:
    """The stage's: of sources that are wrong, of speakers that begin."""

    def __init__(self) -> None:
        self.wrong = Budget(WRONG_MOST, WRONG_PER_S)
        self.begins = Budget(BEGIN_MOST, BEGIN_PER_S)

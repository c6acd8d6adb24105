"""Durations in logarithmic buckets: exact counts, values to within 1/32. Pure.

Below 64 µs a bucket is one microsecond wide; above, each power of two has 32 buckets, so a
percentile is never more than 3.2 % above the true one and never below it. Histograms of many
processes add up to the histogram of all they counted (G. Tene's HdrHistogram does the same).
"""

import math
from collections.abc import Iterable

BUCKETS = 896
"""Up to 2**32 µs, 71 minutes; longer ones lie in the last bucket."""
_LAST = BUCKETS - 1


def bucket_of(us: int) -> int:
    """The bucket of a duration in whole microseconds."""
    if us < 64:
        return max(us, 0)
    shift = us.bit_length() - 6
    return min((shift << 5) + (us >> shift), _LAST)


def upper_us(bucket: int) -> int:
    """The longest duration of a bucket, in microseconds."""
    if bucket < 64:
        return bucket
    shift = (bucket >> 5) - 1
    return ((bucket - (shift << 5) + 1) << shift) - 1


class Histogram:
    """`total`: how many durations; `longest_us`: the longest one, exactly."""

    __slots__ = ("_counts", "longest_us", "total")

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self.total = 0
        self.longest_us = 0

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a duration; a negative one counts as 0."""
        us = int(seconds * 1e6)
        if us < 64:
            self._counts[us if us > 0 else 0] += count
        else:
            shift = us.bit_length() - 6
            bucket = (shift << 5) + (us >> shift)
            self._counts[bucket if bucket < BUCKETS else _LAST] += count
        self.total += count
        if us > self.longest_us:  # noqa: PLR1730 (half the cost of max, a million times)
            self.longest_us = us

    def merge(self, other: "Histogram") -> None:
        """Take in all that `other` counted."""
        for bucket, count in enumerate(other._counts):
            if count:
                self._counts[bucket] += count
        self.total += other.total
        self.longest_us = max(self.longest_us, other.longest_us)

    def since(self, before: "Histogram") -> "Histogram":
        """What was counted after `before`, an earlier state of this one.

        Its longest is known to the bucket only, unless it is the longest of all.
        """
        late = Histogram()
        for bucket, count in enumerate(self._counts):
            more = count - before._counts[bucket]
            if more:
                late._counts[bucket] = more
                late.total += more
                late.longest_us = min(upper_us(bucket), self.longest_us)
        return late

    def percentile(self, share: float) -> float:
        """Seconds within which `share` (0 to 1) of the durations lie; 0.0 when there are none."""
        rank = max(1, math.ceil(share * self.total))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                us = self.longest_us if bucket == _LAST else upper_us(bucket)
                return min(us, self.longest_us) / 1e6
        return 0.0

    def over(self, seconds: float) -> int:
        """How many lie in buckets wholly above `seconds`."""
        return sum(self._counts[bucket_of(int(seconds * 1e6)) + 1 :])

    def as_json(self) -> list[list[int]]:
        """[[longest in µs], [bucket, count], …], only buckets that hold something."""
        filled = [[b, c] for b, c in enumerate(self._counts) if c]
        return [[self.longest_us], *filled]

    @classmethod
    def from_json(cls, data: Iterable[list[int]]) -> "Histogram":
        """The inverse of `as_json`. Raises ValueError or IndexError on another form."""
        made = cls()
        rows = iter(data)
        (made.longest_us,) = next(rows)
        for bucket, count in rows:
            if not 0 <= bucket < BUCKETS or count < 0:
                raise ValueError(f"no bucket {bucket} with {count}")
            made._counts[bucket] += count
            made.total += count
        return made

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and self._counts == other._counts
            and self.longest_us == other.longest_us
        )

    __hash__ = None  # type: ignore[assignment]

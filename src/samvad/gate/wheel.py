"""Deadlines of many connections, cheaply.

To postpone a deadline is one assignment (`item.deadline = …`): the item stays in the bucket it
is in and is looked at again when that bucket's turn comes. So a busy connection costs the
wheel one look per bucket, not one operation per request. Pure; time is an argument.
"""

from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """`deadline`: monotonic seconds. `bucket`: the wheel's own note, 0 when in no bucket."""

    deadline: float
    bucket: int

    def __hash__(self) -> int: ...


T = TypeVar("T", bound=Timed)


class Wheel(Generic[T]):
    """`grain_s`: how late a deadline may be noticed."""

    def __init__(self, grain_s: float = 0.5) -> None:
        self._grain_s = grain_s
        self._buckets: dict[int, set[T]] = {}
        self._turned = 0

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def set(self, item: T, deadline: float) -> None:
        """Give `item` a deadline, earlier or later than the one it has."""
        item.deadline = deadline
        bucket = max(int(deadline / self._grain_s) + 1, self._turned + 1)
        if item.bucket and item.bucket <= bucket:
            return  # it is looked at in time
        if item.bucket:
            self.drop(item)
        item.bucket = bucket
        there = self._buckets.get(bucket)
        if there is None:
            self._buckets[bucket] = {item}
        else:
            there.add(item)

    def drop(self, item: T) -> None:
        """Forget `item`."""
        if item.bucket:
            bucket = self._buckets.get(item.bucket)
            if bucket is not None:
                bucket.discard(item)
            item.bucket = 0

    def due(self, now: float) -> list[T]:
        """Items whose deadline has come; they are in no bucket any more."""
        late: list[T] = []
        until = int(now / self._grain_s)
        if not self._turned:
            self._turned = min([until, *(b - 1 for b in self._buckets)])
        while self._turned < until:
            self._turned += 1
            for item in self._buckets.pop(self._turned, ()):
                item.bucket = 0
                if item.deadline <= now:
                    late.append(item)
                else:
                    self.set(item, item.deadline)
        return late

"""A network in memory: packets go in at one time and come out at others, or not at all."""

import heapq
import random
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class MemoryLink(Generic[T]):
    """Loses, delays, reorders and doubles as told; the same `seed` does the same again.

    `loss` and `double` are shares of packets; `delay_s` is the fixed part and `jitter_s` the
    random part (evenly spread) of the way. `stalls` are (from, until) times: what is sent
    in between arrives in one burst when it is over.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    seed: int = 1
    jitter_s: float = 0.0
    double: float = 0.0
    stalls: tuple[tuple[float, float], ...] = ()
    _random: random.Random = field(init=False)
    _under_way: list[tuple[float, int, T]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def send(self, now: float, packet: T) -> None:
        if self._random.random() < self.loss:
            return
        copies = 2 if self._random.random() < self.double else 1
        for _ in range(copies):
            at = now + self.delay_s + self._random.random() * self.jitter_s
            for begin, end in self.stalls:
                if begin <= now < end:
                    at = max(at, end)
            self._count += 1
            heapq.heappush(self._under_way, (at, self._count, packet))

    def receive(self, now: float) -> list[T]:
        """What has arrived by now, in the order of arrival."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now:
            arrived.append(heapq.heappop(self._under_way)[2])
        return arrived

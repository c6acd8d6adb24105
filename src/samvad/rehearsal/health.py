"""What the generator notices about itself: whether it, and not the server, was the limit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from samvad.rehearsal.histogram import Histogram

LATE_P99_S = 0.05
"""A generator that acts later than this, in one case of a hundred, measures itself."""
BUSY = 0.97
"""So does one that has no more of its core to give."""
WAIT_S = 0.005
"""And one that waits so long for a processor in each turn, because something else runs there."""

_NUMBERS = ("cpu_s", "wall_s", "waited_s", "starved", "lines", "memory_kb")


@dataclass
class Health:
    """`late`: from when something was to be done to when it was. `turn`: how long a turn of
    the loop took; an answer is noticed at most so much too late. `cpu_s` of `wall_s` seconds.
    `waited_s`: ready to run while others had the processor (0.0 where the kernel does not
    tell). `starved`: connections that this machine's own limits did not allow. `lines`: open
    now.
    """

    late: Histogram = field(default_factory=Histogram)
    turn: Histogram = field(default_factory=Histogram)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    waited_s: float = 0.0
    starved: int = 0
    lines: int = 0
    memory_kb: int = 0

    def merge(self, other: "Health") -> None:
        """Add a shard's, which ran at the same time."""
        self.late.merge(other.late)
        self.turn.merge(other.turn)
        self.cpu_s += other.cpu_s
        self.wall_s = max(self.wall_s, other.wall_s)
        self.waited_s += other.waited_s
        self.starved += other.starved
        self.lines += other.lines
        self.memory_kb += other.memory_kb

    def since(self, before: "Health") -> "Health":
        return Health(
            self.late.since(before.late),
            self.turn.since(before.turn),
            self.cpu_s - before.cpu_s,
            self.wall_s - before.wall_s,
            self.waited_s - before.waited_s,
            self.starved - before.starved,
            self.lines,
            self.memory_kb,
        )

    def complaints(
        self, cores: int, late_s: float = LATE_P99_S, wait_s: float = WAIT_S
    ) -> list[str]:
        """Why its figures are its own and not the server's; empty when they are the server's.

        `cores`: how many the shards had together. `late_s` and `wait_s`: what is still no matter.
        """
        found: list[str] = []
        late = self.late.percentile(0.99)
        if late > late_s:
            found.append(f"the generator itself was late: p99 {late * 1000:.0f} ms")
        if self.wall_s and self.cpu_s > BUSY * cores * self.wall_s:
            found.append("the generator had no more of its processor to give")
        waited_s = self.waited_s / max(self.turn.total, 1)
        if waited_s > wait_s:
            found.append(f"the generator waited {waited_s * 1000:.0f} ms a turn for a processor")
        if self.starved:
            found.append(f"{self.starved} connections were beyond this machine's own limits")
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "late": self.late.as_json(),
            "turn": self.turn.as_json(),
            "cpu_s": self.cpu_s,
            "wall_s": self.wall_s,
            "waited_s": self.waited_s,
            "starved": self.starved,
            "lines": self.lines,
            "memory_kb": self.memory_kb,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Health":
        """The inverse of `as_json`. Raises KeyError or ValueError on another form."""
        return cls(
            Histogram.from_json(data["late"]),
            Histogram.from_json(data["turn"]),
            *(data[key] for key in _NUMBERS),
        )

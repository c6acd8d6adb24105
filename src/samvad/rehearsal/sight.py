"""What can be seen of the server from outside, once a second. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sight:
    """What was seen last; None: nothing. `cpu_s`, `bytes_`: totals so far. `rung`: of the
    ladder, 0 when nothing is given up. `seats`, `listening`, `in_line`: as the server says."""

    rung: int = 0
    seats: int | None = None
    listening: int | None = None
    in_line: int | None = None
    cpu_s: float | None = None
    bytes_: float | None = None
    connections: float | None = None

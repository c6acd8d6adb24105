"""When a crowd comes, and who of it is cut off in between: fixed beforehand, by a seed. Pure.

Open load: these times hold whatever the server does. Times are seconds from the beginning of
the trial, as arrays of doubles (a crowd of a million is 8 MB).
"""

from array import array
from collections.abc import Iterable
from enum import StrEnum
from random import Random

NEVER = float("inf")


class Shape(StrEnum):
    """How a crowd comes."""

    AT_ONCE = "at-once"
    UNIFORM = "uniform"
    POISSON = "poisson"


def arrivals(count: int, over_s: float, shape: Shape, seed: int = 0) -> "array[float]":
    """`count` arrival times in [0, `over_s`), in order.

    UNIFORM: evenly spaced. POISSON: a Poisson process of which it is known that it brings
    `count`; its times are then `count` independent uniform ones, put in order (D. R. Cox and
    P. A. W. Lewis, The Statistical Analysis of Series of Events, 1966, section 2.1).
    """
    if count < 0 or not 0 <= over_s < NEVER:
        raise ValueError(f"{count} arrivals over {over_s} s")
    if shape is Shape.AT_ONCE or over_s < 1e-9:  # below it, rounding reaches the end
        return array("d", bytes(8 * count))
    if shape is Shape.UNIFORM:
        return array("d", (i * over_s / count for i in range(count)))
    chance = Random(f"arrivals {seed}").random
    return array("d", sorted(chance() * over_s for _ in range(count)))


def in_waves(
    waves: Iterable[tuple[int, float, float]], shape: Shape, seed: int = 0
) -> "array[float]":
    """Arrival times of several waves together, in order: each brings `count` listeners from
    `from_s` on, over `over_s` seconds."""
    times: list[float] = []
    for number, (count, from_s, over_s) in enumerate(waves):
        times += (from_s + at for at in arrivals(count, over_s, shape, seed + number))
    return array("d", sorted(times))


def drops(count: int, share: float, from_s: float, to_s: float, seed: int = 0) -> "array[float]":
    """For each listener when it is cut off (a tunnel, a lift): about `share` of them, at a time
    in [`from_s`, `to_s`); NEVER for the others."""
    if not 0 <= share <= 1 or not 0 <= from_s <= to_s:
        raise ValueError(f"{share} of {count} dropped in {from_s} to {to_s} s")
    chance = Random(f"drops {seed}").random
    draw = ((chance(), chance()) for _ in range(count))
    return array("d", (from_s + at * (to_s - from_s) if is_ < share else NEVER for is_, at in draw))


def share_of(times: "array[float]", shard: int, shards: int) -> "array[float]":
    """The part of a schedule that shard number `shard` of `shards` has to keep."""
    return times[shard::shards]

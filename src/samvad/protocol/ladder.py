"""The ladder as data: what is given up when the crowd is too much, in what order, and when.

A plan carries the rungs, the gates climb them (gate/ladder.py), the host wrote or chose them
before. Speakers and the recording are not on it: no effect can touch them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LANGUAGES = ("en", "gu", "hi")

PLAIN, LONG, LEAN_NEW, LEAN_ALL = "plain", "long", "lean_new", "lean_all"
COARSE, CLOSED, FLOOR, LATER = "coarse", "closed", "floor", "later"

EFFECTS = (PLAIN, LONG, LEAN_NEW, LEAN_ALL, COARSE, CLOSED, FLOOR, LATER)
"""In the order in which they may follow each other; a ladder may leave some out.

    plain      plain HLS with segments of 1.92 s in place of LL-HLS
    long       segments of 5.76 s: a third of the requests
    lean_new   new listeners get the Opus rendition only
    lean_all   all listeners do
    coarse     counts are rounded and five seconds old
    closed     the door gives no new seats; places in the line are kept
    floor      listeners are reduced to the plan's floor, the newest and anonymous first
    later      nobody beyond the floor; the recording is promised for a time of day
"""

METRICS: Mapping[str, float] = {
    "seats": 1.0,
    "cpu": 1.0,
    "mbit": 1e9,
    "p99_ms": 600_000.0,
    "attack": 1.0,
}
"""What a rung may be triggered by, with its highest sensible threshold: the share of seats in
use, the share of a core the busiest gate process uses, what all gates send (Mbit/s), the 99th
percentile of the time a request waits in the gate (one stall that does not come again is left
out), and 1 while an attack is seen."""

SAYS_MAX = 280
"""Letters of the host's own words for a rung."""
TIME_MAX_S = 3600.0


class LadderError(ValueError):
    """A ladder that cannot be used; says which rung and why."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step down. It is climbed when any metric of `over` was at or above its threshold for
    `after_s` on end, and left when all of `under` were below theirs for `back_after_s`.

    An empty `over` means: by the host's or operator's order only. `says` holds the host's own
    words by language; a language without any gets the page's standard words.
    """

    effect: str
    over: Mapping[str, float] = field(default_factory=dict)
    under: Mapping[str, float] = field(default_factory=dict)
    after_s: float = 5.0
    back_after_s: float = 60.0
    says: Mapping[str, str] = field(default_factory=dict)


def check(rungs: tuple[Rung, ...]) -> None:
    """Raises LadderError unless the gates can climb these rungs."""
    last = -1
    for n, rung in enumerate(rungs, start=1):
        where = f"rung {n}"
        if rung.effect not in EFFECTS:
            raise LadderError(f"{where}: {rung.effect!r} is none of {', '.join(EFFECTS)}")
        where = f"rung {n} ({rung.effect})"
        place = EFFECTS.index(rung.effect)
        if place <= last:
            raise LadderError(f"{where}: the order of effects is {', '.join(EFFECTS)}")
        last = place
        for name, thresholds in (("over", rung.over), ("under", rung.under)):
            for metric, threshold in thresholds.items():
                if metric not in METRICS:
                    raise LadderError(
                        f"{where}: {name} names {metric!r}, not one of {', '.join(METRICS)}"
                    )
                if not 0 <= threshold <= METRICS[metric]:
                    raise LadderError(
                        f"{where}: {name}.{metric} is not from 0 to {METRICS[metric]:g}"
                    )
        for metric in rung.over:
            # They may be equal: "attack" is 0 or 1, at or above 1 while seen, below it after.
            if rung.under.get(metric, math.inf) > rung.over[metric]:
                raise LadderError(f"{where}: under.{metric} must be given, and not above over's")
        for name, seconds in (("after_s", rung.after_s), ("back_after_s", rung.back_after_s)):
            if not 1 <= seconds <= TIME_MAX_S:
                raise LadderError(f"{where}: {name} is not from 1 to {TIME_MAX_S:g} seconds")
        for language, text in rung.says.items():
            if language not in LANGUAGES or len(text) > SAYS_MAX:
                raise LadderError(
                    f"{where}: says holds {', '.join(LANGUAGES)}, at most {SAYS_MAX} letters each"
                )


def read(data: object) -> tuple[Rung, ...]:
    """Rungs from plain JSON values: a list of objects with Rung's fields. Raises LadderError.

    Unknown keys are ignored, so that an older version reads a newer one's plan.
    """
    if not isinstance(data, Iterable) or isinstance(data, str | bytes | Mapping):
        raise LadderError("a ladder is a list of rungs")
    rungs = tuple(_rung(n, item) for n, item in enumerate(data, start=1))
    check(rungs)
    return rungs


def _rung(n: int, item: object) -> Rung:
    if not isinstance(item, Mapping):
        raise LadderError(f"rung {n} is not an object")
    says = item.get("says", {})
    if not isinstance(says, Mapping) or not all(isinstance(v, str) for v in says.values()):
        raise LadderError(f"rung {n}: says is not an object of texts")
    return Rung(
        effect=str(item.get("effect", "")),
        over=_thresholds(n, "over", item.get("over", {})),
        under=_thresholds(n, "under", item.get("under", {})),
        after_s=_number(n, "after_s", item.get("after_s", 5.0)),
        back_after_s=_number(n, "back_after_s", item.get("back_after_s", 60.0)),
        says={str(k): v for k, v in says.items()},
    )


def _thresholds(n: int, name: str, value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise LadderError(f"rung {n}: {name} is not an object of thresholds")
    return {str(k): _number(n, f"{name}.{k}", v) for k, v in value.items()}


def _number(n: int, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LadderError(f"rung {n}: {name} is not a number")
    return float(value)


def _step(effect: str, cpu: float, p99_ms: float, after_s: float, back_after_s: float) -> Rung:
    """A rung climbed for the gates' sake: left again at two thirds of the CPU, half the wait."""
    return Rung(
        effect,
        {"cpu": cpu, "p99_ms": p99_ms},
        {"cpu": round(cpu * 2 / 3, 2), "p99_ms": p99_ms / 2},
        after_s,
        back_after_s,
    )


def _with(rung: Rung, metric: str, over: float, under: float) -> Rung:
    return Rung(
        rung.effect,
        {**rung.over, metric: over},
        {**rung.under, metric: under},
        rung.after_s,
        rung.back_after_s,
    )


STANDARD = (
    _step(PLAIN, 0.60, 250, 5, 60),
    _step(LONG, 0.70, 400, 5, 60),
    _step(LEAN_NEW, 0.75, 600, 5, 90),
    _step(LEAN_ALL, 0.80, 800, 10, 120),
    _with(_step(COARSE, 0.85, 1_000, 5, 60), "attack", 1, 1),
    _step(CLOSED, 0.90, 1_500, 10, 60),
    _step(FLOOR, 0.97, 3_000, 20, 120),
    Rung(LATER, after_s=30, back_after_s=120),
)
"""Gives up latency first, then bit rate, then newcomers; reduces only when gates choke, and
leaves the last rung to people."""

GENTLE = (
    _step(PLAIN, 0.75, 500, 10, 30),
    _step(LONG, 0.85, 1_000, 10, 45),
    _step(LEAN_NEW, 0.90, 1_500, 10, 60),
    _step(COARSE, 0.92, 2_000, 10, 60),
    _step(CLOSED, 0.95, 3_000, 20, 60),
    Rung(FLOOR, after_s=30, back_after_s=120),
    Rung(LATER, after_s=30, back_after_s=120),
)
"""Keeps latency and sound as long as it can; nobody is put out but by an order."""

STRICT = (
    _with(_step(PLAIN, 0.45, 150, 3, 120), "seats", 0.5, 0.4),
    _with(_step(LONG, 0.55, 250, 3, 120), "seats", 0.75, 0.6),
    _with(_step(LEAN_NEW, 0.60, 400, 3, 180), "seats", 0.9, 0.8),
    _step(LEAN_ALL, 0.70, 600, 5, 180),
    _with(_step(COARSE, 0.75, 800, 3, 120), "attack", 1, 1),
    _with(_step(CLOSED, 0.80, 1_000, 5, 120), "attack", 1, 1),
    _step(FLOOR, 0.90, 2_000, 10, 180),
    _step(LATER, 0.98, 6_000, 60, 300),
)
"""Steps down early, with the seats as well as with the load, and back late."""

PRESETS: Mapping[str, tuple[Rung, ...]] = {
    "gentle": GENTLE,
    "standard": STANDARD,
    "strict": STRICT,
}
DEFAULT_LADDER = STANDARD

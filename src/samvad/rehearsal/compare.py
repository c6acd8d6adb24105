"""Two results beside each other: what is better, what is worse, and what is noise. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from samvad.base.errors import PlainError

NOISE = 0.25
"""Changes of figures within so much of each other are noise on a shared machine."""

_LESS_IS_BETTER = (
    ("First sound p50, ms", ("first_sound_ms", "p50"), 50.0),
    ("First sound p99, ms", ("first_sound_ms", "p99"), 100.0),
    ("Wait in line p50, ms", ("wait_ms", "p50"), 2000.0),
    ("Stalls per listener-hour", ("stalls_per_listener_hour",), 0.1),
    ("Errors", ("errors",), 5.0),
    ("Refused", ("refused",), 5.0),
)
_MORE_IS_BETTER = (
    ("Playing at the peak", ("playing_peak",), 5.0),
    ("Seats proven", ("proven", "seats"), 5.0),
    ("Joins/s proven", ("proven", "joins_per_s"), 5.0),
)


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    says: str
    worse: bool = False


def read(text: bytes) -> dict[str, Any]:
    """A result's file. Raises PlainError."""
    try:
        told = json.loads(text)
        if told["schema"] != 1 or told["verdict"] not in ("kept", "broken"):
            raise ValueError("another form")
    except (ValueError, KeyError, TypeError) as error:
        raise PlainError(
            f"That is no result of a rehearsal: {error}.", "Give two files of --json."
        ) from None
    found: dict[str, Any] = told
    return found


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Line]:
    """A line for each figure; first what makes the two hard to compare."""
    found = []
    for name, path in (
        ("Scenario", ("scenario", "name")),
        ("Listeners", ("scenario", "listeners")),
        ("Version", ("version",)),
        ("Machine", ("machine", "cpu")),
    ):
        a, b = _at(before, path), _at(after, path)
        found.append(Line(name, f"{a} → {b}" if a != b else str(a)))
    worse = before["verdict"] == "kept" and after["verdict"] == "broken"
    found.append(Line("Verdict", f"{before['verdict']:>12}  {after['verdict']:>12}", worse))
    for rows, sign in ((_LESS_IS_BETTER, 1), (_MORE_IS_BETTER, -1)):
        for name, path, least in rows:
            a, b = float(_at(before, path)), float(_at(after, path))
            change = (b - a) * sign
            word = ""
            if abs(change) > max(least, NOISE * max(abs(a), abs(b))):
                word = "worse" if change > 0 else "better"
            found.append(Line(name, f"{a:12,.1f}  {b:12,.1f}  {word}".rstrip(), word == "worse"))
    was = {f["name"] for f in before["findings"] if not f["kept"]}
    new = [f for f in after["findings"] if not f["kept"] and f["name"] not in was]
    found += [Line("Newly broken", f["says"], True) for f in new]
    return found


def _at(told: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        told = told[name]
    return told

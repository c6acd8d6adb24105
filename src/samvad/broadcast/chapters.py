"""Chapters: where the host marked one, else where it paused or another began to speak. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from samvad.broadcast.measure import Measure
from samvad.broadcast.timeline import PART_MS

PAUSE_PARTS = 3
"""About two seconds of silence are a pause."""
SILENT = 1e-5
"""K-weighted mean square below which a part is silent: -50 LUFS."""
SHORTEST_MS = 180_000
MOST = 24
TITLE_MAX = 120


@dataclass(frozen=True, slots=True)
class Chapter:
    """`at_ms` in recorded time. `why`: "start", "mark", "pause", "speaker" or "host"."""

    at_ms: int
    title: str
    why: str


def turns(measures: Sequence[Measure | None]) -> list[tuple[int, int, str]]:
    """(first part, end, speaker id) of who speaks most, part by part, joined; "" for nobody."""
    found: list[tuple[int, int, str]] = []
    for i, one in enumerate(measures):
        speaks = {who: n for who, n in one.speaks.items() if n >= 4} if one else {}
        who = max(speaks, key=lambda w: speaks[w]) if speaks else ""
        if found and found[-1][2] == who:
            found[-1] = (found[-1][0], i + 1, who)
        else:
            found.append((i, i + 1, who))
    return found


def suggest(
    measures: Sequence[Measure | None],
    marks: Sequence[tuple[int, str]],
    names: Mapping[str, str],
) -> list[Chapter]:
    """Chapters of a recording. `marks`: (recorded ms, title) by the host; they are all kept.

    Pauses and speakers fill in where there is no mark, never closer than three minutes (or a
    24th of the whole) to another.
    """
    length = len(measures) * PART_MS
    if not length:
        return []
    apart = max(SHORTEST_MS, length // MOST)
    chosen = {0: Chapter(0, _name_at(measures, 0, names), "start")}
    for at, title in marks:
        at_ms = min(max(0, at), length)
        chosen[at_ms] = Chapter(at_ms, title[:TITLE_MAX], "mark")
    for at_ms, why in _candidates(measures, names):
        near = min(abs(at_ms - other) for other in chosen)
        if near >= apart and length - at_ms >= apart // 2:
            title = _name_at(measures, at_ms // PART_MS, names)
            chosen[at_ms] = Chapter(at_ms, title, why)
    return [chosen[at] for at in sorted(chosen)]


def _candidates(
    measures: Sequence[Measure | None], names: Mapping[str, str]
) -> list[tuple[int, str]]:
    """Best first: the longest pauses, then where a long turn begins."""
    pauses: list[tuple[int, int]] = []
    silent = 0
    for i, one in enumerate(measures):
        quiet = one is not None and max(one.energies) < SILENT
        if not quiet and silent >= PAUSE_PARTS:
            pauses.append((silent, i))
        silent = silent + 1 if quiet else 0
    pauses.sort(reverse=True)
    found = [(i * PART_MS, "pause") for _, i in pauses[: 4 * MOST]]
    speaking = [t for t in turns(measures) if t[2]]
    longest = sorted(
        (b for a, b in pairwise(speaking) if a[2] != b[2]),
        key=lambda t: t[0] - t[1],
    )
    return found + [(first * PART_MS, "speaker") for first, _, _ in longest[: 4 * MOST]]


def _name_at(measures: Sequence[Measure | None], part: int, names: Mapping[str, str]) -> str:
    """Who speaks most in the half minute from there."""
    count: dict[str, int] = {}
    for one in measures[part : part + 47]:
        for who, ticks in one.speaks.items() if one else ():
            count[who] = count.get(who, 0) + ticks
    return names.get(max(count, key=lambda w: count[w]), "") if count else ""

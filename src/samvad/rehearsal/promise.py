"""What "kept" means: bounds as data, figures in, findings out. Pure.

A promise is kept when every finding is. Each says in one sentence what was found, for somebody
who is no engineer; the figures stand beside it.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from samvad.base.errors import PlainError
from samvad.rehearsal.health import Health


@dataclass(frozen=True, slots=True)
class Promise:
    """Bounds; shares are of 1.

    `errors`: of the requests of any one kind (page, door, media, …) that may fail. `late`: of
    the answers that may take more than a second. `pauses`: how often the server may stand still
    for about a second or more. `first_sound_s`: within which 99 of 100 hear
    something, from their arrival (or from being let in, when they stood in line). `stalls`: of
    listeners whose sound may stop once or more. `lost`: media lost to a listener for good, per
    listener-hour. `stale`: of the playlists that may have stood still. `misled`: of those in
    line, whom the door told a wrong wait. `playing`: of those let in, who must hear something.
    `refused`: of those who came, who may find no
    seat and no place in line. `seats`: seats of the event; 0: as state.json says. `heard`: of
    the full listeners, who must have heard it whole. `behind_s`: how old what they hear
    may be. `own_late_s`: how late the generator itself may be in one case of a hundred before
    its figures count as its own.
    """

    errors: float = 0.002
    late: float = 0.01
    pauses: int = 1
    first_sound_s: float = 5.0
    stalls: float = 0.01
    lost: float = 1.0
    stale: float = 0.01
    misled: float = 0.05
    playing: float = 0.97
    refused: float = 0.0
    seats: int = 0
    heard: float = 0.98
    behind_s: float = 30.0
    own_late_s: float = 0.1

    def complaints(self, health: Health, cores: int) -> list[str]:
        """Of the generator. A tenth of a second makes no answer later than a second; what it
        waits for a processor in each turn comes on top, so of that less is allowed."""
        return health.complaints(cores, self.own_late_s, self.own_late_s / 10)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Promise":
        """From a scenario's [promise]. Raises PlainError for what is none of ours."""
        known = {f.name: f for f in dataclasses.fields(cls)}
        for name, value in data.items():
            if name not in known:
                raise PlainError(
                    f"[promise] knows no {name!r}.", f"It knows {', '.join(sorted(known))}."
                )
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise PlainError(f"[promise] {name} is not a number from 0 on.")
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Finding:
    """`name`: which promise; `says`: one sentence; `figure` and `bound` in its unit."""

    name: str
    kept: bool
    says: str
    figure: float
    bound: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a promise is held against. `failed`: kind → (failed, asked, how it failed most,
    during which phase most). `numbers_twice`: numbers of the line given to two. `full`: None
    when there were no full listeners. `leaked`: connections that the server kept after their
    listener had closed them. `pauses`: (how many, seconds each, seconds apart or 0)."""

    failed: Mapping[str, tuple[int, int, str, str]] = dataclasses.field(default_factory=dict)
    answers: int = 0
    late: int = 0
    arrived: int = 0
    admitted: int = 0
    refused: int = 0
    queued: int = 0
    first_sound_p99_s: float = 0.0
    heard_first: int = 0
    stalled_listeners: int = 0
    listener_hours: float = 0.0
    lost: int = 0
    went_back: int = 0
    playlists: int = 0
    stale: int = 0
    honest: int = 0
    misled: int = 0
    said_wait_s: float = 0.0
    real_wait_s: float = 0.0
    renumbered: int = 0
    out_of_order: int = 0
    numbers_twice: int = 0
    playing_peak: int = 0
    seated_peak: int = 0
    seats: int = 0
    full: "FullFigures | None" = None
    opened: int = 0
    leaked: int = 0
    pauses: tuple[int, float, float] = (0, 0.0, 0.0)
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FullFigures:
    """The full listeners: how many, how many heard it whole, and why the others did not (the
    most frequent reason). `behind_s`: median age of the live edge as they saw it. `stale`: who
    got a playlist that had stood still; `altered`: objects that were not the same for two."""

    count: int
    heard: int
    reason: str = ""
    behind_s: float = 0.0
    stale: int = 0
    altered: int = 0


def judge(promise: Promise, seen: Figures) -> list[Finding]:
    """All findings, those of broken promises first."""
    found = [
        *_generator(seen),
        *_answers(promise, seen),
        *_sound(promise, seen),
        *_line(promise, seen),
        *_seats(promise, seen),
        *_full(promise, seen),
        *_leaks(seen),
    ]
    return sorted(found, key=lambda finding: finding.kept)


def _generator(seen: Figures) -> Iterable[Finding]:
    says = "The generator kept up; the figures are the server's."
    if seen.complaints:
        says = f"These figures prove nothing about the server: {'; '.join(seen.complaints)}."
    yield Finding("generator", not seen.complaints, says, len(seen.complaints), 0)
    if not seen.arrived:
        yield Finding("arrivals", False, "Nobody came: the rehearsal ended too early.", 0, 1)


def _answers(promise: Promise, seen: Figures) -> Iterable[Finding]:
    worst = 0.0
    for kind, (failed, asked, how, phase) in sorted(seen.failed.items()):
        share = failed / max(asked, 1)
        worst = max(worst, share)
        if share > promise.errors:
            says = f"{failed:,} of {asked:,} requests for {_THINGS.get(kind, kind)} failed"
            says += f" ({share:.1%}), most by: {how}"
            says += f", most during “{phase}”." if phase else "."
            yield Finding(f"errors: {kind}", False, says, share, promise.errors)
    if worst <= promise.errors:
        total = sum(failed for failed, *_ in seen.failed.values())
        says = f"{total:,} of {seen.answers:,} requests failed." if total else "No request failed."
        yield Finding("errors", True, says, worst, promise.errors)
    share = seen.late / max(seen.answers, 1)
    says = f"{share:.1%} of the answers took more than a second."
    yield Finding("in time", share <= promise.late, says, share, promise.late)
    count, lasted_s, apart_s = seen.pauses
    if count:
        every = f", about every {apart_s:.0f} s" if apart_s else ""
        times = f"{count} times" if count > 1 else "once"
        says = f"The server stood still {times}, for up to {lasted_s:.0f} s{every}."
        yield Finding("no pauses", count <= promise.pauses, says, count, promise.pauses)


def _sound(promise: Promise, seen: Figures) -> Iterable[Finding]:
    p99, bound = seen.first_sound_p99_s, promise.first_sound_s
    if seen.heard_first:
        says = f"99 of 100 heard the first sound within {p99:.1f} s of coming in."
        yield Finding("first sound", p99 <= bound, says, p99, bound)
        share = seen.stalled_listeners / seen.heard_first
        says = (
            f"The sound stopped in the middle for {seen.stalled_listeners:,} of "
            f"{seen.heard_first:,} listeners ({share:.1%})."
        )
        if not seen.stalled_listeners:
            says = "The sound never stopped in the middle."
        yield Finding("stalls", share <= promise.stalls, says, share, promise.stalls)
    rate = (seen.lost + seen.went_back) / max(seen.listener_hours, 1e-9)
    rate = rate if seen.lost + seen.went_back else 0.0
    says = "No media were lost to anybody."
    if seen.lost + seen.went_back:
        says = f"Media were lost to listeners {seen.lost:,} times"
        says += f", and playlists went back {seen.went_back:,} times." if seen.went_back else "."
    if rate or seen.heard_first:
        yield Finding("nothing lost", rate <= promise.lost, says, rate, promise.lost)
    if seen.playlists:
        share = seen.stale / seen.playlists
        says = "The playlists were fresh."
        if share > promise.stale:
            says = (
                f"{seen.stale:,} of {seen.playlists:,} playlists were stale: they had stood still "
                "for more than three segments' time."
            )
        yield Finding("fresh playlists", share <= promise.stale, says, share, promise.stale)
    if seen.admitted:
        share = seen.heard_first / seen.admitted
        says = f"{share:.1%} of those let in heard something."
        yield Finding("let in means heard", share >= promise.playing, says, share, promise.playing)
    elif seen.arrived and seen.failed.get("door", (0, 0))[1]:
        yield Finding("let in means heard", False, "Nobody was let in.", 0, promise.playing)


def _line(promise: Promise, seen: Figures) -> Iterable[Finding]:
    judged = seen.honest + seen.misled
    if judged:
        share = seen.misled / judged
        says = f"The wait was as the door had said for {seen.honest:,} of {judged:,}."
        if share > promise.misled:
            says = (
                f"The door told {seen.misled:,} of {judged:,} a wrong wait: it said about "
                f"{seen.said_wait_s:.0f} s, and it was {seen.real_wait_s:.0f} s."
            )
        yield Finding("honest wait", share <= promise.misled, says, share, promise.misled)
    if seen.queued:
        wrong = seen.renumbered + seen.out_of_order + seen.numbers_twice
        parts = [
            f"{seen.renumbered:,} numbers changed" if seen.renumbered else "",
            f"{seen.out_of_order:,} came in out of turn" if seen.out_of_order else "",
            f"{seen.numbers_twice:,} numbers were given twice" if seen.numbers_twice else "",
        ]
        says = f"The line was in order for all {seen.queued:,} who stood in it."
        if wrong:
            says = f"The line was not in order: {', '.join(p for p in parts if p)}."
        yield Finding("order of the line", not wrong, says, wrong, 0)
    share = seen.refused / max(seen.arrived, 1)
    if seen.refused:
        says = f"{seen.refused:,} of {seen.arrived:,} found neither a seat nor a place in line."
        yield Finding("turned away", share <= promise.refused, says, share, promise.refused)


def _seats(promise: Promise, seen: Figures) -> Iterable[Finding]:
    seats = promise.seats or seen.seats
    if not seats:
        return
    # Shards tell within the same second: somebody who has just left may still be counted.
    kept = seen.seated_peak <= seats + max(2, seats // 100)
    says = f"At most {seen.seated_peak:,} were inside at once; the event has {seats:,} seats."
    yield Finding("seats", kept, says, seen.seated_peak, seats)


def _full(promise: Promise, seen: Figures) -> Iterable[Finding]:
    full = seen.full
    if full is None or not full.count:
        return
    share = full.heard / full.count
    says = f"{full.heard} of {full.count} full listeners decoded and heard it whole."
    if share < promise.heard:
        says = f"Only {says[0].lower()}{says[1:]} The others: {full.reason.rstrip('.')}."
    yield Finding("served means heard", share >= promise.heard, says, share, promise.heard)
    if full.altered:
        says = f"{full.altered} media objects were not the same for everybody."
        yield Finding("same for everybody", False, says, full.altered, 0)
    stale = full.stale > 0 or full.behind_s > promise.behind_s
    says = f"What was played was {full.behind_s:.1f} s old (the median)."
    if full.stale:
        says = f"The playlist stood still (stale) for {full.stale} of {full.count} full listeners."
    yield Finding("live", not stale, says, full.behind_s, promise.behind_s)


def _leaks(seen: Figures) -> Iterable[Finding]:
    if seen.opened:
        says = "The server let go of the connections of those who had left."
        leaks = seen.leaked > max(5, seen.opened // 100)
        if leaks:
            says = f"The server leaks connections: {seen.leaked:,} of those who had left are open."
        yield Finding("connections end", not leaks, says, seen.leaked, max(5, seen.opened // 100))


_THINGS = {
    "page": "the page",
    "asset": "the page's files",
    "door": "the door",
    "serving": "the place in line (the waiting page)",
    "master": "the list of playlists",
    "playlist": "the playlist",
    "reload": "the next part of the playlist",
    "init": "the beginning of the media",
    "media": "media segments",
    "state": "the state of the conversation",
    "lean": "the lean list",
}

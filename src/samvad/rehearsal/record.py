"""What a rehearsal writes down each second, and the figures it comes to. Pure."""

import dataclasses
import itertools
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from samvad.rehearsal.attack import Spoils
from samvad.rehearsal.health import Health
from samvad.rehearsal.promise import Figures, FullFigures
from samvad.rehearsal.scenario import Phase
from samvad.rehearsal.sight import Sight
from samvad.rehearsal.tally import KINDS, MEANT, PLAYLIST, RELOAD, STREAM, Tally, is_honest

_OVER_S = 1.0
_JOIN_WINDOW = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One second. Totals so far: `arrived`, `admitted`, `joined` (into the line). Gauges:
    `playing`, `waiting`, `stalled`. Of this second: the rest; `p99_ms` over all answers but
    blocking reloads; `server_cpu` in cores; `own_*`: the generator's."""

    at_s: float
    arrived: int = 0
    admitted: int = 0
    refused: int = 0
    joined: int = 0
    playing: int = 0
    waiting: int = 0
    stalled: int = 0
    stalls: int = 0
    errors: int = 0
    answers: int = 0
    late: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    longest_ms: float = 0.0
    received: int = 0
    rung: int = 0
    server_cpu: float | None = None
    server_bytes: float | None = None
    server_listening: int | None = None
    own_late_p99_ms: float = 0.0
    own_cpu: float = 0.0


@dataclass
class Record:
    """Fed once a second with everything so far; keeps the rows and who failed when."""

    phases: Sequence[Phase] = ()
    rows: list[Row] = field(default_factory=list)
    seats: int = 0
    failed_in: dict[str, Counter[str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    health: Health = field(default_factory=Health)
    _sight: Sight = field(default_factory=Sight)

    def second(self, at_s: float, tally: Tally, health: Health, sight: Sight) -> Row:
        """Everything until now, `at_s` into the trial."""
        new, own = tally.since(self.tally), health.since(self.health)
        took = new.of(*(k for k in range(len(KINDS)) if k not in (*MEANT, STREAM)))
        passed_s = max(own.wall_s, 1e-3)
        before = self._sight
        row = Row(
            at_s=round(at_s, 2),
            arrived=tally.arrived,
            admitted=tally.admitted,
            refused=tally.refused,
            joined=tally.queued,
            playing=tally.playing_now,
            waiting=tally.in_line_now,
            stalled=tally.stalled_now,
            stalls=new.stalls,
            errors=sum(new.errors.values()),
            answers=took.total,
            late=new.late,
            p50_ms=round(took.percentile(0.5) * 1000, 1),
            p99_ms=round(took.percentile(0.99) * 1000, 1),
            longest_ms=round(took.percentile(1.0) * 1000, 1),
            received=new.bytes,
            rung=sight.rung,
            server_cpu=_more(sight.cpu_s, before.cpu_s),
            server_bytes=_more(sight.bytes_, before.bytes_),
            server_listening=sight.listening,
            own_late_p99_ms=round(own.late.percentile(0.99) * 1000, 1),
            own_cpu=round(own.cpu_s / passed_s, 3),
        )
        phase = self.phase_at(at_s)
        for how, count in new.errors.items():
            self.failed_in.setdefault(how.partition(" ")[0], Counter())[phase] += count
        self.rows.append(row)
        self.seats = sight.seats or self.seats
        self.tally, self.health, self._sight = _copy(tally), health, sight
        return row

    def phase_at(self, at_s: float) -> str:
        """The shortest phase that `at_s` lies in; "" when it is in none."""
        inside = [p for p in self.phases if p.from_s <= at_s <= p.to_s]
        return min(inside, key=lambda p: p.to_s - p.from_s).name if inside else ""

    def joins_per_s(self) -> float:
        """The most let in a second, on average over three."""
        best, totals = 0.0, [(0.0, 0), *((r.at_s, r.admitted) for r in self.rows)]
        for first, last in zip(totals, totals[_JOIN_WINDOW:], strict=False):
            best = max(best, (last[1] - first[1]) / max(last[0] - first[0], 1.0))
        return round(best, 1)

    def figures(
        self,
        tally: Tally,
        complaints: Sequence[str],
        heard: Sequence[Mapping[str, Any]] = (),
        opened: int = 0,
        leaked: int = 0,
    ) -> Figures:
        """What the promise is held against; `tally` is all of the trial, or a part of it."""
        took = tally.of(*(k for k in range(len(KINDS)) if k not in (*MEANT, STREAM)))
        misled = [(s, r) for s, r in tally.waits if not is_honest(s, r)]
        return Figures(
            failed=self._failed(tally),
            answers=took.total,
            late=tally.late,
            arrived=tally.arrived,
            admitted=tally.came_in,
            refused=tally.turned_away_now,
            queued=tally.queued,
            first_sound_p99_s=tally.first_sound.percentile(0.99),
            heard_first=tally.first_sound.total,
            stalled_listeners=tally.stalled_listeners,
            listener_hours=tally.listened_s / 3600,
            lost=tally.jumps,
            went_back=tally.went_back,
            playlists=tally.of(PLAYLIST, RELOAD).total,
            stale=tally.stale,
            honest=tally.honest,
            misled=tally.misled,
            said_wait_s=statistics.median(s for s, _ in misled) if misled else 0.0,
            real_wait_s=statistics.median(r for _, r in misled) if misled else 0.0,
            renumbered=tally.renumbered,
            out_of_order=tally.out_of_order,
            numbers_twice=sum(n.twice for n in tally.numbers.values()),
            playing_peak=max((r.playing for r in self.rows), default=0),
            seated_peak=max((r.playing + r.stalled for r in self.rows), default=0),
            seats=self.seats,
            full=full_figures(heard),
            opened=opened,
            leaked=leaked,
            pauses=pauses(self.rows),
            complaints=tuple(complaints),
        )

    def _failed(self, tally: Tally) -> dict[str, tuple[int, int, str, str]]:
        found: dict[str, tuple[int, int, str, str]] = {}
        for number, kind in enumerate(KINDS):
            how = Counter(
                {
                    name.partition(" ")[2]: count
                    for name, count in tally.errors.items()
                    if name.partition(" ")[0] == kind
                }
            )
            asked = tally.took[number].total
            if asked or how:
                most = how.most_common(1)[0][0] if how else ""
                phases = self.failed_in.get(kind)
                phase = phases.most_common(1)[0][0] if phases else ""
                found[kind] = (how.total(), asked, most, phase)
        return found


def full_figures(heard: Sequence[Mapping[str, Any]]) -> FullFigures | None:
    """What the full listeners' reports come to; None when there were none."""
    told = [h for h in heard if "verdict" in h or "failed" in h]
    if not told:
        return None
    # Who was not let in, or came at the very end, has nothing to hear.
    came = [h for h in told if h.get("failed") or (h["verdict"] == "admit" and _had_time(h))]
    reasons = Counter(r for h in came if (r := _why_not(h)))
    ages = sorted(h["latency_ms"] / 1000 for h in came if h.get("latency_ms") is not None)
    return FullFigures(
        count=len(came),
        heard=sum(not _why_not(h) for h in came),
        reason=reasons.most_common(1)[0][0] if reasons else "",
        behind_s=round(statistics.median(ages), 2) if ages else 0.0,
        stale=sum(bool(h.get("stale")) for h in came),
        altered=sum(h.get("altered", 0) for h in heard),
    )


TIME_TO_HEAR_MS = 8_000
OWN_LATE_S = 0.5
"""A process of full listeners that was so late at some time has stalls of its own making."""


def own_complaints(heard: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why what full listeners heard is the generator's own; empty when it is the server's."""
    late_s = max((float(h.get("late_s", 0.0)) for h in heard), default=0.0)
    if late_s <= OWN_LATE_S:
        return []
    return [f"the full listeners' own process was late by up to {late_s:.1f} s"]


def _had_time(heard: Mapping[str, Any]) -> bool:
    """Whether it was inside long enough to hear something."""
    return bool(heard["seconds"] > 0 or heard["inside_ms"] > TIME_TO_HEAR_MS)


def _why_not(heard: Mapping[str, Any]) -> str:
    """Why this one did not hear it whole; "" when it did."""
    if heard.get("failed"):
        return str(heard["failed"])
    if heard["seconds"] <= 0:
        return "they were let in and heard nothing"
    if heard["loudness_lufs"] is None:
        return "what they got was silence"
    if heard["broken"]:
        return "the media did not hang together"
    if heard["jumps"]:
        return "media were lost to them"
    if heard["stalls"]:
        return "the sound stopped in the middle"
    return ""


def pauses(rows: Sequence[Row]) -> tuple[int, float, float]:
    """Times that the server stood still: how many, for how long, how far apart (0: not even).

    A second belongs to one when more than a twentieth of its answers had taken more than a
    second; the length is the longest answer of all.
    """
    found: list[tuple[float, float]] = []
    for row in rows:
        if row.longest_ms < _OVER_S * 1000 or row.late < 0.05 * max(row.answers, 1):
            continue
        if found and row.at_s - found[-1][0] <= 2.5:
            found[-1] = (row.at_s, max(found[-1][1], row.longest_ms / 1000))
        else:
            found.append((row.at_s, row.longest_ms / 1000))
    if not found:
        return 0, 0.0, 0.0
    apart = [later[0] - one[0] for one, later in itertools.pairwise(found)]
    middle = statistics.median(apart) if apart else 0.0
    even = len(apart) >= 2 and all(abs(a - middle) <= 0.2 * middle + 1.0 for a in apart)
    return len(found), max(s for _, s in found), middle if even else 0.0


def as_table(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The rows as columns, by name."""
    return {f.name: [getattr(r, f.name) for r in rows] for f in dataclasses.fields(Row)}


def spoils_table(spoils: Sequence[Spoils]) -> list[dict[str, Any]]:
    return [s.as_json() | {"says": s.says} for s in spoils]


def _more(now: float | None, before: float | None) -> float | None:
    if now is None or before is None or now < before:
        return None
    return round(now - before, 3)


def _copy(tally: Tally) -> Tally:
    copy = Tally()
    copy.merge(tally)
    return copy

"""A rehearsal's result as JSON: docs/reference/rehearsal-report.schema.json says what is in it.

Pure. The report (report.py) and the comparison (compare.py) are made from this alone.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from samvad.rehearsal.attack import Spoils
from samvad.rehearsal.health import Health
from samvad.rehearsal.histogram import BUCKETS, Histogram, upper_us
from samvad.rehearsal.promise import Finding, FullFigures
from samvad.rehearsal.record import Record, as_table, spoils_table
from samvad.rehearsal.scenario import Scenario
from samvad.rehearsal.steps import Knee, Step
from samvad.rehearsal.tally import KINDS, Tally

SCHEMA = 1
IDLE_CPU = 0.01
"""Of a core, that a process of the generator uses with nobody there."""


def result(
    *,
    scenario: Scenario,
    url: str,
    record: Record,
    tally: Tally,
    health: Health,
    findings: Sequence[Finding],
    spoils: Sequence[Spoils],
    full: FullFigures | None,
    knee: Knee | None,
    steps: Sequence[Step],
    partial: bool,
    about: Mapping[str, Any],
    machines: int,
    processes: int,
) -> dict[str, Any]:
    """`about`: version, machine, time; what only a driver knows."""
    kept = all(f.kept for f in findings) and not partial
    why = [f.says for f in findings if not f.kept]
    if partial:
        why.insert(0, "The rehearsal was ended before its time; this report is a partial one.")
    return {
        "schema": SCHEMA,
        "verdict": "kept" if kept else "broken",
        "why": why,
        "partial": partial,
        "arrived": tally.arrived,
        "admitted": tally.came_in,
        "playing_peak": max((r.playing for r in record.rows), default=0),
        "waited": tally.queued,
        "refused": tally.refused,
        "errors": sum(tally.errors.values()),
        "stalls": tally.stalls,
        "stalled_listeners": tally.stalled_listeners,
        "stalls_per_listener_hour": _per_hour(tally.stalls, tally.listened_s),
        "first_sound_ms": _percentiles(tally.first_sound),
        "wait_ms": _percentiles(tally.in_line),
        "generator": _generator(health, tally, findings, machines, processes),
        "findings": [dataclasses.asdict(f) for f in findings],
        "promise": dataclasses.asdict(scenario.promise),
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "says": " ".join(scenario.says.split()),
            "listeners": scenario.listeners,
            "for_s": scenario.for_s,
            "phases": [dataclasses.asdict(p) for p in scenario.phases],
            "attacks": [dataclasses.asdict(a) for a in scenario.attacks],
        },
        "target": url,
        **about,
        "errors_by": dict(sorted(tally.errors.items(), key=lambda e: -e[1])),
        "refusals_by": tally.refusals,
        "answers": [
            {"kind": kind, "count": took.total} | _percentiles(took)
            for kind, took in zip(KINDS, tally.took, strict=True)
            if took.total
        ],
        "line": {
            "numbers": {
                lane: {"given": n.given, "twice": n.twice, "missing": n.missing}
                for lane, n in tally.numbers.items()
            },
            "honest": tally.honest,
            "misled": tally.misled,
            "waits_s": [list(pair) for pair in tally.waits],
        },
        "first_sound_histogram": histogram(tally.first_sound),
        "full": dataclasses.asdict(full) if full is not None else None,
        "attacks": spoils_table(spoils),
        "steps": [dataclasses.asdict(s) for s in steps],
        "knee": _knee(knee),
        "proven": {
            "seats": _proven_seats(record, knee),
            "joins_per_s": knee.kept.joins_per_s if knee and knee.kept else record.joins_per_s(),
        },
        "series": as_table(record.rows),
    }


def _proven_seats(record: Record, knee: Knee | None) -> int:
    if knee is not None:
        return knee.kept.playing if knee.kept is not None else 0
    return max((r.playing for r in record.rows), default=0)


def _knee(knee: Knee | None) -> dict[str, Any] | None:
    if knee is None:
        return None
    return {
        "found": knee.found,
        "listeners": knee.kept.listeners if knee.kept else 0,
        "joins_per_s": knee.kept.joins_per_s if knee.kept else 0.0,
        "broke_at": knee.broke.listeners if knee.broke else None,
        "why": list(knee.broke.broken) if knee.broke else [],
    }


def _generator(
    health: Health, tally: Tally, findings: Sequence[Finding], machines: int, processes: int
) -> dict[str, Any]:
    healthy = all(f.kept for f in findings if f.name == "generator")
    listened_s = max(tally.listened_s, 1e-9)
    cpu_us = health.cpu_s / listened_s * 1e6 if tally.listened_s else 0.0
    return {
        "healthy": healthy,
        "late_p99_ms": round(health.late.percentile(0.99) * 1000, 1),
        "says": [f.says for f in findings if f.name == "generator"],
        "turn_p99_ms": round(health.turn.percentile(0.99) * 1000, 1),
        "cpu_s": round(health.cpu_s, 2),
        "waited_s": round(health.waited_s, 2),
        "starved": health.starved,
        "memory_kb": health.memory_kb,
        "machines": machines,
        "processes": processes,
        "cpu_us_per_listener_s": round(cpu_us, 2),
        "ceiling_per_core": _ceiling(health, tally, processes),
    }


def _ceiling(health: Health, tally: Tally, processes: int) -> int | None:
    """How many such listeners one core of it could have been; None when it had so little to do
    that this cannot be told. What a process needs without any listener is taken off."""
    idle_s = IDLE_CPU * processes * health.wall_s
    if not tally.listened_s or health.cpu_s < 3 * idle_s:
        return None
    return int(tally.listened_s / (health.cpu_s - idle_s))


def _percentiles(took: Histogram) -> dict[str, float]:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: round(took.percentile(share) * 1000, 1) for name, share in shares.items()}


def histogram(took: Histogram) -> list[list[float]]:
    """[upper bound in ms, count] of buckets with something in them, joined to at most 60."""
    counts = {row[0]: row[1] for row in took.as_json()[1:]}
    if not counts:
        return []
    first, last = min(counts), max(counts)
    step = max(1, -(-(last - first + 1) // 60))
    found = []
    for low in range(first, last + 1, step):
        high = min(low + step, BUCKETS)
        total = sum(counts.get(b, 0) for b in range(low, high))
        found.append([round(upper_us(high - 1) / 1000, 2), total])
    return found


def _per_hour(count: int, listened_s: float) -> float:
    return round(count / listened_s * 3600, 3) if listened_s else 0.0

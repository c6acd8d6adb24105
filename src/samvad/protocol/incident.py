"""The record of an incident: what came, what was done, what was felt, and what it was. Pure.

Gates write it minute by minute into their journals (kind "incident"); the site publishes it
signed (signing.py), with networks and never addresses. A verdict tells demand from attack, says
how sure it is, and names its evidence; "demand alone explains it" is one of its answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

KIND = "samvad-incident"
SCHEMA = 1

OPENED, MINUTE, CLOSED = "opened", "minute", "closed"
"""What a fact of an incident tells ("what" of its data)."""
BY_DETECTOR = "detector"
NETWORKS = 16
MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of all gates of a machine. Acts are requests, and connections without one.

    `newcomers`: distinct sources that came. `came`: how far, by step (connections, knocks, seats,
    listening at the end). `good`: acts of those who are not blamed. `kinds`: harmful acts by kind
    (gate/behaviour.py). `sources`: distinct harmful sources; `networks`: the heaviest, with acts.
    `done`: by name, how often. `state`: what the detector said at its end. `p99_ms`: how long one
    request in a hundred waited. `success`: answers to good requests that were not failures.
    `lowest`: the least that listened, `highest` the most. `stalled`: listeners whose page told of
    stops in the sound, with `stalls` stops that lasted `stalled_ms` together; pages tell it, other
    players do not.
    """

    at_ms: int
    state: str = "quiet"
    newcomers: int = 0
    came: Mapping[str, int] = field(default_factory=dict)
    good: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    sources: int = 0
    networks: Sequence[tuple[str, int]] = ()
    done: Mapping[str, int] = field(default_factory=dict)
    success: float | None = None
    p99_ms: float | None = None
    lowest: int = 0
    highest: int = 0
    stalled: int = 0
    stalls: int = 0
    stalled_ms: int = 0

    @property
    def harm(self) -> int:
        return sum(self.kinds.values())


class Cause(StrEnum):
    DEMAND = "demand"
    """Demand alone explains it."""
    BOTH = "both"
    ATTACK = "attack"
    UNKNOWN = "unknown"
    """Too little was seen to say."""


class Confidence(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`share`: of all that was done, how much was an attack's. `evidence`: (code, numbers), each
    a sentence in the pages' languages."""

    cause: Cause
    confidence: Confidence
    share: float
    evidence: tuple[tuple[str, Mapping[str, float | str]], ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """`to_ms` None: it is open. `opened_by`, `closed_by`: "detector", or somebody's name."""

    id: str
    event: str
    from_ms: int
    opened_by: str
    minutes: tuple[Minute, ...] = ()
    to_ms: int | None = None
    closed_by: str = ""


ALONE = 0.05
"""Up to this share of harm, demand alone explains it,"""
MOSTLY = 0.8
"""and from this one on it was an attack, beside which demand is small."""
FEW_ACTS, MANY_ACTS = 500, 5_000
AMBIGUOUS = frozenset(("pages", "mute", "pace"))
"""Kinds that a broken crowd may show too."""


def judge(minutes: Iterable[Minute]) -> Verdict:
    """What these minutes were."""
    known = list(minutes)
    good, harm = sum(m.good for m in known), sum(m.harm for m in known)
    done = good + harm
    share = harm / done if done else 0.0
    if done < FEW_ACTS:
        return Verdict(Cause.UNKNOWN, Confidence.LOW, share, (("few", {"acts": done}),))
    cause = Cause.DEMAND if share < ALONE else Cause.ATTACK if share >= MOSTLY else Cause.BOTH
    kinds = sums(m.kinds for m in known)
    return Verdict(cause, _confidence(known, share, kinds), share, tuple(_evidence(known, kinds)))


def _confidence(known: list[Minute], share: float, kinds: Mapping[str, int]) -> Confidence:
    done = sum(m.good + m.harm for m in known)
    if done < MANY_ACTS:
        return Confidence.LOW
    ambiguous = sum(count for kind, count in kinds.items() if kind in AMBIGUOUS)
    on_the_edge = abs(share - ALONE) < 0.02 or abs(share - MOSTLY) < 0.05
    if on_the_edge or ambiguous * 2 > sum(kinds.values()) > 0 or len(known) < 2:
        return Confidence.MEDIUM
    return Confidence.HIGH


def _evidence(
    known: list[Minute], kinds: Mapping[str, int]
) -> Iterable[tuple[str, Mapping[str, float | str]]]:
    came = sums(m.came for m in known)
    peak = max(known, key=lambda m: m.newcomers)
    yield "newcomers", {"newcomers": sum(m.newcomers for m in known), "most": peak.newcomers}
    if came.get("connections"):
        far = came.get("deep", 0) / came["connections"]
        yield "far", {"share": min(1.0, far), "seats": came.get("seats", 0)}
    for kind, count in sorted(kinds.items(), key=lambda item: -item[1])[:3]:
        rate = max(m.kinds.get(kind, 0) for m in known) / 60
        yield "kind", {"kind": kind, "acts": count, "per_s": round(rate, 1)}
    if kinds:
        networks = sums(dict(m.networks) for m in known)
        sources = max(m.sources for m in known)
        yield "sources", {"sources": sources, "networks": len(networks)}
    success = [m.success for m in known if m.success is not None]
    if success:
        p99 = [m.p99_ms for m in known if m.p99_ms is not None]
        yield "felt", {"success": min(success), "p99_ms": round(max(p99, default=0.0), 1)}
    if any(m.highest for m in known):
        worst = max(known, key=lambda m: m.stalled / max(1, m.highest))
        share = min(1.0, worst.stalled / max(1, worst.highest))
        yield "stalls", {"listeners": worst.stalled, "share": round(share, 4)}


def sums(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """One count by name of all parts."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


# -- as data --------------------------------------------------------------------------------


def minute_as_dict(minute: Minute) -> dict[str, Any]:
    told = asdict(minute)
    return told | {"networks": [list(one) for one in minute.networks[:NETWORKS]]}


def minute_from(data: Mapping[str, Any]) -> Minute:
    """Raises ValueError for what is no minute."""
    try:
        return Minute(
            at_ms=int(data["at_ms"]),
            state=str(data.get("state", "quiet")),
            newcomers=int(data.get("newcomers", 0)),
            came=_counts(data.get("came")),
            good=int(data.get("good", 0)),
            kinds=_counts(data.get("kinds")),
            sources=int(data.get("sources", 0)),
            networks=tuple((str(n), int(c)) for n, c in (data.get("networks") or ())),
            done=_counts(data.get("done")),
            success=_number(data.get("success")),
            p99_ms=_number(data.get("p99_ms")),
            lowest=int(data.get("lowest", 0)),
            highest=int(data.get("highest", 0)),
            stalled=int(data.get("stalled", 0)),
            stalls=int(data.get("stalls", 0)),
            stalled_ms=int(data.get("stalled_ms", 0)),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no minute of an incident: {error!r}") from None


def _counts(data: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in (data or {}).items()}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def together(facts: Iterable[tuple[int, Mapping[str, Any]]], event: str) -> list[Incident]:
    """Incidents from facts (Unix ms, data) in the order of time; what is no fact of an incident
    is passed over. Minutes of several machines add up (`merge`)."""
    found: dict[str, Incident] = {}
    for at_ms, data in facts:
        id_, what = str(data.get("id", "")), data.get("what")
        before = found.get(id_)
        if what == OPENED and before is None and id_:
            found[id_] = Incident(id_, event, at_ms, str(data.get("by") or BY_DETECTOR))
        elif before is None:
            continue
        elif what == MINUTE:
            try:
                minute = minute_from(data.get("minute") or {})
            except ValueError:
                continue
            found[id_] = _with(before, minute)
        elif what == CLOSED and before.to_ms is None:
            closed_by = str(data.get("by") or BY_DETECTOR)
            found[id_] = Incident(
                id_, event, before.from_ms, before.opened_by, before.minutes, at_ms, closed_by
            )
    return list(found.values())


def _with(incident: Incident, minute: Minute) -> Incident:
    minutes = {m.at_ms // 60_000: m for m in incident.minutes}
    if len(minutes) >= MINUTES:
        return incident
    minutes[minute.at_ms // 60_000] = minute
    kept = tuple(minutes[key] for key in sorted(minutes))
    return Incident(
        incident.id, incident.event, incident.from_ms, incident.opened_by, kept,
        incident.to_ms, incident.closed_by,
    )  # fmt: skip


def as_dict(incident: Incident) -> dict[str, Any]:
    """The document that is signed and published."""
    verdict = judge(incident.minutes)
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "event": incident.event,
        "id": incident.id,
        "from_ms": incident.from_ms,
        "to_ms": incident.to_ms,
        "opened_by": "detector" if incident.opened_by == BY_DETECTOR else "operator",
        "closed_by": ""
        if incident.to_ms is None
        else ("detector" if incident.closed_by == BY_DETECTOR else "operator"),
        "verdict": {
            "cause": verdict.cause.value,
            "confidence": verdict.confidence.value,
            "share": round(verdict.share, 4),
            "evidence": [{"code": code, **numbers} for code, numbers in verdict.evidence],
        },
        "minutes": [minute_as_dict(minute) for minute in incident.minutes],
    }

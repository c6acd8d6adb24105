"""One gate process of the machine leads: it judges what all of them count (detect.py), tells the
posture to the others (posture.py), and keeps the record of an incident (protocol/incident.py).

Which it is decides a file's lock, which the kernel frees when its process dies; another goes on
in the next second.
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from samvad.base.clock import Moment
from samvad.gate import posture as postures
from samvad.gate.behaviour import Kind
from samvad.gate.counters import Reading
from samvad.gate.detect import Detector, Judgement, Second, State
from samvad.gate.diary import Diary
from samvad.gate.load import Glimpse, Meter
from samvad.gate.minute import MINUTE_MS, Ledger, good_of
from samvad.gate.posture import Posture
from samvad.gate.sight import gather, sight_path
from samvad.gate.toll import level_for
from samvad.protocol import incident, incident_order
from samvad.protocol.journal import INCIDENT

log = logging.getLogger("gate")

CALM_S = 60.0
"""The detector closes what it has opened when nothing was wrong for so long."""
SUFFERS_SUCCESS, SUFFERS_P99_MS = 0.98, 1_500.0
"""A surge is an incident when listeners feel it: so many answers fail, or they wait so long."""

COUNTED: Mapping[Kind, tuple[str, ...]] = {
    Kind.MALFORMED: ("malformed",),
    Kind.TICKETS: ("tickets_forged",),
    Kind.SHARING: ("harm_gone",),
    Kind.SLOW: ("timeouts_head",),
    Kind.READERS: ("timeouts_send",),
    Kind.PACE: ("refused_by_source", "refused_pace", "throttled", "harm_pace"),
    Kind.BANNED: ("refused_banned",),
    Kind.PROBING: ("nonsense",),
    Kind.MUTE: ("harm_mute",),
    Kind.DOOR: ("harm_door", "proofs_bad"),
    Kind.PAGES: ("harm_pages",),
}
"""What each kind of harm is counted by, over all processes."""


class Leader:
    """`each_second` in every process; in all but one it does nothing. `opened`: events that are
    on, with their listeners. `may_join_per_s`: how many all doors let in."""

    def __init__(
        self,
        run: Path,
        processes: int,
        proof: str,
        *,
        gates: Callable[[float], Mapping[int, Reading | None]],
        opened: Callable[[Moment], Mapping[str, int]],
        may_join_per_s: Callable[[], float],
        diary: Diary,
    ) -> None:
        self._run, self._processes, self._proof = run, processes, proof
        self._gates, self._opened, self._may_join = gates, opened, may_join_per_s
        self._diary = diary
        self._meter = Meter()
        self._file = -1
        self._detector = Detector()
        self._before: dict[int, Mapping[str, int]] = {}
        self._before_at = 0.0
        self._told = postures.QUIET
        self._ledger = Ledger()
        self._incident, self._opened_by, self._calm_since = "", "", 0.0
        self._noted: dict[str, int] = {}
        """Events that know of the open incident, with the last minute that was noted."""
        self._order_seen = 0

    def each_second(self, at: Moment) -> None:
        if self._file < 0 and not self._take_lead(at):
            return
        grown, gauges = self._look(at.now)
        if grown is None:
            return
        second = _second(at.now, grown, gauges, at.now - self._before_at)
        self._before_at = at.now
        judged = self._detector.step(second)
        listening = self._opened(at)
        readings = self._meter.look(Glimpse(at.now, self._before))
        self._ledger.add(at.wall_ms, grown, _kinds(grown), readings, sum(listening.values()))
        self._keep_record(at, judged, listening)
        self._tell(at, judged, second)

    # -- leading ----------------------------------------------------------------------------

    def _take_lead(self, at: Moment) -> bool:
        path = self._run / "attack" / "leader"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        before = postures.read(postures.posture_path(self._run))
        since = at.now - max(0, at.wall_ms - before.since_ms) / 1000
        self._detector, self._told = Detector(before.state, since), before
        self._incident = before.incident
        self._opened_by = incident.BY_DETECTOR if before.incident else ""
        self._calm_since = at.now
        return True

    def _look(self, now: float) -> tuple[dict[str, int] | None, dict[str, int]]:
        """What all counters have grown by since the last look, and the gauges' sums."""
        gates = {i: g for i, g in self._gates(now).items() if g is not None and g.fresh}
        before, self._before = self._before, {i: dict(g.values) for i, g in gates.items()}
        gauges: dict[str, int] = {}
        for gate in gates.values():
            for name in ("connections_open", "unproven", "silent", "stuck", "deep"):
                gauges[name] = gauges.get(name, 0) + gate.values[name]
        if not before:
            self._before_at = now
            return None, gauges
        grown: dict[str, int] = {}
        for index, gate in gates.items():
            older = before.get(index)
            if older is not None:
                for name, value in gate.values.items():
                    grown[name] = grown.get(name, 0) + max(0, value - older.get(name, value))
        return grown, gauges

    def _tell(self, at: Moment, judged: Judgement, second: Second) -> None:
        level = 0
        if self._proof == "always" or (self._proof == "attack" and judged.state is State.ATTACK):
            level = max(level_for(second.knocks, self._may_join()), self._told.effort - 1)
        since_ms = self._told.since_ms if judged.state is self._told.state else at.wall_ms
        told = Posture(
            judged.state,
            since_ms or at.wall_ms,
            judged.kinds,
            judged.says,
            {name: round(value, 3) for name, value in judged.figures.items()},
            level,
            self._incident,
        )
        if told != self._told:
            if judged.state is not self._told.state:
                log.warning("%s: %s", judged.state.value, judged.reason)
            self._told = told
            postures.write(postures.posture_path(self._run), told)

    # -- the record -------------------------------------------------------------------------

    def _keep_record(self, at: Moment, judged: Judgement, listening: Mapping[str, int]) -> None:
        felt = self._ledger.felt
        suffers = judged.state is State.SURGE and (
            (felt.success is not None and felt.success < SUFFERS_SUCCESS)
            or (felt.p99_ms or 0.0) >= SUFFERS_P99_MS
        )
        wrong = judged.state is State.ATTACK or suffers
        if wrong:
            self._calm_since = at.now
        order = self._order()
        if order is not None and order["open"] and not self._incident:
            self._open(at, str(order.get("by") or "operator"))
        elif wrong and not self._incident:
            self._open(at, incident.BY_DETECTOR)
        if self._incident:
            self._note(at, judged, listening)
            by_itself = self._opened_by == incident.BY_DETECTOR
            if order is not None and not order["open"]:
                self._close(at, judged, str(order.get("by") or "operator"))
            elif by_itself and not wrong and at.now - self._calm_since >= CALM_S:
                self._close(at, judged, incident.BY_DETECTOR)

    def _open(self, at: Moment, by: str) -> None:
        self._incident, self._opened_by = secrets.token_hex(5), by
        self._noted.clear()
        self._ledger.keep_from(at.wall_ms)

    def _note(self, at: Moment, judged: Judgement, listening: Mapping[str, int]) -> None:
        """Tell each event that is on what it has not been told yet."""
        for event in listening:
            if event not in self._noted:
                self._noted[event] = 0
                self._fact(event, at, incident.OPENED, by=self._opened_by, reason=judged.says)
        minute = self._ledger.whole(at.wall_ms)
        if minute is not None:
            self._write(at, minute.at_ms, judged)

    def _write(self, at: Moment, at_ms: int, judged: Judgement) -> None:
        seen = gather(
            (sight_path(self._run, i) for i in range(self._processes)), at_ms // MINUTE_MS
        )
        minute = self._ledger.take(at_ms, judged.state.value, seen)
        for event in self._noted:
            self._fact(event, at, incident.MINUTE, minute=incident.minute_as_dict(minute))

    def _close(self, at: Moment, judged: Judgement, by: str) -> None:
        self._write(at, self._ledger.at_ms, judged)
        for event in self._noted:
            self._fact(event, at, incident.CLOSED, by=by)
        self._incident = self._opened_by = ""
        self._noted.clear()

    def _fact(self, event: str, at: Moment, what: str, **data: Any) -> None:
        self._diary.note(event, INCIDENT, at.wall_ms, id=self._incident, what=what, **data)

    def _order(self) -> dict[str, Any] | None:
        """What the operator has ordered since the last look."""
        try:
            marked = incident_order.path(self._run).stat().st_mtime_ns
        except OSError:
            return None
        if marked == self._order_seen:
            return None
        first, self._order_seen = self._order_seen == 0, marked
        told = incident_order.read(self._run)
        # An order of before this process began to lead has been obeyed by another.
        return None if first and told is not None and told["open"] == bool(self._incident) else told

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _kinds(grown: Mapping[str, int]) -> dict[Kind, int]:
    found = {kind: sum(grown.get(n, 0) for n in names) for kind, names in COUNTED.items()}
    return {kind: count for kind, count in found.items() if count}


def _second(
    now: float, grown: Mapping[str, int], gauges: Mapping[str, int], seconds: float
) -> Second:
    per_s = 1 / max(0.1, seconds)
    harm = {kind: count * per_s for kind, count in _kinds(grown).items()}
    return Second(
        now,
        good=good_of(grown) * per_s,
        newcomers=grown.get("connections_accepted", 0) * per_s,
        harm=harm,
        open=gauges.get("connections_open", 0),
        unproven=gauges.get("unproven", 0),
        silent=gauges.get("silent", 0),
        stuck=gauges.get("stuck", 0),
        knocks=grown.get("knocks_bare", 0) * per_s,
        deep=gauges.get("deep", 0),
        runs=grown.get("hit_and_run", 0) * per_s,
    )

"""What the console is told: keeps the histories of the events that are on, and answers."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from samvad.base.clock import Moment
from samvad.gate.answers import JSON, NEVER_STORED, Answer
from samvad.gate.counters import Counters, Reading, read
from samvad.gate.figures import Seen, sample, series
from samvad.gate.history import History, history_path, open_to_write, remove_if_old
from samvad.gate.history import read as read_history
from samvad.gate.load import Glimpse, Meter
from samvad.protocol import figures

log = logging.getLogger("gate")

EVENTS = 64
"""Events watched at a time; more are not written down (the stage has few on air)."""
ASKED_S = 60.0
"""How long an event is watched after a console has asked for it, on air or not."""
SWEEP_S = 60.0

Look = Callable[[Iterable[str], Moment], Mapping[str, Seen]]
"""The events that are on, and those named."""


def counters_path(run: Path, index: int) -> Path:
    return run / "counters" / f"gate-{index}"


class Watch:
    """One gate process's share of the watching. `look` is Site.seen.

    `readings` is what the machine bears (load.py's lasting ones), while this process keeps a
    history.
    `attacked`: whether the detector sees an attack (posture.py).
    """

    def __init__(
        self,
        run: Path,
        processes: int,
        own: Counters,
        look: Look,
        attacked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._run, self._processes, self._own, self._look = run, processes, own, look
        self._attacked = attacked
        self._meter = Meter()
        self.readings: dict[str, float] = {}
        self._histories: dict[str, History] = {}
        self._asked: dict[str, float] = {}
        self._swept = float("-inf")

    @property
    def kept(self) -> set[str]:
        """The events whose history this process keeps: of each one process does."""
        return set(self._histories)

    def gates(self, now: float) -> dict[int, Reading | None]:
        """The counters of all gate processes of the machine."""
        self._own.write()
        return {i: read(counters_path(self._run, i), now) for i in range(self._processes)}

    def each_second(self, at: Moment) -> None:
        """Write this second of each event whose history no other process keeps."""
        self._asked = {e: t for e, t in self._asked.items() if at.now - t < ASKED_S}
        events = dict(list(self._look(self._asked, at).items())[:EVENTS])
        for event in self._histories.keys() - events.keys():
            self._histories.pop(event).close()
        for event in events.keys() - self._histories.keys():
            try:
                history = open_to_write(history_path(self._run, event))
            except OSError as error:
                log.warning("the history of %s cannot be kept: %s", event, error)
                continue
            if history is not None:
                self._histories[event] = history
        if self._histories:
            gates = self.gates(at.now)
            felt = self._meter.look(_glimpse(gates, at.now))
            # The detector's word, which does not flap; a reading of counters alone does.
            felt["attack"] = float(self._attacked())
            self.readings = self._meter.lasting(felt)
            for event, history in self._histories.items():
                history.put(at.wall_ms, sample(events[event], felt, gates.values()))
        elif self.readings:
            self._meter, self.readings = Meter(), {}
        if at.now - self._swept >= SWEEP_S:
            self._swept = at.now
            self._sweep(at.wall_ms)

    def _sweep(self, wall_ms: int) -> None:
        folder = history_path(self._run, "-").parent
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in self._histories:
                remove_if_old(path, wall_ms)

    def answer(self, event: str, since_ms: int, at: Moment) -> Answer | None:
        """The event's figures; None if there is no such event."""
        if event not in self._look([event], at):
            return None
        if event in self._asked or len(self._asked) < EVENTS:
            self._asked[event] = at.now
        rows = read_history(history_path(self._run, event), since_ms, at.wall_ms)
        gates = list(self.gates(at.now).values())
        told = figures.as_dict(event, series(rows, since_ms, at.wall_ms, gates))
        body = json.dumps(told, separators=(",", ":")).encode()
        return Answer(200, [JSON, NEVER_STORED], (body,))


def _glimpse(gates: Mapping[int, Reading | None], now: float) -> Glimpse:
    return Glimpse(now, {i: gate.values for i, gate in gates.items() if gate and gate.fresh})

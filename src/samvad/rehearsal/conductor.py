"""A whole rehearsal: crowd, attackers, full listeners, and an eye on the server; one result.

It knows the public surface alone. All processes begin at the same moment of CLOCK_MONOTONIC.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

from samvad import __version__
from samvad.base import machine
from samvad.base.errors import PlainError
from samvad.rehearsal import steps as stairs
from samvad.rehearsal import watch
from samvad.rehearsal.cast import Cast
from samvad.rehearsal.herd import ORDERLY
from samvad.rehearsal.listener_page import PageConfig, read_page
from samvad.rehearsal.permit import check, fetch, is_here, permission_in, wish_of
from samvad.rehearsal.promise import Figures, Finding, judge
from samvad.rehearsal.record import Record, Row, full_figures, own_complaints
from samvad.rehearsal.result import result
from samvad.rehearsal.scenario import Scenario
from samvad.rehearsal.shards import Crowd, Snapshot
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.trial import Trial

LEAD_S, LEAD_OF_MANY_S = 0.5, 2.0
MOST_WAIT_S = 3600.0
_PAGE_S = 10.0
_LEAST_FULL, _LEAST_FULL_S = 4, 5.0


class AnyCrowd(Protocol):
    """One machine's crowd, or that of several (troupe.py)."""

    @property
    def machines(self) -> int: ...

    @property
    def processes(self) -> int: ...

    def run(
        self,
        each_second: Callable[[Snapshot], bool | None] | None = None,
        begin_at: float = 0.0,
    ) -> Snapshot: ...

    def __enter__(self) -> "AnyCrowd": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...


@dataclass
class Rehearsal:
    """`run` once. `key`: of the event at a target that is not this machine. `metrics`: a URL of
    Prometheus metrics, or "". `at_doors`: begin so that the largest wave comes as the doors open.
    `crowd`: makes the crowd of a trial."""

    scenario: Scenario
    url: str
    key: str = ""
    metrics: str = ""
    at_doors: bool = False
    crowd: Callable[[Trial], AnyCrowd] = Crowd
    record: Record = field(init=False)
    _stopped: bool = False
    _load_before: float = 0.0

    def stop(self) -> None:
        """End within a second; `run` returns a partial result."""
        self._stopped = True

    def run(self, show: Callable[[Row], None]) -> dict[str, Any]:
        """The result; `show` is called with each second's row. Raises PlainError."""
        scenario, url = self.scenario, self.url
        self._load_before = machine.load()
        here = is_here(url)
        permit = "" if here else fetch(url, self.key)
        trial = scenario.trial(url, permit)
        self._check(trial, permit)
        page = self._page(trial)
        self.record = Record(scenario.phases)
        state = page.state if page is not None else ""
        with (
            watch.Watch(url, state, self.metrics, here) as eye,
            Cast() as cast,
            self.crowd(trial) as crowd,
        ):
            door = urlsplit(page.door).path if page is not None else ""
            cast.add_attacks(scenario.attacks, url, permit, door)
            if page is not None:
                self._add_full(cast, trial)
            cast.until_ready()
            # A step at a time, where there are steps.
            climb = self._climb(crowd)
            lead_s = LEAD_S if crowd.machines == 1 else LEAD_OF_MANY_S
            began = time.monotonic() + lead_s
            if self.at_doors:
                began = max(began, time.monotonic() + self._until_doors_s(state))
                self._wait_until(began - lead_s)
            cast.begin(began)

            def each_second(now: Snapshot) -> bool:
                cast.listen()
                row = self.record.second(now.at_s, now.tally, now.health, eye.sight)
                show(row)
                going = climb.second(now.at_s, now.tally, now.health) if climb else True
                return going and not self._stopped

            end = crowd.run(each_second, began)
            left = self._left_open(trial, end) if here else (0, 0)
        return self._result(trial=trial, end=end, crowd=crowd, cast=cast, climb=climb, left=left)

    def _wait_until(self, at: float) -> None:
        """Raises PlainError when it is ended meanwhile."""
        while (left := at - time.monotonic()) > 0:
            if self._stopped:
                raise PlainError("The rehearsal was ended before it began.")
            time.sleep(min(left, 0.2))

    def _until_doors_s(self, state: str) -> float:
        """Seconds until the rehearsal has to begin. Raises PlainError."""
        said = watch.state_of(state)
        doors_ms, now_ms = said.get("doors_ms"), said.get("now_ms")
        if not isinstance(doors_ms, int) or not isinstance(now_ms, int) or doors_ms <= now_ms:
            raise PlainError(
                "The doors are open already, or open at no time that is known.",
                "Leave out --at-doors, or make the conversation with --starts.",
            )
        largest = max(self.scenario.waves, key=lambda w: w.share, default=None)
        wait_s = (doors_ms - now_ms) / 1000 - (largest.from_s if largest else 0.0)
        if not 0 <= wait_s <= MOST_WAIT_S:
            raise PlainError(
                f"The doors open in {(doors_ms - now_ms) / 1000:.0f} s; the herd of this scenario "
                f"comes after {largest.from_s if largest else 0:.0f} s.",
                "Begin earlier, but at most an hour before.",
            )
        return wait_s

    def _check(self, trial: Trial, permit: str) -> None:
        """Raises PlainError for what the target has not agreed to."""
        if not permit:
            return
        permission = permission_in(permit)
        check(permission, wish_of(trial))

    def _page(self, trial: Trial) -> PageConfig | None:
        """Where door and state are; None for a playlist alone. Raises PlainError."""
        if trial.url.partition("?")[0].endswith(".m3u8"):
            return None
        from http.client import HTTPConnection, HTTPException

        parts = urlsplit(trial.url)
        try:
            asked = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_PAGE_S)
            asked.request("GET", parts.path or "/", headers={"Accept-Language": "en"})
            answer = asked.getresponse()
            html = answer.read(2 * 1024 * 1024)
            asked.close()
        except (OSError, HTTPException) as error:
            raise PlainError(
                f"{trial.url} cannot be reached: {error}.", "See that the site is up."
            ) from None
        if answer.status != 200:
            raise PlainError(
                f"{trial.url} answered with status {answer.status}.",
                "Give the listeners' link of a conversation: samvad event list.",
            )
        page = read_page(trial.url, html.decode("utf-8", "replace"))
        for url in (page.door, page.state):
            if urlsplit(url).netloc != parts.netloc:
                raise PlainError(
                    f"The page at {trial.url} sends its listeners to {urlsplit(url).netloc}.",
                    "Rehearse against the gate's own address.",
                )
        return page

    def _add_full(self, cast: Cast, trial: Trial) -> None:
        scenario = self.scenario
        wanted = (
            max(_LEAST_FULL, round(trial.listeners * scenario.full_share))
            if scenario.full_share
            else 0
        )
        first, last = 0.0, trial.arrive_s
        if scenario.steps is None and scenario.waves:
            largest = max(scenario.waves, key=lambda w: w.share)
            first, last = largest.from_s, largest.from_s + largest.over_s
        elif scenario.steps is not None:
            last = scenario.steps.arrive_s
        until = self._stampede(trial) or trial.for_s
        if wanted and until - first > _LEAST_FULL_S:
            cast.add_full(trial.url, wanted, first, last - first, until)

    def _stampede(self, trial: Trial) -> float:
        return trial.leave_from_s if trial.leave_share else 0.0

    def _climb(self, crowd: AnyCrowd) -> stairs.Stairs | None:
        scenario = self.scenario
        if scenario.steps is None:
            return None

        def figures(tally: Tally, complaints: list[str]) -> Figures:
            return self.record.figures(tally, complaints)

        return stairs.Stairs(
            scenario.promise,
            scenario.stairs(),
            arrive_s=scenario.steps.arrive_s,
            every_s=scenario.steps.every_s,
            figures=figures,
            cores=_cores(crowd),
        )

    def _left_open(self, trial: Trial, end: Snapshot) -> tuple[int, int]:
        """Connections closed in order at the end, and those the server then kept."""
        opened = end.health.lines // ORDERLY
        port = urlsplit(trial.url).port or 80
        return opened, watch.left_open(port, max(5, opened // 100)) if opened else 0

    def _result(
        self,
        *,
        trial: Trial,
        end: Snapshot,
        crowd: AnyCrowd,
        cast: Cast,
        climb: stairs.Stairs | None,
        left: tuple[int, int],
    ) -> dict[str, Any]:
        heard = cast.heard()
        complaints = self.scenario.promise.complaints(end.health, _cores(crowd))
        complaints += own_complaints(heard)
        findings: list[Finding] = []
        knee = None
        if climb is None:
            figures = self.record.figures(end.tally, complaints, heard, *left)
            findings = judge(self.scenario.promise, figures)
        else:
            # Beyond the knee nothing was promised; each step was judged for itself.
            knee = climb.knee()
            findings = [stairs.finding(knee)]
        over = self._stopped or (climb is None and end.at_s < trial.for_s - 2.0)
        return result(
            scenario=self.scenario,
            url=self.url,
            record=self.record,
            tally=end.tally,
            health=end.health,
            findings=findings,
            spoils=cast.spoils(),
            full=full_figures(heard),
            knee=knee,
            steps=climb.steps if climb is not None else (),
            partial=over,
            about=_about(self._load_before),
            machines=crowd.machines,
            processes=crowd.processes,
        )


def _cores(crowd: AnyCrowd) -> int:
    return max(1, min(crowd.processes, machine.cpus() * crowd.machines))


def _about(load_before: float) -> dict[str, Any]:
    return {
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": machine.cpus(),
            "cpu": machine.cpu_name(),
            "memory_gb": machine.memory_gb(),
            "load_before": load_before,
        },
    }

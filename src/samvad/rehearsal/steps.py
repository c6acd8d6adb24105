"""The breaking point: the load rises step by step, and each step is judged for itself. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from samvad.rehearsal.health import Health
from samvad.rehearsal.promise import Figures, Finding, Promise, judge
from samvad.rehearsal.tally import Tally

_SETTLE_S = 1.0
"""Answers under way at a step's end are counted with the next one."""


@dataclass(frozen=True, slots=True)
class Step:
    """`listeners` in all at `at_s`; `joins_per_s`: how many came in a second. `playing`: at its
    end. `broken`: what was not kept, in sentences; `generator`: the generator itself failed."""

    at_s: float
    listeners: int
    joins_per_s: float
    playing: int = 0
    broken: tuple[str, ...] = ()
    generator: bool = False


@dataclass(frozen=True, slots=True)
class Knee:
    """The last step that was kept, and the one that was not (None: all were)."""

    kept: Step | None
    broke: Step | None

    @property
    def found(self) -> bool:
        """Whether it was the server that broke first."""
        return self.broke is not None and not self.broke.generator


class Stairs:
    """Fed once a second with everything so far; says when the promise of a step is broken."""

    def __init__(
        self,
        promise: Promise,
        stairs: list[tuple[int, float]],
        *,
        arrive_s: float,
        every_s: float,
        figures: Callable[[Tally, list[str]], Figures],
        cores: int,
    ) -> None:
        self.steps: list[Step] = []
        self.tally: Tally | None = None
        """Everything up to the end of the last step that was kept."""
        self._promise, self._stairs = promise, stairs
        self._arrive_s, self._every_s = arrive_s, every_s
        self._figures, self._cores = figures, cores
        self._before, self._health = Tally(), Health()
        self._seen = 0

    def second(self, at_s: float, tally: Tally, health: Health) -> bool:
        """False: it is over."""
        number = len(self.steps)
        if number >= len(self._stairs):
            return False
        _, from_s = self._stairs[number]
        if at_s < from_s + self._every_s - _SETTLE_S:
            return True
        total = sum(count for count, _ in self._stairs[: number + 1])
        complaints = self._promise.complaints(health.since(self._health), self._cores)
        findings = judge(self._promise, self._figures(tally.since(self._before), complaints))
        broken = [f for f in findings if not f.kept]
        step = Step(
            at_s=round(at_s, 1),
            listeners=total,
            joins_per_s=round(self._stairs[number][0] / max(self._arrive_s, 1.0), 1),
            playing=tally.playing_now,
            broken=tuple(f.says for f in broken),
            generator=any(f.name == "generator" for f in broken),
        )
        self.steps.append(step)
        self._before, self._health = _copy(tally), health
        if not broken:
            self.tally = self._before
        return not broken and len(self.steps) < len(self._stairs)

    def knee(self) -> Knee:
        kept = [s for s in self.steps if not s.broken]
        broke = [s for s in self.steps if s.broken]
        return Knee(kept[-1] if kept else None, broke[0] if broke else None)


def finding(knee: Knee) -> Finding:
    """What the breaking point says."""
    kept, broke = knee.kept, knee.broke
    if kept is None:
        why = broke.broken[0] if broke is not None else "The rehearsal ended before the first step."
        return Finding("breaking point", False, f"Already the first step broke: {why}", 0, 1)
    says = (
        f"The promise held up to {kept.listeners:,} listeners, with {kept.joins_per_s:g} of them "
        "arriving a second"
    )
    if broke is None:
        return Finding(
            "breaking point",
            True,
            f"{says}, and more was not tried: the breaking point is above that.",
            kept.listeners,
            1,
        )
    whose = "the generator could do no more" if broke.generator else "it broke"
    says = f"{says}; at {broke.listeners:,} {whose}: {broke.broken[0]}"
    return Finding("breaking point", True, says, kept.listeners, 1)


def _copy(tally: Tally) -> Tally:
    copy = Tally()
    copy.merge(tally)
    return copy

"""A scenario: an evening as a small file, and what it becomes for a crowd of a given size. Pure.

Times in a file are seconds of its own `for_s`; another length stretches them all. `arrive_s`
given by hand is that of the largest wave. Files: rehearsals/*.toml beside this module.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from samvad.base.errors import PlainError
from samvad.protocol.permission import ATTACKS
from samvad.rehearsal.attack import DEFAULTS, Attack
from samvad.rehearsal.habit import Leave, Start
from samvad.rehearsal.pacer import Shape
from samvad.rehearsal.promise import Promise
from samvad.rehearsal.trial import Trial

_KNOWN = {
    *("title", "says", "listeners", "for_s", "seed", "shape", "listening", "drops", "stampede"),
    *("wave", "attack", "phase", "promise", "steps"),
}


@dataclass(frozen=True, slots=True)
class Wave:
    """`share` of the listeners arrive between `from_s` and `from_s + over_s`."""

    name: str
    share: float
    from_s: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the evening with a name, shaded in the plots."""

    name: str
    from_s: float
    to_s: float
    attack: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """breaking-point: the crowd grows by `growth` each `every_s`, arriving in `arrive_s`, from
    `start` on, until the promise of a step is broken or `listeners` are there."""

    start: int
    growth: float
    every_s: float
    arrive_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """`listening` and the other mappings hold fields of Trial by their names."""

    name: str
    title: str
    says: str
    listeners: int
    for_s: float
    waves: tuple[Wave, ...]
    phases: tuple[Phase, ...] = ()
    attacks: tuple[Attack, ...] = ()
    promise: Promise = field(default_factory=Promise)
    shape: Shape = Shape.POISSON
    seed: int = 1
    habits: Mapping[str, Any] = field(default_factory=dict)
    full_share: float = 0.01
    steps: Steps | None = None

    def trial(self, url: str, permit: str = "") -> Trial:
        """What the light listeners are to do."""
        habits = dict(self.habits)
        start = Start.PLAY if url.partition("?")[0].endswith(".m3u8") else Start.PAGE
        waves = self._waves()
        return Trial(
            url=url,
            listeners=sum(count for count, _, _ in waves),
            arrive_s=max(from_s + over_s for _, from_s, over_s in waves),
            for_s=self.for_s,
            shape=self.shape,
            start=start,
            seed=self.seed,
            waves=waves,
            permit=permit,
            **habits,
        )

    def _waves(self) -> tuple[tuple[int, float, float], ...]:
        if self.steps is not None:
            return tuple((count, at, self.steps.arrive_s) for count, at in self.stairs())
        left, made = self.listeners, []
        for wave in self.waves[1:]:
            count = round(self.listeners * wave.share)
            made.append((count, wave.from_s, wave.over_s))
            left -= count
        return ((left, self.waves[0].from_s, self.waves[0].over_s), *made)

    def stairs(self) -> list[tuple[int, float]]:
        """breaking-point: how many more come at which second."""
        assert self.steps is not None
        found, total, at = [], 0, 0.0
        wanted = float(self.steps.start)
        while total < self.listeners and at + self.steps.every_s <= self.for_s + 0.001:
            count = max(1, min(round(wanted), self.listeners) - total)
            found.append((count, at))
            total += count
            at += self.steps.every_s
            wanted *= self.steps.growth
        return found

    def stretched(self, for_s: float) -> "Scenario":
        """The same evening in another length. Steps keep theirs: there are more or fewer."""
        by = for_s / self.for_s
        habits = {
            name: value * by if name in _TIMES else value for name, value in self.habits.items()
        }
        return replace(
            self,
            for_s=for_s,
            waves=tuple(replace(w, from_s=w.from_s * by, over_s=w.over_s * by) for w in self.waves),
            phases=tuple(replace(p, from_s=p.from_s * by, to_s=p.to_s * by) for p in self.phases),
            attacks=tuple(replace(a, from_s=a.from_s * by, to_s=a.to_s * by) for a in self.attacks),
            habits=habits,
        )

    def arriving_in(self, arrive_s: float) -> "Scenario":
        """The largest wave arrives in `arrive_s`. Raises PlainError when that is too long."""
        if self.steps is not None:
            return replace(self, steps=replace(self.steps, arrive_s=arrive_s))
        largest = max(self.waves, key=lambda w: w.share)
        if largest.from_s + arrive_s > self.for_s:
            raise PlainError(
                f"Arrivals over {arrive_s:g} s from second {largest.from_s:g} on do not fit into "
                f"{self.for_s:g} s.",
                "Give a longer --for or a shorter --arrive.",
            )
        waves = (replace(w, over_s=arrive_s) if w is largest else w for w in self.waves)
        return replace(self, waves=tuple(waves))

    def attacked_by(self, words: Sequence[str]) -> "Scenario":
        """Attacks as the command line has them: kind or kind=strength; "none" for none."""
        if list(words) == ["none"]:
            return replace(self, attacks=(), phases=tuple(p for p in self.phases if not p.attack))
        peak = max(self.waves, key=lambda w: w.share, default=None)
        from_s = peak.from_s if peak is not None else 0.0
        attacks = []
        for word in words:
            kind, _, strength = word.partition("=")
            if kind not in ATTACKS:
                raise PlainError(
                    f"There is no attack {kind!r}.", f"There are: {', '.join(ATTACKS)}."
                )
            attack = replace(DEFAULTS[kind], from_s=from_s, to_s=self.for_s)
            if strength:
                attack = attack.with_strength(strength)
            attacks.append(attack)
        phases = [p for p in self.phases if not p.attack]
        phases.append(Phase("under attack", from_s, self.for_s, attack=True))
        return replace(self, attacks=tuple(attacks), phases=tuple(phases))

    def at_stage(self, url: str) -> "Scenario":
        """Attacks that go to the stage go to this one, http://host:port."""
        attacks = tuple(replace(a, url=url) if a.kind == "whip" else a for a in self.attacks)
        return replace(self, attacks=attacks)


_TIMES = {"drop_from_s", "drop_to_s", "leave_from_s", "leave_to_s", "stay_s"}


def names() -> list[str]:
    """Scenarios that come with Samvad."""
    folder = resources.files("samvad.rehearsal") / "rehearsals"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name[-5:] == ".toml")


def load(name: str) -> Scenario:
    """By the name of one that comes with Samvad, or from a file. Raises PlainError."""
    try:
        if name in names():
            found = resources.files("samvad.rehearsal") / "rehearsals" / f"{name}.toml"
            return read(name, found.read_text(encoding="utf-8"))
        path = Path(name)
        return read(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise PlainError(
            f"There is no scenario {name!r}.",
            f"There are {', '.join(names())}; or give a file in their form.",
        ) from None


def read(name: str, text: str) -> Scenario:
    """A scenario file. Raises PlainError, which names the part."""
    try:
        data = tomllib.loads(text)
        unknown = set(data) - _KNOWN
        if unknown:
            raise PlainError(f"Scenario {name}: what is {', '.join(sorted(unknown))}?")
        for_s = float(data["for_s"])
        waves = tuple(
            Wave(str(w["name"]), float(w["share"]), float(w["from_s"]), float(w["over_s"]))
            for w in data.get("wave", ())
        )
        steps = Steps(**data["steps"]) if "steps" in data else None
        if steps is None and (not waves or abs(sum(w.share for w in waves) - 1) > 0.001):
            raise PlainError(f"Scenario {name}: the shares of its waves are not 1 together.")
        if steps is not None and (steps.growth <= 1 or steps.every_s < steps.arrive_s + 3):
            raise PlainError(f"Scenario {name}: steps must grow, and last 3 s beyond arrivals.")
        attacks = tuple(Attack.read(a, for_s) for a in data.get("attack", ()))
        phases = tuple(
            Phase(str(p["name"]), float(p["from_s"]), float(p["to_s"]), bool(p.get("attack")))
            for p in data.get("phase", ())
        )
        listening = dict(data.get("listening", {}))
        full_share = float(listening.pop("full_share", 0.01))
        scenario = Scenario(
            name=name,
            title=str(data["title"]),
            says=str(data["says"]),
            listeners=int(data["listeners"]),
            for_s=for_s,
            waves=waves,
            phases=phases,
            attacks=attacks,
            promise=Promise.read(data.get("promise", {})),
            shape=Shape(data.get("shape", "poisson")),
            seed=int(data.get("seed", 1)),
            habits=_habits(listening, data.get("drops", {}), data.get("stampede", {})),
            full_share=full_share,
            steps=steps,
        )
        scenario.trial("http://127.0.0.1/")
    except tomllib.TOMLDecodeError as error:
        raise PlainError(f"Scenario {name} is no TOML: {error}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise PlainError(f"Scenario {name} cannot be used: {error!r}.") from None
    return scenario


def _habits(
    listening: Mapping[str, Any], drops: Mapping[str, Any], stampede: Mapping[str, Any]
) -> dict[str, Any]:
    habits = dict(listening) | {f"drop_{n}": drops[n] for n in drops if n not in ("away_s", "how")}
    if "away_s" in drops:
        habits["away_s"] = drops["away_s"]
    if "how" in drops:
        habits["leave"] = Leave(drops["how"])
    return habits | {f"leave_{n}": stampede[n] for n in stampede}

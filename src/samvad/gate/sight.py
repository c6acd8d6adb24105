"""What one gate process has seen of this minute, for the one that writes the record: a small file.

Distinct newcomers and the heaviest networks and sources, from sketches (heavy.py). Sources stay
on the machine; what is published names networks (protocol/incident.py).
"""

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from samvad.gate.heavy import Distinct, Heavy, united
from samvad.protocol.client_addr import network_of

TOP = 16
MINUTE_MS = 60_000


def sight_path(run: Path, index: int) -> Path:
    return run / "attack" / f"sight-{index}.json"


class Sight:
    """One process's, begun anew each minute."""

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, minute: int) -> None:
        self._minute = minute
        self._newcomers, self._harmful = Distinct(), Distinct()
        self._sources, self._networks = Heavy(), Heavy()
        self.seen = False

    def turn(self, wall_ms: int) -> None:
        """To be called before anything is noted of this moment."""
        minute = wall_ms // MINUTE_MS
        if minute != self._minute:
            self._begin(minute)

    def came(self, source: str) -> None:
        self._newcomers.add(source)
        self.seen = True

    def harmed(self, source: str, acts: int) -> None:
        """A blamed source did so much harm."""
        self._harmful.add(source)
        self._sources.add(source, acts)
        self._networks.add(network_of(source), acts)
        self.seen = True

    def write(self, path: Path) -> None:
        """Raises OSError."""
        told = {
            "minute": self._minute,
            "newcomers": self._newcomers.text(),
            "harmful": self._harmful.text(),
            "sources": self._sources.top(TOP),
            "networks": self._networks.top(TOP),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(path)


@dataclass(frozen=True, slots=True)
class Seen:
    """All processes' of one minute: distinct newcomers, distinct harmful sources, the heaviest
    sources and networks with their acts."""

    newcomers: int = 0
    harmful: int = 0
    sources: tuple[tuple[str, int], ...] = ()
    networks: tuple[tuple[str, int], ...] = field(default=())


def gather(paths: Iterable[Path], minute: int) -> Seen:
    """What the files tell of that minute."""
    told = []
    for path in paths:
        try:
            one = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(one, dict) and one.get("minute") == minute:
            told.append(one)
    if not told:
        return Seen()
    sums: dict[str, Counter[str]] = {"sources": Counter(), "networks": Counter()}
    for one in told:
        for name, counter in sums.items():
            for what, weight in one.get(name, ()):
                counter[str(what)] += int(weight)
    return Seen(
        united(str(one.get("newcomers", "")) for one in told),
        united(str(one.get("harmful", "")) for one in told),
        tuple(sums["sources"].most_common(TOP)),
        tuple(sums["networks"].most_common(TOP)),
    )

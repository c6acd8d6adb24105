"""Figures of a bench: printed for people, written for the next comparison."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Figure:
    what: str
    value: float
    unit: str


def report(figures: Sequence[Figure], out: Path) -> None:
    """One a line, and all of them as JSON in `out`."""
    for one in figures:
        print(f"{one.what:44} {one.value:10.2f} {one.unit}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n")

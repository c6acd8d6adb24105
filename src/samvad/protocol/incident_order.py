"""An operator's word on an incident, from wherever it is given to the gate that leads: a file."""

import json
import os
from pathlib import Path
from typing import Any

NAME_MAX = 80


def path(run: Path) -> Path:
    return run / "attack" / "order.json"


def write(run: Path, open_: bool, by: str) -> None:
    """Open a record, or close it. Raises OSError."""
    where = path(run)
    where.parent.mkdir(parents=True, exist_ok=True)
    draft = where.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"open": open_, "by": by[:NAME_MAX]}), encoding="utf-8")
    draft.replace(where)


def read(run: Path) -> dict[str, Any] | None:
    """What was ordered last; None when nothing was, or nothing that can be read."""
    try:
        told = json.loads(path(run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("open"), bool) else None

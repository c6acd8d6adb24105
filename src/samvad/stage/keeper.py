"""What the stage writes to disk besides media: facts, and each room's memory. Off the loop."""

import json
import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samvad.base.folders import Folders
from samvad.protocol.journal import JournalWriter
from samvad.stage.figures import Figures
from samvad.stage.session import NewFact

log = logging.getLogger("samvad.stage")

QUEUE = 4096
"""Facts and memories waiting for the disk; when full, the newest is dropped and counted."""

_MEMORY = "room.json"


class Keeper:
    """A thread that writes in order. `fact` and `memory` never block."""

    def __init__(self, folders: Folders, figures: Figures, writer: str = "stage") -> None:
        self._folders = folders
        self._figures = figures
        self._journal = JournalWriter(folders.journal, writer)
        self._queue: queue.Queue[tuple[str, NewFact | Mapping[str, Any]] | None] = queue.Queue(
            QUEUE
        )
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something is not on disk yet."""
        return self._queue.unfinished_tasks > 0

    def fact(self, event: str, fact: NewFact) -> None:
        self._put((event, fact))

    def memory(self, event: str, memory: Mapping[str, Any]) -> None:
        self._put((event, memory))

    def _put(self, item: tuple[str, NewFact | Mapping[str, Any]]) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._figures.facts_lost += 1

    def close(self) -> None:
        """Write what waits and stop. Blocks."""
        self._queue.put(None)
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            event, what = item
            try:
                if isinstance(what, NewFact):
                    self._journal.append(event, what.kind, what.at_ms, **what.data)
                else:
                    write_memory(self._folders, event, what)
            except OSError as error:
                self._figures.facts_lost += 1
                log.error("cannot be written for %s: %s", event, error)
            finally:
                self._queue.task_done()


def write_memory(folders: Folders, event: str, memory: Mapping[str, Any]) -> None:
    """Replace an event's memory whole. Raises OSError."""
    folder = folders.recording(event)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_MEMORY}.tmp"
    draft.write_text(json.dumps(memory), encoding="utf-8")
    os.replace(draft, folder / _MEMORY)


def read_memory(folders: Folders, event: str) -> dict[str, Any] | None:
    """An event's memory, or None when there is none that can be read."""
    try:
        memory = json.loads((folders.recording(event) / _MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return memory if isinstance(memory, dict) else None


def remembered(folders: Folders) -> list[str]:
    """Events with a memory, the newest last."""
    found: list[Path] = list(folders.recordings.glob(f"*/{_MEMORY}"))
    try:
        found.sort(key=lambda p: p.stat().st_mtime_ns)
    except OSError:
        return []
    return [p.parent.name for p in found]

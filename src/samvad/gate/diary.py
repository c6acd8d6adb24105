"""Facts to the journal, off the event loop: a durable write may take as long as the disk likes."""

import logging
import queue
import threading
from pathlib import Path
from typing import Any

from samvad.gate.counters import Counters
from samvad.protocol.journal import JournalWriter

log = logging.getLogger("gate")

QUEUED = 1_000
"""Facts that may wait for the disk; further ones are dropped and counted."""

_Fact = tuple[str, str, int, dict[str, Any]]


class Diary:
    """A thread with a `JournalWriter`. `note` never blocks and never fails."""

    def __init__(self, folder: Path, writer: str, counters: Counters) -> None:
        self._folder, self._writer, self._counters = folder, writer, counters
        self._queue: queue.Queue[_Fact | None] = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._run, name="diary", daemon=True)
        self._thread.start()

    def note(self, event: str, kind: str, at_ms: int, **data: Any) -> None:
        """Write a fact down, sooner or later."""
        try:
            self._queue.put_nowait((event, kind, at_ms, data))
        except queue.Full:
            self._counters.add("journal_dropped")

    def _run(self) -> None:
        journal: JournalWriter | None = None
        while (fact := self._queue.get()) is not None:
            event, kind, at_ms, data = fact
            try:
                if journal is None:
                    journal = JournalWriter(self._folder, self._writer)
                journal.append(event, kind, at_ms, **data)
            except OSError as error:
                self._counters.add("journal_dropped")
                log.warning("the journal cannot be written: %s", error)
        if journal is not None:
            journal.close()

    def close(self, within_s: float = 2.0) -> None:
        """Write what is queued, if the disk takes it in time."""
        try:
            self._queue.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

"""Parts to disk, durably, beside the live stream.

Two threads: one hands parts to the kernel, one makes them durable. So a disk that takes
seconds for an fdatasync (they do, when others write much) delays no write, and a write that
hangs delays no encoder.

A full or failing disk loses parts of the recording, never of the live stream: it is
complained about once, and recording goes on as soon as a part fits again. What was lost is a
gap in the index, listed with the replay.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

from samvad.broadcast.index import Entry
from samvad.broadcast.packager import Cut
from samvad.broadcast.recording import Recording
from samvad.protocol.media import PART_S

log = logging.getLogger("samvad.broadcast")

QUEUE_CUTS = 96
"""A minute of parts waits for a slow disk; then the newest is left out of the recording."""
PATIENCE_S = 0.25
"""How long the live stream waits for a part to be written before it goes on without."""

Complain = Callable[[str], None]


class Recorder:
    """Takes cuts from the encoding thread. `complain` is called from any of the threads."""

    def __init__(self, event: str, recording: Recording, complain: Complain) -> None:
        self._event, self._recording, self._complain = event, recording, complain
        self._changed = threading.Condition()
        self._queue: deque[Cut] = deque()
        self._unsynced: list[Entry] = []
        self._lost = 0
        self._lost_last = (0, 0)
        """(msn, part) of the newest lost part: one after it, once durable, ends the trouble."""
        self._taking = self._writing = True
        self._threads = [
            threading.Thread(target=run, name=f"{what}-{event}", daemon=True)
            for what, run in (("write", self._write_all), ("sync", self._sync_all))
        ]
        for thread in self._threads:
            thread.start()

    def append(self, cut: Cut) -> bool:
        """Hand over one part of every rendition. True: the kernel has it.

        False: the disk is slow or full, and the live stream should go on without waiting.
        Waits at most PATIENCE_S, and not at all while an earlier part waits.
        """
        with self._changed:
            if len(self._queue) >= QUEUE_CUTS:
                self._lose("the disk is too slow", cut[0].msn, cut[0].part)
                return False
            self._queue.append(cut)
            self._changed.notify_all()
            if self._queue[0] is not cut:
                return False
            done = self._changed.wait_for(lambda: cut not in self._queue, PATIENCE_S)
            return done and not self._lost

    def close(self) -> None:
        """Write what waits and stop. Blocks as long as the disk does."""
        with self._changed:
            self._taking = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or not self._taking)
                if not self._queue:
                    self._writing = False
                    self._changed.notify_all()
                    return
                cut = self._queue[0]
            try:
                entry = self._recording.write(cut)
            except Exception as error:
                with self._changed:
                    self._lose(_why(error), cut[0].msn, cut[0].part)
            else:
                with self._changed:
                    self._unsynced.append(entry)
            with self._changed:
                self._queue.popleft()
                self._changed.notify_all()

    def _sync_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unsynced or not self._writing)
                if not self._unsynced:
                    return
                entries, self._unsynced = self._unsynced, []
            try:
                self._recording.keep(entries)
            except Exception as error:
                with self._changed:
                    for entry in entries:
                        self._lose(_why(error), entry.msn, entry.part)
            else:
                with self._changed:
                    self._kept(entries[-1])

    def _lose(self, why: str, msn: int, part: int) -> None:
        if not self._lost:
            self._complain(
                f"The recording of {self._event} has stopped: {why}. The live stream goes on."
            )
        self._lost += 1
        self._lost_last = max(self._lost_last, (msn, part))

    def _kept(self, newest: Entry) -> None:
        if self._lost and (newest.msn, newest.part) > self._lost_last:
            missing, self._lost = self._lost * PART_S, 0
            self._complain(
                f"The recording of {self._event} goes on; {missing:.1f} s of it are missing."
            )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    log.error("a part was not recorded", exc_info=error)
    return str(error)

"""Parts to disk, durably, beside the live stream.

Two threads: one hands parts to the kernel, one makes them durable. So a disk that takes
seconds for an fdatasync (they do, when others write much) delays no write, and a write that
hangs delays no encoder.

A full disk is complained about at once, and the recording goes on in the room that was set aside
for it. When that is used up, or the disk fails, parts of the recording are lost, never of the
live stream; recording goes on as soon as a part fits again. What was lost is a gap in the
index, listed with the replay.
"""

import errno
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
BYTES_PER_MIN = (68_000 + 28_000) // 8 * 60
"""Of a recording: both renditions (protocol/media.py)."""
PATIENCE_S = 0.25
"""How long the live stream waits for a part to be written before it goes on without."""

Complain = Callable[[str], None]


class Recorder:
    """Takes cuts from the encoding thread. `complain` is called from any of the threads."""

    def __init__(self, event: str, recording: Recording, complain: Complain) -> None:
        self._event, self._recording, self._complain = event, recording, complain
        self._changed = threading.Condition()
        self._queue: deque[tuple[Cut, bytes]] = deque()
        self._unsynced: list[Entry] = []
        self._lost = 0
        self._lost_last = (0, 0)
        """(msn, part) of the newest lost part: one after it, once durable, ends the trouble."""
        self._taking = self._writing = True
        self.full = False
        """The disk was full once: what is less than the recording should leave it alone."""
        self._threads = [
            threading.Thread(target=run, name=f"{what}-{event}", daemon=True)
            for what, run in (("write", self._write_all), ("sync", self._sync_all))
        ]
        for thread in self._threads:
            thread.start()

    def append(self, cut: Cut, measure: bytes = b"") -> bool:
        """Hand over one part of every rendition, and its line of measures. True: the kernel has it.

        False: the disk is slow or full, and the live stream should go on without waiting.
        Waits at most PATIENCE_S, and not at all while an earlier part waits.
        """
        with self._changed:
            if len(self._queue) >= QUEUE_CUTS:
                self._lose("the disk is too slow", cut[0].msn, cut[0].part)
                return False
            one = (cut, measure)
            self._queue.append(one)
            self._changed.notify_all()
            if self._queue[0] is not one:
                return False
            done = self._changed.wait_for(lambda: one not in self._queue, PATIENCE_S)
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
                cut, measure = self._queue[0]
            try:
                entry = self._write(cut)
                self._recording.note(measure)
            except Exception as error:
                with self._changed:
                    self._lose(_why(error), cut[0].msn, cut[0].part)
            else:
                with self._changed:
                    self._unsynced.append(entry)
            with self._changed:
                self._queue.popleft()
                self._changed.notify_all()

    def _write(self, cut: Cut) -> Entry:
        """Write; on a full disk, into the room that was set aside. Raises OSError."""
        while True:
            try:
                return self._recording.write(cut)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                left = self._recording.give_back()
                if left < 0:
                    raise
                if not self.full:
                    self.full = True
                    minutes = left // BYTES_PER_MIN
                    self._complain(
                        f"The disk is full. The recording of {self._event} goes on in the room "
                        f"that was set aside, for about {minutes} minutes. Make room on the disk."
                    )

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

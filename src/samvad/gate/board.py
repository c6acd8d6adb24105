"""What the gates of a machine know together of one event, besides its seats: a mapped file.

    header 64 bytes: magic 8 | boot id 16 | zeros
    then unsigned 64-bit cells: figures (lines.py `Figure`), calls (calls.py), four lanes (line.py)
    then a byte for each number of each lane that was called lately (lines.py)

To read needs no lock. To write more than one cell, or to add, takes `lock`, an flock, which the
kernel frees when its process dies. Nothing here grows with the crowd.
"""

import contextlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from samvad.gate import calls, line
from samvad.gate.filelock import lock, lock_to_open, unlock
from samvad.gate.lines import FIGURES, USES, Cells, Figure
from samvad.gate.seats import boot_id
from samvad.protocol.passes import Lane

MAGIC = b"samvadb1"
_HEADER = 64

_CALLS = FIGURES
_LANES = _CALLS + calls.CELLS
_SIZE = _LANES + len(Lane) * line.CELLS
_BYTES = _HEADER + 8 * _SIZE + len(Lane) * USES


class Board:
    """One process's hold of the file. Raises OSError when the disk does not give it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            lock_to_open(self._file)
            try:
                self._map()
            finally:
                unlock(self._file)
        except BaseException:
            os.close(self._file)
            raise

    def _map(self) -> None:
        size = _BYTES
        if os.fstat(self._file).st_size != size:
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, size)
        memory = mmap.mmap(self._file, size)
        whole = memoryview(memory)
        cells = whole[_HEADER : _HEADER + 8 * _SIZE].cast("Q")
        mark = MAGIC + boot_id()
        if memory[: len(MAGIC)] != MAGIC:
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, size)  # zeros, without touching a page
        elif memory[: len(mark)] != mark:
            # From before a boot: monotonic times mean nothing now, numbers in the line still do.
            for figure in (Figure.TICKED_MS, Figure.PACED_MS, Figure.TOKENS_MILLI, Figure.ROOM):
                cells[figure] = 0
            cells[_CALLS:_LANES] = memoryview(bytes(8 * calls.CELLS)).cast("Q")
        memory[: len(mark)] = mark
        self.figures = cast(Cells, cells[:FIGURES])
        self.calls = cast(Cells, cells[_CALLS:_LANES])
        self.lanes: dict[Lane, Cells] = {
            lane: cast(Cells, cells[at : at + line.CELLS])
            for lane, at in zip(Lane, range(_LANES, _SIZE, line.CELLS), strict=True)
        }
        self.uses: dict[Lane, Cells] = {
            lane: cast(Cells, whole[at : at + USES])
            for lane, at in zip(Lane, range(_HEADER + 8 * _SIZE, _BYTES, USES), strict=True)
        }

    def lock(self) -> bool:
        """As `locked`, for who calls `unlock` in a `finally`: at half the price."""
        return lock(self._file)

    def unlock(self) -> None:
        unlock(self._file)

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the cells' lock; False: another gate keeps it for too long, change nothing."""
        held = lock(self._file)
        try:
            yield held
        finally:
            if held:
                unlock(self._file)

    def add(self, figure: Figure, count: int = 1) -> None:
        """Count. While another gate keeps the lock for too long, it is not counted."""
        with self.locked() as held:
            if held:
                self.figures[figure] += count

    def close(self) -> None:
        """Let go of the file; the board stays. (The mapping goes with its last view.)"""
        os.close(self._file)

    def remove(self) -> None:
        """Let go of the board for good. Other gates may do the same."""
        self.close()
        self._path.unlink(missing_ok=True)

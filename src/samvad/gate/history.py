"""The last quarter of an hour of one event, a row a second, in a mapped file that all gate
processes of the machine read: whichever is asked gives the same answer.

    header 64 bytes: magic 8 | layout 8 | zeros
    a row: Unix ms | one number a field of gate/figures.py, all f64

A row's place is its second. One process writes: the one that holds the file's flock, which the
kernel frees when it dies, even by SIGKILL; then another goes on in the next second.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samvad.gate.figures import FIELDS, Row
from samvad.protocol.figures import KEPT_S

MAGIC = b"svhist1\n"
_LAYOUT = hashlib.blake2b(" ".join(FIELDS).encode(), digest_size=8).digest()
_HEADER = 64
_ROWS = 1024
"""More than KEPT_S, so that no row that is read is being replaced."""
_WIDTH = 1 + len(FIELDS)
_SIZE = _HEADER + _ROWS * _WIDTH * 8


def history_path(run: Path, event: str) -> Path:
    return run / "history" / event


class History:
    """The writer's hold of the file."""

    def __init__(self, file: int) -> None:
        self._file = file
        os.ftruncate(file, _SIZE)
        memory = mmap.mmap(file, _SIZE)
        if memory[:16] != MAGIC + _LAYOUT:
            memory[:] = bytes(_SIZE)
            memory[:16] = MAGIC + _LAYOUT
        self._rows = _table(memory)

    def put(self, at_ms: int, values: Mapping[str, float]) -> None:
        """Write the row of this second, over that of 1,024 seconds before."""
        row = self._rows[at_ms // 1000 % _ROWS]
        row[0] = 0  # no reader takes it for whole while it is not
        row[1:] = [values[name] for name in FIELDS]
        row[0] = at_ms

    def close(self) -> None:
        """Let another process write."""
        fcntl.flock(self._file, fcntl.LOCK_UN)  # the mapping has the file open as well
        os.close(self._file)


def open_to_write(path: Path) -> History | None:
    """The file, made if need be; None while another process writes it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _locked(path, os.O_RDWR | os.O_CREAT)
    if file is None:
        return None
    try:
        return History(file)
    except BaseException:
        os.close(file)
        raise


def _locked(path: Path, flags: int) -> int | None:
    file = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    if os.fstat(file).st_nlink == 0:  # removed between the opening and the lock
        os.close(file)
        return None
    return file


def read(path: Path, since_ms: int, now_ms: int) -> list[Row]:
    """The rows of the last KEPT_S after `since_ms`, rising, and the one before those if there
    is one. None are there if the file is not, or is another version's."""
    try:
        raw = path.read_bytes()
    except OSError:
        return []
    if len(raw) != _SIZE or raw[:16] != MAGIC + _LAYOUT:
        return []
    rows = _table(raw)
    at_ms = rows[:, 0]
    rows = rows[(at_ms > now_ms - KEPT_S * 1000) & (at_ms <= now_ms)]
    rows = rows[np.argsort(rows[:, 0])]
    first = max(0, int(np.searchsorted(rows[:, 0], since_ms, side="right")) - 1)
    return [(int(row[0]), dict(zip(FIELDS, row[1:], strict=True))) for row in rows[first:].tolist()]


def remove_if_old(path: Path, now_ms: int) -> None:
    """Remove a file of which nothing would be read, unless somebody writes it."""
    if read(path, 0, now_ms):
        return
    try:
        file = _locked(path, os.O_RDWR)
        if file is not None:
            path.unlink(missing_ok=True)
            os.close(file)
    except OSError:
        return


def _table(memory: "bytes | mmap.mmap") -> npt.NDArray[np.float64]:
    return np.frombuffer(memory, np.float64, offset=_HEADER).reshape(_ROWS, _WIDTH)

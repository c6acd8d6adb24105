"""Stretches of files that the kernel sends by itself: of a recording on disk, and of files in
memory, of which it sends the very pages that all answers share, where a copy for each would lie in
memory until its reader has taken it.
"""

import errno
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

SPLICED_AT_A_TIME = 512 * 1024
"""Bytes of a file sent before others have their turn."""
FILE_BYTES = 1024 * 1024
"""So much is put into one file: forty seconds of an event in all its renditions."""


class OpenFile:
    """An open file that closes itself when the last answer made from it is gone."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class FileSpan:
    """`length` bytes of a file from `start` on."""

    file: OpenFile
    start: int
    length: int


def splice(to: int, span: FileSpan) -> tuple[FileSpan | None, int]:
    """Let the kernel send what the socket `to` takes of `span`, SPLICED_AT_A_TIME at most: what is
    left of it, and how many bytes went. Raises OSError."""
    fd, at, left, budget = span.file.fd, span.start, span.length, SPLICED_AT_A_TIME
    try:
        while budget > 0:
            sent = os.sendfile(to, fd, at, left if left < budget else budget)
            if sent == left:
                return None, span.length  # as nearly always, at once
            if sent == 0:
                raise OSError(errno.EIO, "the file is shorter than it was")
            at, left, budget = at + sent, left - sent, budget - sent
    except (BlockingIOError, InterruptedError):
        pass
    return FileSpan(span.file, at, left), span.length - left


class MemoryFiles:
    """Files without a name, of one thread. Many objects share one: of descriptors connections are
    made. It goes, with its memory, when the last object in it has gone; those of a window come and
    go in one order."""

    def __init__(self) -> None:
        self._file: OpenFile | None = None
        self._filled = 0

    def put(self, body: Sequence[bytes]) -> FileSpan:
        """The bytes of `body`, joined. Raises OSError; then nothing is kept of them."""
        length = sum(map(len, body))
        file, start = self._file, self._filled
        if file is None or start + length > FILE_BYTES:
            file, start = OpenFile(os.memfd_create("answers", os.MFD_CLOEXEC)), 0
        if os.pwritev(file.fd, body, start) != length:
            raise OSError(errno.ENOSPC, "no memory for a memory file")
        # From a page's beginning: fewer pages are touched when it is sent.
        self._file, self._filled = file, start + -(-length // mmap.PAGESIZE) * mmap.PAGESIZE
        return FileSpan(file, start, length)

"""Proofs that were shown: good once, at whichever gate of the machine. A mapped file of marks.

A mark is 8 bytes of a hash, and has one place among 65,536; who comes later takes the place over.
So a proof could be shown a second time once another with the same place has been shown, which
costs as much work as is saved. No lock: two gates that are shown the same proof in the same
microsecond may both take it.
"""

import hashlib
import mmap
import os
from pathlib import Path

PLACES = 65_536
_HEADER = 64
MAGIC = b"svspent\n"


class Spent:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, _HEADER + 8 * PLACES)
            memory = mmap.mmap(file, _HEADER + 8 * PLACES)
        finally:
            os.close(file)
        if memory[: len(MAGIC)] != MAGIC:
            memory[:] = bytes(len(memory))
            memory[: len(MAGIC)] = MAGIC
        self._marks = memoryview(memory)[_HEADER:].cast("Q")

    def spend(self, what: str) -> bool:
        """Whether it is shown for the first time."""
        digest = hashlib.blake2b(what.encode(), digest_size=10, person=b"spent").digest()
        place, mark = int.from_bytes(digest[:2], "big"), int.from_bytes(digest[2:], "big") or 1
        if self._marks[place] == mark:
            return False
        self._marks[place] = mark
        return True

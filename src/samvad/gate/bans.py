"""Sources that are sent away for a while: one table that all gate processes of a machine share.

    header 64 bytes: magic 8 | boot id 16 | version u64 | zeros
    a slot 64 bytes: source, 44 ASCII bytes | strikes u32 | until f64 | since f64
                     (both CLOCK_MONOTONIC seconds)

Fixed in size. A source has eight slots it may lie in; where all are taken, the one that ends
first makes room. Writers hold the file's flock; readers look at the version, four times a
second, and read all when it has changed. A ban is remembered for an hour after its end, so that
whoever comes back to do harm stays away longer.
"""

import hashlib
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from samvad.gate.filelock import lock, lock_to_open, unlock
from samvad.gate.seats import boot_id

SLOTS = 8_192
NEAR = 8
MAGIC = b"svbans1\n"
_HEADER = 64
_SLOT = struct.Struct("<44sIdd")
_WORDS = _SLOT.size // 8
_SIZE = _HEADER + SLOTS * _SLOT.size
_VERSION = 3  # in words of 8 bytes
REMEMBERED_S = 3_600.0
LONGER = 5
"""Each further ban lasts so many times as long."""
LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Ban:
    """`strikes`: how often it was banned, this time included."""

    source: str
    strikes: int
    until: float
    since: float


class Bans:
    """One gate process's hold of the table. `now` is monotonic seconds."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock_to_open(self._file)
            try:
                os.ftruncate(self._file, _SIZE)
                self._memory = mmap.mmap(self._file, _SIZE)
                mark = MAGIC + boot_id()
                if self._memory[: len(mark)] != mark:
                    self._memory[:] = bytes(_SIZE)
                    self._memory[: len(mark)] = mark
            finally:
                unlock(self._file)
        except BaseException:
            os.close(self._file)
            raise
        self._words = memoryview(self._memory)[:_HEADER].cast("Q")
        self._seen = -1
        self._slots = np.zeros((SLOTS, _WORDS), np.uint64)
        """As `look` has read them."""
        self.now: dict[str, Ban] = {}
        """Bans in force, as `look` has read them."""

    def look(self, now: float) -> list[str]:
        """Read what has changed of the table; the sources that are banned and were not before."""
        if any(ban.until <= now for ban in self.now.values()):
            self.now = {s: ban for s, ban in self.now.items() if ban.until > now}
        version = self._words[_VERSION]
        if version == self._seen:
            return []
        self._seen = version
        before, self._slots = self._slots, self._copy()
        changed = np.flatnonzero((self._slots != before).any(axis=1))
        known = self.now.keys() & {_ban(slot).source for slot in before[changed]}
        for source in known:  # what made room here may lie elsewhere by now
            del self.now[source]
        fresh = []
        for ban in map(_ban, self._slots[changed]):
            if ban.until > now:
                self.now[ban.source] = ban
                if ban.source not in known:
                    fresh.append(ban.source)
        return fresh

    def _copy(self) -> "np.ndarray[tuple[int, int], np.dtype[np.uint64]]":
        """The slots as they are now, a row of words for each."""
        return np.frombuffer(self._memory[_HEADER:], np.uint64).reshape(SLOTS, _WORDS)

    def ban(self, source: str, now: float, first_s: float) -> Ban | None:
        """Ban it from `now` on, for `first_s` or, if it was banned before, for longer.

        None: it is banned already, or another process keeps the table for too long.
        """
        if not lock(self._file):
            return None
        try:
            place, before = self._place(source, now)
            if before is not None and before.until > now:
                return None
            strikes = 1
            if before is not None and now - before.until < REMEMBERED_S:
                strikes = before.strikes + 1
            lasts_s = min(LONGEST_S, first_s * LONGER ** min(strikes - 1, 8))
            ban = Ban(source, strikes, now + lasts_s, now)
            self._write(place, ban)
            return ban
        finally:
            unlock(self._file)

    def lift(self, source: str, now: float) -> bool:
        """End a ban; False: there is none."""
        if not lock(self._file):
            return False
        try:
            place, before = self._place(source, now)
            if before is None or before.until <= now:
                return False
            self._write(place, Ban(source, before.strikes, now, before.since))
            return True
        finally:
            unlock(self._file)

    def _write(self, place: int, ban: Ban) -> None:
        _SLOT.pack_into(
            self._memory, place, ban.source.encode("ascii"), ban.strikes, ban.until, ban.since
        )
        self._words[_VERSION] += 1

    def _place(self, source: str, now: float) -> tuple[int, Ban | None]:
        """Where it lies, or may: an empty slot, or the one that ends first."""
        digest = hashlib.blake2b(source.encode(), digest_size=4).digest()
        first = int.from_bytes(digest, "big")
        best, best_until = 0, float("inf")
        name = source.encode("ascii")
        for step in range(NEAR):
            place = _HEADER + (first + step) % SLOTS * _SLOT.size
            raw, strikes, until, since = _SLOT.unpack_from(self._memory, place)
            if raw.rstrip(b"\0") == name:
                return place, Ban(source, strikes, until, since)
            if until < best_until:
                best, best_until = place, until
        return best, None

    def close(self) -> None:
        os.close(self._file)


def _ban(slot: "np.ndarray[tuple[int], np.dtype[np.uint64]]") -> Ban:
    source, strikes, until, since = _SLOT.unpack(slot.tobytes())
    return Ban(source.rstrip(b"\0").decode("ascii", "replace"), strikes, until, since)

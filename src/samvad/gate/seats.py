"""Seats of one event, shared by all gate processes of a machine through one mapped file.

    header 64 bytes: magic 8 | boot id 16 | zeros
    a seat, 20 bytes: last seen u32 (CLOCK_MONOTONIC seconds, 0: never) | generation u32
                      | taken u32 (seconds as above) | lane u32 (line.py)
                      | uses u32 (second u16, how often it was used in it u16)

A seat is held while it was seen less than `hold_s` ago. Whoever has fetched what lasts for a
while (lean.json) is seen as late as that lets expect: "last seen" may lie ahead by AHEAD_MAX_S.
Looking and touching need no lock: one
seat has one generation, and a ticket is good only for its seat's generation, so there are
never more good tickets than seats. Claiming needs one: an flock, which the kernel frees when
its process dies, even by SIGKILL; half a claim (a new generation nobody knows) leaves the
seat free. Times are whole seconds; the file outlives gate processes, so tickets do too.
"""

import mmap
import os
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samvad.gate.filelock import lock, lock_to_open, unlock
from samvad.protocol.ticket import Ticket

MAGIC = b"samvad3\n"
_HEADER = 64
_WORDS = 5
_SEAT = 4 * _WORDS
_SEEN, _GENERATION, _TAKEN, _LANE, _USES = range(_WORDS)
LISTENING_S = 12.0
"""Whoever was seen within so long is listening: six Target Durations."""
AHEAD_MAX_S = 120.0
ANYONE = 3
"""The lane (line.py) of those without any claim to be before others."""
SHARED_PER_S = 60
"""A ticket fetches no more playlists a second, whichever gates it asks: one listener fetches one
or two, some tabs and a monitor more. Who shares one with many is sent to the door, where each
gets a seat."""
VOID = 4
"""A ticket that is used so many times as often is in very many hands: it is void."""
_CANDIDATES = 1024
"""Free seats noted beforehand, so that a claim need not search under the lock."""
_SEARCH_EVERY_S = 0.2
"""A full house is searched again no sooner."""

_Table = npt.NDArray[np.uint32]


class NoSeat(Enum):
    FULL = "all seats are held"
    BUSY = "another gate kept the table for too long"


def boot_id() -> bytes:
    """16 bytes that change with each boot, when CLOCK_MONOTONIC begins anew; zeros if unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as text:
            return bytes.fromhex(text.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)


class Seats:
    """One gate process's hold of an event's table. `now` is monotonic seconds everywhere.

    `limit` may change at any time; when it shrinks nobody is put out, and nobody let in
    until fewer than `limit` seats are held.
    """

    def __init__(
        self,
        path: Path,
        limit: int,
        hold_s: float,
        spread: int = 0,
        *,
        shared_per_s: int = SHARED_PER_S,
    ) -> None:
        """Open or make the table. `spread` (the gate's index) lets gates search apart.
        `shared_per_s`: how often one ticket may be used a second; 0: it does not matter."""
        self._shared_per_s = shared_per_s or 0xFFFF
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._hold_s = max(1, int(hold_s))
        self._spread = spread
        self._candidates: list[int] = []
        self._found_none = float("-inf")
        self._limit = limit
        self.shared = self.voided = 0
        """Uses refused, and tickets taken back, because too many used one."""
        self._shrunk = True
        """Whether seats beyond the limit may still be held; `held` finds out."""
        try:
            self._map(limit)
        except BaseException:
            os.close(self._file)
            raise

    @property
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        """Change how many may be held from now on."""
        if limit == self._limit:
            return
        self._shrunk = self._shrunk or limit < self._limit
        self._limit = limit
        self._candidates.clear()
        self._found_none = float("-inf")
        if limit > len(self._seen):
            self._map(limit)

    def _map(self, seats: int) -> None:
        lock_to_open(self._file)
        try:
            wanted, size = _HEADER + _SEAT * max(seats, 1), os.fstat(self._file).st_size
            if size < wanted:
                os.ftruncate(self._file, wanted)
            memory = mmap.mmap(self._file, max(size, wanted))
            table = np.frombuffer(memory, np.uint32, offset=_HEADER)
            whole = len(table) // _WORDS * _WORDS
            seats_of = table[:whole].reshape(-1, _WORDS)
            mark = MAGIC + boot_id()
            if memory[: len(mark)] != mark:
                # A new table, or one from before a boot: last-seen times mean nothing now,
                # generations still do (old tickets may take their seats again).
                if memory[: len(MAGIC)] != MAGIC:
                    seats_of[:] = 0
                seats_of[:, _SEEN] = seats_of[:, _TAKEN] = 0
                memory[: len(mark)] = mark
            self._memory = memory
            self._seen: _Table = seats_of[:, _SEEN]
            self._generation: _Table = seats_of[:, _GENERATION]
            self._taken: _Table = seats_of[:, _TAKEN]
            self._lane: _Table = seats_of[:, _LANE]
            # One seat is read and written through memoryviews: four times as fast as numpy.
            self._words = memoryview(memory)[_HEADER : _HEADER + whole * 4].cast("I")
        finally:
            unlock(self._file)

    def close(self) -> None:
        """Let go of the file; the table stays. (The mapping goes with its last view.)"""
        os.close(self._file)

    def remove(self) -> None:
        """Let go of the table for good: the event is over. Other gates may do the same."""
        self.close()
        self._path.unlink(missing_ok=True)

    # -- looking ----------------------------------------------------------------------------

    def _seen_since(self, now: float, seconds: float) -> npt.NDArray[np.bool_]:
        # Unsigned and wrapping: a last-seen further in the future (which only damage can write)
        # is a very long time ago, and so is "never".
        age = np.uint32(int(now + AHEAD_MAX_S)) - self._seen
        most = np.uint32(max(1, int(seconds)) + AHEAD_MAX_S)
        recent: npt.NDArray[np.bool_] = (age < most) & (self._seen != 0)
        return recent

    def held(self, now: float) -> int:
        """Seats held: admitted listeners, of all gates."""
        held = self._seen_since(now, self._hold_s)
        self._shrunk = bool(held[self._limit :].any())
        return int(np.count_nonzero(held))

    def listening(self, now: float) -> int:
        """Seats whose ticket was used to fetch what is to be heard, just now."""
        heard = self._seen_since(now, LISTENING_S) & (self._seen != self._taken)
        return int(np.count_nonzero(heard))

    def _is_held(self, seat: int, now: float) -> bool:
        seen = self._words[_WORDS * seat]
        age = int(now + AHEAD_MAX_S) - seen & 0xFFFF_FFFF
        return seen != 0 and age < self._hold_s + int(AHEAD_MAX_S)

    # -- holding ----------------------------------------------------------------------------

    def touch(self, ticket: Ticket, now: float, for_s: float = LISTENING_S) -> bool:
        """Keep the ticket's seat, or take it again if it was not given to somebody else.

        `for_s`: so long it goes on as listening, after what it has fetched now. False: the seat
        was given away, or it is no more, or to take it again would make one too many.
        """
        seat, generation, _ = ticket
        words, place = self._words, _WORDS * seat
        if place + _WORDS > len(words) or words[place + _GENERATION] != generation:
            return False
        if (self._shrunk or seat >= self._limit) and not self._is_held(seat, now):
            return False
        second = int(now + for_s - LISTENING_S)
        seen = words[place]
        # Other gates have neighbouring seats in their caches: nothing is written in vain. And who
        # has fetched for a minute is not seen less for a shorter errand.
        if seen == second:
            # In the second of the claim: later than it, or nobody could tell it from the claim.
            if words[place + _TAKEN] == second:
                words[place] = second + 1
            return self._again(place, int(now))
        if second < seen <= second + AHEAD_MAX_S:
            return self._again(place, int(now))
        words[place] = second
        return True

    def _again(self, place: int, second: int) -> bool:
        """One more use of a seat that was seen in this second already; False: too many share it.

        Processes that count at the same moment may miss one; that harms nobody.
        """
        words, mark = self._words, (second & 0xFFFF) << 16
        uses = words[place + _USES]
        count = uses & 0xFFFF if uses & 0xFFFF_0000 == mark else 0
        words[place + _USES] = mark | min(count + 1, 0xFFFF)
        most = self._shared_per_s
        if count < most or most == 0xFFFF:
            return True
        self.shared += 1
        if count >= VOID * most:
            self.voided += 1
            words[place + _GENERATION] = (words[place + _GENERATION] + 1) & 0xFFFF_FFFF
            words[place] = words[place + _USES] = 0
        return False

    def leave(self, ticket: Ticket, now: float = 0.0, grace_s: float = 0.0) -> bool:
        """Give the ticket's seat back; whether it was still the ticket's.

        `grace_s` (from `now` on): it goes to nobody else for so long, should its holder come back.
        """
        place = _WORDS * ticket.seat
        words = self._words
        if place + _WORDS > len(words) or words[place + _GENERATION] != ticket.generation:
            return False
        held = words[place] != 0
        until = int(now) - self._hold_s + int(grace_s) if grace_s > 0 else 0
        words[place] = min(words[place], max(0, until))
        return held

    def claim(self, now: float, lane: int = ANYONE) -> tuple[int, int] | NoSeat:
        """Take a free seat: (seat, its new generation)."""
        if not lock(self._file):
            return NoSeat.BUSY
        try:
            return self.claim_alone(now, lane)
        finally:
            unlock(self._file)

    def claim_alone(self, now: float, lane: int = ANYONE) -> tuple[int, int] | NoSeat:
        """The same for a caller who knows by a lock of its own that nobody else claims now."""
        words = self._words
        for _ in range(2):
            if not self._candidates and not self._search(now):
                return NoSeat.FULL
            while self._candidates:
                seat = self._candidates.pop()
                if not self._is_held(seat, now):
                    place = _WORDS * seat
                    generation = (words[place + _GENERATION] + 1) & 0xFFFF_FFFF
                    words[place + _GENERATION] = generation
                    words[place + _LANE] = lane
                    words[place] = words[place + _TAKEN] = int(now)
                    return seat, generation
            # Other gates took all that were noted: once more.
        return NoSeat.BUSY

    def reduce(self, now: float, floor: int) -> int:
        """Put out as many as are held above `floor`, the anonymous and the newest first; how many.

        Their tickets are void. Another gate that keeps the table locked puts it off (0).
        """
        if not lock(self._file):
            return 0
        try:
            held = np.flatnonzero(self._seen_since(now, self._hold_s))
            over = len(held) - max(0, floor)
            if over <= 0:
                return 0
            order = np.lexsort((self._taken[held], self._lane[held]))
            out = held[order[len(held) - over :]]
            self._generation[out] += np.uint32(1)
            self._seen[out] = 0
            return over
        finally:
            unlock(self._file)

    def _search(self, now: float) -> bool:
        """Note free seats, beginning at a place of one's own. False: there are none."""
        if now - self._found_none < _SEARCH_EVERY_S:
            return False
        held = self._seen_since(now, self._hold_s)
        free = ~held[: _end_of_claims(held, self._limit)]
        count = int(np.count_nonzero(free))
        if not count:
            self._found_none = now
            return False
        # Seats that were never used come first: nobody may come back for those.
        unused = free & (self._generation[: len(free)] == 0)
        order = np.flatnonzero(unused)
        first = self._spread * _CANDIDATES % count
        if first + _CANDIDATES > len(order):
            order = np.roll(np.concatenate((order, np.flatnonzero(free & ~unused))), -first)
            first = 0
        self._candidates = order[first : first + _CANDIDATES][::-1].tolist()
        return True


def _end_of_claims(held: npt.NDArray[np.bool_], limit: int) -> int:
    """Seats below this number may be claimed.

    It is `limit`, unless seats beyond are still held after the limit has shrunk: then it is
    the largest number with which those that are held beyond it still fit.
    """
    if not held[limit:].any():
        return min(limit, len(held))
    beyond = np.cumsum(held[::-1])[::-1]  # held from each seat on
    fits = np.arange(len(held)) + beyond <= limit
    return int(np.flatnonzero(fits)[-1]) if fits.any() else 0

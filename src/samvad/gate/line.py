"""The line: who comes next when not everybody fits. Pure.

Whoever joins takes the next integer of a lane and carries it away (`Place`, to be signed as
tickets are), so that nothing here grows with the line: a lane is a few cells and a ring of
the numbers at which its buckets begin.

Arrivals are grouped in buckets, a minute each; all who come before the doors open are one.
While a bucket is open its numbers are provisional. When it closes, a keyed permutation of its
size gives everybody in it a place of their own: random inside the bucket, first come between
buckets. To come early, or to hammer, wins nothing inside a bucket. (Cloudflare's waiting room
orders its visitors likewise: by the minute of arrival, at random within it.)

Lanes are priority classes, each served before the next one is. `wall_ms` is Unix milliseconds.
"""

import hashlib
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import NamedTuple

from samvad.protocol.passes import Lane

BUCKET_MS = 60_000
BUCKETS = 2_048
"""Beginnings that are kept: 34 hours of full minutes. Who comes from before has lost the place."""

_JOINED, _CALLED, _BUCKET, _OPENED_MS, _EARLY, _RING = range(6)
CELLS = _RING + BUCKETS
"""Unsigned 64-bit cells a lane needs; all zero is an empty lane."""

_ROUNDS = 4
_MASK = 0xFFFF_FFFF


class Place(NamedTuple):
    """What a visitor carries: the lane, the bucket's sequence number, the index inside it."""

    lane: Lane
    bucket: int
    nth: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a place is in its lane. `number` is provisional until `final`; those with a number
    below the lane's `called` may come in."""

    number: int
    final: bool
    called: bool
    ahead: int


class Queue:
    """One lane on cells that somebody else keeps: a list, or shared memory.

    Whoever calls a method that writes (`join`, `open_doors`, `call`) holds the cells' lock.
    """

    def __init__(self, lane: Lane, cells: MutableSequence[int], secret: bytes) -> None:
        """`secret` (at most 64 bytes) is the event's own; it decides the order in each bucket."""
        if len(cells) != CELLS:
            raise ValueError(f"a lane has {CELLS} cells, not {len(cells)}")
        self.lane, self._cells, self._secret = lane, cells, secret
        self._keys: dict[int, tuple[int, ...]] = {}

    @property
    def joined(self) -> int:
        """Numbers given so far."""
        return self._cells[_JOINED]

    @property
    def called(self) -> int:
        """Numbers below this one may come in."""
        return self._cells[_CALLED]

    @property
    def waiting(self) -> int:
        """Numbers given and not called yet."""
        return self.joined - self.called

    @property
    def empty(self) -> bool:
        """Whether nobody waits: `waiting` is 0, at half the price."""
        return self._cells[_JOINED] == self._cells[_CALLED]

    @property
    def closed_upto(self) -> int:
        """Numbers below this one are final: the open bucket begins here."""
        return self._begins(self._cells[_BUCKET])

    def _begins(self, bucket: int) -> int:
        return self._cells[_RING + bucket % BUCKETS]

    def join(self, wall_ms: int, early: bool = False) -> Place:
        """The next place. `early`: the doors are not open yet, so the bucket stays open."""
        cells = self._cells
        bucket, joined = cells[_BUCKET], cells[_JOINED]
        begins = cells[_RING + bucket % BUCKETS]
        if joined == begins:  # the first in a new bucket sets its time
            cells[_OPENED_MS], cells[_EARLY] = max(0, wall_ms), int(early)
        elif not early and wall_ms - cells[_OPENED_MS] >= BUCKET_MS:
            bucket, begins = self._close(), joined
            cells[_OPENED_MS], cells[_EARLY] = max(0, wall_ms), 0
        cells[_JOINED] = joined + 1
        return Place(self.lane, bucket, joined - begins)

    def open_doors(self) -> None:
        """Those who came before the doors are shuffled now, and nobody joins them any more."""
        if self._cells[_EARLY] and self.joined > self.closed_upto:
            self._close()
        self._cells[_EARLY] = 0

    def _close(self) -> int:
        """Close the open bucket: its order is fixed from now on. Gives the new one's number."""
        cells = self._cells
        bucket = cells[_BUCKET] + 1
        # The beginning first: who reads in between sees the old bucket, still open.
        cells[_RING + bucket % BUCKETS] = cells[_JOINED]
        cells[_BUCKET] = bucket
        return bucket

    def call(self, count: int) -> int:
        """Let up to `count` more come in; how many there were.

        An open bucket is closed when its turn comes, so that nobody waits for a minute to end.
        While its doors are shut nobody of an early one is called.
        """
        count = min(count, self.waiting)
        if count <= 0:
            return 0
        if self.called + count > self.closed_upto:
            if self._cells[_EARLY]:
                count = self.closed_upto - self.called
            else:
                self._close()
        self._cells[_CALLED] += count
        return count

    def standing(self, place: Place) -> Standing | None:
        """Where a place stands now; None for one that was never given, or long ago."""
        open_bucket = self._cells[_BUCKET]
        if not open_bucket - BUCKETS + 2 <= place.bucket <= open_bucket or place.nth < 0:
            return None
        begins = self._begins(place.bucket)
        final = place.bucket < open_bucket
        size = (self._begins(place.bucket + 1) if final else self.joined) - begins
        if place.nth >= size:
            return None
        inside = permuted(place.nth, size, self._keys_of(place.bucket)) if final else place.nth
        number = begins + inside
        return Standing(number, final, number < self.called, max(0, number - self.called))

    def holder(self, number: int, bucket: int) -> Place:
        """Whose `number` it is, in a closed bucket: the inverse of `standing`."""
        begins = self._begins(bucket)
        size = self._begins(bucket + 1) - begins
        if not 0 <= number - begins < size:
            raise ValueError(f"bucket {bucket} has no number {number}")
        return Place(self.lane, bucket, restored(number - begins, size, self._keys_of(bucket)))

    def _keys_of(self, bucket: int) -> tuple[int, ...]:
        keys = self._keys.get(bucket)
        if keys is None:
            if len(self._keys) > 64:
                self._keys.clear()
            keys = self._keys[bucket] = round_keys(self._secret, self.lane, bucket)
        return keys


def round_keys(secret: bytes, lane: int, bucket: int) -> tuple[int, ...]:
    """The four 32-bit keys of a bucket's order."""
    about = f"{lane}/{bucket}".encode()
    digest = hashlib.blake2b(about, key=secret, digest_size=4 * _ROUNDS, person=b"line").digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 4 * _ROUNDS, 4))


def _mixed(value: int, key: int) -> int:
    # The finaliser of MurmurHash3. It need not withstand anybody: the key is unknown until the
    # bucket closes, and after that no index in it can be chosen any more.
    value = (value ^ key) & _MASK
    value = ((value ^ value >> 16) * 0x85EB_CA6B) & _MASK
    value = ((value ^ value >> 13) * 0xC2B2_AE35) & _MASK
    return value ^ value >> 16


def permuted(index: int, size: int, keys: tuple[int, ...]) -> int:
    """Where `index` of 0 … size-1 goes: a Feistel network with cycle walking (Black and Rogaway,
    "Ciphers with Arbitrary Finite Domains", 2002), so each place is taken once, without a table."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for key in keys:
            left, right = right, left ^ (_mixed(right, key) & mask)
        index = left << half | right
        if index < size:
            return index


def restored(place: int, size: int, keys: tuple[int, ...]) -> int:
    """The inverse of `permuted`."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = place >> half, place & mask
        for key in reversed(keys):
            left, right = right ^ (_mixed(left, key) & mask), left
        place = left << half | right
        if place < size:
            return place


BURST_S = 0.5
"""What of the pace was not used does not pile up beyond so many seconds of it."""


def refilled(tokens: float, since_s: float, per_s: float) -> float:
    """Joins that the pace allows by now; there were `tokens` so many seconds ago."""
    return min(tokens + max(0.0, since_s) * per_s, max(1.0, per_s * BURST_S) if per_s else 0.0)


def to_call(tokens: float, free: int, expected: float, shows: float) -> int:
    """How many to call now. `free` seats; `expected`: of those called already, so many are still
    to come; `shows` (0 to 1): the share of those called that comes at all."""
    return max(0, int(min(tokens, free - expected) / max(shows, 0.1)))


def wait_s(ahead: int, per_s: float) -> float | None:
    """People ahead over the measured admissions a second; None while none are measured."""
    return ahead / per_s if per_s > 0 else None

"""The jitter buffer: it skips what is missing instead of waiting for it.

Pull-driven: the tick takes a packet each time it needs one, so the buffer alone decides
what a gap is. It plays at a level of `depth` packets (4 packets of 20 ms = 80 ms). A
packet that has not come when its turn comes, while later ones have, is lost, and the turn
passes on; nothing ever blocks behind it. When nothing at all has come, the turn waits, so
the level grows by the time waited; when the level has stayed above `depth` for a second,
packets are merged two into one until it is back. RFC 3550 gives the sequence numbers.
"""

from dataclasses import dataclass

DEPTH = 4
CAPACITY = 50
"""Furthest a packet may be ahead; beyond, the sender is taken to have started anew."""

WINDOW = 50
"""Pulls over which the least level must exceed the depth before packets are merged."""

MERGE_EVERY = 3
PATIENCE = 5
"""Pulls without any packet that are concealed; then the stream is taken to have paused."""


@dataclass(frozen=True, slots=True)
class Play:
    """Decode `packet`; with `merge`, decode that as well and fold both into one duration."""

    packet: bytes
    merge: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A packet did not come. `following` is the next one, if here: its FEC may hold it."""

    following: bytes | None


class Wait:
    """Nothing to play: not begun, or paused. Silence."""


WAIT = Wait()
Pull = Play | Lost | Wait


@dataclass(slots=True)
class JitterCounters:
    """What became of the packets of one stream."""

    received: int = 0
    played: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    merged: int = 0
    waited: int = 0
    resets: int = 0


class JitterBuffer:
    """Packets of one RTP stream, in the order of their sequence numbers."""

    def __init__(self, depth: int = DEPTH) -> None:
        self.depth = depth
        self.counters = JitterCounters()
        self._packets: dict[int, bytes] = {}
        self._next = 0
        self._highest: int | None = None
        self._playing = False
        self._empty = 0
        self._least = CAPACITY
        self._pulls = 0
        self._since_merge = 0

    @property
    def level(self) -> int:
        """Packets from the next turn to the newest one, missing ones counted."""
        return 0 if self._highest is None else max(0, self._highest - self._next + 1)

    def put(self, sequence: int, packet: bytes) -> None:
        """A packet came. `sequence` is the 16-bit RTP sequence number."""
        self.counters.received += 1
        if self._highest is None:
            self._start(sequence)
            self._packets[sequence] = packet
            return
        # Unwrapped: the number nearest to the highest seen.
        number = self._highest + (((sequence - self._highest) + 0x8000) & 0xFFFF) - 0x8000
        if abs(number - self._highest) > CAPACITY:
            self.counters.resets += 1
            self._start(sequence)
            self._packets[sequence] = packet
            return
        if not self._playing and number < self._next and self._highest - number < self.depth:
            self._next = number  # reordered before playing began
        if number < self._next:
            self.counters.late += 1
            return
        if number in self._packets:
            self.counters.duplicate += 1
            return
        self._packets[number] = packet
        self._highest = max(self._highest, number)
        if self.level > CAPACITY:  # only after long stalls: what is oldest is dropped
            self._skip_to(self._highest - self.depth + 1)

    def pull(self) -> Pull:
        """What is to be played now. Call once per packet duration."""
        if not self._playing:
            if self.level < self.depth:
                return WAIT
            self._playing = True
            self._empty = 0
            self._restart_window()
        level = self.level
        if level == 0:
            self._empty += 1
            self._restart_window()
            if self._empty > PATIENCE:
                self._playing = False
                return WAIT
            self.counters.waited += 1
            return Lost(None)
        self._empty = 0
        packet = self._take()
        if packet is None:
            self.counters.lost += 1
            return Lost(self._packets.get(self._next))
        self.counters.played += 1
        self._least = min(self._least, level)
        self._pulls += 1
        self._since_merge += 1
        if (
            self._pulls >= WINDOW
            and self._least > self.depth
            and self._since_merge >= MERGE_EVERY
            and self._next in self._packets
        ):
            self.counters.merged += 1
            self._since_merge = 0
            self._least -= 1
            return Play(packet, self._take())
        if self._pulls >= WINDOW and self._least <= self.depth:
            self._restart_window()
        return Play(packet)

    def _take(self) -> bytes | None:
        packet = self._packets.pop(self._next, None)
        self._next += 1
        return packet

    def _restart_window(self) -> None:
        self._least = CAPACITY
        self._pulls = 0

    def _start(self, sequence: int) -> None:
        self._packets.clear()
        self._next = self._highest = sequence
        self._playing = False
        self._restart_window()

    def _skip_to(self, number: int) -> None:
        for old in range(self._next, number):
            self._packets.pop(old, None)
        self._next = number
        self._restart_window()

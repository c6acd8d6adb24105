"""How fast a reader takes what is sent to it: from what the kernel still holds for it.

An answer that fits into the kernel's buffer is sent as far as the program knows, and may lie there
for as long as its reader likes. `how_far` asks the kernel; `Reading` is pure.
"""

import fcntl
import socket
import struct
import termios
from socket import SocketType as Socket

_NOTHING = b"\0\0\0\0"
_BYTES_ACKED = 120
"""Where tcp_info (linux/tcp.h) has tcpi_bytes_acked, u64."""
_RESET = struct.pack("ii", 1, 0)


def how_far(sock: Socket) -> tuple[int, int]:
    """Bytes the kernel holds that the peer has not taken, and a number that grows by as many as it
    takes. Half a microsecond where nothing is held. Raises OSError."""
    held = int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, _NOTHING), "little")
    if not held:
        return 0, 0
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        return held, int.from_bytes(told[_BYTES_ACKED:], "little")
    except OSError:  # a pair of sockets in a test
        return held, -held


def reset_at_close(sock: Socket) -> None:
    """What is held is thrown away when `sock` is closed; the kernel would go on offering it for
    minutes. Raises OSError."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


SLOW_S = 2.0
"""Before that nobody is slow."""
ASKED_S = 1.0
"""The kernel, which takes three microseconds for it, is asked about a slow reader no more often."""


class Reading:
    """One reader that has something to take, as the kernel told `at` (monotonic seconds). `since`
    moves on by as much time as what it took may take at the slowest that is borne: a byte now and
    then gains nothing."""

    __slots__ = ("at", "far", "since")

    def __init__(self, far: int, now: float) -> None:
        self.far, self.since, self.at = far, now, now

    def is_due(self, now: float) -> bool:
        """Whether there may be something new to know."""
        known = self.at - self.since >= SLOW_S
        return now - self.at >= ASKED_S if known else now - self.since >= SLOW_S

    def took_s(self, far: int, now: float, slowest: float) -> float:
        """It has come so `far`; for how long it has been slower than `slowest` bytes a second."""
        self.since = min(now, self.since + max(0, far - self.far) / slowest)
        self.far, self.at = far, now
        return now - self.since


def look(
    sock: Socket, before: Reading | None, now: float, slowest: float
) -> tuple[Reading | None, float]:
    """What there is to know of `sock`'s reader (None: it has taken all), and for how long it had
    been slower than `slowest` when the kernel was asked."""
    if before is not None and not before.is_due(now):
        return before, before.at - before.since
    try:
        held, far = how_far(sock)
    except OSError:
        return before, 0.0
    if not held:
        return None, 0.0
    if before is None:
        return Reading(far, now), 0.0
    return before, before.took_s(far, now, slowest)

"""A gate's word to the fence: repeat offenders, in datagrams. Nothing waits for it, and nothing
depends on it: without a helper every ban holds all the same, only dearer."""

import contextlib
import socket
from collections.abc import Iterable
from pathlib import Path

from samvad.gate.bans import Ban
from samvad.gate.fence import Ask, write

AT_ONCE = 100
"""Sources in one datagram."""


class FenceLink:
    """`path`: the helper's socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def hand_over(self, bans: Iterable[Ban], now: float) -> int:
        """Ask for these to be fenced for as long as they are banned; how many were asked for."""
        asks = [Ask(ban.source, ban.until - now) for ban in bans if ban.until > now]
        sent = 0
        for start in range(0, len(asks), AT_ONCE):
            some = asks[start : start + AT_ONCE]
            with contextlib.suppress(OSError):  # no helper, or it is busy
                self._socket.sendto(write(some), self._path)
                sent += len(some)
        return sent

    def close(self) -> None:
        self._socket.close()

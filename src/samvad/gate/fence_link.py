"""A gate's word to the fence: repeat offenders, in datagrams. Nothing waits for it, and nothing
depends on it: without a helper every ban holds all the same, only dearer."""

import socket
from collections.abc import Iterator
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

    def hand_over(self, bans: list[Ban], now: float) -> Iterator[Ban]:
        """Ask for these to be fenced for as long as they are banned. Those of whom word was taken:
        where there is no helper, or it is busy, the others are to be named again."""
        for start in range(0, len(bans), AT_ONCE):
            some = bans[start : start + AT_ONCE]
            asks = [Ask(ban.source, ban.until - now) for ban in some if ban.until > now]
            try:
                self._socket.sendto(write(asks), self._path)
            except OSError:
                return
            yield from some

    def close(self) -> None:
        self._socket.close()

"""Joins as fast as a gate takes them: closed load from one thread, each on a connection of its own
from an address of its own, as newcomers come.

So many are always on their way that the gate never waits for the load; what it admits a second is
then what its core bears. Nothing is paced here.
"""

import socket
import time
from collections import deque
from dataclasses import dataclass

from samvad.rehearsal.trial import source_of

_IP_BIND_ADDRESS_NO_PORT = 24
"""Linux: the port is chosen when it connects, so that each address has all of them."""
_GIVEN, _ADMITTED = b"HTTP/1.1 200 ", b'"verdict":"admit"'
ANSWER_BYTES = 4_096
"""More than a verdict has: one read is all of it."""


@dataclass(frozen=True)
class Joins:
    """What came of a run. `busy_s`: processor time of the load itself."""

    asked: int
    admitted: int
    seconds: float
    busy_s: float

    @property
    def per_second(self) -> float:
        return self.admitted / self.seconds


def join(port: int, knock: bytes, at_once: int, seconds: float) -> Joins:
    """Connect, send `knock`, read the verdict, close, again and again; `at_once` of them are on
    their way at any moment. Raises OSError."""
    going: deque[socket.socket] = deque()
    asked = admitted = 0
    busy, began = time.thread_time(), time.monotonic()
    until = began + seconds
    while True:
        while len(going) < at_once and time.monotonic() < until:
            sock = socket.socket()
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source_of(asked, 1), 0))
            sock.connect(("127.0.0.1", port))
            sock.send(knock)
            going.append(sock)
            asked += 1
        if not going:
            break
        sock = going.popleft()
        answer = sock.recv(ANSWER_BYTES)
        admitted += answer.startswith(_GIVEN) and _ADMITTED in answer
        sock.close()
    return Joins(asked, admitted, time.monotonic() - began, time.thread_time() - busy)

"""Good listeners while something else goes on: keep-alive connections that fetch a playlist at a
steady pace, each from an address of its own, and how long each answer took: from the call that
sends the request to the kernel's stamp on what comes back (socket(7), SO_TIMESTAMPNS). How late
this program gets to read it is not in it: people do not share a core with those who attack.

`Listeners` is some of them in this process; `Crowd` is many, in processes of their own, which run
before attackers on the same core: else it would be the load's own delay that is measured.
"""

import contextlib
import gc
import heapq
import json
import math
import os
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field

EACH = 8_000
"""Listeners of one process: it may hold 20,000 descriptors."""
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_ROOM = socket.CMSG_SPACE(_STAMP.size)


@dataclass
class Felt:
    """`asked`: requests sent. `good`: answered 200. `refused`: answered otherwise. `lost`:
    connections that broke. `late`: answers that took longer than a listener has sound in hand
    (`every_s`), and those that never came."""

    asked: int = 0
    good: int = 0
    refused: int = 0
    lost: int = 0
    late: int = 0
    took_ms: list[float] = field(default_factory=list)

    @property
    def success(self) -> float:
        return self.good / self.asked if self.asked else 0.0

    def percentile(self, share: float) -> float:
        if not self.took_ms:
            return math.nan
        ordered = sorted(self.took_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def add(self, other: "Felt") -> None:
        self.asked, self.good = self.asked + other.asked, self.good + other.good
        self.lost, self.late = self.lost + other.lost, self.late + other.late
        self.refused += other.refused
        self.took_ms += other.took_ms


class Listeners:
    """`paths[i]` is listener i's. `every_s`: between two fetches of one. `first`: number of the
    first one, which its address comes from."""

    def __init__(self, port: int, paths: list[str], every_s: float, first: int = 0) -> None:
        self._port, self._paths, self._every_s, self._first = port, paths, every_s, first
        self._epoll = select.epoll()
        self._socks: dict[int, tuple[socket.socket, int]] = {}
        self._fd_of: dict[int, int] = {}
        self._sent: dict[int, float] = {}

    def _connect(self, number: int) -> None:
        n = number + self._first
        source = f"127.{10 + n // 60_000}.{n // 250 % 240}.{n % 250 + 1}"
        sock = socket.create_connection(("127.0.0.1", self._port), 5, (source, 0))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._socks[sock.fileno()] = sock, number
        self._fd_of[number] = sock.fileno()

    def cut(self) -> None:
        """The network is gone for all of them."""
        for sock, _ in self._socks.values():
            sock.close()
        self._socks.clear()
        self._fd_of.clear()
        self._sent.clear()

    def run(self, seconds: float) -> Felt:
        """Fetch for so long; whoever is not connected connects when it asks."""
        felt = Felt()
        now = time.monotonic()
        until = now + seconds
        due = [(now + n * self._every_s / len(self._paths), n) for n in range(len(self._paths))]
        heapq.heapify(due)
        while (now := time.monotonic()) < until:
            while due and due[0][0] <= now:
                at, number = heapq.heappop(due)
                heapq.heappush(due, (at + self._every_s, number))
                self._ask(number, felt)
            wait = max(0.0, min(due[0][0], until) - now)
            for fd, _ in self._epoll.poll(min(wait, 0.2), 512):
                self._hear(fd, felt)
        now = time.time()
        felt.late += sum(now - sent > self._every_s for sent in self._sent.values())
        felt.asked -= len(self._sent)  # those under way when time was up
        self._sent.clear()
        return felt

    def _ask(self, number: int, felt: Felt) -> None:
        if number in self._sent:
            return  # still waits for the last one: that shows in how long it took
        try:
            if number not in self._fd_of:
                self._connect(number)
            sock, _ = self._socks[self._fd_of[number]]
            asked = f"GET {self._paths[number]} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            self._sent[number] = time.time()
            sock.send(asked)
        except OSError:
            felt.asked += 1  # and not answered
            self._lose(number, felt)
            return
        felt.asked += 1

    def _hear(self, fd: int, felt: Felt) -> None:
        sock, number = self._socks[fd]
        try:
            data, stamps, _, _ = sock.recvmsg(262_144, _ROOM)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(number, felt)
            return
        sent = self._sent.pop(number, None)
        if sent is not None:  # the first bytes: playlists come in one piece
            seconds, nanoseconds = _STAMP.unpack(stamps[0][2])
            took_s = seconds + nanoseconds / 1e9 - sent
            good = data.startswith(b"HTTP/1.1 200 ")
            felt.good, felt.refused = felt.good + good, felt.refused + (not good)
            felt.late += took_s > self._every_s
            felt.took_ms.append(took_s * 1000)

    def _lose(self, number: int, felt: Felt) -> None:
        felt.lost += 1
        self._sent.pop(number, None)
        fd = self._fd_of.pop(number, None)
        if fd is not None:
            self._socks.pop(fd)[0].close()

    def close(self) -> None:
        self.cut()
        self._epoll.close()


class Crowd:
    """As many as there are paths, EACH to a process."""

    def __init__(self, port: int, paths: list[str], every_s: float) -> None:
        self._parts: list[subprocess.Popen[str]] = []
        for first in range(0, len(paths), EACH):
            part = subprocess.Popen(
                [sys.executable, "-m", "bench.attack_listeners"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._parts.append(part)
            some = paths[first : first + EACH]
            self._say(part, {"port": port, "paths": some, "every_s": every_s, "first": first})

    def _say(self, part: "subprocess.Popen[str]", what: object) -> None:
        assert part.stdin is not None
        part.stdin.write(json.dumps(what) + "\n")
        part.stdin.flush()

    def begin(self, seconds: float, cut: bool = False) -> None:
        """Fetch for so long; `cut`: after the network was gone for a moment."""
        for part in self._parts:
            self._say(part, {"seconds": seconds, "cut": cut})

    def felt(self) -> Felt:
        """When they have."""
        felt = Felt()
        for part in self._parts:
            assert part.stdout is not None
            felt.add(Felt(**json.loads(part.stdout.readline())))
        return felt

    def run(self, seconds: float, cut: bool = False) -> Felt:
        self.begin(seconds, cut)
        return self.felt()

    def close(self) -> None:
        for part in self._parts:
            assert part.stdin is not None
            part.stdin.close()
            part.wait(30)


def _process() -> int:
    """Some of a crowd, told on stdin."""
    with contextlib.suppress(OSError):
        os.nice(-10)
    gc.disable()  # nothing here is in a cycle, and a collection would be felt
    told = json.loads(sys.stdin.readline())
    listeners = Listeners(**told)
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["cut"]:
            listeners.cut()
        print(json.dumps(vars(listeners.run(wanted["seconds"]))), flush=True)
    listeners.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(_process())

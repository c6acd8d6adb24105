"""Good listeners while something else goes on: keep-alive connections that fetch a playlist at a
steady pace, each from an address of its own, and how long each answer took."""

import heapq
import math
import select
import socket
import time
from dataclasses import dataclass, field


@dataclass
class Felt:
    """`asked`: requests sent. `good`: answered 200. `lost`: connections that broke."""

    asked: int = 0
    good: int = 0
    lost: int = 0
    took_ms: list[float] = field(default_factory=list)

    @property
    def success(self) -> float:
        return self.good / self.asked if self.asked else 0.0

    def percentile(self, share: float) -> float:
        if not self.took_ms:
            return math.nan
        ordered = sorted(self.took_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Listeners:
    """`paths[i]` is listener i's. `every_s`: between two fetches of one."""

    def __init__(self, port: int, paths: list[str], every_s: float) -> None:
        self._port, self._paths, self._every_s = port, paths, every_s
        self._epoll = select.epoll()
        self._socks: dict[int, tuple[socket.socket, int]] = {}
        self._fd_of: dict[int, int] = {}
        self._sent: dict[int, float] = {}

    def _connect(self, number: int) -> None:
        source = f"127.{10 + number // 60_000}.{number // 250 % 240}.{number % 250 + 1}"
        sock = socket.create_connection(("127.0.0.1", self._port), 5, (source, 0))
        sock.setblocking(False)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._socks[sock.fileno()] = sock, number
        self._fd_of[number] = sock.fileno()

    def run(self, seconds: float) -> Felt:
        """Fetch for so long."""
        felt = Felt()
        for number in range(len(self._paths)):
            if number not in self._fd_of:
                self._connect(number)
        now = time.monotonic()
        until = now + seconds
        due = [(now + n * self._every_s / len(self._paths), n) for n in range(len(self._paths))]
        heapq.heapify(due)
        while (now := time.monotonic()) < until:
            while due and due[0][0] <= now:
                at, number = heapq.heappop(due)
                heapq.heappush(due, (at + self._every_s, number))
                self._ask(number, felt, now)
            wait = max(0.0, min(due[0][0], until) - now)
            for fd, _ in self._epoll.poll(min(wait, 0.2), 512):
                self._hear(fd, felt)
        felt.asked -= len(self._sent)  # those under way when time was up
        self._sent.clear()
        return felt

    def _ask(self, number: int, felt: Felt, now: float) -> None:
        if number in self._sent:
            return  # still waits for the last one: that shows in how long it took
        try:
            if number not in self._fd_of:
                self._connect(number)
            sock, _ = self._socks[self._fd_of[number]]
            sock.send(f"GET {self._paths[number]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        except OSError:
            self._lose(number, felt)
            return
        felt.asked += 1
        self._sent[number] = now

    def _hear(self, fd: int, felt: Felt) -> None:
        sock, number = self._socks[fd]
        try:
            data = sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(number, felt)
            return
        sent = self._sent.pop(number, None)
        if sent is not None:  # the first bytes: playlists come in one piece
            felt.good += data.startswith(b"HTTP/1.1 200 ")
            felt.took_ms.append((time.monotonic() - sent) * 1000)

    def _lose(self, number: int, felt: Felt) -> None:
        felt.lost += 1
        self._sent.pop(number, None)
        fd = self._fd_of.pop(number, None)
        if fd is not None:
            self._socks.pop(fd)[0].close()

    def close(self) -> None:
        for sock, _ in self._socks.values():
            sock.close()
        self._epoll.close()

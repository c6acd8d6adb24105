"""Listeners of an endless stream (Icecast), in a process of their own.

    python -m bench.streams '{"ports": […], "count": n, …}'

Each has a connection and a source address, asks once, and reads. How late it is, is how far it
lies behind its own best pace: what it had at that pace, less what it has, in seconds.
"""

import json
import resource
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

from samvad.rehearsal.habit import tail_of
from samvad.rehearsal.histogram import Histogram
from samvad.rehearsal.trial import files_of_a_process, source_of

SETTLED_S = 1.0
"""From its first byte on, before its pace counts: it begins with what the server has kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """`count` listeners of `ports` in turn, who come in `arrive_s`; measured from `from_s` to
    `to_s`, in seconds after `start_at` (CLOCK_MONOTONIC). `rate`: of the stream, bytes a second."""

    ports: list[int]
    count: int
    first: int
    arrive_s: float
    from_s: float
    to_s: float
    start_at: float
    rate: float


@dataclass(slots=True)
class Figures:
    """What was seen between the two moments. `took`: lateness at each reading."""

    playing: int = 0
    readings: int = 0
    bytes: int = 0
    late: int = 0
    lost: int = 0
    took: Histogram = field(default_factory=Histogram)

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"took": self.took.as_json()}


@dataclass(slots=True)
class _Listener:
    sock: socket.socket
    had: int = 0
    settled_at: float = 0.0
    best: float = 0.0
    """The most it had beyond the stream's pace, in bytes."""


def run(order: Order) -> Figures:
    files = files_of_a_process()
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    found = Figures()
    epoll = select.epoll()
    here: dict[int, _Listener] = {}
    coming = deque(range(order.count))
    request = b"GET /live" + tail_of(f"127.0.0.1:{order.ports[0]}", "/live")
    while (now := time.monotonic() - order.start_at) < order.to_s:
        due = int(order.count * min(1.0, max(0.0, now / order.arrive_s)))
        while coming and order.count - len(coming) < due:
            sock = _come(order, order.first + coming.popleft())
            if sock is None:
                found.lost += 1
                continue
            here[sock.fileno()] = _Listener(sock)
            epoll.register(sock.fileno(), select.EPOLLOUT)
        for fd, mask in epoll.poll(0.01 if coming else 0.1, 1024):
            if mask == select.EPOLLOUT:
                here[fd].sock.send(request)
                epoll.modify(fd, select.EPOLLIN)
            else:
                _read(order, epoll, here, fd, found)
    found.playing = sum(one.had > 0 for one in here.values())
    for one in here.values():
        one.sock.close()
    return found


def _come(order: Order, number: int) -> socket.socket | None:
    """A listener's connection, on its way; None when it was not to be had. Icecast keeps few that
    wait to be accepted: to wait for one here would keep all others from reading."""
    sock = socket.socket()
    try:
        sock.setblocking(False)
        sock.bind((source_of(number, 4), 0))
        sock.connect_ex(("127.0.0.1", order.ports[number % len(order.ports)]))
    except OSError:
        sock.close()
        return None
    return sock


def _read(
    order: Order, epoll: select.epoll, here: dict[int, _Listener], fd: int, found: Figures
) -> None:
    one = here[fd]
    try:
        data = one.sock.recv(65536)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    now = time.monotonic() - order.start_at
    if not data:
        found.lost += 1
        epoll.unregister(fd)
        del here[fd]
        one.sock.close()
        return
    if not one.had:
        one.settled_at = now + SETTLED_S
    one.had += len(data)
    ahead = one.had - order.rate * now
    if now < one.settled_at or one.best == 0.0 or ahead > one.best:
        one.best = ahead
    if now >= order.from_s:
        behind_s = (one.best - ahead) / order.rate
        found.readings += 1
        found.bytes += len(data)
        found.late += behind_s > 1.0
        found.took.add(behind_s)


if __name__ == "__main__":
    print(json.dumps(run(Order(**json.loads(sys.argv[1]))).as_json()))

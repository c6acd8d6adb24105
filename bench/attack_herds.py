"""Honest herds at a gate: many behind one address, all at once, all again after a network cut. None
of them is an attack, and nobody is banned."""

import contextlib
import select
import socket
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from bench import attack_servers as servers
from bench.attack_listeners import Crowd
from samvad.gate import posture
from tests.kit.gates import EVENT, Gates

BEHIND_ONE = 5_000
OPEN = 15_000
"""Visits under way at a time, at most: a process has 20,000 descriptors."""
CUT_S = 20.0
STAY_S = 3.0
"""What is done is judged once a second."""


def herds(count: int, core: int) -> dict[str, Any]:
    """Each at a gate of its own, so that none is judged by what another did."""
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, visits, sources in (
            ("behind one address", min(BEHIND_ONE, count), 1),
            ("everyone at T-0", count, count),
        ):
            with servers.gate(Path(folder) / str(sources), 0, core) as server:
                assert server.gates is not None
                began = time.monotonic()
                done = _herd(server.gates, visits, sources)
                told[name] = {"visits": done, "seconds": round(time.monotonic() - began, 1)}
                told[name] |= _judged(server.gates)
        with servers.gate(Path(folder) / "cut", count, core) as server:
            assert server.gates is not None
            crowd = Crowd(server.port, server.paths, 5.76)
            crowd.run(8.0)
            felt = crowd.run(CUT_S, cut=True)
            told["all again after a network cut"] = {
                "listeners": count,
                "success": round(felt.success, 5),
                "lost": felt.lost,
            } | _judged(server.gates)
            crowd.close()
    return told


def _judged(gates: Gates) -> dict[str, Any]:
    state = posture.read(posture.posture_path(gates.folders.run)).state
    return {
        "bans": gates.counter("bans"),
        "refused": gates.counter("refused_by_source") + gates.counter("refused_pace"),
        "state": state.value,
    }


def _herd(gates: Gates, count: int, sources: int) -> int:
    """People who read the page, knock, and listen once they are in; a connection each, which they
    keep. Where descriptors run short, who came first leaves for who comes now."""
    epoll = select.epoll()
    left: dict[int, tuple[socket.socket, list[bytes]]] = {}
    there: deque[socket.socket] = deque()
    steps = [
        b"GET /e/a-talk HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /door/%s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % EVENT.encode(),
        b"GET /live/%s/state.json HTTP/1.1\r\nHost: a\r\n\r\n" % EVENT.encode(),
    ]
    done = 0
    for number in range(count):
        n = number % sources
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        sock.bind((f"127.{60 + n // 50_000}.{n // 250 % 200}.{n % 250 + 1}", 0))
        sock.connect(("127.0.0.1", gates.port))
        sock.setblocking(False)
        sock.send(steps[0])
        epoll.register(sock.fileno(), select.EPOLLIN)
        left[sock.fileno()] = sock, steps[1:]
        while number % 50 == 0 or len(left) + len(there) >= OPEN:
            done += _turn(epoll, left, there)
            while there and len(left) + len(there) >= OPEN:
                there.popleft().close()
            if len(left) + len(there) < OPEN:
                break
    give_up = time.monotonic() + 60
    while left and time.monotonic() < give_up:
        done += _turn(epoll, left, there)
    time.sleep(STAY_S)
    for sock in [*there, *(sock for sock, _ in left.values())]:
        sock.close()
    epoll.close()
    return done


def _turn(
    epoll: select.epoll,
    left: dict[int, tuple[socket.socket, list[bytes]]],
    there: deque[socket.socket],
) -> int:
    done = 0
    for fd, _ in epoll.poll(0.01, 256):
        sock, steps = left[fd]
        try:
            alive = bool(sock.recv(262_144))
        except OSError:
            alive = False
        if alive and steps:
            with contextlib.suppress(OSError):  # it is closed: that shows when it is read
                sock.send(steps[0])
            left[fd] = sock, steps[1:]
            continue
        done += alive
        del left[fd]
        epoll.unregister(fd)
        there.append(sock)
    return done

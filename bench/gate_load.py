"""Load from one thread: keep-alive connections that ask, read to the last byte, and ask again.

An answer's size is learnt from its first copy (its head has the same length each time), so
reading costs the generator no parsing: it counts bytes.
"""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

HEADERS = (
    "Host: 127.0.0.1:8001\r\n"
    "Connection: keep-alive\r\n"
    'sec-ch-ua-platform: "Android"\r\n'
    "User-Agent: Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36\r\n"
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r\n'
    "sec-ch-ua-mobile: ?1\r\n"
    "Accept: */*\r\n"
    "Origin: https://live.example.org\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: https://live.example.org/e/a-conversation-at-eight\r\n"
    # Both servers send the body as it is, so that the sizes are what the table says.
    "Accept-Encoding: identity\r\n"
    "Accept-Language: en-IN,en;q=0.9,gu;q=0.8,hi;q=0.7\r\n"
    "\r\n"
)
"""As Chromium on a phone sends them."""


@dataclass(frozen=True)
class Run:
    """What one run of the load gave; `spent` in the units of its `meter`."""

    requests: int
    seconds: float
    spent: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def request(path: str, body: bytes = b"") -> bytes:
    """A GET, or a POST of some JSON."""
    if not body:
        return f"GET {path} HTTP/1.1\r\n{HEADERS}".encode()
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{HEADERS}"
    return f"POST {path} HTTP/1.1\r\n{fields}".encode() + body


def once(port: int, path: str, body: bytes = b"") -> tuple[int, int, int]:
    """(status, bytes of the whole answer, bytes of its body)."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(request(path, body))
        got = b""
        while b"\r\n\r\n" not in got:
            got += _some(sock)
        head, _, told = got.partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        while len(told) < lengths[0]:
            told += _some(sock)
        return int(head.split()[1]), len(head) + 4 + len(told), len(told)


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def load(  # noqa: PLR0917
    port: int,
    path: str,
    connections: int,
    seconds: float,
    meter: Callable[[], int],
    body: bytes = b"",
) -> Run:
    """Ask for `path` on all connections, again and again. Raises when an answer is another.

    Time and `meter` (the server's CPU, say) run from when every connection has had its first
    answer: to accept them is not what is measured.
    """
    status, size, _ = once(port, path, body)
    asked, expected = request(path, body), f"HTTP/1.1 {status} ".encode()
    view = memoryview(bytearray(262_144))
    by_fd: dict[int, socket.socket] = {}
    poll = select.epoll()
    try:
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port), 5)
            by_fd[sock.fileno()] = sock
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(asked)
            left = size
            while left > 0:
                left -= len(_some(sock))
            if left:
                raise AssertionError(f"an answer of {size - left} bytes from {path}, not {size}")
            sock.setblocking(False)
            poll.register(sock.fileno(), select.EPOLLIN)
        lefts = dict.fromkeys(by_fd, size)
        done = 0
        before, began = meter(), time.perf_counter()
        until = began + seconds
        for sock in by_fd.values():
            sock.send(asked)
        while time.perf_counter() < until:
            for fd, _ in poll.poll(1.0):
                sock = by_fd[fd]
                left = lefts[fd]
                got = sock.recv_into(view)
                if left == size and view[: len(expected)] != expected:
                    raise AssertionError(f"not {expected!r} but {bytes(view[:80])!r}")
                if not 0 < got <= left:
                    raise AssertionError(f"{got} bytes came where {left} were to come")
                if got < left:
                    lefts[fd] = left - got
                else:
                    done += 1
                    lefts[fd] = size
                    sock.send(asked)
        return Run(done, time.perf_counter() - began, meter() - before)
    finally:
        for sock in by_fd.values():
            sock.close()
        poll.close()

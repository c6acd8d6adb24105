"""A server in a thread that does wrong on purpose, and counts what it was asked."""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable

Reply = bytes | None
"""Bytes to send; None: hang up with a reset, without a word."""


class BadServer:
    """`answer(number, path)` says what the `number`th request gets; it may sleep."""

    def __init__(
        self, answer: Callable[[int, str], Reply], close_after: int = 10**9, leaks: bool = False
    ) -> None:
        """`close_after`: answers on a connection before it is closed in between. `leaks`: it
        keeps connections that the other side has closed."""
        self._answer, self._close_after = answer, close_after
        self._leaked: list[socket.socket] | None = [] if leaks else None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.peers: list[str] = []
        self.requests: list[str] = []
        self.bodies: dict[int, bytes] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.peers.append(peer[0])
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        if self._leaked is not None:
            self._leaked.append(sock.dup())
        with sock:
            data, served = b"", 0
            while served < self._close_after:
                while b"\r\n\r\n" not in data:
                    try:
                        got = sock.recv(65536)
                    except OSError:
                        return
                    if not got:
                        return
                    data += got
                head, _, data = data.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *([0-9]+)", head)
                size = int(length[1]) if length else 0
                while len(data) < size:
                    data += sock.recv(65536)
                body, data = data[:size], data[size:]
                path = head.split(b" ")[1].decode()
                with self._lock:
                    number = len(self.requests)
                    self.requests.append(path)
                    if body:
                        self.bodies[number] = body
                reply = self._answer(number, path)
                if reply is None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                try:
                    sock.sendall(reply)
                except OSError:
                    return
                served += 1

    def close(self) -> None:
        self._listener.close()
        for sock in self._leaked or ():
            sock.close()


def ok(body: bytes, *fields: str) -> bytes:
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def live_playlist(began: float, segment_s: float = 0.5, target_s: int = 1) -> bytes:
    """What a careless packager would write: segments of half a second, ten of them listed."""
    newest = int((time.monotonic() - began) / segment_s) + 12
    lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{target_s}", f"#EXT-X-MEDIA-SEQUENCE:{newest - 10}"]
    for number in range(newest - 10, newest):
        lines += [f"#EXTINF:{segment_s},", f"seg{number}.ts"]
    return "\n".join([*lines, ""]).encode()

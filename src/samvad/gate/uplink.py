"""The gate's side of the uplink (protocol/uplink.py): connect, listen, try again for ever.

While the stage is away the gate keeps what it has; when it is back it sends the live window
once more, of which the gate takes what it lacks.
"""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

from samvad.gate.counters import Counters
from samvad.gate.loop import IN, OUT, Loop
from samvad.protocol.uplink import Decoder, Hello, Message, UplinkError, encode

log = logging.getLogger("gate")

READ = 256 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
PATIENCE_S = 5.0
"""Gates start faster than the stage does: until then its absence is nothing to warn of."""


class UplinkClient:
    """`address`: a Unix socket path, or host:port. `hear` takes each message as it comes."""

    def __init__(
        self,
        loop: Loop,
        address: str,
        hello: Hello,
        hear: Callable[[Message], None],
        counters: Counters,
    ) -> None:
        self._loop, self._address, self._counters = loop, address, counters
        self._hello, self._hear = encode(hello), hear
        self._sock: socket.socket | None = None
        self._joined = False
        self._decoder = Decoder()
        self._pause_s = FIRST_PAUSE_S
        self._retry_at = 0.0
        self._said = ""
        self._patient_until = loop.moment.now + PATIENCE_S
        loop.every(FIRST_PAUSE_S, self._try)

    def _try(self) -> None:
        if self._sock is not None or self._loop.moment.now < self._retry_at:
            return
        try:
            self._connect()
        except OSError as error:
            self._lose(error.strerror or str(error))

    def _connect(self) -> None:
        host, _, port = self._address.rpartition(":")
        tcp = "/" not in self._address and port.isdigit() and bool(host)
        family = socket.AF_UNIX
        if tcp:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = self._sock = socket.socket(family, socket.SOCK_STREAM)
        self._decoder, self._joined = Decoder(), False
        sock.setblocking(False)
        result = sock.connect_ex((host.strip("[]"), int(port)) if tcp else self._address)
        if result not in (0, errno.EINPROGRESS, errno.EAGAIN):
            raise OSError(result, os.strerror(result))
        self._loop.watch(sock.fileno(), self, IN | OUT)

    def ready(self, mask: int) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            if not self._joined:
                self._join(sock)
            data = sock.recv(READ)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "the stage has closed it")
            for message in self._decoder.feed(data):
                self._counters.add("uplink_messages")
                self._hear(message)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
        except UplinkError as error:
            self._lose(str(error))

    def broken(self) -> None:
        """A message this gate cannot digest does not end the gate."""
        log.exception("a message of the stage could not be used")
        self._lose("a bug")

    def _join(self, sock: socket.socket) -> None:
        failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))
        if sock.send(self._hello) != len(self._hello):
            raise OSError(errno.EPIPE, "the hello did not go through")
        self._joined = True
        self._patient_until = float("-inf")
        self._pause_s = FIRST_PAUSE_S
        self._said = ""
        self._counters.set("uplink_up", 1)
        self._loop.change(sock.fileno(), IN)
        log.info("connected to the stage")

    def _lose(self, why: str) -> None:
        if why != self._said and self._loop.moment.now >= self._patient_until:
            log.warning("no connection to the stage (%s): %s", self._address, why)
            self._said = why
        self._counters.add("uplink_losses")
        self._counters.set("uplink_up", 0)
        self._retry_at = self._loop.moment.now + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._sock is not None:
            self._loop.forget(self._sock.fileno())
            with contextlib.suppress(OSError):
                self._sock.close()
            self._sock = None

"""Parts and room states to every gate process; the wire format is protocol/uplink.py.

`publish` hands a frame to each connected gate's transport and returns. A gate that does not
take its frames is dropped, not waited for: it connects again and gets the live window.
Nothing here knows how many gates there should be.
"""

import asyncio
import contextlib
import fcntl
import hmac
import logging
import math
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from samvad.base.errors import PlainError
from samvad.protocol.media import PART_S, PARTS_PER_SEGMENT, RENDITIONS, Init
from samvad.protocol.room import Phase, RoomState
from samvad.protocol.uplink import (
    Decoder,
    Forget,
    Hello,
    Message,
    UplinkError,
    encode,
    split_address,
)

log = logging.getLogger("samvad.uplink")

LEAVE_S = 1.0
"""At the end, gates have so long to take what is already sent."""
HELLO_S = 5.0
"""A peer that has not said its token by then is closed."""
BACKLOG_BYTES = 8 * 1024 * 1024
"""What a gate may leave untaken, on top of the window it was sent when it joined."""
GATES = 256
"""Connections at the same time, with or without a hello."""
ROOMS = 1000
"""States of events without media kept for gates that join; then the oldest is forgotten."""
FORGET_S = 600.0
"""How long after an event's end the gates keep its live window (players still drain it)."""


@dataclass(slots=True)
class _Event:
    """What a gate needs to join one event: frames, oldest first."""

    room: bytes | None = None
    inits: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    """By object name: a part that is published again is not kept twice."""

    def frames(self) -> Iterator[bytes]:
        if self.room:
            yield self.room
        yield from self.inits.values()
        yield from self.parts.values()


@dataclass(frozen=True, slots=True)
class _Gate:
    """A gate that has said hello. `most`: bytes it may leave untaken."""

    name: str
    most: int


class Uplink:
    """The stage's side: a server for gates.

    `address`: a Unix socket path, or host:port. `token`: `secret.token_for(site, "uplink")`.
    `window_s`: how much of each event a joining gate gets, in seconds.
    All methods belong to the event loop's thread.
    """

    def __init__(
        self, address: str, token: str, window_s: float = 60.0, forget_s: float = FORGET_S
    ) -> None:
        self._address, self._token, self._forget_s = address, token, forget_s
        # One segment more, so that the window is whole although its oldest segment is not.
        parts = math.ceil(window_s / PART_S) + PARTS_PER_SEGMENT
        self._window_parts = parts * len(RENDITIONS)
        self._events: dict[str, _Event] = {}
        self._gates: dict[asyncio.StreamWriter, _Gate] = {}
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._server: asyncio.Server | None = None
        self._socket: _SocketFile | None = None

    @property
    def gates(self) -> int:
        """Gate processes connected now."""
        return len(self._gates)

    @property
    def port(self) -> int:
        """The TCP port listened on (of use when the address said port 0)."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. Raises PlainError when the address is taken or cannot be used."""
        place = split_address(self._address)
        try:
            if not isinstance(place, str):
                self._server = await asyncio.start_server(self._gate, *place, limit=1024)
                return
            self._socket = _SocketFile(Path(place))
            self._server = await asyncio.start_unix_server(
                self._gate, sock=self._socket.bind(), limit=1024
            )
        except OSError as error:
            if self._socket:
                self._socket.remove()
            raise PlainError(
                f"The uplink cannot listen at {self._address}: {error.strerror or error}.",
                "Set [stage] uplink to a free host:port or a short socket path.",
            ) from None

    async def close(self) -> None:
        """Stop listening and let go of every gate."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._server:
            self._server.close()
        leaving = dict(self._open)
        for writer in leaving:
            writer.close()
        if leaving:
            # Python 3.11 does not wait for them in wait_closed(), and would have them cancelled.
            _, stuck = await asyncio.wait(leaving.values(), timeout=LEAVE_S)
            for writer, task in leaving.items():
                if task in stuck:
                    writer.transport.abort()
            await asyncio.wait(leaving.values())
        if self._server:
            await self._server.wait_closed()
            self._server = None
        if self._socket:
            self._socket.remove()
            self._socket = None

    def publish(self, message: Message) -> None:
        """Send to every gate, and keep what joiners need. Never blocks."""
        frame = encode(message)
        self._keep(message, frame)
        for writer, gate in list(self._gates.items()):
            self._send(writer, gate, frame)

    def _keep(self, message: Message, frame: bytes) -> None:
        if isinstance(message, Forget):
            self._forget(message.event)
            return
        if isinstance(message, Hello):
            raise TypeError("a stage does not say hello")
        event = self._events.setdefault(message.event, _Event())
        if isinstance(message, RoomState):
            event.room = frame
            if not event.inits:
                self._drop_rooms()
            elif message.phase is Phase.ENDED:
                self._forget_later(message.event)
        elif isinstance(message, Init):
            event.inits[message.name] = frame
        else:
            event.parts[message.name] = frame
            while len(event.parts) > self._window_parts:
                del event.parts[next(iter(event.parts))]

    def _forget(self, name: str) -> None:
        """Drop an event's media; its last state stays for joiners."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if event := self._events.pop(name, None):
            # Put in again: last in the order of forgetting.
            self._events[name] = _Event(room=event.room)
            self._drop_rooms()

    def _drop_rooms(self) -> None:
        bare = [name for name, event in self._events.items() if not event.inits]
        for old in bare[: max(0, len(bare) - ROOMS)]:
            del self._events[old]

    def _forget_later(self, name: str) -> None:
        if name not in self._timers:
            self._timers[name] = asyncio.get_running_loop().call_later(
                self._forget_s, self.publish, Forget(name)
            )

    def _send(self, writer: asyncio.StreamWriter, gate: _Gate, frame: bytes) -> None:
        transport = writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > gate.most:
            log.warning("gate %s does not take its frames: dropped", gate.name)
            self._gates.pop(writer, None)
            transport.abort()
            return
        writer.write(frame)

    async def _gate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= GATES:
            log.warning("more than %d connections at the uplink: one refused", GATES)
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            hello = await asyncio.wait_for(self._hello(reader), HELLO_S)
            self._join(writer, hello.gate[:64])
            if await reader.read(1):
                raise UplinkError("a gate has nothing to say after its hello")
            log.info("gate %s has left", hello.gate[:64])
        except UplinkError as error:
            log.warning("an uplink connection was refused: %s", error)
        except TimeoutError:
            log.warning("an uplink connection was refused: no hello within %g s", HELLO_S)
        except OSError as error:
            log.info("a gate has left: %s", error)
        finally:
            self._gates.pop(writer, None)
            self._open.pop(writer, None)
            writer.transport.abort()

    async def _hello(self, reader: asyncio.StreamReader) -> Hello:
        decoder = Decoder()
        while data := await reader.read(1024):
            for message in decoder.feed(data):
                if not isinstance(message, Hello):
                    raise UplinkError("its first frame is no hello")
                if not (isinstance(message.token, str) and isinstance(message.gate, str)):
                    raise UplinkError("its hello is of the wrong form")
                if not hmac.compare_digest(message.token.encode(), self._token.encode()):
                    raise UplinkError("its token is wrong")
                return message
        raise UplinkError("it closed before its hello")

    def _join(self, writer: asyncio.StreamWriter, name: str) -> None:
        window = b"".join(f for event in self._events.values() for f in event.frames())
        writer.write(window)
        self._gates[writer] = _Gate(name, len(window) + BACKLOG_BYTES)
        log.info("gate %s has joined (%d kB of live window)", name, len(window) // 1000)


class _SocketFile:
    """A Unix socket path, held by flock beside it, so that only a dead stage's is replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = -1

    def bind(self) -> socket.socket:
        """A listening-ready socket, for this user only. Raises PlainError or OSError."""
        path = self._path
        if len(os.fsencode(path)) > 107:
            raise PlainError(
                f"The path of the uplink's socket is too long for the system: {path}.",
                "Set [stage] uplink to a path of at most 107 bytes, or to host:port.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise PlainError(
                f"Another stage listens at {path}.",
                "End it first, or give this one another --data or [stage] uplink.",
            ) from None
        self._lock = lock
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(path.lstat().st_mode):
                self.remove()
                raise PlainError(
                    f"{path} is no socket.", "Move it away, or set [stage] uplink otherwise."
                )
            path.unlink()  # of a stage that was killed: the lock is ours
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.setblocking(False)
            listener.bind(str(path))
            path.chmod(0o600)
        except OSError:
            listener.close()
            raise
        return listener

    def remove(self) -> None:
        """Take the path away and let go of the lock."""
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(self._path.lstat().st_mode):
                self._path.unlink()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

"""An attacker's process: `python -m samvad.rehearsal.attacker`, started by cast.py.

An order as one line of JSON on stdin; it says "ready", waits for a line that says when the
rehearsal begins, attacks in its time, and prints what it got once a second. When stdin ends
(its parent has died), so does it. Bounded in rate, connections and time (attack.py).
"""

import contextlib
import errno
import json
import random
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from samvad.base.errors import PlainError
from samvad.rehearsal.attack import FIRST_SOURCE, Attack, Spoils
from samvad.rehearsal.foul import foul
from samvad.rehearsal.habit import tail_of
from samvad.rehearsal.line import STARVED
from samvad.rehearsal.permit import check, origin_of, permission_in
from samvad.rehearsal.target import Target, target_of
from samvad.rehearsal.tell import tell
from samvad.rehearsal.trial import MOST_SECONDS

IN, OUT = select.EPOLLIN, select.EPOLLOUT
_DRIP_S = 2.0
_EAR_S = 2.0
"""So long a flooder waits for the beginning of an answer."""
_TURN_S = 0.01
_MOST_A_TURN = 512
_RESET = b"\1\0\0\0\0\0\0\0"
_IP_BIND_ADDRESS_NO_PORT = 24


class _Socket:
    """One connection of an attacker. `due`: when something is to be done with it."""

    __slots__ = ("asked", "due", "fd", "out", "sock", "until")

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.fd = sock, sock.fileno()
        self.out = b""
        self.asked = False
        self.due = self.until = float("inf")


class Attacker:
    """`run` once; `spoils` may be read meanwhile."""

    def __init__(self, attack: Attack, target: Target, path: str, door: str, number: int) -> None:
        """`path`: of the page or playlist; `door`: the door's path, or ""."""
        attack.check()
        target.check()
        self.spoils = Spoils(attack.kind)
        self._attack, self._target, self._number = attack, target, number
        self._path, self._door = path, door
        self._tail = tail_of(target.host, path)
        self._epoll = select.epoll()
        self._open: dict[int, _Socket] = {}
        self._idle: list[_Socket] = []
        self._dice = random.Random(f"attack {number}")
        self._sources = attack.sources
        self._tickets: list[str] = []
        """Paths of playlists: one of a seat that is held, one of a seat that was left."""

    def run(self, began: float, goes_on: Callable[[], bool]) -> None:
        """Attack from `from_s` to `to_s` after `began`; `goes_on` is asked each second."""
        from_at, to_at = began + self._attack.from_s, began + self._attack.to_s
        if not self._sleep_until(from_at, goes_on):
            return
        if self._attack.kind == "replay":
            self._get_tickets()
        done, told = 0, time.monotonic()
        while (now := time.monotonic()) < to_at:
            due = int((now - from_at) * self._attack.per_s) - done
            if due > 0:
                done += due
                for _ in range(min(due, _MOST_A_TURN)):
                    self._strike(now)
            for fd, mask in self._epoll.poll(_TURN_S, 256):
                found = self._open.get(fd)
                if found is not None:
                    self._ready(found, mask, now)
            self._look(now)
            self.spoils.held = max(self.spoils.held, len(self._open))
            if now - told >= 1.0:
                told = now
                if not goes_on():
                    break
        for found in list(self._open.values()):
            self._drop(found)
        goes_on()

    def _sleep_until(self, at: float, goes_on: Callable[[], bool]) -> bool:
        while (left := at - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            if not goes_on():
                return False
        return True

    # -- what is begun ----------------------------------------------------------------------

    def _strike(self, now: float) -> None:
        kind = self._attack.kind
        if kind in KEPT:
            if self._idle:
                self._send(self._idle.pop(), self._request(), now)
                return
            if len(self._open) >= self._attack.connections:
                return  # all are busy: the server is slower than the attack
        elif len(self._open) >= self._attack.connections:
            return
        found = self._connect()
        if found is None:
            return
        if kind == "connections":
            return
        if kind in DRIPPING:
            found.out, found.due = self._beginning(kind), now
            return
        self._send(found, self._request(), now)

    def _beginning(self, kind: str) -> bytes:
        """What a slow sender sends a byte at a time."""
        if kind == "slow-body" and self._door:
            head = b"POST " + self._door.encode() + self._tail[:-2]
            return head + b"Content-Length: 4000\r\n\r\n" + b'{"ticket":"'
        return b"GET " + self._path.encode() + b" HTTP/1.1\r\nX-a: "

    def _request(self) -> bytes:
        kind = self._attack.kind
        self.spoils.requests += 1
        if kind in ("malformed", "bombs", "slow-read"):
            return foul(kind, self._path, self._tail, self._dice)
        if kind == "whip":
            event = self._door.rpartition("/")[2]
            offer = b"v=0\r\n" + b"a=x-nothing:1\r\n" * 2_000
            head = f"POST /whip/{event} HTTP/1.1\r\nHost: {self._target.host}\r\n".encode()
            about = b"Content-Type: application/sdp\r\nAuthorization: Bearer " + self._junk(32)
            return head + about + b"\r\nContent-Length: %d\r\n\r\n" % len(offer) + offer
        if kind == "churn" and self._tickets:
            ticket = self._tickets.pop()
            return self._posted(b'{"ticket":"%b"}' % ticket.encode(), b"/leave")
        if kind in ("door", "churn") and self._door:
            return self._posted(b"{}")
        if kind == "flood" and self._door and self._dice.random() < 0.5:
            return self._posted(b'{"ticket":"' + self._junk(32))
        if kind == "hoard" and self._door:
            return self._posted(b"{}")
        path = f"{self._path}?{self._junk(8).decode()}"
        if kind == "bad-tickets" and self._door:
            event = self._door.rpartition("/")[2]
            path = f"/live/{event}/{self._junk(43).decode()}/master.m3u8"
        elif kind == "replay" and self._tickets:
            path = self._dice.choice(self._tickets)
        return b"GET " + path.encode() + self._tail

    def _posted(self, body: bytes, where: bytes = b"") -> bytes:
        fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        return b"POST " + self._door.encode() + where + self._tail[:-2] + fields + body

    def _junk(self, size: int) -> bytes:
        letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
        return bytes(self._dice.choices(letters, k=size))

    def _get_tickets(self) -> None:
        """Knock twice as anybody; leave with the first ticket."""
        for leaves in (True, False):
            said = self._post(self._door, {})
            if said.get("verdict") != "admit":
                return
            self._tickets.append(str(said["play"]))
            if leaves:
                self._post(f"{self._door}/leave", {"ticket": said["ticket"]})

    def _post(self, path: str, what: dict[str, str]) -> dict[str, str]:
        try:
            asked = HTTPConnection(self._target.address, self._target.port, timeout=5)
            asked.request("POST", path, json.dumps(what), {"Content-Type": "application/json"})
            text = asked.getresponse().read(65536)
            asked.close()
            told = json.loads(text) if text else {}
        except (OSError, HTTPException, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    # -- connections ------------------------------------------------------------------------

    def _connect(self) -> _Socket | None:
        family = socket.AF_INET6 if ":" in self._target.address else socket.AF_INET
        self._target.check()
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:
            self.spoils.starved += 1
            return None
        try:
            if self._attack.kind == "slow-read":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            if family == socket.AF_INET and not self._target.permitted:
                sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((self._source(), 0))
            failed = sock.connect_ex((self._target.address, self._target.port))
            if failed not in (0, errno.EINPROGRESS):
                raise OSError(failed, "connect")
            found = _Socket(sock)
            self._epoll.register(found.fd, IN | OUT)
        except OSError as error:
            sock.close()
            if error.errno in STARVED:
                self.spoils.starved += 1
            else:
                self.spoils.shut += 1
            return None
        self._open[found.fd] = found
        self.spoils.begun += 1
        return found

    def _source(self) -> str:
        """One of its addresses."""
        third, last = divmod(self._dice.randrange(self._sources), 250)
        return f"127.{FIRST_SOURCE + self._number % 50}.{third}.{last + 1}"

    def _send(self, found: _Socket, request: bytes, now: float) -> None:
        found.asked, found.until = True, now + _EAR_S
        found.out = request
        self._epoll.modify(found.fd, IN | OUT)

    def _ready(self, found: _Socket, mask: int, now: float) -> None:
        try:
            if found.out and mask & OUT:
                sent = found.sock.send(found.out if found.due > now else found.out[:1])
                found.out = found.out[sent:]
            if mask & ~OUT:
                self._read(found)
                return
            if not found.out:
                if self._attack.kind in DRIPPING:
                    found.due = now + _DRIP_S
                slow_ear = self._attack.kind == "slow-read"
                if slow_ear:
                    found.due, found.until = now + _DRIP_S, float("inf")
                self._epoll.modify(found.fd, 0 if slow_ear else IN)
        except BlockingIOError:
            pass
        except OSError:
            self._shut(found)

    def _read(self, found: _Socket) -> None:
        data = found.sock.recv(65536)
        if not data:
            self._shut(found)
            return
        if data.startswith(b"HTTP/1.") and len(data) > 12 and data[9:12].isdigit():
            self.spoils.answered(int(data[9:12]))
            if self._attack.kind == "churn" and len(self._tickets) < 1_000:
                self._tickets += _TICKET.findall(data.decode("latin-1"))
            found.asked = False
            whole = self._attack.kind in KEPT and b"\r\n\r\n" in data
            if whole and b"onnection: close" not in data and _complete(data):
                found.until = float("inf")
                self._idle.append(found)
            else:
                self._drop(found)

    def _sip(self, found: _Socket) -> None:
        """Take one byte; the first bytes of an answer tell its status."""
        try:
            data = found.sock.recv(16 if found.asked else 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._shut(found)
        elif found.asked and data[9:12].isdigit():
            found.asked = False
            self.spoils.answered(int(data[9:12]))

    def _look(self, now: float) -> None:
        """Slow ones get their next byte; who has waited too long hangs up."""
        if self._attack.kind == "slow-read":
            for found in list(self._open.values()):
                if now >= found.due:
                    found.due = now + _DRIP_S
                    self._sip(found)
        elif self._attack.kind in DRIPPING:
            for found in list(self._open.values()):
                if now >= found.due:
                    found.due = float("inf")
                    found.out = found.out or b"a"
                    with contextlib.suppress(OSError):
                        self._epoll.modify(found.fd, IN | OUT)
        elif self._attack.kind != "connections":
            for found in [f for f in self._open.values() if now > f.until]:
                self._drop(found)

    def _shut(self, found: _Socket) -> None:
        self.spoils.shut += 1
        self._drop(found)

    def _drop(self, found: _Socket) -> None:
        self._open.pop(found.fd, None)
        if found in self._idle:
            self._idle.remove(found)
        with contextlib.suppress(OSError):
            found.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        found.sock.close()


KEPT = ("bad-tickets", "replay")
"""Kinds that ask again and again over the same connections."""
DRIPPING = ("slowloris", "slow-body")
_TICKET = re.compile(r'"ticket":"([\w-]{32})"')


def _complete(data: bytes) -> bool:
    """Whether the answer's body is all there."""
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:]:
        if line.startswith(b"content-length:"):
            value = line.partition(b":")[2].strip()
            return value.isdigit() and len(body) == int(value)
    return False


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    try:
        told = json.loads(sys.stdin.readline())
        attack, permit = Attack(**told["attack"]), told["permit"]
        if permit:
            _check(attack, told["url"], permit)
        if attack.to_s > MOST_SECONDS:
            raise PlainError("An attack that long is no rehearsal.")
        target, path = target_of(told["url"], bool(permit))
        if attack.kind == "whip":
            stage = attack.url or f"http://{target.address}:8002"
            target, _ = target_of(f"{stage.rstrip('/')}/whip", bool(permit))
        attacker = Attacker(attack, target, path.partition("?")[0], told["door"], told["number"])
    except PlainError as error:
        tell({"says": error.says, "mend": error.mend})
        return 1
    tell({"ready": True})
    start = sys.stdin.readline()
    if not start.strip():
        return 1
    ended = select.poll()
    ended.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)

    def goes_on() -> bool:
        try:
            tell({"spoils": attacker.spoils.as_json()})
        except OSError:
            return False
        return not ended.poll(0)

    attacker.run(float(start), goes_on)
    return 0


def _check(attack: Attack, url: str, permit: str) -> None:
    """Raises PlainError when the site has not agreed to this attack."""
    from samvad.protocol.permission import Wish

    wish = Wish(
        origin_of(url),
        0,
        0.0,
        attack.to_s,
        (attack.kind,),
        attack.per_s,
        attack.connections,
    )
    check(permission_in(permit), wish)


if __name__ == "__main__":
    sys.exit(main())

"""Gate processes of one's own, and a stage for them that says whatever a test wants said."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samvad.base.folders import Folders
from samvad.protocol.media import PART_48K, PARTS_PER_SEGMENT, RATE, Init, Part, object_name
from samvad.protocol.plan import EventPlan, PlanFolder, PlannedSpeaker
from samvad.protocol.secret import derive, make_secret, token_for
from samvad.protocol.uplink import Decoder, Hello, Message, encode
from tests.kit.ports import free_ports
from tests.kit.until import until_now

EVENT = "abcdef1234"
START_MS = 1_790_000_000_000
LOOKS = 20
"""The kernel chooses who of two processes answers: so many looks miss one of them once in half a
million times."""


class StageDouble:
    """The stage's side of the uplink, in a thread: joiners get all that was said, in order."""

    def __init__(self, folders: Folders) -> None:
        self._token = token_for(make_secret(folders.secret), "uplink")
        self._path = folders.uplink
        self._said: list[bytes] = []
        self._gates: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(16)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                gate, _ = listener.accept()
                decoder = Decoder()
                messages: list[Message] = []
                while not messages:
                    messages = decoder.feed(gate.recv(1024))
            except OSError:
                return
            if not isinstance(messages[0], Hello) or messages[0].token != self._token:
                gate.close()
                continue
            with self._lock:
                for frame in self._said:
                    gate.sendall(frame)
                self._gates.append(gate)

    def say(self, *messages: Message) -> None:
        frames = [encode(message) for message in messages]
        with self._lock:
            self._said += frames
            for gate in list(self._gates):
                try:
                    gate.sendall(b"".join(frames))
                except OSError:
                    self._gates.remove(gate)
                    gate.close()

    def forget_all(self) -> None:
        """Joiners hear nothing of what was said so far."""
        with self._lock:
            self._said.clear()

    def close(self) -> None:
        """As if it was killed."""
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for gate in self._gates:
                gate.close()
            self._gates.clear()


class Programme:
    """Parts as a packager makes them, one after the other; bodies are recognisable bytes."""

    def __init__(
        self, secret: bytes, event: str = EVENT, renditions: tuple[str, ...] = ("aac", "opus")
    ):
        self.event, self.renditions = event, renditions
        self.key = derive(secret, "media", event)
        self.msn = self.part = self.discontinuity = 0
        self.count = 0
        self.wall_ms = START_MS

    def inits(self) -> list[Init]:
        return [
            Init(self.event, r, object_name(self.key, r, "init"), f"init of {r}".encode())
            for r in self.renditions
        ]

    def next(self, size: int = 5_000, last: bool | None = None) -> list[Part]:
        """The next part of each rendition."""
        ends = last if last is not None else self.part == PARTS_PER_SEGMENT - 1
        parts = [
            Part(
                event=self.event,
                rendition=r,
                msn=self.msn,
                part=self.part,
                name=object_name(self.key, r, self.discontinuity, self.msn, self.part),
                segment=object_name(self.key, r, self.discontinuity, self.msn, "segment"),
                init=object_name(self.key, r, "init"),
                duration_48k=PART_48K,
                decode_48k=self.count * PART_48K,
                wall_ms=self.wall_ms,
                discontinuity=self.discontinuity,
                last=ends,
                body=f"{r} {self.discontinuity}.{self.msn}.{self.part} ".encode().ljust(size, b"x"),
            )
            for r in self.renditions
        ]
        self.count += 1
        self.wall_ms += PART_48K * 1000 // RATE
        self.part += 1
        if ends:
            self.msn, self.part = self.msn + 1, 0
        return parts

    def segments(self, count: int, size: int = 5_000) -> list[Part]:
        made: list[Part] = []
        upto = self.msn + count
        while self.msn < upto:
            made += self.next(size)
        return made

    def restart(self) -> None:
        """The encoder begins anew: a new segment, a discontinuity."""
        self.discontinuity += 1
        if self.part:
            self.msn, self.part = self.msn + 1, 0


def a_plan(**changes: Any) -> EventPlan:
    about: dict[str, Any] = {
        "event": EVENT,
        "slug": "a-talk",
        "revision": 1,
        "title": "A talk",
        "seats": 10,
        "speakers": (
            PlannedSpeaker("s1", "Asha", "host", "00"),
            PlannedSpeaker("s2", "Bo", "speaker", "00"),
        ),
        "pages": {
            "en": "<!doctype html><title>A talk</title>" + "<p>Hello.</p>" * 50,
            "gu": "<!doctype html><title>વાત</title>" + "<p>નમસ્તે.</p>" * 50,
        },
    }
    return EventPlan(**(about | changes))


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Gates:
    """`count` gate processes on one port, over one data folder."""

    def __init__(self, data: Path, count: int = 1, env: dict[str, str] | None = None) -> None:
        self.folders = Folders(data)
        self.folders.make()
        self.secret = make_secret(self.folders.secret)
        self.plans = PlanFolder(self.folders.plans)
        self.port, self.admin_port = free_ports(2)
        self.log = data / "gate.log"
        self.env = os.environ | {
            "SAMVAD_GATE_PORT": str(self.port),
            "SAMVAD_GATE_ADMIN_PORT": str(self.admin_port),
            "SAMVAD_GATE_PROCESSES": str(count),
            "SAMVAD_ATTACK_TICKET_RATE": "0",  # one ticket stands for whoever looks
            **(env or {}),
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        for index in range(count):
            self.start(index)
        self.wait_healthy()

    def start(self, index: int) -> "subprocess.Popen[bytes]":
        code = (
            "import sys; from pathlib import Path; from samvad.base.settings import load; "
            "from samvad.gate.main import main; data = Path(sys.argv[1]); "
            "sys.exit(main(data, load(data), int(sys.argv[2])))"
        )
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", code),
                    *(str(self.folders.data), str(index)),
                ],
                env=self.env,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def wait_healthy(self, within: float = 20.0) -> None:
        until_now(self._healthy, within, lambda: self.log.read_text()[-2000:])

    def _healthy(self) -> bool:
        try:
            return self.admin("/health").status == 200
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def admin(self, path: str) -> Reply:
        return fetch(f"http://127.0.0.1:{self.admin_port}{path}")

    def get(self, path: str, **headers: str) -> Reply:
        return fetch(self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def knock(self, event: str = EVENT, **shown: str) -> Any:
        """The door's verdict on one who shows a ticket, a place, a pass …; {}: there is no such
        door (yet)."""
        body = json.dumps(shown).encode() if shown else b""
        reply = fetch(f"{self.url}/door/{event}", method="POST", body=body)
        return reply.json if reply.status == 200 else {}

    def leave(self, ticket: str, event: str = EVENT) -> int:
        """The status of a word of farewell."""
        body = json.dumps({"ticket": ticket}).encode()
        return fetch(f"{self.url}/door/{event}/leave", method="POST", body=body).status

    def counter(self, name: str) -> int:
        """The sum of a counter (or gauge) over all processes."""
        return counted(self.admin("/metrics").text, name)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def raw(self, sent: bytes, end: bool = False) -> bytes:
        """Everything the gate answers to `sent` until it closes."""
        with self.connect() as sock:
            sock.sendall(sent)
            if end:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def stop(self) -> list[int]:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return [process.wait(10) for process in self.processes]


def read_all(sock: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            got += data
    return got


def counted(metrics: str, name: str) -> int:
    """The sum of a counter (or gauge) over all processes, of a page of metrics."""
    found = re.findall(rf"^samvad_gate_{name}(?:_total)?{{.*}} (\d+)$", metrics, re.M)
    return sum(map(int, found))


def fetch(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
) -> Reply:
    """One request; error statuses are replies too."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return Reply(answer.status, dict(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers.items()), error.read())


@contextlib.contextmanager
def running_gates(data: Path, count: int = 1, env: dict[str, str] | None = None) -> Iterator[Gates]:
    gates = Gates(data, count, env)
    try:
        yield gates
    finally:
        for process in gates.processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 10
        for process in gates.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""The servers that bench/crowd.py sets side by side, each with the same event on air.

Both give the same playlists (precompressed) and objects of the same size, check a ticket on
each playlist, and hold what listeners hold: nothing is logged, nothing is limited.
"""

import base64
import contextlib
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cores import alone
from samvad.base.errors import PlainError
from samvad.protocol.media import AAC, OPUS, PART_48K, PART_S, PARTS_PER_SEGMENT
from samvad.protocol.plan import JOINS_MAX_PER_S
from samvad.protocol.playlist import (
    Form,
    Window,
    WindowPart,
    WindowSegment,
    render_master,
    render_media,
)
from samvad.rehearsal.habit import Start
from tests.kit.gates import EVENT, Gates
from tests.kit.on_air import PART_BYTES, OnAir
from tests.kit.ports import free_port
from tests.kit.until import until_now

SERVER_CORE = 0
WORKER_CONNECTIONS = 18_000
WINDOW_S = 60.0
_SECRET = "a bench has no secrets"


class Server(ABC):
    """A running server; `stop` ends it. `name` stands in the table."""

    name: str
    start: Start
    url: str
    plays = ""
    state = f"/live/{EVENT}/state.json"

    @abstractmethod
    def pids(self) -> list[int]:
        """Its processes."""

    @abstractmethod
    def stop(self) -> None: ...

    def pin(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                alone(pid, SERVER_CORE)

    def cpu_s(self) -> float:
        """Processor seconds its processes have had."""
        return sum(_cpu_s(pid) for pid in self.pids())

    def memory_kb(self) -> int:
        """What its processes hold in memory, shared pages counted in parts."""
        return sum(_memory_kb(pid) for pid in self.pids())


class Gate(Server):
    """As many gate processes as connections ask for, on one core."""

    name, start = "gate", Start.DOOR

    def __init__(
        self, folder: Path, listeners: int, stretch: int, lines: int = 1, **air: Any
    ) -> None:
        """`lines`: connections of one listener. `air`: for OnAir, where it is not to be a door for
        all `listeners` and no ladder."""
        self.gates = Gates(
            folder,
            -(-listeners * lines // (WORKER_CONNECTIONS - 1000)),
            {
                "SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0",
                "SAMVAD_GATE_CONNECTIONS": str(WORKER_CONNECTIONS),
                "SAMVAD_GATE_WINDOW_S": str(WINDOW_S),
                "SAMVAD_GATE_IDLE_TIMEOUT_S": "75",
                "SAMVAD_ATTACK_PROOF": "never",  # what is measured is the door, not the work
            },
        )
        self.url = f"{self.gates.url}/door/{EVENT}"
        self.pin()
        window = int(WINDOW_S / (PART_S * PARTS_PER_SEGMENT * stretch)) + 2
        # Nobody is made to wait, and no rung gives up anything: the bare cost is measured.
        bare: dict[str, Any] = {
            "seats": listeners + 500,
            "joins_per_s": JOINS_MAX_PER_S,
            "ladder": (),
        }
        self.on_air = OnAir(self.gates, window=window, stretch=stretch, **bare | air)

    def pids(self) -> list[int]:
        return [process.pid for process in self.gates.processes]

    def stop(self) -> None:
        self.on_air.close()
        if any(self.gates.stop()):
            raise RuntimeError(self.gates.log.read_text()[-2000:])


class Nginx(Server):
    """nginx as a careful person would tune it for this; playlists by `secure_link`."""

    start = Start.PLAY

    def __init__(
        self, folder: Path, listeners: int, stretch: int, sendfile: bool, live: bool = True
    ) -> None:
        """`live` False: the playlist stays as it is."""
        self.name = "nginx" if sendfile else "nginx, no sendfile"
        if shutil.which("nginx") is None:
            raise PlainError("nginx is not installed.", "Install it, or use --only gate.")
        self._workers = -(-listeners // (WORKER_CONNECTIONS - 1000))
        port = free_port()
        self._folder, self._stretch = folder, stretch
        self._media = folder / "media"
        self._lists = folder / "lists"
        for made in (self._media, self._lists / "aac"):
            made.mkdir(parents=True)
        self._segments: list[WindowSegment] = []
        self._write(self._lists / "master.m3u8", render_master((AAC, OPUS)).encode())
        self._write(folder / "state.json", b'{"state":"live"}')
        (self._media / "init.mp4").write_bytes(b"init")
        for back in range(int(WINDOW_S / self._segment_s), 0, -1):
            self._publish(time.time() - back * self._segment_s)
        self.plays = str(folder / "plays")
        Path(self.plays).write_text("".join(_play(seat) for seat in range(listeners)))
        self.url = f"http://127.0.0.1:{port}/"
        (folder / "nginx.conf").write_text(self._conf(port, sendfile))
        self._process = subprocess.Popen(
            [
                *("taskset", "-c", str(SERVER_CORE), "nginx", "-e", "stderr"),
                *("-p", str(folder), "-c", str(folder / "nginx.conf")),
            ]
        )
        until_now(lambda: len(self.pids()) == 1 + self._workers and _answers(port), 10)
        self.pin()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        if live:
            self._thread.start()

    @property
    def _segment_s(self) -> float:
        return PART_S * PARTS_PER_SEGMENT * self._stretch

    def _write(self, path: Path, body: bytes) -> None:
        """Replace a file and its compressed form whole."""
        for name, data in ((f"{path}.gz", gzip.compress(body, 9)), (str(path), body)):
            Path(f"{name}.new").write_bytes(data)
            os.replace(f"{name}.new", name)

    def _publish(self, wall_s: float) -> None:
        msn = self._segments[-1].msn + 1 if self._segments else 0
        name = hashlib.md5(f"{msn}".encode()).hexdigest()[:22]
        body = f"{msn} ".encode().ljust(PART_BYTES * PARTS_PER_SEGMENT * self._stretch, b"x")
        (self._media / f"{name}.m4s").write_bytes(body)
        parts = (WindowPart(name, PART_48K * self._stretch),) * PARTS_PER_SEGMENT
        self._segments.append(
            WindowSegment(msn, name, "init", round(wall_s * 1000), 0, parts, True)
        )
        while len(self._segments) * self._segment_s > WINDOW_S + self._segment_s:
            self._segments.pop(0)
        playlist = render_media(Window(tuple(self._segments), 0), Form.PLAIN)
        self._write(self._lists / "aac" / "index.m3u8", playlist.encode())

    def _speak(self) -> None:
        at = time.monotonic()
        while not self._ending.is_set():
            at += self._segment_s
            if self._ending.wait(max(0.0, at - time.monotonic())):
                return
            self._publish(time.time() - self._segment_s)

    def _conf(self, port: int, sendfile: bool) -> str:
        user = "user root;" if os.geteuid() == 0 else ""
        return f"""
{user}
worker_processes {self._workers};
worker_rlimit_nofile 20000;
daemon off;
pid {self._folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections {WORKER_CONNECTIONS}; use epoll; multi_accept on; }}
http {{
  access_log off;
  server_tokens off;
  sendfile {"on" if sendfile else "off"};
  tcp_nopush {"on" if sendfile else "off"};
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  open_file_cache max=4000 inactive=120s;
  open_file_cache_valid 60s;
  types {{ application/vnd.apple.mpegurl m3u8; audio/mp4 m4s mp4; application/json json; }}
  client_body_temp_path {self._folder}/t1; proxy_temp_path {self._folder}/t2;
  fastcgi_temp_path {self._folder}/t3; uwsgi_temp_path {self._folder}/t4;
  scgi_temp_path {self._folder}/t5;
  add_header Access-Control-Allow-Origin *;
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location ~ "^/live/{EVENT}/([0-9]+)\\.([0-9]+)\\.([A-Za-z0-9_-]+)/(master|aac/index).m3u8$" {{
      secure_link $3,$2;
      secure_link_md5 "$secure_link_expires.$1.{EVENT} {_SECRET}";
      if ($secure_link = "") {{ return 403; }}
      if ($secure_link = "0") {{ return 410; }}
      gzip_static on;
      gzip_vary on;
      open_file_cache off;
      alias {self._lists}/$4.m3u8;
    }}
    location /live/{EVENT}/m/ {{
      add_header Cache-Control "public, max-age=31536000, immutable";
      add_header Access-Control-Allow-Origin *;
      alias {self._media}/;
    }}
    location = /live/{EVENT}/state.json {{
      gzip_static on; open_file_cache off; alias {self._folder}/state.json;
    }}
    location = /ready {{ return 204; }}
  }}
}}
"""

    def pids(self) -> list[int]:
        master = self._process.pid
        children = Path(f"/proc/{master}/task/{master}/children")
        return [master, *map(int, children.read_text().split())]

    def stop(self) -> None:
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(10)
        self._process.terminate()
        self._process.wait(20)


def _play(seat: int) -> str:
    """A seat's playlist as nginx's secure_link wants it (ngx_http_secure_link_module)."""
    until = int(time.time()) // 60 * 60 + 12 * 3600
    digest = hashlib.md5(f"{until}.{seat}.{EVENT} {_SECRET}".encode()).digest()
    mac = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"/live/{EVENT}/{seat}.{until}.{mac}/master.m3u8\n"


def _answers(port: int) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return bool(answer.status == 204)
    except (OSError, urllib.error.URLError):
        return False


def _cpu_s(pid: int) -> float:
    """From the scheduler's own count in ns where there is one, else in ticks."""
    try:
        # Of each thread: the process's own file tells of its first one only.
        threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(of.read_text().split()[0]) for of in threads) / 1e9
    except (OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in memory where there is one: disks are not what is measured."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder)

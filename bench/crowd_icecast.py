"""Icecast2 with the same programme at its own protocol: an endless answer for each listener."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.crowd_servers import SERVER_CORE, WORKER_CONNECTIONS, Server
from samvad.base.errors import PlainError
from samvad.rehearsal.habit import Start
from samvad.rehearsal.histogram import Histogram
from samvad.rehearsal.trial import OTHER_FILES, files_of_a_process
from tests.kit.ports import free_ports
from tests.kit.until import until_now

RATE = 8_125.0
"""Bytes a second: what 0.64 s of AAC with its boxes come to here (tests/kit/on_air.py)."""
PIECE_S = 0.2
"""A source sends so much at once."""


class Icecast(Server):
    """As many processes as connections ask for, on one core, each with a source of its own."""

    name, start = "icecast2", Start.PLAY

    def __init__(self, folder: Path, listeners: int, stretch: int) -> None:
        if shutil.which("icecast2") is None:
            raise PlainError("Icecast is not installed.", "Install icecast2, or use --only.")
        os.chmod(folder, 0o755)
        count = -(-listeners // (WORKER_CONNECTIONS - 1000))
        self.ports = free_ports(count)
        self._processes = [self._begin(folder, n, port) for n, port in enumerate(self.ports)]
        self.url = f"http://127.0.0.1:{self.ports[0]}/live"
        until_now(lambda: all(_listens(port) for port in self.ports), 15)
        self._sources = [_source(port) for port in self.ports]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()
        time.sleep(1.0)
        self.pin()

    def _begin(self, folder: Path, number: int, port: int) -> "subprocess.Popen[bytes]":
        home = folder / f"icecast{number}"
        home.mkdir()
        os.chmod(home, 0o777)
        (home / "icecast.xml").write_text(_conf(home, port))
        files = files_of_a_process()
        command = ["prlimit", f"--nofile={files}:{files}", "taskset", "-c", str(SERVER_CORE)]
        command += ["icecast2", "-c", str(home / "icecast.xml")]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _speak(self) -> None:
        piece, at = b"x" * round(RATE * PIECE_S), time.monotonic()
        while not self._ending.is_set():
            for source in self._sources:
                source.sendall(piece)
            at += PIECE_S
            if self._ending.wait(max(0.0, at - time.monotonic())):
                return

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(5)
        for source in self._sources:
            source.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)


def _conf(home: Path, port: int) -> str:
    owner = "<changeowner><user>icecast2</user><group>icecast</group></changeowner>"
    return f"""<icecast>
  <limits><clients>{WORKER_CONNECTIONS}</clients><sources>2</sources>
    <queue-size>524288</queue-size><client-timeout>60</client-timeout>
    <header-timeout>60</header-timeout><source-timeout>60</source-timeout>
    <burst-size>16384</burst-size></limits>
  <authentication><source-password>bench</source-password>
    <admin-user>admin</admin-user><admin-password>bench</admin-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <fileserve>0</fileserve>
  <paths><logdir>{home}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
  <security><chroot>0</chroot>{owner if os.geteuid() == 0 else ""}</security>
</icecast>
"""


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _source(port: int) -> socket.socket:
    """A source that Icecast takes; raises PlainError when it does not."""
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.sendall(
        b"SOURCE /live HTTP/1.0\r\nAuthorization: Basic c291cmNlOmJlbmNo\r\n"
        b"Content-Type: audio/mpeg\r\n\r\n"
    )
    if b"200" not in sock.recv(1024):
        raise PlainError("Icecast does not take the source.")
    return sock


@dataclass
class Listened:
    """A crowd's figures, summed; processor seconds are of the time that was measured, those of
    the load of all of it."""

    playing: int = 0
    readings: int = 0
    bytes: int = 0
    late: int = 0
    lost: int = 0
    took: Histogram = field(default_factory=Histogram)
    server_cpu_s: float = 0.0
    memory_kb: int = 0
    load_cpu_s: float = 0.0


def listen(
    server: Icecast, listeners: int, *, arrive_s: float, from_s: float, to_s: float, core: int
) -> Listened:
    """A crowd on `server`, until `to_s`; the load runs on `core`."""
    shards = max(1, -(-listeners // ((files_of_a_process() - OTHER_FILES) * 95 // 100)))
    start_at, before, found = time.monotonic() + 1.0, os.times(), Listened()
    processes = []
    for n in range(shards):
        order = {
            "ports": server.ports,
            "count": (listeners - n + shards - 1) // shards,
            "first": n * (listeners // shards + 1),
            "arrive_s": arrive_s,
            "from_s": from_s,
            "to_s": to_s,
            "start_at": start_at,
            "rate": RATE,
        }
        command = ["taskset", "-c", str(core), sys.executable, "-m", "bench.streams"]
        processes.append(
            subprocess.Popen([*command, json.dumps(order)], stdout=subprocess.PIPE, text=True)
        )
    time.sleep(max(0.0, start_at + from_s - time.monotonic()))
    found.server_cpu_s = -server.cpu_s()
    time.sleep(max(0.0, start_at + to_s - 0.1 - time.monotonic()))
    found.server_cpu_s += server.cpu_s()
    found.memory_kb = server.memory_kb()
    for process in processes:
        told = json.loads(process.communicate(timeout=120)[0])
        found.took.merge(Histogram.from_json(told["took"]))
        for name in ("playing", "readings", "bytes", "late", "lost"):
            setattr(found, name, getattr(found, name) + told[name])
    after = os.times()
    used = after.children_user + after.children_system
    found.load_cpu_s = used - before.children_user - before.children_system
    return found

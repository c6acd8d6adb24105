"""What can be seen of the server meanwhile: state.json, its metrics, and, on this machine, its
processor time and the connections it has not let go. A thread looks once a second.
"""

import contextlib
import ipaddress
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from samvad.rehearsal.sight import Sight

_PATIENCE_S = 2.0
_MOST = 1024 * 1024
_CLOSE_WAIT, _LISTEN = "08", "0A"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at `state` (a URL, or "") and `metrics` (a URL, or "") of the server at `url`."""

    def __init__(self, url: str, state: str, metrics: str, here: bool) -> None:
        """`here`: the server runs on this machine."""
        self.sight = Sight()
        self._state, self._metrics = state, metrics
        self._port = urlsplit(url).port or 80
        self._pids = listeners_on(self._port) if here else []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(2 * _PATIENCE_S + 1)

    def _look(self) -> None:
        while not self._ending.wait(1.0):
            self.sight = self._seen()

    def _seen(self) -> Sight:
        before = self.sight
        state = state_of(self._state)
        raw_counts, raw_rung = state.get("counts"), state.get("rung")
        counts = raw_counts if isinstance(raw_counts, dict) else {}
        rung = raw_rung.get("n", 0) if isinstance(raw_rung, dict) else 0
        cpu_s, bytes_, connections = self._measured()
        return Sight(
            rung=rung if state and isinstance(rung, int) else before.rung,
            seats=_whole(counts.get("seats"), before.seats),
            listening=_whole(counts.get("listening"), before.listening),
            in_line=_whole(counts.get("in_line"), before.in_line),
            cpu_s=cpu_s,
            bytes_=bytes_,
            connections=connections,
        )

    def _measured(self) -> tuple[float | None, float | None, float | None]:
        text = _get(self._metrics).decode("utf-8", "replace") if self._metrics else ""
        cpu_s = _sum(text, r"process_cpu_seconds_total")
        bytes_ = _sum(text, r"samvad_gate_bytes_total")
        connections = _sum(text, r"samvad_gate_connections_open")
        if cpu_s is None and self._pids:
            cpu_s = sum(_cpu_s(pid) for pid in self._pids)
        return cpu_s, bytes_, connections


def listeners_on(port: int) -> list[int]:
    """Processes of this machine that listen on `port`, as far as one may see."""
    inodes = {row[9] for row in _rows() if row[3] == _LISTEN and _port_of(row[1]) == port}
    links = {f"socket:[{inode}]" for inode in inodes}
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            fds = Path(f"/proc/{entry}/fd")
            if any(os.readlink(fd) in links for fd in fds.iterdir()):
                found.append(int(entry))
    return found


def kept_open(port: int) -> int:
    """Connections to `port` that their client has closed and the server has not (CLOSE_WAIT)."""
    return sum(row[3] == _CLOSE_WAIT and _port_of(row[1]) == port for row in _rows())


def left_open(port: int, bound: int, within_s: float = 5.0) -> int:
    """The same, once it is at most `bound`, or after `within_s`."""
    give_up = time.monotonic() + within_s
    while (count := kept_open(port)) > bound and time.monotonic() < give_up:
        time.sleep(0.25)
    return count


def is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _rows() -> list[list[str]]:
    found: list[list[str]] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            found += [row.split() for row in Path(table).read_text().splitlines()[1:]]
    return found


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _sum(text: str, name: str) -> float | None:
    """The sum of a metric over its labels; None when there is none."""
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.eE+-]+)$", text, re.MULTILINE)
    return sum(map(float, found)) if found else None


def _whole(said: object, before: int | None) -> int | None:
    return said if isinstance(said, int) else before


def state_of(url: str) -> dict[str, object]:
    """The object at `url`; empty when there is none."""
    try:
        said = json.loads(_get(url)) if url else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310
            body: bytes = answer.read(_MOST)
            return body
    except (OSError, urllib.error.URLError, ValueError):
        return b""

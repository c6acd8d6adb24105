"""An nginx from Debian with tickets (`secure_link`), one worker or several.

Two of them: with what one would write into its configuration for this, and tuned: with a cache
of open files, so that it never looks a file up (which an origin of live media, whose files
are seconds old, gains less from than this bench does).
"""

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.kit.ports import free_port

SECRET = "a secret of the bench"

CONFIG = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 18000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    {tuning}
    default_type application/vnd.apple.mpegurl;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096{shared};
        {locations}
        location /live/ {{
            {live}
            secure_link $arg_ticket,$arg_expires;
            secure_link_md5 "$secure_link_expires {secret}";
            if ($secure_link = "") {{ return 403; }}
            if ($secure_link = "0") {{ return 410; }}
            add_header Cache-Control no-store;
            add_header Access-Control-Allow-Origin *;
            add_header X-Content-Type-Options nosniff;
            alias {folder}/files/;
        }}
        location /e/ {{
            alias {folder}/files/;
            default_type text/html;
            gzip_static on;
        }}
    }}
}}
"""


DOOR = """
        location /door/ {{
            root {folder}/files;
            log_not_found off;
            error_page 404 405 =200 /door.json;
        }}
        location = /door.json {{
            internal;
            root {folder}/files;
            default_type application/json;
        }}
"""
"""A door that says the same to everybody: what there is nothing of is answered with a file,
whatever the method, after limits were looked at (which a `return` comes before)."""
TUNING = "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;"


@dataclass(frozen=True)
class Limits:
    """What goes into the http block, and to where tickets are verified."""

    all: str = ""
    live: str = ""


class Nginx:
    """A running one. `path(name)` is a URL with a good ticket."""

    def __init__(self, port: int, workers: list[int], folder: Path) -> None:
        self.port, self.workers, self._folder = port, workers, folder

    @property
    def worker(self) -> int:
        """The only one."""
        (worker,) = self.workers
        return worker

    def page(self, name: str, text: str) -> None:
        """Make the page /e/<name>, packed beforehand too."""
        path = self._folder / "files" / name
        path.write_text(text)
        path.with_name(f"{name}.gz").write_bytes(gzip.compress(text.encode()))

    def door(self, says: dict[str, str]) -> None:
        """What DOOR answers whoever knocks."""
        (self._folder / "files" / "door.json").write_text(json.dumps(says))

    def file(self, name: str, size: int) -> str:
        """Make a file of `size` bytes; its path with a ticket."""
        (self._folder / "files" / name).write_bytes(os.urandom(size))
        return self.ticket(name)

    def ticket(self, name: str, number: int = 0) -> str:
        """The path of a file with a ticket; for each number another one."""
        expires = int(time.time()) + 3600 + number
        digest = hashlib.md5(f"{expires} {SECRET}".encode()).digest()
        ticket = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"/live/{name}?ticket={ticket}&expires={expires}"


@contextmanager
def running_nginx(
    folder: Path,
    tuned: bool,
    limits: Limits = Limits(),
    workers: int = 1,
) -> Iterator[Nginx]:
    """nginx in `folder`; ended with the block."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx is not installed: tools/system-packages installs it")
    (folder / "files").mkdir(parents=True)
    folder.parent.chmod(0o755)  # the worker of a root's nginx is somebody else
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        CONFIG.format(
            folder=folder,
            port=port,
            secret=SECRET,
            tuning=limits.all + (TUNING if tuned else ""),
            locations=DOOR.format(folder=folder),
            live=limits.live,
            workers=workers,
            shared=" reuseport" if workers > 1 else "",
        )
    )
    master = subprocess.Popen([program, "-p", str(folder), "-c", str(config)])
    try:
        yield Nginx(port, _workers_of(master.pid, workers), folder)
    finally:
        master.terminate()
        master.wait(10)


def _workers_of(master: int, count: int) -> list[int]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError):
            children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
            if len(children) == count:
                return [int(child) for child in children]
        time.sleep(0.05)
    raise TimeoutError("nginx has too few workers")

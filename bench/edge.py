"""How long nginx makes others wait for an object that one is fetching: its cache lock's grain.

An upstream that takes 100 ms, an nginx with `proxy_cache_lock`, twenty who ask for the same object
10 ms after the first: how long they wait, by `proxy_cache_lock_timeout`.
"""

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tests.kit.ports import free_ports
from tests.kit.until import until_now

OUT = Path("build/bench/edge.json")
TAKES_S = 0.1
ASKERS = 20
TIMEOUTS = ("5s", "200ms", "20ms")
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    proxy_cache_path {folder}/cache keys_zone=live:1m;
    proxy_temp_path {folder}/t1; client_body_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_cache live; proxy_cache_valid 200 1m;
            proxy_cache_lock on; proxy_cache_lock_timeout {timeout};
        }}
    }}
}}
"""


def upstream(listener: socket.socket, asked: list[float]) -> None:
    """Answers each request after TAKES_S."""

    def serve(sock: socket.socket) -> None:
        with sock:
            sock.recv(4096)
            asked.append(time.monotonic())
            time.sleep(TAKES_S)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n"
            sock.sendall(head + b"x" * 1000)

    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def ask(port: int, path: str, took: list[float]) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        while sock.recv(65536):
            pass
    took.append((time.monotonic() - began) * 1000)


def measure(timeout: str) -> dict[str, float | str]:
    """Of three objects: how long the askers waited, and how often the upstream was asked."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program is not None, "nginx is not installed: tools/system-packages installs it"
    port, behind = free_ports(2)
    asked: list[float] = []
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", behind)) as up:
        Path(folder).chmod(0o755)
        threading.Thread(target=upstream, args=(up, asked), daemon=True).start()
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, upstream=behind, timeout=timeout))
        server = subprocess.Popen([program, "-c", str(config), "-p", folder])

        def listens() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
            return True

        until_now(listens, 10)
        asked.clear()
        took: list[float] = []
        for number in range(3):
            threads = [threading.Thread(target=ask, args=(port, f"/{number}", []))]
            threads[0].start()
            time.sleep(0.01)
            threads += [
                threading.Thread(target=ask, args=(port, f"/{number}", took)) for _ in range(ASKERS)
            ]
            for thread in threads[1:]:
                thread.start()
            for thread in threads:
                thread.join(20)
        server.terminate()
        server.wait(10)
    return {
        "lock_timeout": timeout,
        "median_ms": round(statistics.median(took), 1),
        "most_ms": round(max(took), 1),
        "upstream_asked": len(asked) / 3,
    }


def main() -> int:
    rows = [measure(timeout) for timeout in TIMEOUTS]
    print(f"an object that takes {TAKES_S * 1000:.0f} ms; {ASKERS} ask while it is fetched")
    print(f"{'lock timeout':>14}{'median ms':>11}{'most ms':>9}{'asked upstream':>16}")
    for row in rows:
        print(
            f"{row['lock_timeout']:>14}{row['median_ms']:>11}{row['most_ms']:>9}"
            f"{row['upstream_asked']:>16}"
        )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

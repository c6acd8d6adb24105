"""A Valkey or Redis of one's own, on a Unix socket, without anything on disk."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.kit.until import until_now


@dataclass
class StoreServer:
    url: str
    process: "subprocess.Popen[bytes]"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)


@contextmanager
def running_store() -> Iterator[StoreServer]:
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    assert program, "tools/system-packages installs a store"
    # A socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="samvad-store-") as folder:
        path = Path(folder) / "socket"
        options = {"--port": "0", "--unixsocket": str(path), "--save": "", "--appendonly": "no"}
        process = subprocess.Popen(
            [program, *(word for pair in options.items() for word in pair)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        store = StoreServer(f"unix://{path}", process)
        try:

            def answers() -> bool:
                try:
                    with store.client() as client:
                        return bool(client.ping())
                except redis.RedisError:
                    return False

            until_now(answers, 10, "the store does not start")
            yield store
        finally:
            process.terminate()
            process.wait(10)

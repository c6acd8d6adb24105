"""A PostgreSQL server of its own, from Debian's package."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.ports import free_port
from tests.kit.until import until_now


def programs() -> Path | None:
    """The folder of its programs, newest version first; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgresql(folder: Path, *options: str) -> Iterator[str]:
    """A server on a free port, with its cluster in `folder`, which is opened to other users: as
    root it runs as `postgres`, since it refuses to run as root. `options` are its `name=value`
    settings. Gives the address of an empty database."""
    at = programs()
    assert at is not None, "PostgreSQL is not installed (Debian: postgresql)"
    cluster, port = folder / "cluster", free_port()
    cluster.mkdir()
    folder.chmod(0o755)
    before: list[str] = []
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(cluster, user.pw_uid, user.pw_gid)
        before = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    made = [*before, str(at / "initdb"), "-D", str(cluster), "-U", "samvad", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    asked = ["listen_addresses=127.0.0.1", *options]
    server = subprocess.Popen(
        [*before, str(at / "postgres"), "-D", str(cluster), "-p", str(port), "-k", str(cluster),
         *(word for option in asked for word in ("-c", option))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        there = ["-h", "127.0.0.1", "-p", str(port)]
        ready = [str(at / "pg_isready"), "-q", *there]
        until_now(
            lambda: subprocess.run(ready, check=False).returncode == 0, 60, "PostgreSQL answers"
        )
        subprocess.run([str(at / "createdb"), *there, "-U", "samvad", "samvad"], check=True)
        yield f"postgresql://samvad@127.0.0.1:{port}/samvad"
    finally:
        server.terminate()
        server.wait(60)

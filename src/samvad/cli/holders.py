"""Who listens on a port of this machine (Linux; from /proc, proc(5))."""

import os
from pathlib import Path

_LISTEN = "0A"
PROC = Path("/proc")


def holder_of(port: int, proc: Path = PROC) -> str | None:
    """ "name (process N)"; None when it cannot be known (another user's, another system)."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port, proc)}
    if not sockets:
        return None
    for process in proc.glob("[0-9]*"):
        try:
            for handle in os.listdir(process / "fd"):
                if os.readlink(process / "fd" / handle) in sockets:
                    return f"{_name(process)} (process {process.name})"
        except OSError:
            continue  # it has ended, or is not ours to look at
    return None


def _listening(port: int, proc: Path) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            local, state, inode = columns[1], columns[3], columns[9]
            if state == _LISTEN and int(local.rsplit(":", 1)[1], 16) == port:
                inodes.add(inode)
    return inodes


def _name(process: Path) -> str:
    words = (process / "cmdline").read_bytes().split(b"\0")
    first = os.path.basename(words[0].decode("utf-8", "replace"))
    if first.startswith("python"):
        # `python -m samvad gate` says more than `python`.
        rest = [w.decode("utf-8", "replace") for w in words[1:4] if w]
        return " ".join([first, *rest])
    return first or (process / "comm").read_text().strip()

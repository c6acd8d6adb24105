"""What machine this is, for reports and certificates; and a process's place on it."""

import contextlib
import os
from pathlib import Path


def cpus() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def cpu_name() -> str:
    """The processor's name, or "" where the kernel does not say."""
    return _field("/proc/cpuinfo", "model name")


def memory_gb() -> int:
    """Whole GiB of memory; 0 where the kernel does not say."""
    kb = _field("/proc/meminfo", "MemTotal").split()
    return round(int(kb[0]) / 1024 / 1024) if kb else 0


def load() -> float:
    """Processes that ran or wanted to, on average over the last minute."""
    return round(os.getloadavg()[0], 1)


def go_before(nice: int) -> None:
    """Ask that this process has the processor before its neighbours (setpriority(2)). Where that
    is not allowed a service manager may grant it (systemd's Nice=); without it all works as well,
    and waits for them now and then."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def _field(path: str, name: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name))
    return next(found, "")

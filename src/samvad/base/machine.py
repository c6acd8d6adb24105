"""What machine this is, for reports and certificates."""

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


def _field(path: str, name: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name))
    return next(found, "")

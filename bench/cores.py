"""A core for what is measured, as far as a bench can have one."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

NICE = -20
_SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.nice(19)
while os.getppid() == int(sys.argv[2]):
    for _ in range(1_000_000):
        pass
"""


def alone(pid: int, core: int) -> None:
    """This process has `core`, and goes before whatever else of the machine comes there. To be
    said of each server that is compared."""
    os.sched_setaffinity(pid, {core})
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)


@contextlib.contextmanager
def kept(core: int) -> Iterator[None]:
    """`core` never looks idle: something of the least priority turns there, which whoever has it
    goes before. So the scheduler does not put there what else the machine runs: a manager that
    reads the memory of every process once a second had the core for 25 ms in one call of the
    kernel, whatever its priority, and that was the p99 of any server."""
    spinning = subprocess.Popen([sys.executable, "-c", _SPIN, str(core), str(os.getpid())])
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()

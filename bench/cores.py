"""A core for what is measured, as far as a bench can have one."""

import contextlib
import os

NICE = -20


def alone(pid: int, core: int) -> None:
    """This process has `core`, and goes before whatever else of the machine comes there: a
    manager that reads every process's memory once a second has the core for 25 ms, and that
    would be the p99 of any server. To be said of each server that is compared."""
    os.sched_setaffinity(pid, {core})
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)

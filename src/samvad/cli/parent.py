"""A process of `samvad up` must not outlive it, not even when it is ended by kill -9."""

import ctypes
import os
import signal
import sys

PARENT = "SAMVAD_PARENT"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Ask the kernel to kill this process with the `samvad up` that started it (Linux).

    SIGKILL, because it is the one that cannot be missed; every room is built to survive it.
    It is asked here rather than between fork and exec, so that `up` needs no code of its own
    in the forked child; what dies in between is noticed by the changed parent.
    """
    parent = os.environ.get(PARENT)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)

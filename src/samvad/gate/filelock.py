"""A lock that processes share and that never waits for long: flock, which the kernel frees when
its process dies, even by SIGKILL.
"""

import fcntl
import os

_TRIES = 500
"""With a yield of the processor between: milliseconds, then the caller says "again"."""


def lock(file: int) -> bool:
    """Lock an open file; False: another process keeps it for too long."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            os.sched_yield()
    return False


def unlock(file: int) -> None:
    """Let others have it."""
    fcntl.flock(file, fcntl.LOCK_UN)

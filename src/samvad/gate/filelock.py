"""A lock that processes share and that never waits for long: flock, which the kernel frees when
its process dies, even by SIGKILL.
"""

import errno
import fcntl
import os

_flock, _AT_ONCE, _UNLOCK = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
_TRIES = 500
"""With a yield of the processor between: milliseconds, then the caller says "again"."""
_TRIES_TO_OPEN = 1_000_000
"""About a second."""


def lock(file: int, tries: int = _TRIES) -> bool:
    """Lock an open file; False: another process keeps it for too long."""
    while tries > 0:
        try:
            _flock(file, _AT_ONCE)
            return True
        except BlockingIOError:
            os.sched_yield()
            tries -= 1
    return False


def lock_to_open(file: int) -> None:
    """Lock a file that is being opened, which happens once: another process may have been stopped
    in the middle of its turn. Raises BlockingIOError when that does not end."""
    if not lock(file, _TRIES_TO_OPEN):
        raise BlockingIOError(errno.EAGAIN, "another gate keeps the file locked")


def unlock(file: int) -> None:
    """Let others have it."""
    _flock(file, _UNLOCK)

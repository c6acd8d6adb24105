"""Let processes have only a part of their core, so that what is measured is theirs and not the
load's: a server that may use half of its core is at its end while the load still has time.

By the kernel's bandwidth control (Documentation/scheduler/sched-bwc), for which one has to be root.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from samvad.base.errors import PlainError

PERIOD_US = 10_000
_ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
"""Of version 1, where it is, and of version 2."""


class CoreShare:
    """A group of processes that have at most `share` of one core together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, pid: int) -> None:
        """Raises OSError."""
        (self._folder / "cgroup.procs").write_text(str(pid))


@contextlib.contextmanager
def core_share(share: float) -> Iterator[CoreShare | None]:
    """None for a whole core. Raises PlainError where the kernel does not let us."""
    if share >= 1.0:
        yield None
        return
    root = next((root for root in _ROOTS if (root / "cgroup.procs").exists()), _ROOTS[-1])
    folder = root / f"samvad-bench-{os.getpid()}"
    quota_us = max(1_000, int(share * PERIOD_US))
    try:
        folder.mkdir()
    except OSError as error:
        raise PlainError(
            f"A share of a core cannot be given: {error}.", "Run it as root, or without --share."
        ) from None
    try:
        try:
            if (folder / "cpu.cfs_quota_us").exists():
                (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (folder / "cpu.cfs_quota_us").write_text(str(quota_us))
            else:
                (folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        except OSError as error:
            raise PlainError(
                f"A share of a core cannot be given: {error}.",
                "The group's cpu controller has to be on (cgroup.subtree_control).",
            ) from None
        yield CoreShare(folder)
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):  # it has just ended
                (root / "cgroup.procs").write_text(pid)
        folder.rmdir()

"""How busy the machine is with other things, so that a limit in seconds means what it says."""

import os
import subprocess
import sys
import time

_WORK = "import hashlib\nfor n in range(60): hashlib.sha256(b'x' * 4_000_000).digest()"


def slowdown() -> float:
    """Wall time over processor time of a small piece of work: 1 on a quiet machine.

    A promise like "within 5 s" is about a machine that does nothing else; multiplied by this
    it can be held against a test run that has company.
    """
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", _WORK])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return max(1.0, (time.monotonic() - began) / (used.ru_utime + used.ru_stime))

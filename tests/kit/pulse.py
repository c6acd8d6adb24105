"""How much this machine let us run while something was measured in real time.

A story listens to sound at real speed with whole browsers on the cores it shares. When the
machine itself stands still for a second, or has twice the work it has cores for, every listener
stalls, and that says nothing about Samvad. So the stories keep a pulse: a thread that wants to
wake up every 20 ms and notes how late it did, and the kernel's own count of the time in which
something that could run had to wait for a core (`/proc/pressure/cpu`).
"""

import threading
import time
from pathlib import Path
from types import TracebackType

BEAT_S = 0.02
LATE_S = 0.1
"""From here on a beat is missed: a player with a second in hand has lost a tenth of it."""
FAINT_S = 0.5
"""So much missed in all, and what was measured is about the machine."""
CROWDED = 0.5
"""So large a share of the time with somebody waiting for a core, and it is too. A story alone on
two cores was seen at 0.3 to 0.5."""

PRESSURE = Path("/proc/pressure/cpu")


class Pulse:
    """`with Pulse() as pulse:` and then `pulse.faint`, and `str(pulse)` in words."""

    def __init__(self) -> None:
        self.missed_s = 0.0
        self.crowded = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    @property
    def faint(self) -> bool:
        return self.missed_s >= FAINT_S or self.crowded >= CROWDED

    def __str__(self) -> str:
        return (
            f"the machine stood still for {self.missed_s:.1f} s, and for {self.crowded:.0%} of the "
            "time something waited for a core"
        )

    def _beat(self) -> None:
        due = time.monotonic() + BEAT_S
        while not self._over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            if now - due > LATE_S:
                self.missed_s += now - due
            due = now + BEAT_S

    def __enter__(self) -> "Pulse":
        self._began, self._waited = time.monotonic(), waited_s()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.crowded = (waited_s() - self._waited) / max(time.monotonic() - self._began, 0.001)


def waited_s() -> float:
    """Seconds since the machine's start in which something that could run waited for a core;
    always 0 where the kernel does not count them (Documentation/accounting/psi.rst)."""
    try:
        some = PRESSURE.read_text(encoding="ascii").split("\n", 1)[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return 0.0

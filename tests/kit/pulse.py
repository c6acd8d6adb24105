"""How much this machine let us run while something was measured in real time.

A story listens to sound at real speed with whole browsers on the cores it shares. When the
machine itself stands still for a second, every listener stalls, and that says nothing about
Samvad. So the stories keep a pulse: a thread that wants to wake up every 20 ms and notes how
late it did.
"""

import threading
import time
from types import TracebackType

BEAT_S = 0.02
LATE_S = 0.25
"""From here on a beat is missed: a player with a second in hand has lost a quarter of it."""
FAINT_S = 1.0
"""So much missed in all, and what was measured is about the machine."""


class Pulse:
    """`with Pulse() as pulse:` and then `pulse.missed_s`, `pulse.faint`."""

    def __init__(self) -> None:
        self.missed_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    @property
    def faint(self) -> bool:
        return self.missed_s >= FAINT_S

    def _beat(self) -> None:
        due = time.monotonic() + BEAT_S
        while not self._over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            if now - due > LATE_S:
                self.missed_s += now - due
            due = now + BEAT_S

    def __enter__(self) -> "Pulse":
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

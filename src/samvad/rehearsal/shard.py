"""A shard's process: `python -m samvad.rehearsal.shard`, started by shards.py.

A trial as one line of JSON on stdin; it says "ready", waits for a line that says when to
begin, and prints a line of JSON a second. When stdin ends (its parent has died), so does it.
"""

import signal
import sys
from dataclasses import replace

from samvad.base.errors import PlainError
from samvad.rehearsal.herd import Herd
from samvad.rehearsal.tell import tell
from samvad.rehearsal.trial import Trial


def main() -> int:
    # Ctrl-C reaches all processes of the terminal; when to end is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = sys.stdin.readline()
    if not first:
        return 1
    try:
        trial = Trial.from_json(first)
        herd = Herd(trial)
    except PlainError as error:
        tell({"says": error.says, "mend": error.mend})
        return 1
    tell({"ready": True})
    start = sys.stdin.readline()
    if not start.strip():
        return 1
    herd.trial = replace(trial, start_at=float(start))

    def report() -> bool:
        try:
            tell({"tally": herd.tally.as_json(), "health": herd.health.as_json()})
        except OSError:
            return False
        return True

    herd.run(report, stop_fd=sys.stdin.fileno())
    report()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One line an event on stderr: wall time, room, level, message. `samvad up` adds the process."""

import logging
import sys

FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def set_up(level: str = "INFO") -> None:
    """Send every room's log to stderr at `level`. Calling it again changes the level."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
    root.setLevel(level)

"""The log lines of all processes in one stream, each with the name of its process.

A terminal that does not read (Ctrl-S, a stuck pipe) must not hold up the show: the processes'
output is always taken, and what cannot be written is dropped and counted.
"""

import os
import queue
import sys
import threading
from typing import Protocol, TextIO

MOST_LINE = 8_192
MOST_WAITING = 2_000
_COLOURS = {"web": "36", "worker": "34", "stage": "35", "gate": "32", "up": "33"}


class Splitter:
    """Bytes in, lines out. A line longer than MOST_LINE bytes is cut into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > MOST_LINE:
            lines.append(self._rest[:MOST_LINE])
            self._rest = self._rest[MOST_LINE:]
        pieces = (
            line[at : at + MOST_LINE] for line in lines for at in range(0, len(line), MOST_LINE)
        )
        return [piece.decode("utf-8", "replace").rstrip("\r") for piece in pieces]

    def rest(self) -> list[str]:
        """What came last without a newline."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []


class LogLines:
    """Writes lines from a bounded queue in a thread of its own; a full queue drops the newest."""

    def __init__(self, out: TextIO, width: int) -> None:
        self._out: _Writes = out
        self._width = width
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._waiting: queue.Queue[tuple[str, str] | None] = queue.Queue(MOST_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def say(self, name: str, line: str) -> None:
        """Never blocks."""
        try:
            self._waiting.put_nowait((name, line))
        except queue.Full:
            self._dropped += 1

    def close(self, within_s: float = 1.0) -> None:
        """Write what waits, but no longer than that."""
        try:
            self._waiting.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _write(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._out.write(self._form("up", f"{dropped} lines of log were dropped."))
                self._out.write(self._form(*item))
                if self._waiting.empty():
                    self._out.flush()
            except (OSError, ValueError):
                self._out = _Nowhere()  # nobody reads any more; go on taking

    def _form(self, name: str, line: str) -> str:
        head = f"{name:<{self._width}} |"
        if self._colour:
            head = f"\x1b[{_COLOURS.get(name.partition('-')[0], '37')}m{head}\x1b[0m"
        return f"{head} {line}\n"


class _Writes(Protocol):
    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...


class _Nowhere:
    """A stream that takes everything."""

    def write(self, text: str, /) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def stderr(width: int) -> LogLines:
    return LogLines(sys.stderr, width)

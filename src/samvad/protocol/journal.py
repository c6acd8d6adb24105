"""Facts come up: `stage` and `gate` append, `worker` reads, idempotently.

One file a writer, `<writer>.jsonl`, one fact a line. A fact is known by (writer, seq), so
reading it twice changes nothing; `seq` grows, with holes. A torn last line (a crash in
mid-write) is left alone by readers until it is whole, and ended with a newline by the next
writer of that file.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1

WENT_LIVE = "went_live"
ENDED = "ended"
RECORDING_READY = "recording_ready"
SPEAKER_JOINED = "speaker_joined"
SPEAKER_LEFT = "speaker_left"
RESUMED = "resumed"
COUNTS = "counts"
INCIDENT = "incident"
STATUS = "status"
SPEAKER_MUTED = "speaker_muted"
SPEAKER_UNMUTED = "speaker_unmuted"
SPEAKER_REMOVED = "speaker_removed"
LADDER = "ladder"
"""What somebody ordered of the ladder. Facts of what a person did carry their name as `by`."""
RUNG = "rung"
"""The ladder's rung has changed: {"n", "effect", "by"}; n 0 is its foot. `by`: "load", or the
name of who ordered it."""
MARK = "mark"
"""The host marked the beginning of a chapter: {"title"}."""
PROMISE = "promise"
"""The recording is promised: {"by_ms"}."""
PROMISE_KEPT = "promise_kept"
PROMISE_LATE = "promise_late"
"""It was not there at {"by_ms"}."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened. `at_ms` is Unix time; `data` holds plain JSON values."""

    writer: str
    seq: int
    at_ms: int
    event: str
    kind: str
    data: Mapping[str, Any]


class JournalWriter:
    """Appends facts durably (fdatasync). For one process; call it off the event loop."""

    def __init__(self, folder: Path, writer: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = writer
        self._path = folder / f"{writer}.jsonl"
        self._seq = max((f.seq for f, _ in read_from(self._path, 0)), default=0)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(self._file).st_size
        if size:
            with open(self._path, "rb") as whole:
                whole.seek(size - 1)
                if whole.read(1) != b"\n":
                    os.write(self._file, b"\n")

    def append(self, event: str, kind: str, at_ms: int, **data: Any) -> Fact:
        """Write one fact and return it. Raises OSError when the disk does not take it."""
        # Numbers go on from the time of day, so that a journal begun anew (its folder was
        # removed) repeats none that a reader has kept.
        fact = Fact(self._writer, max(self._seq + 1, at_ms), at_ms, event, kind, data)
        line = json.dumps(
            {
                "v": SCHEMA,
                "writer": fact.writer,
                "seq": fact.seq,
                "at_ms": at_ms,
                "event": event,
                "kind": kind,
                "data": data,
            },
            ensure_ascii=False,
        )
        os.write(self._file, line.encode() + b"\n")
        os.fdatasync(self._file)
        self._seq = fact.seq
        return fact

    def close(self) -> None:
        os.close(self._file)


def read_from(path: Path, offset: int) -> Iterator[tuple[Fact, int]]:
    """Facts from byte `offset` on, each with the offset behind it.

    Lines that are not facts are passed over (a torn line from a crash stands among them);
    a last line without its newline is not read yet. An absent file has no facts.
    """
    try:
        with open(path, "rb") as lines:
            lines.seek(offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                fact = _parse(line)
                if fact is not None:
                    yield fact, offset
    except FileNotFoundError:
        return


def _parse(line: bytes) -> Fact | None:
    try:
        raw = json.loads(line)
        if raw["v"] != SCHEMA:
            return None
        return Fact(
            str(raw["writer"]),
            int(raw["seq"]),
            int(raw["at_ms"]),
            str(raw["event"]),
            str(raw["kind"]),
            dict(raw["data"]),
        )
    except (ValueError, KeyError, TypeError):
        return None

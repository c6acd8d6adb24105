"""The finished recording, served from its file by the kernel.

One descriptor a recording, however many listen to it; the file system is asked again after a
second, so a recording that appears (or is replaced) is noticed.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from samvad.gate.answers import ANYWHERE, NO_SNIFF, REFUSALS, Answer
from samvad.gate.http1 import Fields
from samvad.gate.range import Whole, not_modified, part_of, unsatisfiable, wanted
from samvad.gate.spans import FileSpan, OpenFile
from samvad.protocol.room import Replay

LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    """One version of the file."""

    mark: tuple[int, int, int]
    etag: bytes
    headers: tuple[tuple[str, str], ...]
    whole: Answer
    about: Replay


class ReplayFile:
    """`path` may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: _Found | None = None
        self._looked = float("-inf")

    def look(self, now: float) -> Replay | None:
        """Size and duration of the recording; None while there is none."""
        if now - self._looked >= LOOK_AGAIN_S:
            self._looked = now
            self._found = self._open()
        return self._found.about if self._found else None

    def answer(self, fields: Fields, now: float) -> Answer:
        """200, 206, 304, 404 or 416, as the request and the file will have it."""
        self.look(now)
        found = self._found
        if found is None:
            return REFUSALS[404]
        if not_modified(fields, found.etag):
            return Answer(304, [h for h in found.headers if h[0] != "Content-Type"])
        asked = wanted(fields, found.etag, found.about.bytes)
        if isinstance(asked, Whole):
            return found.whole
        if asked is None:
            return unsatisfiable(found.about.bytes, found.headers)
        return part_of(found.whole, found.headers, *asked)

    def _open(self) -> _Found | None:
        try:
            at = self._path.stat()
            mark = (at.st_ino, at.st_mtime_ns, at.st_size)
            if self._found is not None and self._found.mark == mark:
                return self._found
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError:
            return self._found  # no descriptor left, say: what was open stays good
        file = OpenFile(fd)
        etag = f'"{at.st_size:x}-{at.st_mtime_ns:x}"'
        headers = (
            ("Content-Type", "audio/mp4"),
            # Another version may come under the same address: its loudness set, a passage cut.
            ("Cache-Control", "public, max-age=60"),
            ("ETag", etag),
            ("Accept-Ranges", "bytes"),
            ANYWHERE,
            NO_SNIFF,
        )
        whole = Answer(200, headers, span=FileSpan(file, 0, at.st_size))
        about = Replay(at.st_size, duration_ms(fd) or 0)
        return _Found(mark, etag.encode(), headers, whole, about)


def duration_ms(fd: int) -> int | None:
    """How long a fast-start MP4 says it is (ISO 14496-12: mvhd in moov, before mdat)."""
    head = os.pread(fd, 64 * 1024, 0)
    at = 0
    while at + 16 <= len(head):
        size, kind = struct.unpack_from(">I4s", head, at)
        if kind == b"moov":
            at += 8  # mvhd is its first box
            continue
        if kind == b"mvhd":
            body = at + 8
            form = ">QQIQ" if head[body] == 1 else ">IIII"
            if body + 4 + struct.calcsize(form) > len(head):
                return None
            _, _, scale, duration = struct.unpack_from(form, head, body + 4)
            return round(duration * 1000 / scale) if scale else None
        if size < 8:
            return None
        at += size
    return None

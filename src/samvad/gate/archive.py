"""What was recorded, as HLS: all of it so far while it is live, and the replay after.

Nothing is copied: a media object here is a span of the recording's own files, sent by the
kernel. After the end AAC is spans of the replay's own file, which holds the recorded parts as loud
as the replay is (Levelled); Opus has its gain in the init segment. Which spans there are stands in
the recording's index, `parts.jsonl` (one JSON object a part), of which only what is new is read, at
most once a second and only when somebody asks.

A *run* is up to nine parts that follow each other in the file and in time. While the recording
grows only complete runs are told, so a run never changes. After the end what the host cut out is
in no run, and so is not to be had by anybody.
"""

import json
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from samvad.gate.answers import Answer
from samvad.gate.live import Both, packed
from samvad.gate.objects import media_headers
from samvad.gate.spans import FileSpan, OpenFile
from samvad.protocol.media import (
    AAC,
    OPUS,
    PART_48K,
    PARTS_PER_LONG_SEGMENT,
    RATE,
    RENDITIONS,
    object_name,
)
from samvad.protocol.playlist import LONG_TARGET_S, date

LOOK_AGAIN_S = 1.0
READ_BYTES = 4 * 1024 * 1024
"""Of the index at a time: four hours and more."""

Kept = Sequence[tuple[int, int]]
"""Ranges [first, end) of recorded parts, by their place in the recording."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A part as the index has it; `where`: rendition → (offset, size)."""

    decode_48k: int
    discontinuity: int
    wall_ms: int
    where: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Levelled:
    """How loud the replay is: a file that ends with all parts that are kept, in AAC (written by
    broadcast/replay.py), its size, and what Opus is to be changed by."""

    path: Path
    size: int
    gain_db: float


@dataclass(frozen=True, slots=True)
class Run:
    """Parts [first, end) of the recording."""

    first: int
    end: int


def runs(parts: Sequence[Recorded], kept: Kept, growing: bool) -> Iterator[Run]:
    """The runs of what is kept. `growing`: without the last, if it may become longer. Pure."""
    for begin, until in kept:
        at = first = max(0, begin)
        end = min(until, len(parts))
        while at < end:
            if at > first and (at - first == PARTS_PER_LONG_SEGMENT or not _follows(parts, at)):
                yield Run(first, at)
                first = at
            at += 1
        if at > first and not (growing and at - first < PARTS_PER_LONG_SEGMENT):
            yield Run(first, at)


def _follows(parts: Sequence[Recorded], at: int) -> bool:
    before, here = parts[at - 1], parts[at]
    return (
        here.discontinuity == before.discontinuity
        and here.decode_48k == before.decode_48k + PART_48K
        and all(here.where[r][0] == sum(before.where[r]) for r in RENDITIONS)
    )


def playlist(
    parts: Sequence[Recorded], told: Sequence[tuple[Run, str]], init: str, up: str, growing: bool
) -> str:
    """The media playlist of `told`: runs and their names. EVENT or VOD (8216bis, 4.4.3.5). Pure."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{LONG_TARGET_S}",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if growing else 'VOD'}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f'#EXT-X-MAP:URI="{up}{init}.mp4"',
    ]
    before: Run | None = None
    for run, name in told:
        if before is not None and (run.first != before.end or not _in_time(parts, run.first)):
            lines.append("#EXT-X-DISCONTINUITY")
        before = run
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{date(parts[run.first].wall_ms)}",
            f"#EXTINF:{(run.end - run.first) * PART_48K / RATE:.2f},",
            f"{up}{name}.m4s",
        ]
    if not growing:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _in_time(parts: Sequence[Recorded], at: int) -> bool:
    before, here = parts[at - 1], parts[at]
    same = here.discontinuity == before.discontinuity
    return same and here.decode_48k == before.decode_48k + PART_48K


def louder_init(init: bytes, gain_256: int) -> bytes:
    """An Opus init segment whose decoder changes the level by so many 1/256 dB (OutputGain of
    `dOps`, Encapsulation of Opus in ISO BMFF, 4.3.2). Pure."""
    at = init.find(b"dOps")
    if at < 0:
        return init
    gain = max(-32768, min(gain_256, 32767))
    return init[: at + 12] + struct.pack(">h", gain) + init[at + 14 :]


class Archive:
    """One event's recording. `folder` may not exist (yet, or on this machine)."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._parts: list[Recorded] = []
        self._read = 0
        self._looked = float("-inf")
        self._spans: dict[str, tuple[Path, int, int]] = {}
        self._inits: dict[str, str] = {}
        self._shown: tuple[int, Kept | None, bool, Levelled | None] = (-1, None, False, None)
        self._level_from: tuple[Path, int] | None = None
        self._gain_256 = 0
        self._lists: dict[tuple[str, str], Both] = {}
        self._runs: list[Run] = []

    def look(
        self, now: float, kept: Kept | None, growing: bool, levelled: Levelled | None = None
    ) -> bool:
        """Read what is new. `kept` None: all. `levelled` None: as it was recorded. Whether there
        is anything."""
        self._look(now)
        shown = (len(self._parts), kept, growing, levelled)
        if shown != self._shown:
            self._shown = shown
            self._lists.clear()
            self._name(kept, growing, levelled)
        return bool(self._spans)

    def wall_ms(self, at_48k: int, now: float) -> int | None:
        """The wall time of a media time that was recorded; None before anything was."""
        self._look(now)
        i = bisect_right(self._parts, at_48k, key=lambda part: part.decode_48k) - 1
        if not self._parts:
            return None
        part = self._parts[max(0, i)]
        return part.wall_ms + (at_48k - part.decode_48k) * 1000 // RATE

    @property
    def duration_ms(self) -> int:
        """Of all that was read."""
        return len(self._parts) * PART_48K * 1000 // RATE

    @property
    def began_ms(self) -> int:
        """Wall time of the first sample; 0 when there is none."""
        return self._parts[0].wall_ms if self._parts else 0

    def list(self, rendition: str, up: str, growing: bool) -> Both:
        """The rendition's playlist; media are named relative to it with `up` before."""
        both = self._lists.get((rendition, up))
        if both is None:
            told = [(run, self._called(rendition, run)) for run in self._runs]
            text = playlist(self._parts, told, self._inits[rendition], up, growing)
            both = self._lists[rendition, up] = packed(text.encode())
        return both

    def media(self, name: str) -> Answer | None:
        """A media object by its name, with range left to the caller; None: there is none."""
        span = self._spans.get(name)
        if span is None:
            return None
        path, offset, size = span
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        file = OpenFile(fd)
        if name == self._inits[OPUS.name] and self._gain_256:
            said = louder_init(os.pread(fd, size, offset), self._gain_256)
            return Answer(200, media_headers(name), (said,))
        return Answer(200, media_headers(name), span=FileSpan(file, offset, size))

    def _called(self, rendition: str, run: Run) -> str:
        at = self._parts[run.first]
        about = (rendition, at.discontinuity, at.decode_48k, run.end - run.first, "run")
        # Other bytes, another name: what was published once is kept by caches.
        if rendition == AAC.name and self._level_from is not None:
            path, size = self._level_from
            return object_name(self._key, *about, path.name, size)
        return object_name(self._key, *about)

    def _name(self, kept: Kept | None, growing: bool, levelled: Levelled | None) -> None:
        whole: Kept = [(0, len(self._parts))] if kept is None else kept
        self._runs = list(runs(self._parts, whole, growing))
        self._spans = {}
        offsets = self._levelled(whole, levelled)
        self._level_from = (levelled.path, levelled.size) if levelled and offsets else None
        self._gain_256 = round(levelled.gain_db * 256) if levelled else 0
        louder = f"-{self._gain_256 & 0xFFFF:x}" if self._gain_256 else ""
        self._inits = {AAC.name: f"init-{AAC.name}", OPUS.name: f"init-{OPUS.name}{louder}"}
        for run in self._runs:
            first, last = self._parts[run.first], self._parts[run.end - 1]
            for rendition in RENDITIONS:
                path, offset = self._folder / f"{rendition}.mp4", first.where[rendition][0]
                size = sum(last.where[rendition]) - offset
                if rendition == AAC.name and levelled and offsets:
                    path, offset = levelled.path, offsets[run.first]
                self._spans[self._called(rendition, run)] = (path, offset, size)
        if self._runs:
            for rendition in RENDITIONS:
                # The first part lies behind the init segment, always.
                size = self._parts[0].where[rendition][0]
                path = self._folder / f"{rendition}.mp4"
                self._spans[self._inits[rendition]] = (path, 0, size)

    def _levelled(self, kept: Kept, levelled: Levelled | None) -> dict[int, int]:
        """Part → where it begins in the levelled file; empty when it is not such a file."""
        if levelled is None:
            return {}
        offsets: dict[int, int] = {}
        total = 0
        for begin, until in kept:
            for i in range(max(0, begin), min(until, len(self._parts))):
                offsets[i] = total
                total += self._parts[i].where[AAC.name][1]
        begins = levelled.size - total
        try:
            with open(levelled.path, "rb") as file:
                found = os.pread(file.fileno(), 8, begins - 8)
        except (OSError, ValueError):
            return {}
        # Exactly these parts are its mdat, or it is another file, or one of another kind.
        if found != struct.pack(">I4s", 8 + total, b"mdat"):
            return {}
        return {i: begins + at for i, at in offsets.items()}

    def _look(self, now: float) -> None:
        if now - self._looked >= LOOK_AGAIN_S:
            self._looked = now
            self._tail()

    def _tail(self) -> None:
        """Lines that are whole and new. A shorter file is another one: it begins anew."""
        try:
            with open(self._folder / "parts.jsonl", "rb") as index:
                if os.fstat(index.fileno()).st_size < self._read:
                    self._read, self._parts = 0, []
                index.seek(self._read)
                text = index.read(READ_BYTES)
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            found = read_line(line)
            # A killed stage may have written some again.
            if found and (not self._parts or found.decode_48k > self._parts[-1].decode_48k):
                self._parts.append(found)


def read_line(line: bytes) -> Recorded | None:
    """A part's line of parts.jsonl; None for other lines, and for what is none. Pure."""
    try:
        raw = json.loads(line)
        where = {r: (int(raw[r][0]), int(raw[r][1])) for r in RENDITIONS}
        return Recorded(raw["decode_48k"], raw["discontinuity"], raw["wall_ms"], where)
    except (ValueError, KeyError, TypeError, IndexError):
        return None

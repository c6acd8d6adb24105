"""What is in a recording: `parts.jsonl`, beside `aac.mp4` and `opus.mp4`.

One JSON object a line:

    {"session": {"discontinuity": 0, "msn": 0, "decode_48k": 0}}
    {"msn": 0, "part": 0, "decode_48k": 0, "wall_ms": …, "discontinuity": 0,
     "aac": [offset, size], "opus": [offset, size]}
    {"ending": {"at_ms": …}}

A session line is on disk before the session's first part; a part's line is written when its
media are. So behind the last line whole parts may lie, never the other way round, and
they say themselves what their line would have said (cmaf.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from samvad.broadcast.cmaf import Chunk, FoundChunk
from samvad.protocol.media import PART_48K, PARTS_PER_SEGMENT, RATE, RENDITIONS

_PER_MS = RATE // 1000


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the encoders, from its first part on."""

    discontinuity: int
    msn: int
    decode_48k: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One part of every rendition: `where` maps rendition → (offset, size) in its file."""

    msn: int
    part: int
    decode_48k: int
    wall_ms: int
    discontinuity: int
    where: Mapping[str, tuple[int, int]]

    @property
    def number(self) -> int:
        return self.msn * PARTS_PER_SEGMENT + self.part

    @property
    def end_48k(self) -> int:
        return self.decode_48k + PART_48K

    @property
    def end_wall_ms(self) -> int:
        return self.wall_ms + PART_48K // _PER_MS


@dataclass(frozen=True, slots=True)
class Gap:
    """Programme that was not recorded: from and until, Unix milliseconds; `at_ms` in the replay."""

    from_ms: int
    until_ms: int
    at_ms: int


@dataclass(slots=True)
class Contents:
    """All that an index says."""

    sessions: list[Session] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    ending_ms: int | None = None

    reached: Session | None = None
    """How far the live stream came while nothing could be recorded; `decode_48k` is its end."""

    def next_session(self) -> Session:
        """A run that begins now: behind all parts and sessions there are.

        A new segment and a new discontinuity; decode time goes on.
        """
        before = [*self.sessions[-1:], *([self.reached] if self.reached else [])]
        if self.entries:
            last = self.entries[-1]
            before.append(Session(last.discontinuity, last.msn, last.end_48k))
        if not before:
            return Session(0, 0, 0)
        return Session(
            max(s.discontinuity for s in before) + 1,
            max(s.msn for s in before) + 1,
            max(s.decode_48k for s in before),
        )

    def gaps(self) -> list[Gap]:
        """Where the recording is not continuous, by media time or by a new session."""
        gaps: list[Gap] = []
        for i in range(1, len(self.entries)):
            before, after = self.entries[i - 1], self.entries[i]
            if before.end_48k != after.decode_48k or before.discontinuity != after.discontinuity:
                at_ms = i * PART_48K // _PER_MS
                gaps.append(Gap(before.end_wall_ms, after.wall_ms, at_ms))
        return gaps


def session_line(session: Session) -> bytes:
    about = {
        "discontinuity": session.discontinuity,
        "msn": session.msn,
        "decode_48k": session.decode_48k,
    }
    return json.dumps({"session": about}).encode() + b"\n"


def entry_line(entry: Entry) -> bytes:
    about = {
        "msn": entry.msn,
        "part": entry.part,
        "decode_48k": entry.decode_48k,
        "wall_ms": entry.wall_ms,
        "discontinuity": entry.discontinuity,
    }
    return json.dumps(about | {k: list(v) for k, v in entry.where.items()}).encode() + b"\n"


def ending_line(at_ms: int) -> bytes:
    return json.dumps({"ending": {"at_ms": at_ms}}).encode() + b"\n"


def read_index(text: bytes, sizes: Mapping[str, int]) -> tuple[Contents, int]:
    """What `text` (a parts.jsonl) says, as far as it can be true, and how many bytes that is.

    `sizes` are the media files' sizes. Reading stops at the first line that is torn, damaged,
    out of order or about media which are not there.
    """
    contents, good = Contents(), 0
    for line in text.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            _read_line(contents, json.loads(line), sizes)
        except (ValueError, KeyError, TypeError, AttributeError):
            break
        good += len(line)
    return contents, good


def _read_line(contents: Contents, raw: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Add one line to `contents`, or raise ValueError, KeyError, TypeError, AttributeError."""
    if "session" in raw:
        contents.sessions.append(_session(raw["session"]))
        return
    if "ending" in raw:
        contents.ending_ms = int(raw["ending"]["at_ms"])
        return
    numbers = [raw[k] for k in ("msn", "part", "decode_48k", "wall_ms", "discontinuity")]
    before = contents.entries[-1] if contents.entries else None
    where: dict[str, tuple[int, int]] = {}
    for name in RENDITIONS:
        offset, size = raw[name]
        if not _natural(offset, size) or offset + size > sizes[name]:
            raise ValueError("not there")
        if before and offset < sum(before.where[name]):
            raise ValueError("not behind the one before")
        where[name] = offset, size
    if not _natural(*numbers):
        raise ValueError("not a part")
    msn, part, decode_48k, wall_ms, discontinuity = numbers
    entry = Entry(msn, part, decode_48k, wall_ms, discontinuity, where)
    if before and not (entry.number > before.number and entry.decode_48k >= before.end_48k):
        raise ValueError("out of order")
    contents.entries.append(entry)


def _session(raw: Mapping[str, Any]) -> Session:
    session = Session(**raw)
    if not _natural(session.discontinuity, session.msn, session.decode_48k):
        raise ValueError("not a session")
    return session


def read_session(line: bytes) -> Session | None:
    """What `session_line` wrote; None for anything else."""
    try:
        return _session(json.loads(line)["session"])
    except (ValueError, KeyError, TypeError):
        return None


def _natural(*numbers: object) -> bool:
    return all(type(n) is int and n >= 0 for n in numbers)


def rebuild(contents: Contents, found: Mapping[str, Sequence[FoundChunk]]) -> list[Entry]:
    """Entries for whole parts that lie behind the index, in every rendition; adds them.

    Where a session line is missing too (the index was lost), a new session is taken to
    begin wherever decode time goes on although the part's number or wall time jumps.
    """
    added: list[Entry] = []
    names = list(found)
    for chunks in zip(*found.values(), strict=False):
        about = chunks[0].about
        if any(
            (c.about.number, c.about.decode_48k) != (about.number, about.decode_48k) for c in chunks
        ):
            break
        last = contents.entries[-1] if contents.entries else None
        if last and not (about.number > last.number and about.decode_48k >= last.end_48k):
            break
        msn, part = divmod(about.number, PARTS_PER_SEGMENT)
        _suppose_session(contents, last, about)
        discontinuity = _session_of(contents.sessions, msn).discontinuity
        where = {name: (c.offset, c.size) for name, c in zip(names, chunks, strict=True)}
        entry = Entry(msn, part, about.decode_48k, about.wall_ms, discontinuity, where)
        contents.entries.append(entry)
        added.append(entry)
    return added


def _suppose_session(contents: Contents, last: Entry | None, about: Chunk) -> None:
    msn = about.number // PARTS_PER_SEGMENT
    if not contents.sessions:
        contents.sessions.append(Session(0, msn, about.decode_48k))
        return
    newest = contents.sessions[-1]
    if last is None or last.msn < newest.msn:
        return  # the newest session has no part yet: this is one of it
    went_on = about.decode_48k == last.end_48k
    late_ms = abs(about.wall_ms - last.end_wall_ms)
    if went_on and (about.number != last.number + 1 or late_ms > PART_48K // _PER_MS):
        contents.sessions.append(Session(newest.discontinuity + 1, msn, about.decode_48k))


def _session_of(sessions: Iterable[Session], msn: int) -> Session:
    """The newest session that began at or before `msn`."""
    begun = [s for s in sessions if s.msn <= msn]
    return begun[-1] if begun else next(iter(sessions))

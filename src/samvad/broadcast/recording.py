"""The files of one recording, mended when they are opened.

A recording's folder (folders.recording(event)) holds

    aac.mp4, opus.mp4   an init segment and parts appended: each a playable file at any time
    parts.jsonl         the index (index.py)
    reached             256 bytes, overwritten in place: how far the live stream is numbered;
                        a full disk still takes it when it takes nothing else
    measures.jsonl      what each part sounds like (measure.py); of use, not needed
    reserve             room set aside; given back to the disk when that is full
    lock                held with flock by the one stage that may write; the kernel frees it
    replay.m4a          the finished replay (replay.py)
    ended.json          the mark that it is finished

A part is *written* once the kernel has it (it outlives this process) and *durable* after
fdatasync (it outlives the machine). The order is media, fdatasync, index line; so whatever
the index says is there, and what is there beyond it is found when the recording is opened.
Only a tail that is not a whole part of both renditions is cut off.

`write` and `keep` may be called from two threads: they touch different things.
"""

import contextlib
import fcntl
import json
import logging
import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samvad.base.errors import PlainError
from samvad.broadcast import index
from samvad.broadcast.cmaf import FoundChunk, TornError, init_segment, init_size, read_chunks
from samvad.broadcast.index import Contents, Entry, Session
from samvad.broadcast.packager import Cut
from samvad.protocol.media import RENDITIONS

log = logging.getLogger("samvad.broadcast")

ENDED = "ended.json"
INDEX = "parts.jsonl"
MEASURES = "measures.jsonl"
RESERVE = "reserve"
GIVE_BACK = 2_000_000
"""Bytes of the reserve that are given back at a time: some minutes of recording."""
_REACHED = "reached"
_REACHED_BYTES = 256


class Recording:
    """Opening makes or mends it. `inits`: rendition → init segment; `contents`: the index."""

    def __init__(self, event: str, folder: Path) -> None:
        """Raises PlainError when it has ended, another stage holds it, or the disk fails."""
        self._event, self._folder = event, folder
        self._files: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        """Of the media files, up to the last whole part."""
        self._index_size = 0
        self._due = b""
        """Index lines that could not be written yet: they go before the next one."""
        self.inits: dict[str, bytes] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(event, folder)
        except OSError as error:
            raise _cannot(event, error) from None
        try:
            if (folder / ENDED).exists():
                raise PlainError(
                    f"The recording of {event} has ended.", "Make a new event to go on air again."
                )
            for name in RENDITIONS:
                self._files[name] = _open(folder / f"{name}.mp4")
            self._files[INDEX] = _open(folder / INDEX)
            self._files[_REACHED] = _open(folder / _REACHED)
            self._files[MEASURES] = _open(folder / MEASURES)
            self.contents = self._mend()
            _sync_folder(folder)
        except OSError as error:
            self.release()
            raise _cannot(event, error) from None
        except BaseException:
            self.release()
            raise

    # --- writing -------------------------------------------------------------------------

    def begin(self) -> Session:
        """A new session, behind everything there is. Its line is due at the latest with a part."""
        session = self.contents.next_session()
        self.contents.sessions.append(session)
        self._due += index.session_line(session)
        with contextlib.suppress(OSError):
            self._append_index()
            os.fdatasync(self._files[INDEX])
        self.reached(session)
        return session

    def write(self, cut: Cut) -> Entry:
        """Hand a part of every rendition to the kernel.

        Raises OSError; then nothing of it is left, and how far the stream has come is noted.
        """
        where: dict[str, tuple[int, int]] = {}
        try:
            for part in cut:
                offset = self._sizes[part.rendition]
                _write_at(self._files[part.rendition], part.body, offset)
                where[part.rendition] = offset, len(part.body)
        except BaseException:
            self._take_back()
            self.reached(Session(cut[0].discontinuity, cut[0].msn, _end_48k(cut)))
            raise
        for name, (offset, size) in where.items():
            self._sizes[name] = offset + size
        p = cut[0]
        return Entry(p.msn, p.part, p.decode_48k, p.wall_ms, p.discontinuity, where)

    def keep(self, entries: Sequence[Entry]) -> None:
        """Make written parts durable and index them. Raises OSError: they may be lost.

        A full disk may refuse the index lines of parts that it has taken. They are kept all
        the same: the lines follow later, or are made from the media.
        """
        for name in RENDITIONS:
            os.fdatasync(self._files[name])
        self.contents.entries += entries
        self._due += b"".join(map(index.entry_line, entries))
        with contextlib.suppress(OSError):
            self._append_index()

    def _take_back(self) -> None:
        """Cut off what a failed write left, so that the media end with something whole."""
        for name in RENDITIONS:
            with contextlib.suppress(OSError):
                os.ftruncate(self._files[name], self._sizes[name])

    def reached(self, at: Session) -> None:
        """Note in place how far the live stream has come, although the recording has not."""
        text = index.session_line(at).rstrip().ljust(_REACHED_BYTES - 1) + b"\n"
        with contextlib.suppress(OSError):
            _write_at(self._files[_REACHED], text, 0)
            os.fdatasync(self._files[_REACHED])

    def note(self, measure: bytes) -> None:
        """Append a line of measures.jsonl. A disk that does not take it is no trouble."""
        file = self._files[MEASURES]
        with contextlib.suppress(OSError):
            size = os.fstat(file).st_size
            try:
                _write_at(file, measure, size)
            except OSError:
                os.ftruncate(file, size)

    def measures(self) -> bytes:
        """All of measures.jsonl. Raises OSError."""
        return _whole_file(self._files[MEASURES])

    def set_aside(self, size: int) -> None:
        """Hold `size` bytes of the disk for this recording. As much as there is, on a full one."""
        with contextlib.suppress(OSError):
            file = _open(self._folder / RESERVE)
            try:
                if os.fstat(file).st_size == 0 and size:
                    os.posix_fallocate(file, 0, size)
            except OSError:
                os.ftruncate(file, 0)
                raise
            finally:
                os.close(file)

    def give_back(self) -> int:
        """Give some of what was set aside to the disk. How many bytes are left; -1: there were
        none any more."""
        path = self._folder / RESERVE
        try:
            size = path.stat().st_size
            if not size:
                return -1
            left = max(0, size - GIVE_BACK)
            os.truncate(path, left)
        except OSError:
            return -1
        return left

    def ending(self, at_ms: int) -> None:
        """Note durably that the event is over: a restart does not put it on air again."""
        if self.contents.ending_ms is None:
            self.contents.ending_ms = at_ms
            self._due += index.ending_line(at_ms)
            self._append_index()
            os.fdatasync(self._files[INDEX])

    def ended(self, about: dict[str, Any]) -> None:
        """Write the mark that the recording is finished. Raises OSError."""
        (self._folder / RESERVE).unlink(missing_ok=True)
        _write_whole(self._folder / ENDED, json.dumps(about).encode() + b"\n")

    def _append_index(self) -> None:
        """Write the lines that are due. Raises OSError; then they stay due."""
        try:
            _write_at(self._files[INDEX], self._due, self._index_size)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._files[INDEX], self._index_size)
            raise
        self._index_size += len(self._due)
        self._due = b""

    # --- reading -------------------------------------------------------------------------

    def read(self, entry: Entry, rendition: str) -> bytes:
        """A part as it was recorded."""
        offset, size = entry.where[rendition]
        return os.pread(self._files[rendition], size, offset)

    def release(self) -> None:
        """Let go of the files and the lock. Calling it again does nothing."""
        for file in self._files.values():
            os.close(file)
        self._files = {}
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    # --- mending -------------------------------------------------------------------------

    def _mend(self) -> Contents:
        """Cut torn tails; complete the index from the media. Needs no room on the disk."""
        for name in RENDITIONS:
            self.inits[name] = self._mend_init(name)
        there = {name: os.fstat(self._files[name]).st_size for name in RENDITIONS}
        contents, good = index.read_index(_whole_file(self._files[INDEX]), there)
        behind = self._behind(contents)
        found = {name: self._found(name, behind[name]) for name in RENDITIONS}
        sessions = len(contents.sessions)
        added = index.rebuild(contents, found)
        self._sizes, self._index_size = self._behind(contents), good
        for name in RENDITIONS:
            if torn := there[name] - self._sizes[name]:
                log.warning("%s: %d torn bytes of %s cut off", self._event, torn, name)
        self._take_back()
        os.ftruncate(self._files[INDEX], good)
        if added:
            log.warning("%s: %d parts were not in the index yet", self._event, len(added))
        self._due = b"".join(map(index.session_line, contents.sessions[sessions:]))
        self._due += b"".join(map(index.entry_line, added))
        contents.reached = index.read_session(_whole_file(self._files[_REACHED]))
        return contents

    def _behind(self, contents: Contents) -> dict[str, int]:
        """Where each media file's last indexed part ends."""
        if contents.entries:
            return {name: sum(contents.entries[-1].where[name]) for name in RENDITIONS}
        return {name: len(self.inits[name]) for name in RENDITIONS}

    def _mend_init(self, name: str) -> bytes:
        """The init segment at the file's start; written if the file is new or was torn there."""
        file = self._files[name]
        head = os.pread(file, 4096, 0)
        try:
            return head[: init_size(head)]
        except TornError:
            fresh = init_segment(name)
            if len(head) >= len(fresh):
                raise PlainError(
                    f"The recording {self._folder / (name + '.mp4')} is damaged at its beginning.",
                    "Move the folder away; the event then starts a new recording.",
                ) from None
            _write_at(file, fresh, 0)
            os.fdatasync(file)
            return fresh

    def _found(self, name: str, offset: int) -> list[FoundChunk]:
        """Whole chunks from `offset` to the end of a file."""
        file = self._files[name]
        found: list[FoundChunk] = []
        if os.fstat(file).st_size <= offset:
            return found
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            try:
                for chunk in read_chunks(view, offset):
                    found.append(chunk)
            except TornError as torn:
                log.warning("%s: %s is torn: %s", self._event, name, torn)
        return found


def _cannot(event: str, error: OSError) -> PlainError:
    return PlainError(
        f"The recording of {event} cannot be opened: {error.strerror} ({error.filename or '?'}).",
        "Make room on the disk, or let the user that runs the stage write there.",
    )


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _sync_folder(folder: Path) -> None:
    """So that new files keep their names when the machine goes down."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(event: str, folder: Path) -> int:
    file = _open(folder / "lock")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise PlainError(
            f"Another stage is recording {event}.",
            "End it first: two stages must not share one data folder.",
        ) from None
    return file


def _end_48k(cut: Cut) -> int:
    return cut[0].decode_48k + cut[0].duration_48k


def _whole_file(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


def _write_at(file: int, data: bytes, offset: int) -> None:
    """All of `data` at `offset`, or OSError (a full disk first takes a piece, then refuses)."""
    view = memoryview(data)
    while view:
        done = os.pwrite(file, view, offset)
        view, offset = view[done:], offset + done


def _write_whole(path: Path, data: bytes) -> None:
    """Make `data` the file's contents, durably: readers see the old or the new. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)

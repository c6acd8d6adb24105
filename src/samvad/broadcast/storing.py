"""Copies of a recording in another store, verified, so that what is here may go one day.

    python -m samvad.broadcast.storing DATA EVENT

The place stands in the site's settings ([record] s3_…). Files go up in parts; what an upload has
reached stands in `uploads.json`, so one that failed goes on where it was. Then the whole object is
read back: only when its SHA-256 is the file's does it enter `stored.json`, which is what pruning
(events/retention.py) goes by.
"""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samvad.base.folders import Folders
from samvad.base.settings import RecordSettings, load
from samvad.broadcast.s3 import PIECE, Place, Store, StoreError
from samvad.protocol.hls import EVENT_RE

log = logging.getLogger("samvad.storing")

UPLOADS, STORED = "uploads.json", "stored.json"
_OWN = {UPLOADS, STORED, "lock", "reserve", "reached", "edits.json", "fetched"}
"""Of use here only."""
_KINDS = {
    ".m4a": "audio/mp4", ".mp4": "audio/mp4", ".mp3": "audio/mpeg", ".opus": "audio/ogg",
    ".flac": "audio/flac", ".json": "application/json", ".jsonl": "application/jsonl",
    ".vtt": "text/vtt", ".srt": "application/x-subrip", ".txt": "text/plain", ".png": "image/png",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copy:
    """A verified copy, of the file as it was: changed files are copied anew."""

    sha256: str
    size: int
    mtime_ns: int


def place_of(record: RecordSettings) -> Place | None:
    """None: recordings stay in the data folder alone."""
    if not record.s3_url:
        return None
    return Place(record.s3_url, record.s3_bucket, record.s3_region, record.s3_key, record.s3_secret)


def read_stored(folder: Path) -> dict[str, Copy]:
    """Path in the recording's folder → its copy."""
    try:
        raw = json.loads((folder / STORED).read_bytes())
        return {name: Copy(**about) for name, about in raw.items()}
    except (OSError, ValueError, TypeError):
        return {}


def is_stored(folder: Path, name: str, stored: dict[str, Copy]) -> bool:
    """Whether the file, as it is now, has a verified copy."""
    copy = stored.get(name)
    if copy is None:
        return False
    at = (folder / name).stat()
    return (at.st_size, at.st_mtime_ns) == (copy.size, copy.mtime_ns)


def files(folder: Path) -> Iterator[str]:
    """All that is worth a copy, the originals first."""
    found = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    for path in sorted(found, key=lambda p: (len(p.relative_to(folder).parts), p.name)):
        if path.name not in _OWN:
            yield str(path.relative_to(folder))


def copy_all(folder: Path, event: str, store: Store) -> dict[str, Copy]:
    """Copy what has no verified copy. Raises StoreError; what was done stays done."""
    stored = read_stored(folder)
    for name in files(folder):
        if not is_stored(folder, name, stored):
            stored[name] = _copy(folder, name, f"{event}/{_outside(name)}", store)
            _write(folder / STORED, {n: _as_dict(c) for n, c in stored.items()})
    return stored


def _outside(name: str) -> str:
    """Its name in the store: what is published stands where its address says."""
    return name.removeprefix("public/")


def _as_dict(copy: Copy) -> dict[str, Any]:
    return {"sha256": copy.sha256, "size": copy.size, "mtime_ns": copy.mtime_ns}


def _copy(folder: Path, name: str, target: str, store: Store) -> Copy:
    path = folder / name
    at, digest = path.stat(), _sha256(path)
    uploads = _read(folder / UPLOADS)
    mark = [digest, at.st_size]
    known = uploads.get(name)
    upload = known["upload"] if known and known["mark"] == mark else ""
    parts = store.parts(target, upload) if upload else {}
    if not upload or (known and known["begun"] and not parts):
        upload = store.begin(target, _KINDS.get(path.suffix, "application/octet-stream"))
        parts = {}
    uploads[name] = {"upload": upload, "mark": mark, "begun": bool(parts)}
    _write(folder / UPLOADS, uploads)
    with open(path, "rb") as source:
        number = 0
        while (piece := source.read(PIECE)) or number == 0:
            number += 1
            # A part that is there and is the same (its ETag is an MD5) is not sent again.
            if parts.get(number) == hashlib.md5(piece, usedforsecurity=False).hexdigest():
                continue
            parts[number] = store.put_part(target, upload, number, piece)
            if not uploads[name]["begun"]:
                uploads[name]["begun"] = True
                _write(folder / UPLOADS, uploads)
    store.finish(target, upload, parts)
    del uploads[name]
    _write(folder / UPLOADS, uploads)
    if store.sha256(target) != digest:
        raise StoreError(f"{target} in the store is not what was sent")
    log.info("%s is stored", target)
    return Copy(digest, at.st_size, at.st_mtime_ns)


def fetch(folder: Path, event: str, name: str, store: Store) -> None:
    """Bring a file back from the store, verified. Raises StoreError."""
    copy = read_stored(folder).get(name)
    if copy is None:
        raise StoreError(f"{name} has no verified copy")
    target, digest = folder / name, hashlib.sha256()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as out:
            for block in store.read(f"{event}/{_outside(name)}"):
                digest.update(block)
                out.write(block)
        if digest.hexdigest() != copy.sha256:
            raise StoreError(f"{name} in the store is damaged")
        os.utime(draft, ns=(copy.mtime_ns, copy.mtime_ns))
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def bring_back(folder: Path, event: str, store: Store) -> list[str]:
    """Everything that only the store has, but what can be made of it anew (`public/`). What was
    brought. Raises StoreError."""
    gone = [n for n in read_stored(folder) if not (folder / n).exists()]
    wanted = [name for name in gone if not name.startswith("public/")]
    for name in wanted:
        fetch(folder, event, name, store)
    return wanted


def _sha256(path: Path) -> str:
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, said: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(said))
    os.replace(draft, path)


def main(arguments: Sequence[str]) -> int:
    """0 when everything has a verified copy; 4 when the store did not take it."""
    data, event = arguments
    place = place_of(load(Path(data)).record)
    if place is None or not EVENT_RE.fullmatch(event):
        return 2
    os.nice(10)
    folder = Folders(Path(data)).recording(event)
    try:
        copy_all(folder, event, Store(place))
    except StoreError as error:
        log.error("%s: %s", event, error)
        return 4
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main(sys.argv[1:]))

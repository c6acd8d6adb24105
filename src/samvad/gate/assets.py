"""Scripts, styles and fonts in memory. Read when the build changes, never for a request."""

from pathlib import Path

from samvad.gate.answers import ANYWHERE, NO_SNIFF
from samvad.gate.pages import Variants

MAX_BYTES = 64 * 1024 * 1024

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_PACKED = frozenset((".png", ".webp", ".woff2", ".woff"))
_HASHED = ("Cache-Control", "public, max-age=31536000, immutable")
_UNHASHED = ("Cache-Control", "no-cache")


class Assets:
    """The built front end below `folder`, as answers by path (`/a/<file>`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark: tuple[int, int] | None = None
        self.files: dict[bytes, Variants] = {}

    def refresh(self) -> bool:
        """Read everything anew if the manifest has changed. Files that cannot be read are left
        out; old ones are kept for the pages that still name them."""
        try:
            about = (self._folder / "manifest.json").stat()
        except OSError:
            return False
        mark = (about.st_mtime_ns, about.st_size)
        if mark == self._mark:
            return False
        self._mark = mark
        total = 0
        for path in sorted(self._folder.rglob("*")):
            try:
                if path.suffix == ".gz":
                    continue  # for web; Variants packs what it serves
                if not path.is_file() or total + path.stat().st_size > MAX_BYTES:
                    continue
                body = path.read_bytes()
            except OSError:
                continue
            total += len(body)
            name = path.relative_to(self._folder).as_posix()
            self.files[f"/a/{name}".encode()] = Variants(
                body,
                [
                    ("Content-Type", _TYPES.get(path.suffix, "application/octet-stream")),
                    _UNHASHED if name == "manifest.json" else _HASHED,
                    ANYWHERE,  # fonts and modules may be asked for from the web's pages
                    NO_SNIFF,
                ],
                packs=path.suffix not in _PACKED,
            )
        return True

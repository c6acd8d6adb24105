"""What a browser fetches on its first visit, found in the page itself. Pure.

The page's style sheets, scripts and icon; then what scripts import, statically or later. Fonts
are not followed: which of them a reader's language needs, the style sheet alone does not say.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from samvad.base.errors import PlainError
from samvad.rehearsal.glance import resolve
from samvad.rehearsal.listener_page import read_page

_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)
_REL = re.compile(r'\brel="?(stylesheet|modulepreload|icon)\b', re.IGNORECASE)
_HREF = re.compile(r'\bhref="([^"]+)"', re.IGNORECASE)
_SCRIPT = re.compile(r'<script\b[^>]*\bsrc="([^"]+)"', re.IGNORECASE)
_IMPORT = re.compile(rb"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}/[\w./-]+)["']""")


@dataclass(frozen=True, slots=True)
class Page:
    """Paths at the page's own origin. `assets` in the order a browser meets them."""

    door: bytes
    state: bytes
    assets: tuple[bytes, ...]


def read_first_visit(path: bytes, html: bytes) -> Page | None:
    """The page that was at `path`; None when it is no event's page."""
    text = html.decode("utf-8", "replace")
    origin = "http://site"
    try:
        config = read_page(origin + path.decode("latin-1"), text)
    except PlainError:
        return None
    links = [m[0] for m in _LINK.finditer(text) if _REL.search(m[0])]
    found = [h[1] for link in links if (h := _HREF.search(link))]
    found += [m[1] for m in _SCRIPT.finditer(text)]
    own = [f for f in dict.fromkeys(found) if not urlsplit(f).netloc]
    return Page(
        door=_path(config.door),
        state=_path(config.state),
        assets=tuple(resolve(path, f.encode()) for f in own),
    )


def _path(url: str) -> bytes:
    return urlsplit(url).path.encode("latin-1")


def imports(path: bytes, body: bytes) -> tuple[bytes, ...]:
    """What the script at `path` imports."""
    if not path.partition(b"?")[0].endswith(b".js"):
        return ()
    return tuple(dict.fromkeys(resolve(path, m) for m in _IMPORT.findall(body)))

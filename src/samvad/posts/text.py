"""What stands in a post's text: words, links, mentions, hashtags. Pure.

The text is kept as it was typed, and read anew each time it is shown; nobody's HTML is kept.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

MENTIONS_MAX = 30
TAGS_MAX = 30
TAG_MAX = 60
URL_MAX = 2000
SHOWN_URL = 36

# Letters of Indic scripts stand on signs that \w does not count as letters, and are joined by
# ZWJ and ZWNJ. U+0964 and U+0965 are dandas, which end a sentence.
_LETTER = r"[\w\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u200c\u200d]"
_PATTERN = re.compile(
    rf"""
    (?P<url>https?://[^\s<>"'`\x00-\x20]+)
    | (?<![\w/@.])@(?P<mention>[A-Za-z0-9_]{{2,30}})(?![A-Za-z0-9_]|@|\.[A-Za-z0-9])
    | (?<![\w/&\#])[\#＃](?P<tag>{_LETTER}+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BIDI_OVERRIDES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_KEPT_CONTROLS = "\n\t"


class Kind(Enum):
    """What a piece of text is."""

    WORDS = "words"
    URL = "url"
    MENTION = "mention"
    TAG = "tag"


@dataclass(frozen=True)
class Piece:
    """`shown` is what a reader sees; `target` the address, handle or folded tag."""

    kind: Kind
    shown: str
    target: str = ""


def clean(text: str) -> str:
    """As it is kept: NFC, "\\n" for lines, without control or direction-changing signs."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.translate(_BIDI_OVERRIDES)
    text = "".join(
        sign
        for sign in text
        if sign in _KEPT_CONTROLS or unicodedata.category(sign) not in ("Cc", "Cs")
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def fold(tag: str) -> str:
    """The form in which hashtags are compared: without the sign, NFKC, lower case."""
    return unicodedata.normalize("NFKC", tag.lstrip("#＃")).casefold()[:TAG_MAX]


def pieces(text: str) -> list[Piece]:
    """The text cut up. All `shown` joined differ from the text in shortened links only."""
    found: list[Piece] = []
    at = 0
    for match in _PATTERN.finditer(text):
        piece, end = _piece(match)
        if piece is None or match.start() < at:
            continue
        if match.start() > at:
            found.append(Piece(Kind.WORDS, text[at : match.start()]))
        found.append(piece)
        at = end
    if at < len(text):
        found.append(Piece(Kind.WORDS, text[at:]))
    return found


def mentions(text: str) -> list[str]:
    """Handles that are named, lower case, each once, MENTIONS_MAX at most."""
    named = (piece.target for piece in pieces(text) if piece.kind is Kind.MENTION)
    return list(dict.fromkeys(named))[:MENTIONS_MAX]


def tags(text: str) -> list[str]:
    """Hashtags, folded, each once, TAGS_MAX at most."""
    borne = (piece.target for piece in pieces(text) if piece.kind is Kind.TAG)
    return list(dict.fromkeys(borne))[:TAGS_MAX]


def first_url(text: str) -> str:
    """The first link, or ""."""
    return next((p.target for p in pieces(text) if p.kind is Kind.URL), "")


def _piece(match: re.Match[str]) -> tuple[Piece | None, int]:
    if (url := match["url"]) is not None:
        url = _trim(url)
        if not _is_link(url):
            return None, match.end()
        return Piece(Kind.URL, shown_url(url), url), match.start() + len(url)
    if (handle := match["mention"]) is not None:
        return Piece(Kind.MENTION, match[0], handle.lower()), match.end()
    tag = match["tag"]
    if not any(unicodedata.category(sign)[0] == "L" for sign in tag) or len(tag) > TAG_MAX:
        return None, match.end()
    return Piece(Kind.TAG, match[0], fold(tag)), match.end()


def _trim(url: str) -> str:
    """Without the full stop, comma or bracket that belongs to the sentence around it."""
    while url:
        last = url[-1]
        if last in ".,;:!?…।॥*_~" or (
            last in ")]}" and url.count(last) > url.count("([{"[")]}".index(last)])
        ):
            url = url[:-1]
        else:
            break
    return url


def _is_link(url: str) -> bool:
    if len(url) > URL_MAX:
        return False
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    # user@host reads like another place than it leads to
    return bool(parts.hostname) and "@" not in parts.netloc and "\\" not in url


def shown_url(url: str) -> str:
    """A link as it is read: without scheme and www., shortened with "…"."""
    shown = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE)
    if shown.endswith("/") and shown.count("/") == 1:
        shown = shown[:-1]
    return shown if len(shown) <= SHOWN_URL else shown[: SHOWN_URL - 1] + "…"

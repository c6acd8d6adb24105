"""Whole pages and files, held as ready answers: plain, with gzip, and 304 for each.

Pure: text in, answers out. `Variants` is one representation (a page in one language, a
script); which of its answers goes out depends on the request's conditions alone.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping

from samvad.gate.answers import NO_SNIFF, Answer, Headers
from samvad.gate.http1 import Fields
from samvad.gate.range import not_modified

_LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([0-9.]{1,5})\s*)?")

PAGE_POLICY = (
    ("Cache-Control", "public, max-age=5"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    NO_SNIFF,
)
"""A new plan is on everybody's screen within seconds, and a cache in front still helps."""


class Variants:
    """One text or file, ready to be sent."""

    def __init__(
        self, body: bytes, headers: Headers, vary: str = "Accept-Encoding", packs: bool = True
    ) -> None:
        """`packs` False: of a kind that is compressed already."""
        small = gzip.compress(body, compresslevel=6, mtime=0) if packs else body
        worth = len(small) < len(body) * 0.9
        mark = hashlib.blake2b(body, digest_size=9).hexdigest()
        about = [*headers, ("Vary", vary)]
        # Two encodings are two representations, so each has a tag of its own (RFC 9110, 8.8.3).
        self._plain = _Tagged(f'"{mark}"', about, body)
        zipped = [*about, ("Content-Encoding", "gzip")]
        self._zipped = _Tagged(f'"{mark}-z"', zipped, small) if worth else self._plain

    def answer(self, fields: Fields) -> Answer:
        chosen = self._zipped if fields.gzip else self._plain
        return chosen.unchanged if not_modified(fields, chosen.etag) else chosen.whole


class _Tagged:
    __slots__ = ("etag", "unchanged", "whole")

    def __init__(self, etag: str, headers: Headers, body: bytes) -> None:
        about = [*headers, ("ETag", etag)]
        self.etag = etag.encode()
        self.whole = Answer(200, about, (body,))
        # RFC 9110, 15.4.5: a 304 has what the 200 would have had of these.
        kept = ("etag", "vary", "cache-control", "content-location", "date", "expires")
        self.unchanged = Answer(304, [h for h in about if h[0].lower() in kept])


_NOT_FOUND = {
    "en": ("There is no such conversation.", "Look at the link again: a letter may be missing."),
    "gu": ("આવો કોઈ સંવાદ નથી.", "લિંક ફરી જુઓ: કદાચ એક અક્ષર રહી ગયો છે."),
    "hi": ("ऐसा कोई संवाद नहीं है।", "लिंक फिर से देखें: शायद कोई अक्षर छूट गया है।"),
}


def _not_found(language: str) -> Answer:
    says, mend = _NOT_FOUND[language]
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Samvad</title>'
        f"<h1>{says}</h1><p>{mend}</p></html>\n"
    )
    about = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Language", language),
        ("Vary", "Accept-Language"),
        *PAGE_POLICY,
    ]
    return Answer(404, about, (html.encode(),))


NOT_FOUND = {language: _not_found(language) for language in _NOT_FOUND}
"""For a person who mistyped a link; constant, as every refusal is."""


def not_found(fields: Fields, query: bytes) -> Answer:
    return NOT_FOUND[choose(tuple(NOT_FOUND), query, fields.languages)]


class Page:
    """An event's page in its languages."""

    def __init__(self, html: Mapping[str, str]) -> None:
        self._languages = tuple(html)
        self._variants = {
            language: Variants(
                text.encode(),
                [
                    ("Content-Type", "text/html; charset=utf-8"),
                    ("Content-Language", language),
                    *PAGE_POLICY,
                ],
                vary="Accept-Language, Accept-Encoding",
            )
            for language, text in html.items()
        }

    def answer(self, fields: Fields, query: bytes) -> Answer | None:
        """The page for this reader; None when the plan has none."""
        if not self._variants:
            return None
        return self._variants[choose(self._languages, query, fields.languages)].answer(fields)


def choose(offered: tuple[str, ...], query: bytes, accepted: str) -> str:
    """`?lang=` wins, then Accept-Language by weight, then the first that is offered."""
    for item in query.split(b"&"):
        name, _, value = item.partition(b"=")
        wish = value.decode("latin-1").lower()
        if name == b"lang" and wish in offered:
            return wish
    best, best_weight = offered[0], 0.0
    for preference in accepted.split(",")[:16]:
        match = _LANGUAGE.fullmatch(preference)
        if match is None or (language := match[1].lower()) not in offered:
            continue
        try:
            weight = float(match[2]) if match[2] else 1.0
        except ValueError:
            continue
        if weight > best_weight:
            best, best_weight = language, weight
    return best

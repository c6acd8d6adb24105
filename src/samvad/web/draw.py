"""The preview image: title, speakers and time on paper, in three scripts.

Pillow shapes Gujarati and Devanagari by Raqm (HarfBuzz), which its wheels carry; the letters are
those of the built front end. Without one of them the image is drawn without those letters.
"""

import io
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
PAPER, INK, SOFT, ACCENT, LINE = "#fbf9f5", "#1d1b18", "#514c45", "#1c4d5a", "#dfdad0"
_EDGE = 80
_ROOM = WIDTH - 2 * _EDGE
_TITLE_SIZES = (84, 72, 62, 54, 46)
_TITLE_LINES = 3

_FACES = (
    ("noto-sans-gujarati-gujarati", re.compile(r"[\u0a80-\u0aff]")),
    ("noto-sans-devanagari-devanagari", re.compile(r"[\u0900-\u097f\ua8e0-\ua8ff]")),
    ("noto-sans-latin-ext", re.compile(r"[\u0100-\u024f\u1e00-\u1eff]")),
    ("noto-sans-latin", re.compile(r"[\u0000-\u00ff\u2000-\u206f\u20ac]")),
)
"""Which file draws a letter, the first that fits. Letters of no file are left out."""

Font = ImageFont.FreeTypeFont


def preview(title: str, with_whom: str, when: str) -> bytes:
    """The image as PNG."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    _brand(pen)
    for size in _TITLE_SIZES:
        lines = _wrapped(title, size, 600)
        if len(lines) <= _TITLE_LINES:
            break
    if len(lines) > _TITLE_LINES:
        lines = lines[:_TITLE_LINES]
        lines[-1] = lines[-1].rstrip() + "…"
    step = round(size * 1.32)
    y = 165 + size
    for line in lines:
        _write(pen, _EDGE, y, line, size, 600, INK)
        y += step
    if with_whom:
        _write(pen, _EDGE, y - step + 70, _cut(with_whom, 38), 38, 400, SOFT)
    if when:
        pen.line([(_EDGE, HEIGHT - 122), (WIDTH - _EDGE, HEIGHT - 122)], fill=LINE, width=2)
        _write(pen, _EDGE, HEIGHT - 58, _cut(when, 40), 40, 600, ACCENT)
    out = io.BytesIO()
    # A few colours and their in-betweens: a quarter of the bytes, and nobody sees it.
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _brand(pen: ImageDraw.ImageDraw) -> None:
    """The sign of the house (frontend/src/icon.svg) and its name."""
    x, y = _EDGE, 100
    for centre in (x + 14, x + 134):
        pen.ellipse([centre - 14, y - 14, centre + 14, y + 14], fill=ACCENT)
    for middle, reach, turn in ((x + 14, 36, -40), (x + 14, 60, -40), (x + 134, 36, 140)):
        box = [middle - reach, y - reach, middle + reach, y + reach]
        pen.arc(box, turn, turn + 80, fill=ACCENT, width=8)
    _write(pen, x + 172, y + 16, "samvad", 46, 600, INK)


def _wrapped(text: str, size: int, weight: int) -> list[str]:
    """Lines that fit; a word that fits on none is broken between its letters."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _pieces(word, size, weight):
            longer = f"{line} {piece}".strip() if line else piece
            if line and _length(longer, size, weight) > _ROOM:
                lines.append(line)
                line = piece
            else:
                line = longer
    return [*lines, line] if line else lines


def _pieces(word: str, size: int, weight: int) -> Iterator[str]:
    while word and _length(word, size, weight) > _ROOM:
        fits = max(1, int(len(word) * _ROOM / _length(word, size, weight)) - 1)
        while fits < len(word) and unicodedata.category(word[fits]).startswith("M"):
            fits += 1
        yield word[:fits]
        word = word[fits:]
    if word:
        yield word


def _cut(text: str, size: int) -> str:
    """What fits on one line, with … where something is missing."""
    if _length(text, size, 400) <= _ROOM:
        return text
    while text and _length(f"{text}…", size, 600) > _ROOM:
        text = text[:-1]
    return text.rstrip() + "…"


def _write(  # noqa: PLR0917
    pen: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int, weight: int, ink: str
) -> None:
    """`text` from `x`, its letters standing on `y`."""
    for face, run in _runs(text):
        font = _font(face, weight, size)
        if font is not None:
            pen.text((x, y), run, font=font, fill=ink, anchor="ls")
            x += font.getlength(run)


def _length(text: str, size: int, weight: int) -> float:
    found = ((_font(face, weight, size), run) for face, run in _runs(text))
    return sum(font.getlength(run) for font, run in found if font is not None)


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Stretches of one face. Joiners and the danda stay with the script they stand in."""
    face, run = "", ""
    for letter in text:
        own = face if face and letter in "\u200c\u200d\u0964\u0965" else _face(letter)
        if own != face and run:
            yield face, run
            run = ""
        face = own
        run += letter if own else ""
    if run and face:
        yield face, run


def _face(letter: str) -> str:
    return next((face for face, letters in _FACES if letters.match(letter)), "")


def _font(face: str, weight: int, size: int) -> Font | None:
    manifest = settings.ASSETS / "manifest.json"
    try:
        return _loaded(manifest, manifest.stat().st_mtime_ns, face, weight, size)
    except OSError:
        return None  # the front end is not built


@lru_cache(maxsize=64)
def _loaded(manifest: Path, _changed_ns: int, face: str, weight: int, size: int) -> Font | None:
    names = json.loads(manifest.read_text(encoding="utf-8"))
    file = names.get(f"{face}-{weight}-normal.woff2")
    return ImageFont.truetype(str(manifest.parent / file), size) if file else None

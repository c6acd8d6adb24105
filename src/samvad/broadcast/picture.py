"""The pictures of a clip's video: title, waveform with how far it is, who speaks and what is said.

Drawn with the site's own fonts (the built front end's), shaped as each script wants it. A frame is
two ready pictures side by side, before and after, with a caption that is drawn once a cue.
"""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from samvad.base.folders import assets
from samvad.broadcast.transcript import Cue

WIDTH, HEIGHT, FPS = 1280, 720, 12
_MARGIN = 80
_WAVE_TOP, _WAVE_HEIGHT = 270, 180
_CAPTION_TOP = 490
_PAPER, _INK, _SOFT, _PLAYED, _REST = "#171512", "#efeae1", "#bfb7aa", "#a6d3dd", "#4a443c"

Frame = NDArray[np.uint8]
_BLOCKS = (("gujarati", 0x0A80, 0x0AFF), ("devanagari", 0x0900, 0x097F))


@cache
def _font(script: str, size: int, weight: int = 400) -> Any:
    """The front end's font of a script; Pillow's own when it is not built."""
    for path in _files():
        name = path.name
        if f"-{weight}-" in name and (f"-{script}-" in name):
            return ImageFont.truetype(io.BytesIO(path.read_bytes()), size)
    return ImageFont.load_default(size)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(assets().glob("noto-sans*.woff2")))


def script_of(text: str) -> str:
    """Of the first letter that belongs to one of the site's Indic scripts, else "latin"."""
    for letter in text:
        for script, first, last in _BLOCKS:
            if first <= ord(letter) <= last:
                return script
    return "latin"


def _write(
    draw: Any, at: tuple[int, int], text: str, size: int, ink: str, *, weight: int = 400
) -> None:
    """Draw `text`, word by word in the font of its script."""
    x = at[0]
    for word in text.split():
        font = _font(script_of(word), size, weight)
        draw.text((x, at[1] + size), word, font=font, fill=ink, anchor="ls")
        x += round(font.getlength(word) + size * 0.28)


def _width(text: str, size: int, weight: int = 400) -> int:
    fonts = ((_font(script_of(word), size, weight), word) for word in text.split())
    return round(sum(float(font.getlength(word)) + size * 0.28 for font, word in fonts))


def wrapped(text: str, size: int, most: int, weight: int = 400) -> list[str]:
    """At most `most` rows that fit; the last ends with … when there was more."""
    rows: list[str] = []
    for word in text.split():
        if rows and _width(f"{rows[-1]} {word}", size, weight) <= WIDTH - 2 * _MARGIN:
            rows[-1] += f" {word}"
        elif len(rows) == most:
            rows[-1] += " …"
            break
        else:
            rows.append(word)
    return rows


class Pictures:
    """Of one clip. `peaks` 0 to 1; `at` gives uint8[HEIGHT, WIDTH, 3]."""

    def __init__(
        self,
        title: str,
        below: str,
        *,
        peaks: NDArray[np.float32],
        said: Sequence[Cue],
        names: Mapping[str, str],
        length_ms: int,
    ) -> None:
        self._said, self._names, self._length_ms = said, names, max(1, length_ms)
        self._before = self._base(title, below, peaks, _REST)
        self._after = self._base(title, below, peaks, _PLAYED)
        self._captions: dict[int, Frame] = {}

    def _base(self, title: str, below: str, peaks: NDArray[np.float32], ink: str) -> Frame:
        image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
        draw = ImageDraw.Draw(image)
        y = 56
        for row in wrapped(title, 46, 2, 600):
            _write(draw, (_MARGIN, y), row, 46, _INK, weight=600)
            y += 64
        _write(draw, (_MARGIN, y + 4), below[:80], 28, _SOFT)
        step = (WIDTH - 2 * _MARGIN) / len(peaks)
        middle = _WAVE_TOP + _WAVE_HEIGHT / 2
        for i, peak in enumerate(peaks):
            half = max(2.0, float(peak) * _WAVE_HEIGHT / 2)
            x = _MARGIN + i * step
            draw.rounded_rectangle((x, middle - half, x + step * 0.6, middle + half), 2, fill=ink)
        _write(draw, (_MARGIN, HEIGHT - 60), "samvad", 24, _SOFT, weight=600)
        return np.asarray(image).copy()

    def at(self, ms: int) -> Frame:
        """The frame at `ms` from the clip's beginning."""
        x = _MARGIN + round((WIDTH - 2 * _MARGIN) * min(1.0, ms / self._length_ms))
        frame = self._before.copy()
        wave = slice(_WAVE_TOP, _WAVE_TOP + _WAVE_HEIGHT)
        frame[wave, :x] = self._after[wave, :x]
        for i, cue in enumerate(self._said):
            if cue.from_ms <= ms < cue.to_ms:
                caption = self._captions.get(i)
                if caption is None:
                    caption = self._captions[i] = self._caption(cue)
                frame[_CAPTION_TOP : _CAPTION_TOP + len(caption)] = caption
        return frame

    def _caption(self, cue: Cue) -> Frame:
        image = Image.new("RGB", (WIDTH, 160), _PAPER)
        draw = ImageDraw.Draw(image)
        y = 0
        name = self._names.get(cue.who, "")
        if name:
            _write(draw, (_MARGIN, y), name, 24, _PLAYED, weight=600)
            y += 38
        for row in wrapped(cue.text, 36, 2):
            _write(draw, (_MARGIN, y), row, 36, _INK)
            y += 54
        return np.asarray(image).copy()

    def save(self, path: Path) -> None:
        """The picture that stands for the video. Raises OSError."""
        Image.fromarray(self.at(0)).save(path, "PNG", optimize=True)

"""WebVTT: read strictly, written anew. Pure.

What a stranger calls captions is served from this site, so only cues with times and plain text come
through: no styles, no regions, no notes, no markup but line breaks. W3C WebVTT, section 4.
"""

import html
import re

CUES_MAX = 5000
CUE_TEXT_MAX = 600
_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)[.,](\d{3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s+-->\s+{_TIME}(?:\s.*)?$")
_TAG = re.compile(r"<[^>\n]*>")


def clean(data: bytes) -> str | None:
    """The captions as we serve them, or None when there are none in `data`. SubRip is taken too."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    cues: list[str] = []
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n").replace("\r", "\n")):
        cue = _cue(block.strip("\n").split("\n"))
        if cue:
            cues.append(cue)
        if len(cues) > CUES_MAX:
            return None
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n" if cues else None


def _cue(lines: list[str]) -> str:
    for at, line in enumerate(lines[:2]):
        times = _ARROW.match(line)
        if not times:
            continue
        start, end = _ms(times.groups()[:4]), _ms(times.groups()[4:])
        said = [_words(one) for one in lines[at + 1 :]]
        said = [one for one in said if one]
        if end <= start or not said:
            return ""
        return f"{_shown(start)} --> {_shown(end)}\n" + "\n".join(said)
    return ""


def _words(line: str) -> str:
    plain = html.unescape(_TAG.sub("", line)).replace("-->", "→")
    plain = "".join(sign for sign in plain if sign.isprintable()).strip()[:CUE_TEXT_MAX]
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ms(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, ms = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def _shown(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"

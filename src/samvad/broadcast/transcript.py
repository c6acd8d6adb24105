"""What was said, as words with time and speaker; as sentences, captions and files. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

LINE_LETTERS = 42
LINES = 2
CUE_MS = 6_000
PAUSE_MS = 900
LINE_MS = 15_000


@dataclass(frozen=True, slots=True)
class Word:
    """`from_ms` and `to_ms` in recorded time; `sure` 0 to 1."""

    text: str
    from_ms: int
    to_ms: int
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """What one speaker said without a long pause. `heard` is what the recogniser heard, when the
    host has corrected it. `id` is its place in the whole transcript and stays."""

    id: int
    who: str
    words: tuple[Word, ...]
    corrected: str | None = None

    @property
    def text(self) -> str:
        return self.heard if self.corrected is None else self.corrected

    @property
    def heard(self) -> str:
        return " ".join(w.text for w in self.words)

    @property
    def from_ms(self) -> int:
        return self.words[0].from_ms

    @property
    def to_ms(self) -> int:
        return self.words[-1].to_ms


def lines(words: Iterable[Word], who_at: Callable[[int], str]) -> list[Line]:
    """Words to lines. `who_at`: who speaks at a recorded time, "" when nobody does."""
    made: list[Line] = []
    gathered: list[Word] = []
    speaker = ""
    for word in words:
        who = who_at((word.from_ms + word.to_ms) // 2) or speaker
        if gathered and (
            who != speaker
            or word.from_ms - gathered[-1].to_ms > PAUSE_MS
            or word.to_ms - gathered[0].from_ms > LINE_MS
        ):
            made.append(Line(len(made), speaker, tuple(gathered)))
            gathered = []
        speaker = who
        gathered.append(word)
    if gathered:
        made.append(Line(len(made), speaker, tuple(gathered)))
    return made


def correct(found: Sequence[Line], corrections: Mapping[str, str]) -> list[Line]:
    """With the host's corrections, by the lines' ids; the original words stay."""
    return [replace(one, corrected=corrections.get(str(one.id))) for one in found]


def moved(found: Sequence[Line], kept_ms: Callable[[int], int | None]) -> list[Line]:
    """The lines in replay time. A line that lost a word to a cut loses its correction too: what
    was cut must not stand in it."""
    made: list[Line] = []
    for one in found:
        words = []
        for word in one.words:
            start, end = kept_ms(word.from_ms), kept_ms(max(word.from_ms, word.to_ms - 1))
            if start is not None and end is not None:
                words.append(replace(word, from_ms=start, to_ms=end + 1))
        if words:
            whole = len(words) == len(one.words)
            made.append(
                replace(one, words=tuple(words), corrected=one.corrected if whole else None)
            )
    return made


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption: at most two lines of 42 letters."""

    from_ms: int
    to_ms: int
    who: str
    text: str


def cues(found: Iterable[Line]) -> list[Cue]:
    """Captions. Corrected text has no times of its own: it is spread over the line's."""
    made: list[Cue] = []
    for one in found:
        words = one.words if one.corrected is None else _spread(one)
        gathered: list[Word] = []
        for word in words:
            letters = sum(len(w.text) + 1 for w in gathered) + len(word.text)
            late = gathered and word.to_ms - gathered[0].from_ms > CUE_MS
            if gathered and (letters > LINE_LETTERS * LINES or late):
                made.append(_cue(one.who, gathered))
                gathered = []
            gathered.append(word)
        if gathered:
            made.append(_cue(one.who, gathered))
    return made


def _spread(one: Line) -> list[Word]:
    texts = one.text.split()
    span = max(1, one.to_ms - one.from_ms)
    total = sum(len(t) + 1 for t in texts) or 1
    words, at = [], 0
    for text in texts:
        start = one.from_ms + span * at // total
        at += len(text) + 1
        words.append(Word(text, start, one.from_ms + span * at // total))
    return words


def _cue(who: str, words: Sequence[Word]) -> Cue:
    text, line = "", ""
    for word in words:
        if line and len(line) + 1 + len(word.text) > LINE_LETTERS:
            text, line = f"{text}{line}\n", word.text
        else:
            line = f"{line} {word.text}".strip()
    return Cue(words[0].from_ms, max(words[-1].to_ms, words[0].from_ms + 500), who, text + line)


def clock(ms: int, point: str = ".") -> str:
    """hh:mm:ss.mmm"""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def vtt(found: Iterable[Cue], names: Mapping[str, str], head: str = "") -> str:
    """WebVTT with voices (W3C, 3.1)."""
    blocks = [f"WEBVTT{head}"]
    for cue in found:
        voice = names.get(cue.who, "").replace("\n", " ")
        text = f"<v {_safe(voice)}>{_safe(cue.text)}" if voice else _safe(cue.text)
        blocks.append(f"{clock(cue.from_ms)} --> {clock(cue.to_ms)}\n{text}")
    return "\n\n".join(blocks) + "\n"


def srt(found: Iterable[Cue]) -> str:
    """SubRip."""
    return "\n".join(
        f"{i}\n{clock(c.from_ms, ',')} --> {clock(c.to_ms, ',')}\n{c.text}\n"
        for i, c in enumerate(found, 1)
    )


def txt(found: Iterable[Line], names: Mapping[str, str]) -> str:
    """For reading: a paragraph a turn, with its time."""
    paragraphs: list[str] = []
    before: str | None = None
    for one in found:
        if paragraphs and one.who == before:
            paragraphs[-1] += f" {one.text}"
        else:
            name = names.get(one.who, "")
            paragraphs.append(f"[{clock(one.from_ms)[:8]}] {name + ': ' if name else ''}{one.text}")
        before = one.who
    return "\n\n".join(paragraphs) + "\n"


def as_json(found: Iterable[Line], names: Mapping[str, str]) -> dict[str, Any]:
    """What the pages read."""
    return {
        "speakers": dict(names),
        "lines": [
            {
                "id": one.id,
                "who": one.who,
                "from_ms": one.from_ms,
                "to_ms": one.to_ms,
                "text": one.text,
                **({} if one.corrected is None else {"heard": one.heard}),
                "words": [[w.text, w.from_ms, w.to_ms, round(w.sure, 2)] for w in one.words],
            }
            for one in found
        ],
    }


def word_line(word: Word) -> str:
    """A line of captions.jsonl."""
    return json.dumps(asdict(word), ensure_ascii=False)


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words put in, left out or changed: Levenshtein's distance. Its share of `said` is the WER."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]

"""Live captions: what the recogniser wrote down (captions.jsonl), as WebVTT in HLS and as JSON.

A recogniser knows a word some seconds after it was said. A player near the live edge would be past
it by then; so in the HLS rendition captions stand LATE_S later than the words: at the latest when
they can be there. captions.json (for the site's own page) has the true times, as wall times like
the playlists' EXT-X-PROGRAM-DATE-TIME. The replay's captions have true times too. Times in VTT are
the media's: its local time zero is decode time zero (X-TIMESTAMP-MAP, RFC 8216, 3.5).
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from samvad.protocol.media import RATE
from samvad.protocol.playlist import TARGET_S, Window

LOOK_AGAIN_S = 0.5
LATE_S = 4.0
KEPT_S = 660.0
"""Longer than the longest live window (gate.window_s)."""
READ_BYTES = 256 * 1024
TOLD_S = 90.0
CUE_WORDS = 8
CUE_S = 4.0
PAUSE_S = 0.8


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    from_48k: int
    to_48k: int


@dataclass(frozen=True, slots=True)
class Cue:
    from_48k: int
    to_48k: int
    text: str


class Lines:
    """Words to short lines, as they come: what is a line once stays one. Pure."""

    def __init__(self) -> None:
        self._made: deque[Cue] = deque()
        self._gathered: list[Word] = []

    def push(self, word: Word) -> None:
        gathered = self._gathered
        if gathered and (
            len(gathered) == CUE_WORDS
            or word.from_48k - gathered[-1].to_48k > PAUSE_S * RATE
            or word.to_48k - gathered[0].from_48k > CUE_S * RATE
        ):
            self._made.append(_cue(gathered))
            self._gathered = gathered = []
        gathered.append(word)

    def forget(self, before_48k: float) -> None:
        """Lines that ended before."""
        while self._made and self._made[0].to_48k < before_48k:
            self._made.popleft()

    def cues(self) -> list[Cue]:
        """All lines; the last one may grow still."""
        return [*self._made, _cue(self._gathered)] if self._gathered else list(self._made)


def cues(words: Iterable[Word]) -> list[Cue]:
    """Words to short lines. Pure."""
    made = Lines()
    for word in words:
        made.push(word)
    return made.cues()


def _cue(words: list[Word]) -> Cue:
    end = max(words[-1].to_48k, words[0].from_48k + RATE)
    return Cue(words[0].from_48k, end, " ".join(w.text for w in words))


def as_json(found: list[Cue], reached_48k: int, wall_ms: Callable[[int], int | None]) -> bytes:
    """captions.json: the newest TOLD_S, in wall times (Unix ms); `wall_ms` of a media time. Pure.

    As much as a listener is behind on the last rung, and time between two looks.
    """
    told = []
    for cue in found:
        begin, end = wall_ms(cue.from_48k), wall_ms(cue.to_48k)
        if cue.to_48k > reached_48k - TOLD_S * RATE and begin is not None and end is not None:
            told.append([begin, end, cue.text])
    about = {"reached_ms": wall_ms(reached_48k), "cues": told}
    return json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()


def vtt(found: list[Cue], from_48k: int, to_48k: int) -> str:
    """A segment's captions: those that are shown within it, LATE_S after they were said. Pure."""
    late = int(LATE_S * RATE)
    lines = ["WEBVTT", "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000", ""]
    for cue in found:
        start, end = cue.from_48k + late, cue.to_48k + late + RATE
        if start < to_48k and end > from_48k:
            text = cue.text.replace("&", "&amp;").replace("<", "&lt;")
            lines += [f"{_clock(start)} --> {_clock(end)}", text, ""]
    return "\n".join(lines)


def _clock(at_48k: int) -> str:
    ms = at_48k * 1000 // RATE
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def playlist(window: Window, reached_48k: int, begins_48k: dict[int, int]) -> str:
    """The subtitle rendition beside `window`: its whole segments whose captions are known. Pure.

    `begins_48k`: msn → decode time of a segment's first sample.
    """
    late = int(LATE_S * RATE)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.segments[0].msn if window.segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_before}",
    ]
    discontinuity = window.discontinuity_before
    for segment in window.segments:
        begin = begins_48k.get(segment.msn)
        if not segment.complete or begin is None:
            break
        end = begin + segment.duration_48k
        if end - late > reached_48k and not window.ended:
            break
        lines += ["#EXT-X-DISCONTINUITY"] * (segment.discontinuity - discontinuity)
        discontinuity = segment.discontinuity
        lines += [f"#EXTINF:{segment.duration_48k / RATE:.5f},", f"../../r/live-{begin}-{end}.vtt"]
    if window.ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


class Captions:
    """Of one event. The file may not be there: then there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._looked = float("-inf")
        self._lines = Lines()
        self.reached_48k = 0
        self.there = False

    def look(self, now: float) -> bool:
        """Read what is new. Whether there are captions at all."""
        if now - self._looked >= LOOK_AGAIN_S:
            self._looked = now
            self._tail()
        return self.there

    @property
    def read(self) -> int:
        """Bytes that were read: another number, and there is more to tell."""
        return self._read

    def vtt(self, from_48k: int, to_48k: int) -> str:
        return vtt(self._lines.cues(), from_48k, to_48k)

    def as_json(self, wall_ms: Callable[[int], int | None]) -> bytes:
        return as_json(self._lines.cues(), self.reached_48k, wall_ms)

    def _tail(self) -> None:
        try:
            with open(self._path, "rb") as file:
                size = file.seek(0, 2)
                if size < self._read:
                    self._read, self._lines = 0, Lines()
                file.seek(max(self._read, size - READ_BYTES))
                text = file.read()
                self._read = file.tell() - (len(text) - text.rfind(b"\n") - 1)
        except OSError:
            return
        self.there = True
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            self._take(line)
        self._lines.forget(self.reached_48k - KEPT_S * RATE)

    def _take(self, line: bytes) -> None:
        try:
            raw = json.loads(line)
            if "reached_48k" in raw:
                self.reached_48k = int(raw["reached_48k"])
            else:
                word = Word(str(raw["text"]), int(raw["from_48k"]), int(raw["to_48k"]))
                self._lines.push(word)
        except (ValueError, KeyError, TypeError):
            return  # the first line of a tail is torn

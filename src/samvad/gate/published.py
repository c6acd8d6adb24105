"""What is published of a conversation that was: files and the replay's HLS, below /live/<event>/r/.

The other side of the site makes the files (`public/` in the recording's folder) and says in
`public/.gate.json` what may be had:

    {"held": bool, "kept": [[first, end], …] or null, "audio": "replay.m4a" or null,
     "levelled": "replay-3.m4a" or null, "gain_db": 3.01,
     "elsewhere": {"replay.mp3": "https://…"}}

Held: nothing of it. `kept`: the recorded parts that are left by the host's cuts. `audio`: the
file in `public/` that is the replay, when it is not the one that the stage made. `levelled`,
`gain_db`: how loud HLS of it is (archive.Levelled; null: the stage's file). `elsewhere`: files that
were moved to another store. Without the file, everything that was recorded may be had.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samvad.gate.answers import ANYWHERE, JSON, NO_SNIFF, REFUSALS, Answer
from samvad.gate.archive import Archive, Kept, Levelled
from samvad.gate.captions import Captions
from samvad.gate.http1 import Fields
from samvad.gate.live import packed
from samvad.gate.objects import media_headers
from samvad.gate.pages import Variants
from samvad.gate.range import Whole, not_modified, part_of, unsatisfiable, wanted
from samvad.gate.replay import ReplayFile
from samvad.gate.spans import FileSpan, OpenFile
from samvad.protocol.media import AAC, OPUS, RENDITIONS, Rendition
from samvad.protocol.playlist import CONTENT_TYPE
from samvad.protocol.room import Replay

LOOK_AGAIN_S = 1.0
_SAID = (JSON, ("Cache-Control", "public, max-age=1"), ANYWHERE, NO_SNIFF)
_PIECE = re.compile(r"live-(\d{1,15})-(\d{1,15})\.vtt")
_FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.([a-z0-9]{2,4})")
_KINDS = {
    "json": "application/json; charset=utf-8",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "mp4": "video/mp4",
    "png": "image/png",
    "m3u8": CONTENT_TYPE,
}
"""What may lie in `public/`, by its ending."""


@dataclass(frozen=True, slots=True)
class _Rules:
    held: bool = False
    kept: Kept | None = None
    audio: str | None = None
    levelled: str | None = None
    gain_db: float = 0.0
    elsewhere: tuple[tuple[str, str], ...] = ()


class Published:
    """Of one event. `growing` in the calls: it is on air, and its recording goes on."""

    def __init__(self, folder: Path, replay: ReplayFile, key: bytes) -> None:
        self._folder = folder
        self._made = replay
        self._chosen: tuple[str, ReplayFile] | None = None
        self._rules = _Rules()
        self._mark: tuple[int, int] | None = None
        self._looked = float("-inf")
        self.archive = Archive(folder, key)
        self.captions = Captions(folder / "captions.jsonl")
        self._said: tuple[int, Variants] | None = None
        self._levelled: Levelled | None = None
        self._levelled_by: _Rules | None = None
        self._levelled_at = float("-inf")

    def replay(self, now: float) -> Replay | None:
        """Size and duration of the replay; None while there is none, or it is held."""
        rules = self._look(now)
        return None if rules.held else self._file(rules).look(now)

    def replay_answer(self, fields: Fields, now: float) -> Answer:
        """replay.m4a."""
        rules = self._look(now)
        return REFUSALS[404] if rules.held else self._file(rules).answer(fields, now)

    def answer(self, name: str, fields: Fields, now: float, growing: bool) -> Answer:
        """/live/<event>/r/<name>."""
        rules = self._look(now)
        if rules.held and not growing:
            return REFUSALS[404]
        stem, _, ending = name.rpartition(".")
        if ending in ("m4s", "mp4") and (found := self._media(stem, rules, now, growing)):
            return _ranged(found, media_headers(stem), fields)
        if growing:
            return self._live_captions(name, fields, now)
        if name == "replay.m3u8":
            listed = self._archived(rules, now, False)
            return packed(_master(self._captioned()).encode())[fields.gzip] if listed else _NONE
        if ending == "m3u8" and stem in RENDITIONS:
            return self.list(stem, "", fields, now, growing)
        if ending == "m3u8" and stem == "captions" and self._captioned():
            if not self._archived(rules, now, False):
                return _NONE
            made = self.replay(now)
            return packed(_captions(made.duration_ms if made else 0).encode())[fields.gzip]
        where = dict(rules.elsewhere).get(name)
        if where is not None:
            return Answer(302, [("Location", where), ("Cache-Control", "no-store"), ANYWHERE])
        return self._plain_file(name, fields)

    def _live_captions(self, name: str, fields: Fields, now: float) -> Answer:
        """captions.json, and the segments that live captions are listed by."""
        piece = _PIECE.fullmatch(name)
        if not self.captions.look(now) or not (piece or name == "captions.json"):
            return REFUSALS[404]
        if piece is None:
            if self._said is None or self._said[0] != self.captions.read:
                said = self.captions.as_json(lambda at_48k: self.archive.wall_ms(at_48k, now))
                self._said = self.captions.read, Variants(said, _SAID)
            return self._said[1].answer(fields)
        text = self.captions.vtt(int(piece[1]), int(piece[2]))
        headers = [
            ("Content-Type", _KINDS["vtt"]),
            ("Cache-Control", "public, max-age=60"),
            ANYWHERE,
            NO_SNIFF,
        ]
        return Answer(200, headers, (text.encode(),))

    def list(self, rendition: str, up: str, fields: Fields, now: float, growing: bool) -> Answer:
        """A rendition's playlist of all that was recorded, or kept."""
        if not self._archived(self._look(now), now, growing):
            return REFUSALS[503 if growing else 404]
        return self.archive.list(rendition, up, growing)[fields.gzip]

    def _media(self, stem: str, rules: _Rules, now: float, growing: bool) -> Answer | None:
        return self.archive.media(stem) if self._archived(rules, now, growing) else None

    def _archived(self, rules: _Rules, now: float, growing: bool) -> bool:
        """Bring the archive up to date. Whether there is anything in it."""
        if growing:
            return self.archive.look(now, None, True)
        if rules is not self._levelled_by or now - self._levelled_at >= LOOK_AGAIN_S:
            self._levelled_by, self._levelled_at = rules, now
            whole = self._folder / "replay.m4a"
            path = self._folder / "public" / rules.levelled if rules.levelled else whole
            try:
                self._levelled = Levelled(path, path.stat().st_size, rules.gain_db)
            except OSError:
                self._levelled = None
        return self.archive.look(now, rules.kept, False, self._levelled)

    def _captioned(self) -> bool:
        return (self._folder / "public" / "transcript.vtt").exists()

    def _file(self, rules: _Rules) -> ReplayFile:
        if rules.audio is None:
            return self._made
        if self._chosen is None or self._chosen[0] != rules.audio:
            self._chosen = rules.audio, ReplayFile(self._folder / "public" / rules.audio)
        return self._chosen[1]

    def _plain_file(self, name: str, fields: Fields) -> Answer:
        named = _FILE.fullmatch(name)
        kind = _KINDS.get(named[1]) if named else None
        if kind is None:
            return REFUSALS[404]
        try:
            fd = os.open(self._folder / "public" / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return REFUSALS[404]
        file = OpenFile(fd)
        at = os.fstat(fd)
        etag = f'"{at.st_size:x}-{at.st_mtime_ns:x}"'
        headers = [
            ("Content-Type", kind),
            ("Cache-Control", "public, max-age=10"),
            ("ETag", etag),
            ("Accept-Ranges", "bytes"),
            ANYWHERE,
            NO_SNIFF,
        ]
        return _ranged(Answer(200, headers, span=FileSpan(file, 0, at.st_size)), headers, fields)

    def _look(self, now: float) -> _Rules:
        if now - self._looked >= LOOK_AGAIN_S:
            self._looked = now
            path = self._folder / "public" / ".gate.json"
            try:
                at = path.stat()
                mark = (at.st_ino, at.st_mtime_ns)
                if mark != self._mark:
                    self._rules = read_rules(path.read_bytes())
                    self._mark = mark
            except FileNotFoundError:
                self._rules, self._mark = _Rules(gain_db=self._measured()), None
            except OSError:
                pass  # what was known stays
        return self._rules

    def _measured(self) -> float:
        """By how much the stage changed the replay; 0 while it goes on."""
        try:
            said = json.loads((self._folder / "ended.json").read_bytes())
            return float(said["loudness"]["gain_db"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0


_NONE = REFUSALS[404]


def read_rules(text: bytes) -> _Rules:
    """`.gate.json`. What cannot be read holds everything back: it may be that it should be."""
    try:
        raw: dict[str, Any] = json.loads(text)
        kept = raw.get("kept")
        audio = raw.get("audio")
        return _Rules(
            bool(raw.get("held")),
            None if kept is None else tuple((int(a), int(b)) for a, b in kept),
            _file(audio),
            _file(raw.get("levelled")),
            float(raw.get("gain_db") or 0.0),
            tuple((str(k), str(v)) for k, v in dict(raw.get("elsewhere") or {}).items()),
        )
    except (ValueError, TypeError, AttributeError):
        return _Rules(held=True)


def _file(name: object) -> str | None:
    return name if isinstance(name, str) and _FILE.fullmatch(name) else None


def _ranged(whole: Answer, headers: Any, fields: Fields) -> Answer:
    etag = next(value for name, value in headers if name == "ETag").encode()
    if not_modified(fields, etag):
        return Answer(304, [h for h in headers if h[0] != "Content-Type"])
    size = whole.length - len(whole.head)
    asked = wanted(fields, etag, size)
    if isinstance(asked, Whole):
        return whole
    return unsatisfiable(size, headers) if asked is None else part_of(whole, headers, *asked)


def _master(captioned: bool) -> str:
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if captioned:
        lines.append(
            '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="Captions",'
            'DEFAULT=YES,AUTOSELECT=YES,URI="captions.m3u8"'
        )
    for r in (AAC, OPUS):
        lines += [_variant(r, captioned), f"{r.name}.m3u8"]
    return "\n".join(lines) + "\n"


def _variant(r: Rendition, captioned: bool) -> str:
    subtitles = ',SUBTITLES="captions"' if captioned else ""
    return (
        f"#EXT-X-STREAM-INF:BANDWIDTH={r.bandwidth},AVERAGE-BANDWIDTH={r.average_bandwidth},"
        f'CODECS="{r.codecs}"{subtitles}'
    )


def _captions(duration_ms: int) -> str:
    """The replay's captions are one file (8216bis, 3.1.4)."""
    seconds = duration_ms / 1000
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{round(seconds) + 1}\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f"#EXTINF:{seconds:.2f},\ntranscript.vtt\n#EXT-X-ENDLIST\n"
    )

"""What is made of a recording when it is over, and again when the host has changed something.

A process of its own, niced, started by the site's worker:

    python -m samvad.broadcast.afterwards DATA EVENT [quick|all]

It reads `edits.json` in the recording's folder (what the host decided, written by the site),
and writes `public/`, from which the gates serve. The recording itself is only read. *Quick*
takes a second or two also for hours: what was measured while it was recorded is enough. The
rest is files in other formats, coded in the background; then `public/made.json` says so.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samvad.base.folders import Folders
from samvad.broadcast import index, measure, transcript
from samvad.broadcast.chapters import Chapter, suggest, turns
from samvad.broadcast.cmaf import read_chunks
from samvad.broadcast.coding import limited_m4a, mp3, track_flac
from samvad.broadcast.gain import STEP_DB, TARGET_LUFS, steps_for
from samvad.broadcast.index import Entry
from samvad.broadcast.ogg import ogg
from samvad.broadcast.recording import ENDED, INDEX, MEASURES
from samvad.broadcast.replay import write_replay
from samvad.broadcast.timeline import Timeline, kept
from samvad.broadcast.tracks import FOLDER as TRACKS
from samvad.broadcast.tracks import parts_of
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.media import AAC, OPUS

log = logging.getLogger("samvad.afterwards")

EDITS, WORDS, WAVE = "edits.json", "captions.jsonl", "wave.json"


@dataclass(frozen=True, slots=True)
class Edits:
    """What the host decided. Times in recorded milliseconds. `chapters` None: as suggested."""

    revision: int = 0
    held: bool = False
    title: str = ""
    artist: str = ""
    cuts: tuple[tuple[int, int], ...] = ()
    marks: tuple[tuple[int, str], ...] = ()
    """Unix milliseconds and title: marks are made while it is live."""
    chapters: tuple[tuple[int, str], ...] | None = None
    speakers: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)


def read_edits(text: bytes) -> Edits:
    """Raises ValueError, KeyError or TypeError for another form."""
    raw = json.loads(text)
    told = raw.get("chapters")
    return Edits(
        revision=int(raw.get("revision", 0)),
        held=bool(raw.get("held")),
        title=str(raw.get("title", "")),
        artist=str(raw.get("artist", "")),
        cuts=tuple((int(a), int(b)) for a, b in raw.get("cuts", ())),
        marks=tuple((int(a), str(b)) for a, b in raw.get("marks", ())),
        chapters=None if told is None else tuple((int(a), str(b)) for a, b in told),
        speakers=dict(raw.get("speakers", {})),
        corrections=dict(raw.get("corrections", {})),
        elsewhere=dict(raw.get("elsewhere", {})),
    )


class Afterwards:
    """One recording and what the host decided about it. Raises OSError when it cannot be read."""

    def __init__(self, folder: Path, edits: Edits) -> None:
        self.folder, self.edits = folder, edits
        self.public = folder / "public"
        self.public.mkdir(exist_ok=True)
        sizes = {r: (folder / f"{r}.mp4").stat().st_size for r in (AAC.name, OPUS.name)}
        contents, _ = index.read_index((folder / INDEX).read_bytes(), sizes)
        self.recorded = contents.entries
        self.gaps = contents.gaps()
        ranges = kept(len(self.recorded), edits.cuts)
        self.timeline = Timeline([e.decode_48k for e in self.recorded], ranges)
        self.ranges = ranges
        self.kept = [e for a, b in ranges for e in self.recorded[a:b]]
        try:
            found = measure.read((folder / MEASURES).read_bytes())
        except FileNotFoundError:
            found = {}
        self.all_measures = measure.of_entries(self.recorded, found)
        self.measures = measure.of_entries(self.kept, found)
        self.lufs = measure.loudness(self.measures)
        self.steps, self.met = steps_for(self.lufs, measure.peak(self.measures))

    # --- quick ---------------------------------------------------------------------------

    def quick(self) -> None:
        """Rules for the gates, the replay if it was cut, what the pages show."""
        whole = len(self.kept) == len(self.recorded)
        audio = None if whole else f"replay-{self.edits.revision}.m4a"
        if audio is not None and self.kept:
            source = self.folder / f"{AAC.name}.mp4"
            write_replay(source, self.kept, self.public / audio, self.steps)
        limited = f"limited-{self.edits.revision}.m4a"
        self.rules(limited if (self.public / limited).exists() else audio)
        self.write("about.json", self.about())
        # For the host alone: what is cut out is in it.
        self.write_private(WAVE, {"peaks": measure.peaks(self.all_measures)})
        self.transcribe()

    def rules(self, audio: str | None) -> None:
        """`.gate.json`: what may be had (gate/published.py)."""
        whole = len(self.kept) == len(self.recorded)
        self.write(
            ".gate.json",
            {
                "held": self.edits.held,
                "kept": None if whole else self.ranges,
                "audio": audio,
                "levelled": None if whole else f"replay-{self.edits.revision}.m4a",
                "gain_db": round(self.steps * STEP_DB, 2),
                "elsewhere": dict(self.edits.elsewhere),
            },
        )

    def about(self) -> dict[str, Any]:
        """What a player shows. Times in the replay's own milliseconds."""
        to = self.timeline.kept_from_ms
        shown = dict(sorted((to(c.at_ms), c.title) for c in self.chapters()))
        spoken = []
        for first, end, who in turns(self.all_measures):
            start, stop = to(first * 640), to(end * 640)
            if who and stop > start:
                spoken.append([start, stop, who])
        return {
            "revision": self.edits.revision,
            "title": self.edits.title,
            "duration_ms": self.timeline.duration_ms,
            "peaks": measure.peaks(self.measures),
            "chapters": [{"at_ms": at, "title": title} for at, title in shown.items()],
            "suggested": [
                {"at_ms": c.at_ms, "title": c.title, "why": c.why} for c in self.suggested()
            ],
            "speakers": dict(self.edits.speakers),
            "turns": spoken,
            "gaps": [
                {"from_ms": g.from_ms, "until_ms": g.until_ms, "at_ms": to(g.at_ms)}
                for g in self.gaps
            ],
            "loudness": {
                "recorded_lufs": self.lufs and round(self.lufs, 2),
                "gain_db": round(self.steps * STEP_DB, 2),
                "target_lufs": TARGET_LUFS,
                "met": self.met,
            },
            "files": self.files(),
        }

    def chapters(self) -> Sequence[Chapter]:
        if self.edits.chapters is not None:
            return [Chapter(at, title, "host") for at, title in self.edits.chapters]
        return self.suggested()

    def suggested(self) -> list[Chapter]:
        marks = [(self._recorded_at(wall_ms), title) for wall_ms, title in self.edits.marks]
        return suggest(self.all_measures, marks, self.edits.speakers)

    def _recorded_at(self, wall_ms: int) -> int:
        """Recorded time of a wall time; the nearest there is."""
        for i, entry in enumerate(self.recorded):
            if wall_ms < entry.end_wall_ms:
                return i * 640 + max(0, wall_ms - entry.wall_ms)
        return len(self.recorded) * 640

    def files(self) -> list[dict[str, Any]]:
        """The downloads that are there."""
        found = []
        for name in ("replay.mp3", "replay.opus", "transcript.txt", "transcript.vtt",
                     "transcript.srt", "transcript.json"):  # fmt: skip
            path = self.public / name
            if path.exists():
                found.append({"name": name, "bytes": path.stat().st_size})
        return found

    def transcribe(self) -> None:
        """The transcript in all its forms, if there is one."""
        names = ["transcript.json", "transcript.vtt", "transcript.srt", "transcript.txt"]
        found = self.lines()
        if not found:
            for name in names:
                (self.public / name).unlink(missing_ok=True)
            return
        self.write_private("transcript.json", transcript.as_json(found, self.edits.speakers))
        shown = transcript.moved(found, self.timeline.kept_ms)
        captions, speakers = transcript.cues(shown), self.edits.speakers
        self.write("transcript.json", transcript.as_json(shown, speakers))
        self.write_text("transcript.vtt", transcript.vtt(captions, speakers))
        self.write_text("transcript.srt", transcript.srt(captions))
        self.write_text("transcript.txt", transcript.txt(shown, speakers))
        self.write("about.json", self.about())

    def lines(self) -> list[transcript.Line]:
        """What was heard (captions.jsonl), in recorded time, with the host's corrections."""
        try:
            text = (self.folder / WORDS).read_bytes()
        except FileNotFoundError:
            return []
        words = []
        for one in text.splitlines():
            try:
                raw = json.loads(one)
                start = self.timeline.recorded_ms(raw["from_48k"])
                end = self.timeline.recorded_ms(raw["to_48k"] - 1)
                if start is not None and end is not None and end >= start:
                    words.append(transcript.Word(raw["text"], start, end + 1, raw["sure"]))
            except (ValueError, KeyError, TypeError):
                continue
        turn_of = [who for first, end, who in turns(self.all_measures) for _ in range(first, end)]

        def who_at(ms: int) -> str:
            i = ms // 640
            return turn_of[i] if i < len(turn_of) else ""

        return transcript.correct(transcript.lines(words, who_at), self.edits.corrections)

    # --- in the background -----------------------------------------------------------------

    def rest(self) -> None:
        """Other formats, and the replay by way of a limiter when its peaks left no room."""
        if not self.kept:
            return
        self.whole("replay.opus", self._opus())
        source = self.folder / f"{AAC.name}.mp4"
        plain = self.public / f".plain-{self.edits.revision}.m4a"
        write_replay(source, self.kept, plain, self.steps)
        try:
            best = plain
            if not self.met and self.lufs is not None:
                limited = self.public / f"limited-{self.edits.revision}.m4a"
                need_db = TARGET_LUFS - self.lufs - self.steps * STEP_DB
                limited_m4a(plain, limited, need_db)
                self.rules(limited.name)
                best = limited
            mp3(best, self.public / "replay.mp3", self.edits.title, self.edits.artist)
        finally:
            plain.unlink(missing_ok=True)
        self._tracks()
        self._sweep()
        self.write("about.json", self.about())
        self.write("made.json", {"revision": self.edits.revision})

    def _opus(self) -> Iterator[bytes]:
        def packets() -> Iterator[bytes]:
            with open(self.folder / f"{OPUS.name}.mp4", "rb") as recorded:
                for entry in self.kept:
                    offset, size = entry.where[OPUS.name]
                    recorded.seek(offset)
                    part = recorded.read(size)
                    (found,) = read_chunks(part)
                    at = found.media_offset
                    for length in found.sizes:
                        yield part[at : at + length]
                        at += length

        tags = {"TITLE": self.edits.title, "ARTIST": self.edits.artist}
        return ogg(packets(), self.steps * STEP_DB, tags)

    def _tracks(self) -> None:
        """Each speaker's track as FLAC, as long as the recording: editors lay them side by side."""
        folder = self.folder / TRACKS
        for path in sorted(folder.glob("*.mp4")) if folder.exists() else ():
            target = path.with_suffix(".flac")
            if not target.exists():
                track_flac([e.decode_48k for e in self.recorded], parts_of(path), target)

    def _sweep(self) -> None:
        """Replays of revisions before this one."""
        for path in self.public.glob("*-*.m4a"):
            if not path.stem.endswith(f"-{self.edits.revision}"):
                path.unlink()

    # --- files -----------------------------------------------------------------------------

    def write(self, name: str, about: Any) -> None:
        self.whole(name, iter([json.dumps(about, ensure_ascii=False).encode()]))

    def write_text(self, name: str, text: str) -> None:
        self.whole(name, iter([text.encode()]))

    def write_private(self, name: str, about: Any) -> None:
        _whole(self.folder / name, iter([json.dumps(about, ensure_ascii=False).encode()]))

    def whole(self, name: str, pieces: Iterator[bytes]) -> None:
        _whole(self.public / name, pieces)


def _whole(path: Path, pieces: Iterator[bytes]) -> None:
    """It appears under its name whole or not at all. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "wb") as out:
            for piece in pieces:
                out.write(piece)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def entries_of(folder: Path) -> list[Entry]:
    """The parts of a recording that has ended."""
    sizes = {r: (folder / f"{r}.mp4").stat().st_size for r in (AAC.name, OPUS.name)}
    return index.read_index((folder / INDEX).read_bytes(), sizes)[0].entries


def main(arguments: Sequence[str]) -> int:
    """0: made. 2: there is nothing to make it of."""
    data, event, *how = arguments
    if not EVENT_RE.fullmatch(event):
        return 2
    folder = Folders(Path(data)).recording(event)
    if not (folder / ENDED).exists():
        return 2
    try:
        edits = read_edits((folder / EDITS).read_bytes())
    except FileNotFoundError:
        edits = Edits()
    work = Afterwards(folder, edits)
    work.quick()
    if how != ["quick"]:
        os.nice(15)
        work.rest()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.exit(main(sys.argv[1:]))

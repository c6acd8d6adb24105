"""Live media for a static host: which files make an event there, as it goes on. Pure.

The plain form only (whole segments), since a static host holds nothing back. Files lie below
`<event>/<key>/`: the key is derived from the site's secret and told to listeners by the gates'
master playlist, so whoever has no ticket has to guess it. Admission is not enforced there: that
is what one gives up, and it is why the gate comes first (steering).
"""

import json
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

from samvad.gate.answers import ANYWHERE, JSON, NEVER_STORED, Answer
from samvad.gate.live import LiveEvent
from samvad.gate.objects import Ready
from samvad.protocol.media import RENDITIONS, Init, Part
from samvad.protocol.playlist import Form, render_master
from samvad.protocol.secret import derive

GATE, MIRROR = "gate", "mirror"
"""Pathways (draft-pantos-hls-rfc8216bis, section 7)."""
STEER_TTL_S = 60
"""So often players ask where to go: a crowd of them, and one that fails is left at once."""


@dataclass(frozen=True, slots=True)
class File:
    """To be put at `path`, or with `body` None to be taken away. `lasts_s`: how long caches may
    keep it."""

    path: str
    body: bytes | None
    kind: str = ""
    lasts_s: int = 0


def key(secret: bytes, event: str) -> str:
    return derive(secret, "mirror", event).hex()[:24]


def base(mirror_url: str, secret: bytes, event: str) -> str:
    """Below this lie an event's files."""
    return f"{mirror_url.rstrip('/')}/{event}/{key(secret, event)}"


def _manifest(order: list[str]) -> Answer:
    told = {"VERSION": 1, "TTL": STEER_TTL_S, "PATHWAY-PRIORITY": order}
    return Answer(200, (JSON, NEVER_STORED, ANYWHERE), (json.dumps(told).encode(),))


_STEERING = _manifest([GATE, MIRROR]), _manifest([MIRROR, GATE])


def steering(far: bool) -> Answer:
    """The steering manifest: where players go first. `far`: to the mirror, which is for those who
    need not follow closely; a static host holds nothing back until it comes."""
    return _STEERING[far]


class Mirror:
    """One event's files. `take` gives what is to be put, and put first what others name."""

    def __init__(self, event: str, media_key: bytes, place: str, window_s: float) -> None:
        """`place`: the folder below which files lie, as "<event>/<key>"."""
        self._place = place
        self._ready: Ready = {}
        self._live: LiveEvent[Hashable] = LiveEvent(event, self._ready, media_key, window_s)
        self._live.form = Form.PLAIN
        self._parts: dict[str, list[bytes]] = {name: [] for name in RENDITIONS}
        self._put: dict[str, deque[str]] = {name: deque() for name in RENDITIONS}
        self._most = max(4, int(window_s / 1.5))
        """Segments left there, of each rendition: the window, and some that are still fetched."""

    def take(self, message: Init | Part) -> list[File]:
        self._live.take(message)
        if isinstance(message, Init):
            return [File(f"{self._place}/m/{message.name}.mp4", message.body, "audio/mp4", 86_400)]
        rendition = message.rendition
        if message.part == 0:
            self._parts[rendition] = []
        self._parts[rendition].append(message.body)
        if not message.last or len(self._parts[rendition]) != message.part + 1:
            return []  # a segment of which this program did not hear the beginning is left out
        name = f"{self._place}/m/{message.segment}.m4s"
        files = [File(name, b"".join(self._parts[rendition]), "audio/mp4", 86_400)]
        self._put[rendition].append(name)
        files += self._lists(rendition)
        while len(self._put[rendition]) > self._most:
            files.append(File(self._put[rendition].popleft(), None))
        return files

    def end(self) -> list[File]:
        """It is over: playlists that say so."""
        self._live.end()
        return [file for rendition in RENDITIONS for file in self._lists(rendition)]

    def _lists(self, rendition: str) -> list[File]:
        if not self._live.playable:
            return []
        kind = "application/vnd.apple.mpegurl"
        text = b"".join(self._live.playlist(rendition, False, False).body)
        # The playlist lies two folders below the media's, as in a gate.
        path = f"{self._place}/live/{rendition}/index.m3u8"
        master = render_master(RENDITIONS.values(), Form.PLAIN).encode()
        return [
            File(path, text, kind, 1),
            File(f"{self._place}/live/master.m3u8", master, kind, 60),
        ]

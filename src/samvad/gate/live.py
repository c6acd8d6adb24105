"""One event on air, as this gate has it: shelves, their playlists, and who waits for them.

Pure: messages of the uplink and requests in, answers out.
"""

import gzip
from collections.abc import Hashable
from typing import Generic, TypeVar

from samvad.gate.answers import ANYWHERE, NEVER_STORED, NO_SNIFF, REFUSALS, Answer, large
from samvad.gate.objects import MAX_BYTES, Ready, Shelf, media_headers
from samvad.gate.reload import Directives, Reload, Waiters, judge
from samvad.protocol.hls import media_path
from samvad.protocol.media import RENDITIONS, Init, Part
from samvad.protocol.playlist import CONTENT_TYPE, Form, Report, render_master, render_media

MAX_INITS = 32
"""Init segments of one event; beyond it the oldest go. They change with the encoder only."""

_PLAYLIST = (
    ("Content-Type", CONTENT_TYPE),
    NEVER_STORED,  # each listener's ticket is in the URL: a copy would serve nobody else
    ANYWHERE,
    NO_SNIFF,
    ("Vary", "Accept-Encoding"),
)


def packed(text: str) -> tuple[Answer, Answer]:
    """A playlist as it is, and with gzip (6.2.1: playlists SHOULD be sent so)."""
    raw = text.encode()
    small = gzip.compress(raw, compresslevel=6, mtime=0)
    zipped = [*_PLAYLIST, ("Content-Encoding", "gzip")]
    return large(200, _PLAYLIST, (raw,)), Answer(200, zipped, (small,))


MASTER = packed(render_master(RENDITIONS.values()))


Token = TypeVar("Token", bound=Hashable)


class LiveEvent(Generic[Token]):
    """`ready` is the site's table of paths; the event puts its media there and takes it away."""

    def __init__(self, event: str, ready: Ready, key: bytes, window_s: float) -> None:
        self._event, self._ready = event, ready
        self._inits: dict[bytes, None] = {}
        self._shelves = {name: Shelf(event, name, ready, key, window_s) for name in RENDITIONS}
        self._waiters: dict[str, Waiters[Token]] = {name: Waiters() for name in RENDITIONS}
        self._rendered: dict[tuple[str, bool], tuple[Answer, Answer]] = {}
        self._form = Form.LOW
        self.playable = False
        """Whether there is a whole segment of each rendition that has begun."""

    @property
    def form(self) -> Form:
        """Which form its playlists have; may be set at any time."""
        return self._form

    @form.setter
    def form(self, form: Form) -> None:
        if form is not self._form:
            self._form = form
            self._rendered.clear()

    def _changed(self) -> None:
        self._rendered.clear()
        begun = [s for s in self._shelves.values() if s.position is not None]
        self.playable = bool(begun) and all(s.playable for s in begun)

    @property
    def size(self) -> int:
        """Bytes of media held."""
        return sum(shelf.size for shelf in self._shelves.values())

    def take(self, message: Init | Part) -> list[Token]:
        """Put an object on its shelf; gives those whose wait is over (ask `reload` again)."""
        if isinstance(message, Init):
            self._take_init(message)
            return []
        shelf = self._shelves.get(message.rendition)
        if shelf is None or not shelf.add(message):
            return []
        while self.size > MAX_BYTES:
            dropped = [s.drop_oldest() for s in self._shelves.values()]
            if not any(dropped):
                break
        self._changed()
        at = shelf.position
        assert at is not None
        return self._waiters[message.rendition].release(at)

    def _take_init(self, init: Init) -> None:
        path = media_path(self._event, init.name, "mp4").encode()
        self._ready[path] = Answer(200, media_headers(init.name), (init.body,))
        self._inits[path] = None
        while len(self._inits) > MAX_INITS:
            self._ready.pop(oldest := next(iter(self._inits)), None)
            del self._inits[oldest]

    def end(self) -> list[Token]:
        """The programme is over: playlists get their EXT-X-ENDLIST, nobody waits any longer."""
        for shelf in self._shelves.values():
            if not shelf.ended:
                shelf.end()
        self._changed()
        return [token for w in self._waiters.values() for token in w.release(None)]

    def forget(self) -> list[Token]:
        """Take all media away."""
        for path in self._inits:
            self._ready.pop(path, None)
        for shelf in self._shelves.values():
            shelf.clear()
        return self.end()

    def reload(
        self, rendition: str, asked: Directives, zipped: bool, token: Token, now: float
    ) -> Answer | None:
        """What `asked` for gets: the playlist, 400, 503, or nothing yet: `token` waits."""
        shelf = self._shelves[rendition]
        at = shelf.position
        # 6.2.5.2: "A Server MUST ignore _HLS_msn and _HLS_part if the Playlist contains an
        # EXT-X-ENDLIST tag"; the plain form does not offer blocking at all.
        if asked.msn is not None and at is not None and self._form is Form.LOW and not shelf.ended:
            verdict = judge(asked, at)
            if verdict is Reload.TOO_FAR:
                return REFUSALS[400]
            if verdict is Reload.WAIT:
                self._waiters[rendition].add(token, asked.msn, asked.part, now)
                return None
        return self.playlist(rendition, asked.skip, zipped)

    def playlist(self, rendition: str, skip: bool, zipped: bool) -> Answer:
        """The newest playlist, rendered at most once for each change; 503 before there is one."""
        both = self._rendered.get((rendition, skip))
        if both is None:
            if not self.playable or self._shelves[rendition].position is None:
                return REFUSALS[503]
            window = self._shelves[rendition].window(self._reports(rendition))
            both = packed(render_media(window, self._form, skip))
            self._rendered[rendition, skip] = both
        return both[zipped]

    def _reports(self, rendition: str) -> tuple[Report, ...]:
        return tuple(
            Report(name, at.msn, at.part)
            for name, shelf in self._shelves.items()
            if name != rendition and (at := shelf.position) is not None
        )

    def hinted(self, name: str, token: Token, now: float) -> bool:
        """Whether `name` is a part that was hinted at; then `token` will be released."""
        for rendition, shelf in self._shelves.items():
            hint = shelf.hint
            if hint is not None and hint[0] == name:
                self._waiters[rendition].add(token, hint[1], hint[2], now)
                return True
        return False

    def drop(self, token: Token) -> None:
        """The token's connection is gone."""
        for waiters in self._waiters.values():
            waiters.drop(token)

    def expire(self, now: float) -> list[Token]:
        """Those who have waited for too long (503)."""
        return [token for w in self._waiters.values() for token in w.expire(now)]

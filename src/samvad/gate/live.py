"""One event on air, as this gate has it: shelves, their playlists, and who waits for them.

Pure: messages of the uplink and requests in, answers out.
"""

import gzip
from collections import deque
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from samvad.gate import captions
from samvad.gate.answers import ANYWHERE, JSON, NEVER_STORED, NO_SNIFF, REFUSALS, Answer, large
from samvad.gate.objects import MAX_BYTES, Ready, Shelf, media_headers
from samvad.gate.reload import Directives, Reload, Waiters, judge, reached
from samvad.protocol.hls import media_path
from samvad.protocol.ladder import LEAN_ALL, LEAN_NEW, LONG, PLAIN
from samvad.protocol.media import AAC, OPUS, RENDITIONS, Init, Part
from samvad.protocol.playlist import CONTENT_TYPE, Form, Report, render_master, render_media

LINGER_S = 25.0
"""After a step away from parts, whoever was near the edge gets them for so long still. Our page
takes up to 10 s to follow and 12 s more to have enough to step back over; a player that lives from
parts would stand still for a segment if they ended at once."""
MAX_INITS = 32
"""Init segments of one event; beyond it the oldest go. They change with the encoder only."""

_COMMON = (
    NEVER_STORED,  # each listener's ticket is in the URL: a copy would serve nobody else
    ANYWHERE,
    NO_SNIFF,
    ("Vary", "Accept-Encoding"),
)
_PLAYLIST = ("Content-Type", CONTENT_TYPE)

Both = tuple[Answer, Answer]
"""As it is, and with gzip."""


def packed(raw: bytes, kind: tuple[str, str] = _PLAYLIST) -> Both:
    """A playlist as it is, and with gzip (6.2.1: playlists SHOULD be sent so)."""
    small = gzip.compress(raw, compresslevel=6, mtime=0)
    headers = [kind, *_COMMON]
    zipped = [*headers, ("Content-Encoding", "gzip")]
    return Answer(200, headers, (raw,)), Answer(200, zipped, (small,))


def masters(mirror: str = "") -> dict[tuple[Form, bool, bool], Both]:
    """Multivariant playlists by form, whether newcomers are to begin with the lean rendition (who
    cannot decode it takes the other one), and whether there are captions. `mirror`: where the same
    lies on a static host, or ""."""
    return {
        (form, lean, captions): packed(
            render_master((OPUS, AAC) if lean else (AAC, OPUS), form, captions, mirror).encode()
        )
        for form in Form
        for lean in (False, True)
        for captions in (False, True)
    }


MASTERS = masters()


BACK_TO_LOW = 0.8
"""LL-HLS comes back when the crowd is down to so much of its limit, so that it does not flap."""

Token = TypeVar("Token", bound=Hashable)


def form_for(listening: int, limit: int, form: Form) -> Form:
    """The playlists' form for so many listeners; between the two bounds it stays as it is."""
    if listening > limit or limit == 0:
        return Form.PLAIN
    return Form.LOW if listening <= limit * BACK_TO_LOW else form


class LiveEvent(Generic[Token]):
    """`ready` is the site's table of paths; the event puts its media there and takes it away."""

    def __init__(
        self, event: str, ready: Ready, key: bytes, window_s: float, mirror: str = ""
    ) -> None:
        self._event, self._ready = event, ready
        self._masters = masters(mirror) if mirror else MASTERS
        self._inits: dict[bytes, None] = {}
        self._shelves = {name: Shelf(event, name, ready, key, window_s) for name in RENDITIONS}
        self._waiters: dict[str, Waiters[Token]] = {name: Waiters() for name in RENDITIONS}
        self._rendered: dict[tuple[str, object, bool], Both] = {}
        """By rendition, form (None: what the crowd is told) and whether it is a delta."""
        self._form = Form.LOW
        self._effects: frozenset[str] = frozenset()
        self._lingers = False
        self._lingers_until: float | None = None
        self._made: dict[str, deque[tuple[int, bytes]]] = {name: deque() for name in RENDITIONS}
        """Long segments that have an answer: where they begin, and their paths. They are made
        when somebody wants one, and from then on as they come."""
        self._long_wanted = False
        self._unmade: dict[str, str] | None = None
        self.playable = False
        """Whether there is a whole segment of each rendition that has begun."""

    # -- how much is told ---------------------------------------------------------------------

    @property
    def form(self) -> Form:
        """LOW or PLAIN, for the crowd's size; may be set at any time. A rung may ask for less."""
        return self._form

    @form.setter
    def form(self, form: Form) -> None:
        if form is not self._form:
            was, self._form = self._told, form
            self._stepped(was)

    def stand(self, effects: Iterable[str]) -> None:
        """The ladder's effects in force (protocol/ladder.py); may be called at any time."""
        effects = frozenset(effects)
        if effects != self._effects:
            was, self._effects = self._told, effects
            self._stepped(was)

    def _stepped(self, was: Form) -> None:
        self._rendered.clear()
        if self._told is not was:
            self._lingers, self._lingers_until = was is Form.LOW, None

    def _near(self, now: float) -> bool:
        """Whether one who asks for what is to come gets parts."""
        if self._told is Form.LOW:
            return True
        if self._lingers:
            # The time runs from the first who asks: that is within a part of the step.
            if self._lingers_until is None:
                self._lingers_until = now + LINGER_S
            self._lingers = now < self._lingers_until
        return self._lingers

    @property
    def latency(self) -> Form:
        """What listeners are asked to follow ("latency" of state.json)."""
        if LONG in self._effects:
            return Form.LONG
        return Form.PLAIN if PLAIN in self._effects else self._form

    @property
    def lean(self) -> str | None:
        """Who is to take the lean rendition: "new" listeners, "all", or None ("lean")."""
        if LEAN_ALL in self._effects:
            return "all"
        return "new" if LEAN_NEW in self._effects else None

    @property
    def _told(self) -> Form:
        """The form of index.m3u8. Its numbers are those of normal segments, always: who follows
        it on a rung with long ones stays with plain ones."""
        return Form.LOW if self.latency is Form.LOW else Form.PLAIN

    # -- what the stage sends -------------------------------------------------------------------

    def _changed(self) -> None:
        self._rendered.clear()
        self._unmade = None
        for name, shelf in self._shelves.items():
            made = self._made[name]
            while made and made[0][0] < shelf.oldest:
                self._ready.pop(made.popleft()[1], None)
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
        # A segment is whole, or the run before has been cut off: long ones may be complete.
        if self._long_wanted and (message.last or message.part == 0):
            self._make_longs(message.rendition)
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
        for name, shelf in self._shelves.items():
            shelf.clear()
            while self._made[name]:
                self._ready.pop(self._made[name].popleft()[1], None)
        return self.end()

    def _make_longs(self, rendition: str) -> None:
        """Give the long segments and the pairs that are complete an answer."""
        shelf, made = self._shelves[rendition], self._made[rendition]
        for long in shelf.larger():
            path = media_path(self._event, long.name).encode()
            if long.complete and path not in self._ready:
                self._ready[path] = large(200, media_headers(long.name), shelf.bodies(long))
                made.append((long.pieces[0].msn, path))

    # -- what listeners ask ---------------------------------------------------------------------

    def master(self, zipped: bool, captioned: bool = False) -> Answer:
        """The multivariant playlist; 503 before there is anything to play."""
        if not self.playable:
            return REFUSALS[503]
        return self._masters[self.latency, self.lean is not None, captioned][zipped]

    def reload(
        self, rendition: str, asked: Directives, zipped: bool, token: Token, now: float
    ) -> Answer | None:
        """What `asked` for gets: the playlist, 400, 503, or nothing yet: `token` waits."""
        shelf = self._shelves[rendition]
        at = shelf.position
        # 6.2.5.2: "A Server MUST ignore _HLS_msn and _HLS_part if the Playlist contains an
        # EXT-X-ENDLIST tag"; the plain form does not offer blocking at all.
        if asked.msn is None or at is None or shelf.ended:
            return self.playlist(rendition, asked.skip, zipped)
        if self._near(now):
            verdict = judge(asked, at)
            if verdict is Reload.TOO_FAR:
                return REFUSALS[400]
            if verdict is Reload.WAIT:
                self._waiters[rendition].add(token, asked.msn, asked.part, now)
                return None
            return self.playlist(rendition, asked.skip, zipped, Form.LOW)
        return self.playlist(rendition, asked.skip, zipped)

    def playlist(
        self, rendition: str, skip: bool, zipped: bool, form: Form | None = None
    ) -> Answer:
        """The newest playlist, rendered at most once for each change; 503 before there is one.

        `form`: LOW for those who have waited for a part; else what the crowd is told.
        """
        both = self._rendered.get((rendition, form, skip))
        if both is None:
            if not self.playable or self._shelves[rendition].position is None:
                return REFUSALS[503]
            told = form or self._told
            both = self._rendered.get((rendition, told, skip))
            if both is None:
                window = self._shelves[rendition].window(self._reports(rendition))
                both = packed(render_media(window, told, skip).encode())
            self._rendered[rendition, form, skip] = self._rendered[rendition, told, skip] = both
        return both[zipped]

    def captions(self, reached_48k: int, zipped: bool) -> Answer:
        """The subtitle rendition's playlist; 503 before there is anything to play."""
        shelf = self._shelves[AAC.name]
        if not self.playable:
            return REFUSALS[503]
        text = captions.playlist(shelf.window(), reached_48k, shelf.begins_48k())
        return packed(text.encode())[zipped]

    def long_playlist(self, rendition: str, zipped: bool) -> Answer:
        """The newest playlist of long segments; 503 before there is one to begin with."""
        both = self._rendered.get((rendition, "long", False))
        if both is None:
            window = self._shelves[rendition].long_window()
            if not self.playable or len(window.segments) < (1 if window.ended else 2):
                return REFUSALS[503]
            self._long_wanted = True
            self._make_longs(rendition)
            both = packed(render_media(window, Form.LONG).encode())
            self._rendered[rendition, "long", False] = both
        return both[zipped]

    def names(self, rendition: str, zipped: bool) -> Answer:
        """lean.json; 503 while it cannot be told what is to come."""
        both = self._rendered.get((rendition, "lean", False))
        if both is None:
            said = self._shelves[rendition].lean() if self.playable else None
            if said is None:
                return REFUSALS[503]
            both = self._rendered[rendition, "lean", False] = packed(said, JSON)
        return both[zipped]

    def _reports(self, rendition: str) -> tuple[Report, ...]:
        return tuple(
            Report(name, at.msn, at.part)
            for name, shelf in self._shelves.items()
            if name != rendition and (at := shelf.position) is not None
        )

    def awaited(self, name: str, token: Token, now: float) -> bool:
        """Whether `name` is a part that was hinted at, or a segment whose name was told; then
        `token` will be released."""
        for rendition, shelf in self._shelves.items():
            hint = shelf.hint
            if hint is not None and hint[0] == name:
                self._waiters[rendition].add(token, hint[1], hint[2], now)
                return True
            completes, at = shelf.promises().get(name), shelf.position
            if completes is not None and at is not None and not reached(completes, None, at):
                self._long_wanted = True
                self._waiters[rendition].add(token, completes, None, now)
                return True
        return False

    def made_now(self, name: str) -> bool:
        """Whether `name` is a complete long segment or pair without an answer: now it has one."""
        if self._unmade is None:  # found once a part: a name that is none must cost nothing
            self._unmade = {
                long.name: rendition
                for rendition, shelf in self._shelves.items()
                for long in shelf.larger()
                if long.complete
            }
        rendition = self._unmade.get(name)
        if rendition is None:
            return False
        self._long_wanted = True
        self._make_longs(rendition)
        return True

    def drop(self, token: Token) -> None:
        """The token's connection is gone."""
        for waiters in self._waiters.values():
            waiters.drop(token)

    def expire(self, now: float) -> list[Token]:
        """Those who have waited for too long (503)."""
        return [token for w in self._waiters.values() for token in w.expire(now)]

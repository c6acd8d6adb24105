"""What is asked, and who answers: the gate's table of contents. Holds no clock and no socket.

`answer` gives an `Answer` at once, or None when the asker has to wait; then one of `hear`,
`expire` or `forget_outlived` gives it later, with the asker's token.
"""

import re
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from samvad.base.clock import Moment
from samvad.base.folders import Folders
from samvad.base.settings import GateSettings
from samvad.gate import lean, mirror
from samvad.gate.answers import (
    FORGED,
    PREFLIGHT,
    REFUSALS,
    VOID,
    Answer,
)
from samvad.gate.assets import Assets
from samvad.gate.counters import INDEX, Counters
from samvad.gate.event import Event
from samvad.gate.http1 import Fields, Request
from samvad.gate.insist import Insisting
from samvad.gate.knock import Knocks
from samvad.gate.news import look
from samvad.gate.objects import Ready, media_headers
from samvad.gate.pages import not_found
from samvad.gate.permissions import PERMISSIONS_PATH, Permissions
from samvad.gate.range import Whole, not_modified, part_of, unsatisfiable, wanted
from samvad.gate.register import Register
from samvad.gate.reload import parse
from samvad.gate.seats import LISTENING_S, SHARED_PER_S
from samvad.gate.sources import Rank
from samvad.gate.spent import Spent
from samvad.gate.stalls import Stalls
from samvad.gate.state import OVER, Situation
from samvad.protocol.hls import EVENT, SLUG
from samvad.protocol.media import RENDITIONS, Init, Part
from samvad.protocol.playlist import Form
from samvad.protocol.room import RoomState
from samvad.protocol.ticket import Ticket
from samvad.protocol.uplink import Forget, Hello, Message

SHOWN = 32_768
"""Paths with a good ticket that are remembered; then it begins anew."""
KNOWN = 4_096
"""The same for paths of events that are the same for everybody."""

_CAPTIONS = "captions"
_INDEX, _LONG, _LEAN, _BACK = "index.m3u8", "long.m3u8", "lean.json", "back.m3u8"
_PLAYLISTS = {
    b"master.m3u8": ("", ""),
    f"{_CAPTIONS}/index.m3u8".encode(): (_CAPTIONS, _CAPTIONS),
} | {
    f"{r}/{what}".encode(): (r, what) for r in RENDITIONS for what in (_INDEX, _LONG, _LEAN, _BACK)
}
"""What may follow a ticket: the rendition, or "" for the multivariant playlist; and what of it."""
_OF_EVENT = re.compile(
    rf"/live/({EVENT})(/state\.json|/steering\.json|/replay\.m4a|/m/([\w-]+)\.m4s|/r/([\w.-]+))".encode()
)
_PAGE = re.compile(rf"/e/({SLUG})".encode())
_DOOR = re.compile(rf"/door/({EVENT})(/serving\.json|/leave|/stalls)?".encode())
_READING = (b"GET", b"HEAD")
_SERVING, _STATE = b"/serving.json", b"/state.json"
_LEAVE, _STALLS = b"/leave", b"/stalls"
_ONE_FOR_ALL = (_SERVING, _STATE)

_FORGED, _GONE = INDEX["tickets_forged"], INDEX["tickets_gone"]
_WAITS, _WAITING = INDEX["waits"], INDEX["waiting"]

Token = TypeVar("Token", bound=Hashable)
Released = list[tuple[Token, Answer]]


class Told(NamedTuple, Generic[Token]):
    """Answers for those who were held. `calm`: to those in line who will only look again; others
    will knock at once, or are listeners, who fetch sound over the same connection."""

    hurried: Released[Token]
    calm: Released[Token]


_Known = tuple[Event[Token], bytes]
"""Whose a path is, and what of it: the last part of the path."""


class _Shown(NamedTuple, Generic[Token]):
    """A path that named a playlist, with a ticket that was good."""

    event: Event[Token]
    ticket: Ticket
    rendition: str
    what: str


class _Pending(NamedTuple):
    """What a waiting token asked for: a rendition's playlist, or ("") the object at `path`."""

    event: str
    rendition: str
    skip: bool
    zipped: bool
    path: bytes


class _Held(NamedTuple):
    """A waiting token that is to be told of news, by serving.json or (`listens`) by state.json."""

    event: str
    fields: Fields
    listens: bool


class Site(Generic[Token]):
    """All events of one gate process. Tokens are askers; the server uses its connections."""

    def __init__(
        self,
        *,
        secret: bytes,
        settings: GateSettings,
        folders: Folders,
        assets: Assets,
        counters: Counters,
        index: int,
        mirror_url: str = "",
        ticket_rate: int = SHARED_PER_S,
    ) -> None:
        """`mirror_url`: below it lie the media of all events too, on a static host; "": nowhere.
        `ticket_rate`: playlists a second of one ticket."""
        self.prefer_mirror = False
        """Players that may go anywhere go to the mirror first."""
        self._assets = assets
        self._permissions = Permissions(folders.permissions)
        self._counters, self._count = counters, counters.values
        self.knocks = Knocks(secret, counters, Spent(folders.run / "attack" / "spent"))
        self._stalls = Stalls(counters)
        self._ready: Ready = {}
        self.register: Register[Token] = Register(
            secret,
            settings,
            folders,
            self._ready,
            index,
            mirror_url=mirror_url,
            ticket_rate=ticket_rate,
        )
        self._events = self.register.named
        self._telling: set[str] = set()
        """Those with somebody held for news."""
        self._shown: dict[bytes, _Shown[Token]] = {}
        self._known: dict[bytes, _Known[Token]] = {}
        """Paths that are the same for everybody."""
        self._pending: dict[Token, _Pending | _Held] = {}

    # -- requests ---------------------------------------------------------------------------

    def at_once(self, target: bytes, fields: Fields, token: Token, at: Moment) -> Answer | None:
        """What most ask for: a media object, or a playlist with a ticket that was shown before. The
        bytes of the target are those of a good one, so there is nothing to check in them."""
        ready = self._ready.get(target)
        if ready is not None:
            return ready
        shown = self._shown.get(target)
        return None if shown is None else self._playlist(shown, b"", fields, token, at)

    def answer(self, request: Request, token: Token, at: Moment) -> Answer | None:
        """The answer, or None: `token` has to wait for it."""
        if request.method not in _READING:
            return self._less_usual(request, at)
        target = request.target
        ready = self._ready.get(target)
        if ready is not None:
            fields = request.fields
            if fields.range is None and fields.if_none_match is None:
                return ready
            return self._object(target, ready, request)
        path, _, query = target.partition(b"?")
        shown = self._shown.get(path)
        if shown is not None:
            return self._playlist(shown, query, request.fields, token, at)
        known = self._known.get(path)
        if known is not None:
            return self._of_event(known, query, request, token, at)
        return self._first_sight(path, query, request, token, at)

    def insisting(self, request: Request) -> Insisting | None:
        """What was refused as FORGED, to be known again."""
        event = self._events.get(request.target.split(b"/", 3)[2].decode("latin-1"))
        return Insisting.after(request, event.tickets) if event is not None else None

    def rank_of(self, target: bytes) -> Rank:
        """What a target that was not refused proves of its asker."""
        path = target.partition(b"?")[0]
        if path in self._shown or (path in self._ready and path.startswith(b"/live/")):
            return Rank.PROVEN
        return Rank.DEEP if path.startswith((b"/door/", b"/live/")) else Rank.NEW

    def _object(self, path: bytes, whole: Answer, request: Request) -> Answer:
        """An immutable media object, or the part of it that is asked for."""
        fields = request.fields
        headers = media_headers(path.rpartition(b"/")[2].partition(b".")[0].decode())
        etag = next(value for name, value in headers if name == "ETag").encode()
        if not_modified(fields, etag):
            return Answer(304, [h for h in headers if h[0] != "Content-Type"])
        size = whole.length - len(whole.head)
        # RFC 9110, 14.2: only GET has ranges.
        asked = wanted(fields, etag, size) if request.method == b"GET" else Whole.WHOLE
        if isinstance(asked, Whole):
            return whole
        return unsatisfiable(size, headers) if asked is None else part_of(whole, headers, *asked)

    def _first_sight(
        self, path: bytes, query: bytes, request: Request, token: Token, at: Moment
    ) -> Answer | None:
        """A path that is not known. If it names a playlist, its ticket is verified.

        A listener shows the same ticket with each request, so a path whose signature has
        proved good is remembered; its time and its seat are looked at each time.
        """
        pieces = path.split(b"/", 4)  # "", live, event, ticket, which playlist
        if len(pieces) < 5 or pieces[4] not in _PLAYLISTS or pieces[1] != b"live":
            return self._rarer(path, query, request, token, at)
        event = self._events.get(pieces[2].decode("latin-1"))
        if event is None or event.plan is None:
            return REFUSALS[404]
        ticket = event.tickets.verify(pieces[3], at.wall_ms)
        if ticket is None:
            self._count[_FORGED] += 1
            return FORGED
        if len(self._shown) >= SHOWN:
            self._shown.clear()
        shown = self._shown[path] = _Shown(event, ticket, *_PLAYLISTS[pieces[4]])
        return self._playlist(shown, query, request.fields, token, at)

    def _playlist(
        self, shown: "_Shown[Token]", query: bytes, fields: Fields, token: Token, at: Moment
    ) -> Answer | None:
        event, ticket, rendition, what = shown
        if ticket.expires_min * 60_000 <= at.wall_ms:
            return REFUSALS[403]
        live = event.live
        if not live.playable and event.situation(at.wall_ms) in OVER:
            return REFUSALS[410]  # the window is gone; the door knows of the recording
        for_s = lean.LISTENING_S if what == _LEAN else LISTENING_S
        if not event.house.seats.touch(ticket, at.now, for_s):
            self._count[_GONE] += 1
            return VOID
        zipped = fields.gzip
        if what == _INDEX:
            if not query:
                return live.playlist(rendition, False, zipped)
            asked = parse(query)
            if asked is None:
                return REFUSALS[400]
            answer = live.reload(rendition, asked, zipped, token, at.now)
            if answer is None:
                self._wait(token, _Pending(event.name, rendition, asked.skip, zipped, b""))
            return answer
        if what == _LEAN:
            return live.names(rendition, zipped)
        if what == _LONG:
            return live.long_playlist(rendition, zipped)
        if what == _BACK:
            if not event.may_go_back(at.wall_ms):
                return REFUSALS[503]
            return event.published.list(rendition, "../../r/", fields, at.now, True)
        captions = event.published.captions
        if not rendition:
            return live.master(zipped, captions.look(at.now))
        there = captions.look(at.now)
        return live.captions(captions.reached_48k, zipped) if there else REFUSALS[404]

    def _rarer(
        self, path: bytes, query: bytes, request: Request, token: Token, at: Moment
    ) -> Answer | None:
        asset = self._assets.files.get(path)
        if asset is not None:
            return asset.answer(request.fields)
        if query and (ready := self._ready.get(path)) is not None:
            return self._object(path, ready, request)
        page = _PAGE.fullmatch(path)
        if page is not None:
            name = page[1].decode()
            event = self.register.slugged(name)
            html = event.page.answer(request.fields, query) if event is not None else None
            return html or not_found(request.fields, query)
        if path == PERMISSIONS_PATH:
            return self._permissions.answer(at.now)
        door = _DOOR.fullmatch(path)
        if door is not None and door[2] != _SERVING:
            return REFUSALS[405]
        named = door or _OF_EVENT.fullmatch(path)
        event = self._events.get(named[1].decode()) if named is not None else None
        if named is None or event is None:
            return REFUSALS[404]
        if named[2] in _ONE_FOR_ALL:
            known = self._remember(path, (event, named[2]))
            return self._of_event(known, query, request, token, at)
        if named[2] == b"/steering.json":
            far = self.prefer_mirror and event.live.latency is not Form.LOW
            return mirror.steering(far) if self.register.mirror_url else REFUSALS[404]
        if named[2] == b"/replay.m4a":
            if event.withheld:
                return REFUSALS[410]
            return event.published.replay_answer(request.fields, at.now)
        if named[2].startswith(b"/r/"):
            if event.withheld:
                return REFUSALS[410]
            growing = event.situation(at.wall_ms) is Situation.LIVE
            return event.published.answer(named[4].decode(), request.fields, at.now, growing)
        name = named[3].decode()
        if event.live.awaited(name, token, at.now):
            self._wait(token, _Pending(event.name, "", False, False, path))
            return None
        if event.live.made_now(name):
            return self._object(path, self._ready[path], request)
        return REFUSALS[404]

    def _remember(self, path: bytes, known: "_Known[Token]") -> "_Known[Token]":
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[path] = known
        return known

    def _of_event(
        self, known: "_Known[Token]", query: bytes, request: Request, token: Token, at: Moment
    ) -> Answer | None:
        """state.json or serving.json, at once or when there is news."""
        event, what = known
        if what not in _ONE_FOR_ALL:
            return REFUSALS[405]  # a door is knocked at
        listens = what == _STATE
        asked = look(query) if query else None
        if asked is not None and event.hold(asked, token, at, listens):
            self._telling.add(event.name)
            self._wait(token, _Held(event.name, request.fields, listens))
            return None
        return (event.state if listens else event.serving)(request.fields, at) or REFUSALS[404]

    def _less_usual(self, request: Request, at: Moment) -> Answer:
        if request.method == b"OPTIONS":
            return PREFLIGHT
        path = request.target.partition(b"?")[0]
        known = self._known.get(path)
        if known is None:
            door = _DOOR.fullmatch(path)
            if door is None:
                return REFUSALS[405 if path in self._ready else 404]
            event = self._events.get(door[1].decode())
            if event is None:
                return REFUSALS[404]
            known = self._remember(path, (event, door[2] or b""))
        event, what = known
        if what in _ONE_FOR_ALL:
            return REFUSALS[405]
        if what == _STALLS:
            return self._stalls.answer(event, request.body, at)
        return self.knocks.answer(event, what == _LEAVE, request.body, at)

    # -- waiting ----------------------------------------------------------------------------

    def _wait(self, token: Token, pending: _Pending | _Held) -> None:
        self._pending[token] = pending
        self._count[_WAITS] += 1
        self._count[_WAITING] = len(self._pending)

    def drop(self, token: Token) -> None:
        """The asker is gone."""
        pending = self._pending.pop(token, None)
        if pending is not None:
            event = self._events[pending.event]
            (event.news if isinstance(pending, _Held) else event.live).drop(token)
            self._count[_WAITING] = len(self._pending)

    def _released(self, tokens: list[Token], late: bool = False) -> Released[Token]:
        """What the tokens waited for; `late`: that it did not come."""
        answers: Released[Token] = []
        for token in tokens:
            pending = self._pending.pop(token)
            assert isinstance(pending, _Pending)
            if not pending.rendition:
                answer = self._ready.get(pending.path, REFUSALS[404])
            elif late:
                answer = REFUSALS[503]
                self._counters.add("wait_timeouts")
            else:
                live = self._events[pending.event].live
                answer = (
                    live.playlist(pending.rendition, pending.skip, pending.zipped, Form.LOW)
                    if live.playable
                    else REFUSALS[410]
                )
            answers.append((token, answer))
        self._count[_WAITING] = len(self._pending)
        return answers

    def tell(self, at: Moment) -> Told[Token]:
        """Answers for those who wait for news."""
        answers: Told[Token] = Told([], [])
        for name in list(self._telling):
            event = self._events[name]
            for token, turn in event.tell(at).items():
                held = self._pending.pop(token)
                assert isinstance(held, _Held)
                told = event.state if held.listens else event.serving
                answer = told(held.fields, at) or REFUSALS[404]
                kind = answers.hurried if turn or held.listens else answers.calm
                kind.append((token, answer))
            if not len(event.news):
                self._telling.discard(name)
        if answers.hurried or answers.calm:
            self._count[_WAITING] = len(self._pending)
        return answers

    def expire(self, now: float) -> Released[Token]:
        """Answers for those who have waited for too long."""
        late = [
            token for event in self.register.staged.values() for token in event.live.expire(now)
        ]
        return self._released(late, late=True) if late else []

    # -- the stage --------------------------------------------------------------------------

    def hear(self, message: Message, now: float) -> Released[Token]:
        """A message of the stage; gives the answers of those who waited for it."""
        if isinstance(message, Hello):
            return []
        event = self.register.event(message.event)
        if event is None:
            return []
        self.register.staged[message.event] = event
        if isinstance(message, Init | Part):
            return self._released(event.live.take(message))
        if isinstance(message, RoomState):
            return self._released(event.set_room(message, now))
        assert isinstance(message, Forget)
        return self._released(event.close())

    def forget_outlived(self, now: float) -> Released[Token]:
        """Drop windows of events that ended long ago, should the stage not have said so."""
        gone = [event for event in self.register.staged.values() if event.outlived(now)]
        return [pair for event in gone for pair in self._released(event.close())]

"""What is asked, and who answers: the gate's table of contents. Holds no clock and no socket.

`answer` gives an `Answer` at once, or None when the asker has to wait; then one of `hear`,
`expire` or `forget_outlived` gives it later, with the asker's token.
"""

import dataclasses
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from samvad.base.clock import Moment
from samvad.base.folders import Folders
from samvad.base.settings import GateSettings
from samvad.gate import lean, mirror
from samvad.gate.answers import (
    ANYWHERE,
    JSON,
    NEVER_STORED,
    PREFLIGHT,
    REFUSALS,
    Answer,
)
from samvad.gate.assets import Assets
from samvad.gate.board import Board
from samvad.gate.counters import INDEX, Counters
from samvad.gate.event import Event
from samvad.gate.figures import Seen
from samvad.gate.house import House
from samvad.gate.http1 import Fields, Request
from samvad.gate.knock import Knocks
from samvad.gate.live import LiveEvent
from samvad.gate.news import look
from samvad.gate.objects import Ready, media_headers
from samvad.gate.pages import not_found
from samvad.gate.permissions import PERMISSIONS_PATH, Permissions
from samvad.gate.place import Places
from samvad.gate.proof import Proofs, allowed
from samvad.gate.range import Whole, not_modified, part_of, unsatisfiable, wanted
from samvad.gate.reload import parse
from samvad.gate.replay import ReplayFile
from samvad.gate.seats import LISTENING_S, Seats
from samvad.gate.sources import Rank
from samvad.gate.spent import Spent
from samvad.gate.state import Counts, Situation
from samvad.protocol import passes
from samvad.protocol.hls import EVENT, SLUG
from samvad.protocol.media import RENDITIONS, Init, Part
from samvad.protocol.plan import EventPlan
from samvad.protocol.playlist import Form
from samvad.protocol.room import RoomState
from samvad.protocol.secret import derive
from samvad.protocol.ticket import Ticket, Tickets
from samvad.protocol.uplink import Forget, Hello, Message

EVENTS = 10_000
"""Events held at most; media of more are not taken (the stage has few on air)."""

SHOWN = 32_768
"""Paths with a good ticket that are remembered; then it begins anew."""

_INDEX, _LONG, _LEAN = "index.m3u8", "long.m3u8", "lean.json"
_PLAYLISTS = {b"master.m3u8": ("", "")} | {
    f"{r}/{what}".encode(): (r, what) for r in RENDITIONS for what in (_INDEX, _LONG, _LEAN)
}
"""What may follow a ticket: the rendition, or "" for the multivariant playlist; and what of it."""
_OF_EVENT = re.compile(
    rf"/live/({EVENT})/(state\.json|steering\.json|replay\.m4a|m/([\w-]+)\.m4s)".encode()
)
_PAGE = re.compile(rf"/e/({SLUG})".encode())
_DOOR = re.compile(rf"/door/({EVENT})(/serving\.json|/leave)?".encode())
_READING = (b"GET", b"HEAD")

_OVER = (Situation.ENDED, Situation.CANCELLED)
_FORGED, _GONE = INDEX["tickets_forged"], INDEX["tickets_gone"]

Token = TypeVar("Token", bound=Hashable)
Released = list[tuple[Token, Answer]]


class _Shown(NamedTuple, Generic[Token]):
    """A path that named a playlist, with a ticket that was good."""

    event: Event[Token]
    ticket: Ticket
    rendition: str
    what: str


@dataclass(frozen=True, slots=True)
class _Pending:
    """What a waiting token asked for: a rendition's playlist, or (""): the object at `path`, or
    with `news` the event's serving.json."""

    event: str
    rendition: str
    skip: bool
    zipped: bool
    path: bytes
    news: Fields | None = None


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
    ) -> None:
        """`mirror_url`: below it lie the media of all events too, on a static host; "": nowhere."""
        self._mirror_url, self.prefer_mirror = mirror_url, False
        self._secret, self._settings, self._folders = secret, settings, folders
        self._assets, self._index = assets, index
        self._permissions = Permissions(folders.permissions)
        self._counters, self._count = counters, counters.values
        self.knocks = Knocks(secret, counters, Spent(folders.run / "attack" / "spent"))
        self._events: dict[str, Event[Token]] = {}
        self._staged: dict[str, Event[Token]] = {}
        """Those of which the stage has told: the only ones with media, waiters or a room."""
        self._proofs = Proofs(folders, secret, dataclasses.asdict(settings))
        self._housed: set[str] = set()
        """Those whose seats and line this process has opened."""
        self._telling: set[str] = set()
        """Those with somebody held for news."""
        self._slugs: dict[str, str] = {}
        self._ready: Ready = {}
        self._shown: dict[bytes, _Shown[Token]] = {}
        self._pending: dict[Token, _Pending] = {}

    # -- requests ---------------------------------------------------------------------------

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
            return self._playlist(shown, query, request, token, at)
        return self._first_sight(path, query, request, token, at)

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
            return REFUSALS[403]
        if len(self._shown) >= SHOWN:
            self._shown.clear()
        shown = self._shown[path] = _Shown(event, ticket, *_PLAYLISTS[pieces[4]])
        return self._playlist(shown, query, request, token, at)

    def _playlist(
        self, shown: "_Shown[Token]", query: bytes, request: Request, token: Token, at: Moment
    ) -> Answer | None:
        event, ticket, rendition, what = shown
        if ticket.expires_min * 60_000 <= at.wall_ms:
            return REFUSALS[403]
        live = event.live
        if not live.playable and event.situation(at.wall_ms) in _OVER:
            return REFUSALS[410]  # the window is gone; the door knows of the recording
        for_s = lean.LISTENING_S if what == _LEAN else LISTENING_S
        if not event.house.touch(ticket, at.now, for_s):
            self._count[_GONE] += 1
            return REFUSALS[410]
        zipped = request.fields.gzip
        if not rendition:
            return live.master(zipped)
        if what != _INDEX:
            return (live.names if what == _LEAN else live.long_playlist)(rendition, zipped)
        if not query:
            return live.playlist(rendition, False, zipped)
        asked = parse(query)
        if asked is None:
            return REFUSALS[400]
        answer = live.reload(rendition, asked, zipped, token, at.now)
        if answer is None:
            self._wait(token, _Pending(event.name, rendition, asked.skip, zipped, b""))
        return answer

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
            event = self._events.get(self._slugs.get(name, name))
            html = event.page.answer(request.fields, query) if event is not None else None
            return html or not_found(request.fields, query)
        if path == PERMISSIONS_PATH:
            return self._permissions.answer(at.now)
        knock = _DOOR.fullmatch(path)
        if knock is not None:
            event = self._events.get(knock[1].decode()) if knock[2] == b"/serving.json" else None
            if event is not None:
                held = look(query) if query else None
                if held is not None and event.hold(held, token, at):
                    self._telling.add(event.name)
                    self._wait(token, _Pending(event.name, "", False, False, b"", request.fields))
                    return None
                return event.serving(request.fields, at) or REFUSALS[404]
            return REFUSALS[404 if knock[2] == b"/serving.json" else 405]
        of_event = _OF_EVENT.fullmatch(path)
        event = self._events.get(of_event[1].decode()) if of_event is not None else None
        if of_event is None or event is None:
            return REFUSALS[404]
        if of_event[2] == b"state.json":
            return event.state(request.fields, at) or REFUSALS[404]
        if of_event[2] == b"steering.json":
            return self._steering(event) if self._mirror_url else REFUSALS[404]
        if of_event[2] == b"replay.m4a":
            if event.withheld:
                return REFUSALS[410]
            return event.replay_file.answer(request.fields, at.now)
        name = of_event[3].decode()
        if event.live.awaited(name, token, at.now):
            self._wait(token, _Pending(event.name, "", False, False, path))
            return None
        if event.live.made_now(name):
            return self._object(path, self._ready[path], request)
        return REFUSALS[404]

    def _steering(self, event: Event[Token]) -> Answer:
        """Where players of this event go first: to the mirror while an attack is on, unless they
        are so few that they follow closely, which a static host cannot give them."""
        far = self.prefer_mirror and event.live.latency is not Form.LOW
        headers = (JSON, NEVER_STORED, ANYWHERE)
        return Answer(200, headers, (mirror.steering(far),))

    def _less_usual(self, request: Request, at: Moment) -> Answer:
        if request.method == b"OPTIONS":
            return PREFLIGHT
        path = request.target.partition(b"?")[0]
        knock = _DOOR.fullmatch(path)
        if knock is None or knock[2] == b"/serving.json":
            return REFUSALS[405 if knock or path in self._ready else 404]
        event = self._events.get(knock[1].decode())
        return self.knocks.answer(event, bool(knock[2]), request.body, at)

    # -- waiting ----------------------------------------------------------------------------

    def _wait(self, token: Token, pending: _Pending) -> None:
        self._pending[token] = pending
        self._counters.add("waits")
        self._counters.set("waiting", len(self._pending))

    def drop(self, token: Token) -> None:
        """The asker is gone."""
        pending = self._pending.pop(token, None)
        if pending is not None:
            event = self._events[pending.event]
            event.live.drop(token)
            event.news.drop(token)
            self._counters.set("waiting", len(self._pending))

    def _released(self, tokens: list[Token], late: bool = False) -> Released[Token]:
        """What the tokens waited for; `late`: that it did not come."""
        answers: Released[Token] = []
        for token in tokens:
            pending = self._pending.pop(token)
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
        self._counters.set("waiting", len(self._pending))
        return answers

    def tell(self, at: Moment) -> Released[Token]:
        """Answers for those who wait for news of a line."""
        answers: Released[Token] = []
        for name in list(self._telling):
            event = self._events[name]
            for token in event.tell(at):
                fields = self._pending.pop(token).news
                assert fields is not None
                answers.append((token, event.serving(fields, at) or REFUSALS[404]))
            if not len(event.news):
                self._telling.discard(name)
        if answers:
            self._counters.set("waiting", len(self._pending))
        return answers

    def expire(self, now: float) -> Released[Token]:
        """Answers for those who have waited for too long."""
        late = [token for event in self._staged.values() for token in event.live.expire(now)]
        return self._released(late, late=True) if late else []

    # -- plans and the stage ----------------------------------------------------------------

    def _event(self, name: str) -> Event[Token] | None:
        event = self._events.get(name)
        if event is None and len(self._events) < EVENTS:
            media_key = derive(self._secret, "media", name)
            event = self._events[name] = Event(
                name,
                live=LiveEvent(
                    name,
                    self._ready,
                    media_key,
                    self._settings.window_s,
                    mirror.base(self._mirror_url, self._secret, name) if self._mirror_url else "",
                ),
                tickets=Tickets(derive(self._secret, "ticket", self._here(name))),
                places=Places(derive(self._secret, "place", self._here(name))),
                pass_key=passes.key(self._secret, name),
                replay=ReplayFile(self._folders.replay(name)),
                open_house=lambda seats: self._open_house(name, seats),
                low_latency_listeners=self._settings.low_latency_listeners,
            )
        return event

    def _here(self, name: str) -> str:
        """What keys of tickets and places are made for: their numbers are one machine's."""
        return f"{name}@{self._settings.machine}" if self._settings.store else name

    def _open_house(self, name: str, seats: int) -> House:
        run, hold_s = self._folders.run, self._settings.seat_hold_s
        self._housed.add(name)
        table = Seats(run / "seats" / name, seats, hold_s, self._index)
        try:
            board, key = Board(run / "boards" / name), derive(self._secret, "line", name)
            return House(table, board, key, leased=bool(self._settings.store))
        except BaseException:
            table.close()
            raise

    def housed(self, name: str) -> Event[Token] | None:
        """An event whose seats and line this process has opened."""
        return self._events.get(name) if name in self._housed else None

    def tick(self, at: Moment) -> None:
        """Let all lines move."""
        for name in self._housed:
            self._events[name].tick(at)

    def listening(self, at: Moment) -> dict[str, int]:
        """The events that are open here, each with its listeners."""
        names = self._housed | {n for n, e in self._staged.items() if e.is_open(at.wall_ms)}
        opened = {n: e for n in names if (e := self._events[n]).is_open(at.wall_ms)}
        return {name: event.counts(at).listening for name, event in opened.items()}

    def may_join_per_s(self) -> float:
        """How many newcomers a second all doors let in."""
        return sum(self._events[name].house.per_s for name in self._housed)

    def note_sharing(self) -> None:
        """Count what the seats have refused since the last time."""
        for name in self._housed:
            seats = self._events[name].house.seats
            self._counters.add("tickets_shared", seats.shared)
            self._counters.add("tickets_voided", seats.voided)
            seats.shared = seats.voided = 0

    def _prove(self, event: Event[Token], plan: EventPlan) -> None:
        """Give the event as many seats and joins a second as are proven, or careful ones."""
        gate, proof = self._settings, self._proofs.of(plan.event)
        event.set_limits(*allowed(plan, proof, gate.seats, gate.joins_per_s), proof.as_json())

    def look_at_proofs(self) -> None:
        """Certificates may come, and go, while an evening is on."""
        for name in self._housed:
            event = self._events[name]
            if event.plan is not None:
                self._prove(event, event.plan)

    def set_plan(self, plan: EventPlan) -> bool:
        """A new or changed plan. False: there are too many events already."""
        event = self._event(plan.event)
        if event is None:
            return False
        before = event.plan
        if event.set_plan(plan):
            self._prove(event, plan)
            if before is not None and before.slug != plan.slug:
                self._slugs.pop(before.slug, None)
            self._slugs[plan.slug] = plan.event
        return True

    def hear(self, message: Message, now: float) -> Released[Token]:
        """A message of the stage; gives the answers of those who waited for it."""
        if isinstance(message, Hello):
            return []
        event = self._event(message.event)
        if event is None:
            return []
        self._staged[message.event] = event
        if isinstance(message, Init | Part):
            return self._released(event.live.take(message))
        if isinstance(message, RoomState):
            return self._released(event.set_room(message, now))
        assert isinstance(message, Forget)
        return self._released(event.close())

    def forget_outlived(self, now: float) -> Released[Token]:
        """Drop windows of events that ended long ago, should the stage not have said so."""
        gone = [event for event in self._staged.values() if event.outlived(now)]
        return [pair for event in gone for pair in self._released(event.close())]

    def on_air(self, at: Moment) -> list[tuple[str, Counts]]:
        """Events on air and their counts, for the journal; keeps the playlists' form right."""
        return [
            (event.name, event.counts(at))
            for event in self._staged.values()
            if event.situation(at.wall_ms) is Situation.LIVE
        ]

    def seen(self, named: Iterable[str], at: Moment) -> dict[str, Seen]:
        """For the console: the events that are on, and those named."""
        known = [event for name in named if (event := self._events.get(name)) is not None]
        known += [e for e in self._staged.values() if e.is_open(at.wall_ms)]
        known += [e for n in self._housed if (e := self._events[n]).is_open(at.wall_ms)]
        return {event.name: event.seen(at) for event in known if event.plan is not None}

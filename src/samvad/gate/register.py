"""All events of one gate process, by name and by slug: their plans, how many seats are proven, and
whose seats and line this process has opened. Holds no clock and no socket.
"""

import dataclasses
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from samvad.base.clock import Moment
from samvad.base.folders import Folders
from samvad.base.settings import GateSettings
from samvad.gate import mirror
from samvad.gate.board import Board
from samvad.gate.event import Event
from samvad.gate.figures import Seen
from samvad.gate.house import House
from samvad.gate.live import LiveEvent
from samvad.gate.objects import Ready
from samvad.gate.place import Places
from samvad.gate.proof import Proofs, allowed
from samvad.gate.published import Published
from samvad.gate.replay import ReplayFile
from samvad.gate.seats import SHARED_PER_S, Seats
from samvad.gate.state import Counts, Situation
from samvad.protocol import passes
from samvad.protocol.plan import EventPlan
from samvad.protocol.secret import derive
from samvad.protocol.ticket import Tickets

EVENTS = 10_000
"""Events held at most; media of more are not taken (the stage has few on air)."""

Token = TypeVar("Token", bound=Hashable)


class Register(Generic[Token]):
    """`ready` is the site's table of paths, for the media of all events."""

    def __init__(
        self,
        secret: bytes,
        settings: GateSettings,
        folders: Folders,
        ready: Ready,
        index: int,
        *,
        mirror_url: str = "",
        ticket_rate: int = SHARED_PER_S,
    ) -> None:
        self._ticket_rate = ticket_rate
        self.mirror_url = mirror_url
        """Below it lie the media of all events too, on a static host; "": nowhere."""
        self._secret, self._settings, self._folders = secret, settings, folders
        self._ready, self._index = ready, index
        self._proofs = Proofs(folders, secret, dataclasses.asdict(settings))
        self.named: dict[str, Event[Token]] = {}
        self.staged: dict[str, Event[Token]] = {}
        """Those of which the stage has told: the only ones with media, waiters or a room."""
        self._housed: set[str] = set()
        """Those whose seats and line this process has opened."""
        self._slugs: dict[str, str] = {}

    # -- looking ----------------------------------------------------------------------------

    def slugged(self, name: str) -> Event[Token] | None:
        """An event by the name in its page's link, or by its own."""
        return self.named.get(self._slugs.get(name, name))

    def housed(self, name: str) -> Event[Token] | None:
        """An event whose seats and line this process has opened."""
        return self.named.get(name) if name in self._housed else None

    def on_air(self, at: Moment) -> list[tuple[str, Counts]]:
        """Events on air and their counts, for the journal; keeps the playlists' form right."""
        return [
            (event.name, event.counts(at))
            for event in self.staged.values()
            if event.situation(at.wall_ms) is Situation.LIVE
        ]

    def seen(self, named: Iterable[str], at: Moment) -> dict[str, Seen]:
        """For the console: the events that are on, and those named."""
        known = [event for name in named if (event := self.named.get(name)) is not None]
        known += [e for e in self.staged.values() if e.is_open(at.wall_ms)]
        known += [e for n in self._housed if (e := self.named[n]).is_open(at.wall_ms)]
        return {event.name: event.seen(at) for event in known if event.plan is not None}

    def listening(self, at: Moment) -> dict[str, int]:
        """The events that are open here, each with its listeners."""
        names = self._housed | {n for n, e in self.staged.items() if e.is_open(at.wall_ms)}
        opened = {n: e for n in names if (e := self.named[n]).is_open(at.wall_ms)}
        return {name: event.counts(at).listening for name, event in opened.items()}

    def may_join_per_s(self) -> float:
        """How many newcomers a second all doors let in."""
        return sum(self.named[name].house.per_s for name in self._housed)

    def shared(self) -> tuple[int, int]:
        """Uses of tickets refused since the last time because too many used one, and tickets
        taken back."""
        refused = voided = 0
        for name in self._housed:
            seats = self.named[name].house.seats
            refused, voided = refused + seats.shared, voided + seats.voided
            seats.shared = seats.voided = 0
        return refused, voided

    # -- plans ------------------------------------------------------------------------------

    def event(self, name: str) -> Event[Token] | None:
        """The event of that name, made if there is none; None: there are too many already."""
        event = self.named.get(name)
        if event is None and len(self.named) < EVENTS:
            media_key = derive(self._secret, "media", name)
            event = self.named[name] = Event(
                name,
                live=LiveEvent(
                    name,
                    self._ready,
                    media_key,
                    self._settings.window_s,
                    mirror.base(self.mirror_url, self._secret, name) if self.mirror_url else "",
                ),
                tickets=Tickets(derive(self._secret, "ticket", self._here(name))),
                places=Places(derive(self._secret, "place", self._here(name))),
                pass_key=passes.key(self._secret, name),
                published=Published(
                    self._folders.recording(name),
                    ReplayFile(self._folders.replay(name)),
                    media_key,
                ),
                open_house=lambda seats: self._open_house(name, seats),
                low_latency_listeners=self._settings.low_latency_listeners,
            )
        return event

    def _here(self, name: str) -> str:
        """What keys of tickets and places are made for: their numbers are one machine's."""
        return f"{name}@{self._settings.machine}" if self._settings.store else name

    def _open_house(self, name: str, seats: int) -> House:
        run: Path = self._folders.run
        self._housed.add(name)
        hold_s, rate = self._settings.seat_hold_s, self._ticket_rate
        table = Seats(run / "seats" / name, seats, hold_s, self._index, shared_per_s=rate)
        try:
            board, key = Board(run / "boards" / name), derive(self._secret, "line", name)
            return House(table, board, key, leased=bool(self._settings.store))
        except BaseException:
            table.close()
            raise

    def set_plan(self, plan: EventPlan) -> bool:
        """A new or changed plan. False: there are too many events already."""
        event = self.event(plan.event)
        if event is None:
            return False
        before = event.plan
        if event.set_plan(plan):
            self._prove(event, plan)
            if before is not None and before.slug != plan.slug:
                self._slugs.pop(before.slug, None)
            self._slugs[plan.slug] = plan.event
        return True

    def _prove(self, event: Event[Token], plan: EventPlan) -> None:
        """Give the event as many seats and joins a second as are proven, or careful ones."""
        gate, proof = self._settings, self._proofs.of(plan.event)
        event.set_limits(*allowed(plan, proof, gate.seats, gate.joins_per_s), proof.as_json())

    # -- as time passes ---------------------------------------------------------------------

    def tick(self, at: Moment) -> None:
        """Let all lines move."""
        for name in self._housed:
            self.named[name].tick(at)

    def look_at_proofs(self) -> None:
        """Certificates may come, and go, while an evening is on."""
        for name in self._housed:
            event = self.named[name]
            if event.plan is not None:
                self._prove(event, event.plan)

"""The driver of one event: each 20 ms from every speaker to the programme and back to each.

Session says what may happen, Mixer how it sounds, an Engine's peers bring and take the
sound, Air carries the programme to the crowd. This file only connects them, on the event
loop, and never waits inside a tick.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samvad.base.errors import PlainError
from samvad.broadcast.tracks import Voices
from samvad.protocol.plan import EventPlan
from samvad.protocol.room import Phase, RoomState
from samvad.stage.air import Air
from samvad.stage.engine import Publisher, Returner
from samvad.stage.keeper import read_memory
from samvad.stage.links import Link, Links
from samvad.stage.mixer import Mixer, mean_squares
from samvad.stage.opus import FRAME
from samvad.stage.refusals import Refused
from samvad.stage.session import Session, Who
from samvad.stage.setting import Setting

log = logging.getLogger("samvad.stage")

TICK_S = 0.02
GIVE_UP_S = 2.0
"""A tick later than this (a machine that stood still) is not caught up."""
CONNECT_S = 15.0
"""A negotiated peer without any packet for this long is closed."""
RETURN_SILENCE_S = 20.0
"""A return peer sends only RTCP, every few seconds; without it this long it is gone."""
LEVELS_TICKS = 12
"""Every 0.24 s levels that moved are published."""
WATCH_TICKS = 25
MAX_WATCHERS = 64

CLOSING = Refused("closing", "The stage is stopping. Try again in a few seconds.")
FULL = Refused("full", "All places for speakers are taken.")


class Conversation:
    """One event on the stage. All methods belong to the event loop's thread."""

    def __init__(self, plan: EventPlan, setting: Setting) -> None:
        self._in = setting
        rows = setting.settings.speakers
        self.session = Session(plan, places=rows)
        memory = read_memory(setting.folders, plan.event)
        if memory is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                self.session.remember(memory)
        self._memory = self.session.memory()
        self._air = Air(plan.event, setting, self._incident)
        self._mixer = Mixer(rows)
        self._voices: NDArray[np.int16] = np.zeros((rows, FRAME), np.int16)
        self.publishers: Links[Publisher] = Links(rows)
        self.returns: Links[Returner] = Links(len(plan.speakers) + rows + 1)
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[Refused | None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watchers: set[asyncio.Event] = set()
        self._moved = False
        self._closed = False

    @property
    def event(self) -> str:
        return self.session.plan.event

    @property
    def state(self) -> RoomState:
        return self.session.state()

    @property
    def lost_ticks(self) -> int:
        """Ticks of the programme that became silence because an encoder was late."""
        return self._air.lost_ticks

    @property
    def idle(self) -> bool:
        """Nothing would be lost if this object were dropped and made anew."""
        finishing = self._finishing is not None and not self._finishing.done()
        busy = self._ticking or finishing or self._tasks or self._watchers or self._in.keeper.busy
        return not busy and self.session.phase is not Phase.LIVE

    # --- peers come and go ---

    async def publish(self, who: Who, offer: str) -> tuple[str, str] | Refused:
        """A WHIP offer: (resource id, SDP answer). Raises OfferError.

        Who publishes already is only replaced once the new offer has its answer.
        """
        async with self._locks.setdefault(("whip", who.id), asyncio.Lock()):
            refused = self._may_publish(who)
            if refused is not None:
                return refused
            link: Link[Publisher] = Link(who.id, self._in.clock.now())
            link.made, answer = await self._in.engine.publisher(offer, lambda: self._lost(link))
            refused = self._may_publish(who)
            if refused is not None:
                await link.made.close()
                return refused
            self._replaced(self.publishers.put(link))
        self._in.figures.publications += 1
        self._wake()
        return link.resource, answer

    async def hear(self, who: Who, offer: str) -> tuple[str, str] | Refused:
        """A WHEP offer, likewise."""
        async with self._locks.setdefault(("whep", who.id), asyncio.Lock()):
            refused = self._may_hear(who)
            if refused is not None:
                return refused
            link: Link[Returner] = Link(who.id, self._in.clock.now())
            link.made, answer = await self._in.engine.returner(offer, lambda: self._lost(link))
            refused = self._may_hear(who)
            if refused is not None:
                await link.made.close()
                return refused
            self._replaced(self.returns.put(link))
        self._in.figures.returns += 1
        self._wake()
        return link.resource, answer

    def _may_publish(self, who: Who) -> Refused | None:
        if self._closed:
            return CLOSING
        return self.session.may_join(who) or (FULL if self.publishers.full_for(who.id) else None)

    def _may_hear(self, who: Who) -> Refused | None:
        if self._closed:
            return CLOSING
        return self.session.may_listen(who) or (FULL if self.returns.full_for(who.id) else None)

    def _replaced(self, old: Link[Any] | None) -> None:
        if old is not None:
            self._start(old.peer.close())

    def owner(self, resource: str) -> str | None:
        """Whose connection has this resource id."""
        link = self.publishers.named(resource) or self.returns.named(resource)
        return link.speaker if link else None

    async def delete(self, resource: str) -> bool:
        """DELETE of WHIP and WHEP. False when there is no such resource (any more)."""
        link: Link[Any] | None = self.publishers.named(resource) or self.returns.named(resource)
        if link is None or not self._take_out(link):
            return False
        await link.peer.close()
        return True

    def _lost(self, link: Link[Any]) -> None:
        """A peer went without saying so; or it could not be connected."""
        if self._take_out(link):
            self._in.figures.peers_lost += 1
            self._start(link.peer.close())

    def _take_out(self, link: Link[Any]) -> bool:
        if self.returns.take(link):
            return True
        if not self.publishers.take(link):
            return False
        self._in.figures.count(link.peer.voice.jitter.counters)
        self.session.leave(link.speaker, self._wall())
        self.changed()
        return True

    def _drop(self) -> None:
        """Disconnect whom the session wants out."""
        dropped, self.session.drop = self.session.drop, set()
        for speaker in dropped:
            for link in (self.publishers.of(speaker), self.returns.of(speaker)):
                if link is not None and self._take_out(link):
                    self._start(link.peer.close())

    # --- what the host and the plan decide ---

    def replan(self, plan: EventPlan) -> None:
        """A newer plan."""
        self.session.replan(plan, self._wall())
        self.changed()
        if self.session.phase is Phase.ENDED:
            self._finish()

    async def go_live(self, who: Who) -> Refused | None:
        """The host's button. Answers once the programme is on air."""
        return await self._begin(lambda: self.session.go_live(who, self._wall()))

    async def end(self, who: Who) -> Refused | None:
        """End the event. Answers when the recording lies in its place."""
        refused = self.session.end_by(who, self._wall())
        if refused is not None:
            return refused
        self.changed()
        return await asyncio.shield(self._finish())

    def mute(self, who: Who, id_: str, muted: bool) -> Refused | None:
        """See Session.mute."""
        return self._done(self.session.mute(who, id_, muted, self._wall()))

    def remove(self, who: Who, id_: str) -> Refused | None:
        """See Session.remove."""
        return self._done(self.session.remove(who, id_, self._wall()))

    def say(self, who: Who, text: str) -> Refused | None:
        """See Session.say."""
        return self._done(self.session.say(who, text, self._wall()))

    def mark(self, who: Who, title: str) -> Refused | None:
        """See Session.mark."""
        return self._done(self.session.mark(who, title, self._wall()))

    def order(self, who: Who, mode: str, rung: int) -> Refused | None:
        """See Session.order."""
        return self._done(self.session.order(who, mode, rung, self._wall()))

    def _done(self, refused: Refused | None) -> Refused | None:
        if refused is None:
            self.changed()
        return refused

    # --- on and off the air ---

    async def _begin(self, act: Callable[[], Refused | None]) -> Refused | None:
        if self._closed:
            return CLOSING
        if self.session.phase is not Phase.OFF:
            return act()
        self._wake()
        refused = await self._air.begin(act)
        if refused is None:
            log.info("%s is on air", self.event)
            self.changed()
            self._wake()
        return refused

    async def resume(self) -> None:
        """Go on with a recording that a killed stage left open, or finish it."""
        broadcast = await self._air.resume()
        if broadcast is None:
            return
        plan, session = self.session.plan, self.session
        if broadcast.ending or plan.ended or plan.off or session.phase is Phase.ENDED:
            session.end(self._wall())
            self.changed()
            await self._finish()
            return
        if session.phase is Phase.OFF:  # killed before its memory was written
            if not broadcast.resumed:  # and before anything was recorded
                await self._air.let_go()
                return
            session.remember(
                session.memory()
                | {"phase": Phase.LIVE.value, "live_since_ms": broadcast.live_since_ms}
            )
        session.resumed(self._wall())
        log.info("%s goes on", self.event)
        self.changed()
        self._wake()

    def _finish(self) -> "asyncio.Task[Refused | None]":
        if self._finishing is None:
            self._finishing = asyncio.create_task(self._finish_once())
        return self._finishing

    async def _finish_once(self) -> Refused | None:
        try:
            replay = await self._air.finish(self.session.ended_ms)
        except PlainError as error:
            self._incident(f"The replay could not be made. {error}")
            return Refused("replay_failed", str(error))
        if replay is not None:
            self.session.recorded(replay, self._wall())
            log.info("%s has ended", self.event)
            self.changed()
        return None

    # --- the tick ---

    def _wake(self) -> None:
        if self._ticking is None and not self._closed:
            self._ticking = asyncio.create_task(self._run())

    def _needed(self) -> bool:
        return not self._closed and bool(
            len(self.publishers)
            or len(self.returns)
            or self._air.open
            or self.session.phase is Phase.LIVE
        )

    async def _run(self) -> None:
        clock, figures = self._in.clock, self._in.figures
        due = clock.now()
        number = 0
        behind = False
        while True:
            ahead = due - clock.now()
            if ahead < -TICK_S and not behind:
                # What came meanwhile waits in the sockets, of which each turn of the loop reads
                # one packet: first those, then the ticks they are for.
                for _ in range(min(100, int(-ahead / TICK_S) + 3)):
                    await asyncio.sleep(0)
            behind = ahead < 0
            await asyncio.sleep(max(0.0, ahead))
            begun = clock.now()
            late = max(0.0, begun - due)
            figures.lateness.add(late * 1000)
            if late > GIVE_UP_S:
                figures.ticks_skipped += int(late / TICK_S)
                due, late = begun, 0.0
            number += 1
            try:
                await self._tick(number, clock.wall_ms() - int(late * 1000))
            except Exception:
                log.exception("%s: a tick failed", self.event)
                figures.ticks_failed += 1
            figures.busy_s += clock.now() - begun
            due += TICK_S
            if not self._needed():
                self._ticking = None
                return

    async def _tick(self, number: int, wall_ms: int) -> None:
        self._voices.fill(0)
        heard: list[str] = []
        for link in self.publishers:
            frame = link.peer.voice.frame()
            if frame is not None and not self.session.members[link.speaker].muted:
                self._voices[link.row] = frame
                heard.append(link.speaker)
        squares = mean_squares(self._voices)
        mix = self._mixer.mix(self._voices)
        speaking = tuple(link.speaker for link in self.publishers if link.meter.speaking)
        self._air.push(mix.programme, wall_ms, self._tracks(heard), speaking)
        for listener in self.returns:
            own = self.publishers.of(listener.speaker)
            await listener.peer.send(mix.minus[own.row] if own else mix.programme)
        for link in self.publishers:
            link.meter.add(float(squares[link.row]))
            if self.session.levels(link.speaker, link.meter.level, link.meter.speaking):
                self._moved = True
        self._arrivals()
        if heard and self.session.phase is Phase.OFF:
            self._first_voice(heard[0])
        if number % LEVELS_TICKS == 0 and self._moved:
            self._show()
        if number % WATCH_TICKS == 0:
            self._watch_packets()

    def _tracks(self, heard: list[str]) -> Voices:
        """What each speaker gives to this tick, when they are recorded one by one."""
        if not (self._in.settings.multitrack and self._air.open):
            return ()
        return tuple(
            (link.speaker, self._voices[link.row].copy())
            for link in self.publishers
            if link.speaker in heard
        )

    def _first_voice(self, speaker: str) -> None:
        if self.session.plan.on_air == "first_voice" and self._air.may_begin:
            self._start(self._begin(lambda: self.session.heard(speaker, self._wall())))

    def _arrivals(self) -> None:
        """A speaker is here from the first packet on, not from the HTTP request."""
        for link in self.publishers:
            if not link.joined and link.peer.last_packet is not None:
                link.joined = True
                if self.session.join(link.speaker, self._wall()) is None:
                    self.changed()

    def _watch_packets(self) -> None:
        now = self._in.clock.now()

        def silent(link: Link[Any], patience_s: float) -> bool:
            last = link.peer.last_packet
            return now - link.since > CONNECT_S if last is None else now - last > patience_s

        gone: list[Link[Any]] = [
            x for x in self.publishers if silent(x, self._in.settings.silence_s)
        ]
        gone += [x for x in self.returns if silent(x, RETURN_SILENCE_S)]
        for link in gone:
            log.info("%s: %s sends nothing any more", self.event, link.speaker)
            self._lost(link)

    # --- telling others ---

    def changed(self) -> None:
        """Something beyond levels changed: tell everybody, keep what must be kept."""
        self._drop()
        facts, self.session.facts = self.session.facts, []
        for fact in facts:
            self._in.keeper.fact(self.event, fact)
        memory = self.session.memory()
        if memory != self._memory:
            self._memory = memory
            self._in.keeper.memory(self.event, memory)
        self._show()

    def _show(self) -> None:
        self._moved = False
        self._in.publish(self.session.state())
        for watcher in self._watchers:
            watcher.set()

    async def watch(self) -> AsyncGenerator[RoomState, None]:
        """The state now, and again at each change. A slow reader gets only the newest."""
        watcher = asyncio.Event()
        self._watchers.add(watcher)
        try:
            while not self._closed:
                watcher.clear()
                yield self.state
                await watcher.wait()
        finally:
            self._watchers.discard(watcher)

    @property
    def crowded(self) -> bool:
        """Too many are watching the room already."""
        return len(self._watchers) >= MAX_WATCHERS

    def _incident(self, what: str) -> None:
        log.error("%s: %s", self.event, what)
        self.session.incident(what, self._wall())
        self.changed()

    def _wall(self) -> int:
        return self._in.clock.wall_ms()

    def _start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: a task failed", self.event, exc_info=task.exception())

    async def close(self) -> None:
        """The stage stops. A programme on air stays unfinished, to be resumed."""
        self._closed = True
        for watcher in self._watchers:
            watcher.set()
        for task in (self._ticking, self._finishing):
            if task is not None:
                await asyncio.wait([task])
        links: list[Link[Any]] = [*self.publishers, *self.returns]
        for link in links:
            self.publishers.take(link)
            self.returns.take(link)
        await asyncio.gather(*(link.peer.close() for link in links), return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await self._air.close()

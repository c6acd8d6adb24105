"""The programme's way out of one event: opened, kept open, finished, off the tick's path.

Opening a broadcast takes some milliseconds (files, encoders). Meanwhile the programme waits
here, so that the first words are not cut off; an encoder that fails is opened anew.
"""

import asyncio
import logging
import shutil
from collections import deque
from collections.abc import Callable

from samvad.base.errors import PlainError
from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.tracks import Voices
from samvad.protocol.room import Replay
from samvad.stage.opus import Pcm
from samvad.stage.refusals import Refused
from samvad.stage.setting import Setting

log = logging.getLogger("samvad.stage")

PENDING_TICKS = 250
"""5 s of programme wait while a broadcast opens; beyond, the oldest tick goes."""

Tick = tuple[Pcm, int, Voices, tuple[str, ...]]

RETRY_S = 5.0
"""After a failure it is tried again no sooner than this."""


class Air:
    """At most one Broadcast. `complain` gets one sentence for people at each failure."""

    def __init__(self, event: str, setting: Setting, complain: Callable[[str], None]) -> None:
        self._event = event
        self._in = setting
        self._complain = complain
        self._broadcast: Broadcast | None = None
        self._pending: deque[Tick] | None = None
        self._busy = asyncio.Lock()
        self._reopening: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._closed = False

    @property
    def open(self) -> bool:
        """Whether ticks are wanted: on air, or about to be."""
        return self._broadcast is not None or self._pending is not None

    @property
    def lost_ticks(self) -> int:
        """Ticks that became silence because the encoders were late."""
        return self._broadcast.lost_ticks if self._broadcast is not None else 0

    @property
    def may_begin(self) -> bool:
        """Whether beginning makes sense now: nothing under way, no failure just before."""
        return not (self.open or self._busy.locked() or self._closed) and (
            self._in.clock.now() >= self._retry_at
        )

    def push(
        self, pcm: Pcm, wall_ms: int, voices: Voices = (), speaking: tuple[str, ...] = ()
    ) -> None:
        """One tick of the programme (Broadcast.push); dropped while off the air."""
        tick = (pcm, wall_ms, voices, speaking)
        if self._broadcast is not None:
            try:
                self._broadcast.push(*tick)
            except RuntimeError:
                failed, self._broadcast = self._broadcast, None
                self._pending = deque([tick], maxlen=PENDING_TICKS)
                self._reopening = asyncio.create_task(self._reopen(failed))
        elif self._pending is not None:
            self._pending.append(tick)

    async def begin(self, act: Callable[[], Refused | None]) -> Refused | None:
        """Go on air. `act` is asked once a broadcast stands ready; a Refused takes it back."""
        async with self._busy:
            if self._closed or self.open:
                return act()
            self._pending = deque(maxlen=PENDING_TICKS)
            try:
                self._check_room()
                broadcast = await self._opened()
            except PlainError as error:
                self._pending = None
                self._retry_at = self._in.clock.now() + RETRY_S
                self._complain(f"Going on air failed. {error}")
                return Refused("cannot_start", str(error))
            refused = act()
            if refused is not None:
                self._pending = None
                await broadcast.close()
                return refused
            self._flow(broadcast)
            return None

    async def resume(self) -> Broadcast | None:
        """Open the recording a stage before this one left; None when that is not possible."""
        async with self._busy:
            try:
                broadcast = await self._opened()
            except PlainError as error:
                self._complain(f"The recording could not be resumed. {error}")
                return None
            self._flow(broadcast)
            return broadcast

    async def finish(self, at_ms: int | None) -> Replay | None:
        """Off the air for good. None when nothing was recorded. Raises PlainError."""
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.wait([self._reopening])
        async with self._busy:
            broadcast, self._broadcast, self._pending = self._broadcast, None, None
            return await broadcast.finish(at_ms) if broadcast is not None else None

    async def close(self) -> None:
        """The stage stops: what is on air stays unfinished, to be resumed."""
        self._closed = True
        await self.let_go()

    async def let_go(self) -> None:
        """Off the air without an end; it can begin or resume again."""
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.wait([self._reopening])
        async with self._busy:
            broadcast, self._broadcast, self._pending = self._broadcast, None, None
            if broadcast is not None:
                await broadcast.close()

    def _flow(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        for tick in self._pending or ():
            broadcast.push(*tick)
        self._pending = None

    def _check_room(self) -> None:
        """A recording is not begun on a full disk. One that was begun goes on all the same."""
        free_mb = shutil.disk_usage(self._in.folders.data).free // 1_000_000
        wanted_mb = self._in.settings.free_disk_mb
        if free_mb < wanted_mb:
            raise PlainError(
                f"The disk has {free_mb} MB free; a recording is begun with {wanted_mb} MB.",
                "Make room, or lower [stage] free_disk_mb.",
            )

    async def _opened(self) -> Broadcast:
        return await Broadcast.open(
            self._event,
            self._in.folders,
            self._in.secret,
            self._in.publish,
            window_s=self._in.window_s,
            complain=self._complain,
            reserve_bytes=self._in.settings.reserve_mb * 1_000_000,
            multitrack=self._in.settings.multitrack,
        )

    async def _reopen(self, failed: Broadcast) -> None:
        """Encoding failed: open anew, which goes on with a discontinuity."""
        async with self._busy:
            await failed.close()
        while not self._closed:
            async with self._busy:
                try:
                    self._flow(await self._opened())
                    log.info("%s is on air again", self._event)
                    return
                except PlainError as error:
                    self._complain(f"The programme is off the air. {error}")
            await asyncio.sleep(RETRY_S)

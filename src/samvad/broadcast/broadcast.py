"""One event on air: ticks of the programme in, parts out to the recording and the gates.

A thread of its own encodes and packages, so that neither the stage's 20 ms tick nor another
event waits for it; the recorder's thread writes (recorder.py). A part is published once it
is written, so a stage that is killed and comes back never numbers a part anew that
a listener has already heard. A disk that does not answer holds the live stream up for
PATIENCE_S once, not longer.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast import measure
from samvad.broadcast.cmaf import Chunk
from samvad.broadcast.encoder import TICK_48K, Pcm, encoders
from samvad.broadcast.gain import STEP_DB, steps_for
from samvad.broadcast.index import Gap
from samvad.broadcast.packager import Cut, Names, Packager, Start, init_name
from samvad.broadcast.recorder import Complain, Recorder
from samvad.broadcast.recording import ENDED, INDEX, Recording
from samvad.broadcast.replay import write_replay
from samvad.broadcast.tracks import Tracks, Voices
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.media import AAC, RATE, Init, Part
from samvad.protocol.room import Replay
from samvad.protocol.secret import derive

log = logging.getLogger("samvad.broadcast")

QUEUE_TICKS = 250
"""5 s. When an encoder is late by more, the oldest tick becomes silence."""

Publish = Callable[[Init | Part], None]
_HELD_BACK_48K = 4 * TICK_48K
"""More than any of the encoders keeps to itself of what it was fed (2048 samples)."""
_SILENCE = np.zeros(TICK_48K, np.int16)
_TICK_MS = TICK_48K * 1000 // RATE


@dataclass(slots=True)
class _Tick:
    """20 ms of programme, and how many ticks before it were lost."""

    pcm: Pcm
    wall_ms: int
    voices: Voices = ()
    speaking: tuple[str, ...] = ()
    lost_before: int = 0


class Broadcast:
    """Made by `open`. `push` and `finish` belong to the event loop's thread."""

    def __init__(
        self,
        event: str,
        folders: Folders,
        secret: bytes,
        *,
        send: Publish,
        complain: Complain,
        window_s: float,
        reserve_bytes: int = 0,
        multitrack: bool = False,
    ) -> None:
        """Blocking; use `open`. `send` and `complain` are called from several threads."""
        self.event = event
        self._folders, self._send, self._complain = folders, send, complain
        self._encoders = encoders()
        self._recording = Recording(event, folders.recording(event))
        contents = self._recording.contents
        self.resumed = bool(contents.entries)
        """Whether there was an unfinished recording of this event."""
        self.ending = contents.ending_ms is not None
        """Whether its end had begun: then it should not go on air, but be finished."""
        self.live_since_ms = contents.entries[0].wall_ms if contents.entries else None
        """Wall time of the recording's first sample, Unix milliseconds; None before."""
        self.lost_ticks = 0
        """Ticks that became silence because the encoders were late."""
        self.gaps: list[Gap] = []
        """After `finish`: what of the programme is not in the replay."""
        key = derive(secret, "media", event)
        inits = self._recording.inits
        self._names = Names(event, key, {r: init_name(key, r, b) for r, b in inits.items()})
        try:
            self._publish_window(window_s)
        except OSError as error:
            self._recording.release()
            raise PlainError(f"The recording of {event} cannot be read: {error}.") from None
        session = contents.sessions[-1] if self.ending else self._recording.begin()
        start = Start(session.msn, session.decode_48k, session.discontinuity)
        self._packager = Packager(self._names, start)
        self._measurer = measure.Measurer(session.decode_48k)
        folder = folders.recording(event)
        self._tracks = Tracks(event, folder, session.decode_48k) if multitrack else None
        self._recording.set_aside(0 if self.ending else reserve_bytes)
        self._recorder = Recorder(event, self._recording, complain)
        self._changed = threading.Condition()
        self._ticks: deque[_Tick] = deque()
        self._ended = self.ending
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"encode-{event}", daemon=True)
        self._thread.start()

    @classmethod
    async def open(
        cls,
        event: str,
        folders: Folders,
        secret: bytes,
        publish: Publish,
        *,
        window_s: float = 60.0,
        complain: Complain = log.error,
        reserve_bytes: int = 0,
        multitrack: bool = False,
    ) -> "Broadcast":
        """Go on air: begin a recording, or go on with the one a killed stage left open.

        `publish` (Uplink.publish) and `complain` (one sentence for the host) are called on the
        running loop. Of an unfinished recording the last `window_s` seconds are published
        again at once, so that a gate that started anew has them too. Raises PlainError
        when the event has ended, another stage has it, the disk or a codec fails.
        """
        loop = asyncio.get_running_loop()

        def on_loop(call: Callable[..., None]) -> Callable[..., None]:
            def later(argument: object) -> None:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there
                    loop.call_soon_threadsafe(call, argument)

            return later

        return await asyncio.to_thread(
            cls,
            event,
            folders,
            secret,
            send=on_loop(publish),
            complain=on_loop(complain),
            window_s=window_s,
            reserve_bytes=reserve_bytes,
            multitrack=multitrack,
        )

    @property
    def waiting_ticks(self) -> int:
        """Ticks pushed and not yet encoded: a few, unless the machine is overloaded."""
        return len(self._ticks)

    def push(
        self, pcm: Pcm, wall_ms: int, voices: Voices = (), speaking: tuple[str, ...] = ()
    ) -> None:
        """One tick of the programme: int16[960], mono, 48 kHz; mixed at `wall_ms`. Never blocks.

        `voices`: what each speaker gave to it, for tracks of their own; `speaking`: their ids.
        Silence is pushed like sound. Up to 5 s wait; then the oldest becomes silence. Raises
        RuntimeError once encoding has failed.
        """
        if pcm.shape != (TICK_48K,) or pcm.dtype != np.int16:
            raise ValueError(f"a tick is int16[{TICK_48K}], not {pcm.dtype}{list(pcm.shape)}")
        with self._changed:
            if self._failure:
                raise RuntimeError(f"{self.event} is off the air") from self._failure
            if self._ended:
                return
            self._ticks.append(_Tick(pcm, wall_ms, voices, speaking))
            if len(self._ticks) > QUEUE_TICKS:
                # Its place in media time goes to the next one.
                self._ticks[1].lost_before += self._ticks.popleft().lost_before + 1
                self.lost_ticks += 1
            self._changed.notify()

    async def finish(self, at_ms: int | None = None) -> Replay | None:
        """End: encode what waits, close the recording, make replay.m4a and ended.json.

        None when nothing was recorded. Raises PlainError when the replay cannot be written;
        the recording stays, `unfinished` goes on listing it, and opening it anew finishes it.
        """
        return await asyncio.to_thread(self._finish, at_ms)

    async def close(self) -> None:
        """Stop without an end: the recording stays unfinished, to be resumed."""
        await asyncio.to_thread(self._close)

    # --- its own thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while tick := self._next():
                for i in range(tick.lost_before, 0, -1):
                    self._encode(_Tick(_SILENCE, tick.wall_ms - _TICK_MS * i))
                self._encode(tick)
            self._encode_tail()
        except Exception as error:
            log.exception("%s: encoding failed", self.event)
            with self._changed:
                self._failure = error
            self._complain(f"{self.event} is off the air: encoding failed ({error}).")

    def _next(self) -> _Tick | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ticks or self._ended)
            return self._ticks.popleft() if self._ticks else None

    def _encode(self, tick: _Tick) -> None:
        pcm = tick.pcm
        self._packager.tick(len(pcm), tick.wall_ms)
        self._measurer.push(pcm, tick.speaking)
        if self._tracks is not None:
            if self._recorder.full:
                self._tracks.give_up("the disk is full")
            self._tracks.push(tick.voices, tick.wall_ms)
        for encoder in self._encoders:
            for cut in self._packager.push(encoder.rendition, encoder.push(pcm)):
                self._emit(cut)

    def _encode_tail(self) -> None:
        """Silence to the end of the last part, and what the encoders hold back of it."""
        if self._tracks is not None:
            self._tracks.end()
        if self._packager.pushed_48k == self._packager.begun_48k:
            return
        missing = self._packager.end()
        for _ in range(missing // TICK_48K):
            self._measurer.push(_SILENCE)
        tail = np.zeros(missing + _HELD_BACK_48K, np.int16)
        for encoder in self._encoders:
            for cut in self._packager.push(encoder.rendition, encoder.push(tail)):
                self._emit(cut)

    def _emit(self, cut: Cut) -> None:
        found = self._measurer.of(cut[0].decode_48k)
        self._recorder.append(cut, measure.line(found) if found else b"")
        if self.live_since_ms is None:
            self.live_since_ms = cut[0].wall_ms
        for part in cut:
            self._send(part)

    # --- beginning and end ---------------------------------------------------------------

    def _publish_window(self, window_s: float) -> None:
        for name, body in self._recording.inits.items():
            self._send(Init(self.event, name, self._names.inits[name], body))
        entries = self._recording.contents.entries
        since = entries[-1].end_48k - int(window_s * RATE) if entries else 0
        for i, entry in enumerate(entries):
            if entry.decode_48k < since:
                continue
            # A segment ends at its third part, or where its run did.
            last = i + 1 == len(entries) or entries[i + 1].msn != entry.msn
            about = Chunk(entry.number, entry.decode_48k, entry.wall_ms, entry.part == 0)
            for name in self._recording.inits:
                body = self._recording.read(entry, name)
                self._send(self._names.part(name, about, entry.discontinuity, last=last, body=body))

    def _stop(self) -> None:
        """Encode and record what waits. Blocks."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        self._recorder.close()

    def _close(self) -> None:
        self._stop()
        self._recording.release()

    def _finish(self, at_ms: int | None) -> Replay | None:
        self._stop()
        try:
            return self._wind_up(at_ms)
        except OSError as error:
            raise PlainError(
                f"The replay of {self.event} cannot be written: {error.strerror}.",
                "Make room on the disk and start the stage again: it finishes the recording.",
            ) from None
        finally:
            self._recording.release()

    def _wind_up(self, at_ms: int | None) -> Replay | None:
        contents = self._recording.contents
        entries = contents.entries
        if at_ms is None:
            at_ms = entries[-1].end_wall_ms if entries else 0
        self._recording.ending(at_ms)
        target = self._folders.replay(self.event)
        replay = None
        measures = measure.of_entries(entries, measure.read(self._recording.measures()))
        lufs = measure.loudness(measures)
        steps, met = steps_for(lufs, measure.peak(measures))
        if entries:
            source = target.with_name(f"{AAC.name}.mp4")
            replay = write_replay(source, entries, target, steps)
        self.gaps = contents.gaps()
        self._recording.ended(
            {
                "replay": asdict(replay) if replay else None,
                "live_since_ms": self.live_since_ms,
                "ended_ms": contents.ending_ms,
                "gaps": [asdict(gap) for gap in self.gaps],
                "loudness": {
                    "recorded_lufs": lufs and round(lufs, 2),
                    "gain_db": round(steps * STEP_DB, 2),
                    "met": met,
                },
            }
        )
        return replay


def unfinished(folders: Folders) -> list[str]:
    """Events whose recording was begun and has not ended. Open each: it resumes or finishes."""
    try:
        found = sorted(p for p in folders.recordings.iterdir() if EVENT_RE.fullmatch(p.name))
    except FileNotFoundError:
        return []
    return [p.name for p in found if (p / INDEX).exists() and not (p / ENDED).exists()]

"""One honest listener: page, door, playlists, parts, sound; and what it was like.

It does what the page's player does (blocking reloads, preload hints, parts, back to the door
when its seat is gone), decodes everything, and keeps a player's clock. The judgement is in
listener_clock.py and listener_follow.py; here is the order of things.
"""

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from samvad.base.clock import Clock, SystemClock
from samvad.base.errors import PlainError
from samvad.protocol.loudness import RATE, first_audible
from samvad.protocol.playlist_reader import PlaylistError, read_master, read_media
from samvad.rehearsal.listener_check import Continuity, Copies
from samvad.rehearsal.listener_clock import PlayerClock, Playing
from samvad.rehearsal.listener_decode import DecodeError, PartDecoder
from samvad.rehearsal.listener_follow import Follower, Piece
from samvad.rehearsal.listener_http import PATIENCE_S, Answer, Http
from samvad.rehearsal.listener_page import PageConfig, read_page
from samvad.rehearsal.listener_sound import PlayedSound
from samvad.rehearsal.place import Place, read_place, read_serving
from samvad.rehearsal.proof import Solver

_TICK_S = 0.05
_STATE_EVERY_S = 1.0
_CODECS = {"aac": "mp4a", "opus": "opus"}
RENDITIONS = tuple(_CODECS)

T = TypeVar("T")


@dataclass(frozen=True)
class Heard:
    """How it was for one listener.

    `first_sound_ms`: from the start of the page's request to the first audible sample played
    (10 ms above -50 dBFS). Who came before the conversation was on air counts from its first
    moment on air; `waited_ms` is the time before that. `latency_ms`: wall clock minus the
    PROGRAM-DATE-TIME of the sample being played, median of 20 samples a second; it trusts that
    the clocks of both machines agree. `stalls` and `stalled_ms`: the buffer ran dry in the
    middle. `loudness_lufs`: integrated loudness (BS.1770) of what was played; None when that
    was silence. `seconds`: of sound played. `doors`: how often it knocked. `jumps`: how often
    media were lost to it. `ended`: the conversation's end came. `broken`: how often the media
    did not hang together (a gap, too little sound, other bytes than others got). `stale`: how
    often the playlist stood still, or went back. `in_line_ms`: the time it stood in line, which
    `first_sound_ms` leaves out. `inside_ms`: since it was let in for the first time.
    """

    verdict: str
    reason: str | None = None
    replay: str | None = None
    first_sound_ms: int | None = None
    latency_ms: int | None = None
    stalls: int = 0
    stalled_ms: int = 0
    loudness_lufs: float | None = None
    seconds: float = 0.0
    rendition: str = "aac"
    waited_ms: int = 0
    doors: int = 0
    jumps: int = 0
    ended: bool = False
    broken: int = 0
    stale: int = 0
    in_line_ms: int = 0
    inside_ms: int = 0


@dataclass(frozen=True)
class _Refused:
    reason: str
    replay: str | None = None


class Listener:
    """One listener of the page at `url`; `run()` once.

    `for_s`: seconds from the moment it begins to play (None: to the end of the conversation).
    `wait_s`: how long to wait for the doors and for the conversation to be on air.
    """

    def __init__(
        self,
        url: str,
        for_s: float | None,
        *,
        rendition: str = "aac",
        wait_s: float = 60.0,
        wav: Path | None = None,
        clock: Clock | None = None,
        copies: Copies | None = None,
    ) -> None:
        self.player = PlayerClock(0.0)
        self._url = url
        self._for_s = for_s
        self._rendition = rendition
        self._wait_s = wait_s
        self._clock = clock or SystemClock()
        self._follower = Follower()
        self._continuity = Continuity()
        self._copies = copies or Copies()
        self._altered = 0
        self._in_line_s = self._let_in_at = 0.0
        self._decoder = PartDecoder()
        self._sound = PlayedSound(wav)
        self._latencies: list[float] = []
        self._inits: dict[str, bytes] = {}
        self._stop = asyncio.Event()
        self._ticket = ""
        self._doors = 0
        self._began_ms = 0
        self._on_air_ms: int | None = None

    def stop(self) -> None:
        """End now; `run` returns what was heard so far."""
        self._stop.set()

    async def run(self) -> Heard:
        """Listen. Raises PlainError for a site that cannot be reached or used."""
        self._began_ms = self._clock.wall_ms()
        try:
            async with Http(self._clock) as self._http:
                return await self._run()
        finally:
            self._sound.close()

    async def _run(self) -> Heard:
        work = asyncio.create_task(self._enter_and_follow())
        ear = asyncio.create_task(self._hear())
        refused = None
        try:
            await asyncio.wait({work, ear}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                refused = work.result()
                self.player.end_of_stream(self._clock.now())
                await ear  # what lies in the buffer is still heard
        finally:
            for task in (work, ear):
                task.cancel()
            await asyncio.gather(work, ear, return_exceptions=True)
        return self._report(refused)

    def _report(self, refused: _Refused | None) -> Heard:
        now = self._clock.now()
        wall_of_zero = self._clock.wall_ms() - now * 1000  # so monotonic moments get wall times
        let_in_ms = self._began_ms + round(self._in_line_s * 1000)
        on_air_ms = max(let_in_ms, self._on_air_ms or 0)
        first_sound = self.player.first_sound_at
        return Heard(
            verdict="refuse" if refused else "admit",
            reason=refused.reason if refused else None,
            replay=refused.replay if refused else None,
            first_sound_ms=(
                None
                if first_sound is None
                else max(0, round(first_sound * 1000 + wall_of_zero - on_air_ms))
            ),
            latency_ms=round(statistics.median(self._latencies)) if self._latencies else None,
            stalls=self.player.stalls,
            stalled_ms=round(self.player.stalled_s(now) * 1000),
            loudness_lufs=self._sound.loudness_lufs(),
            seconds=round(self.player.played_s, 2),
            rendition=self._rendition,
            waited_ms=on_air_ms - let_in_ms,
            doors=self._doors,
            jumps=self._follower.jumps,
            ended=self.player.state is Playing.DONE,
            broken=self._continuity.gaps + self._continuity.short + self._altered,
            stale=self._continuity.stale + self._continuity.went_back,
            in_line_ms=round(self._in_line_s * 1000),
            inside_ms=round((now - self._let_in_at) * 1000) if self._let_in_at else 0,
        )

    async def _hear(self) -> None:
        """Let the player play until it is told to stop, has played enough, or all there is."""
        while not self._stop.is_set():
            now = self._clock.now()
            self.player.advance(now)
            self._sound.played(self.player.played_s)
            latency_ms = self.player.latency_ms(self._clock.wall_ms())
            if latency_ms is not None:
                self._latencies.append(latency_ms)
            started, for_s = self.player.started_at, self._for_s
            enough = started is not None and for_s is not None and now - started >= for_s
            if enough or self.player.state is Playing.DONE:
                return
            await asyncio.sleep(_TICK_S)

    async def _enter_and_follow(self) -> _Refused | None:
        """Until the conversation's end (None) or a refusal."""
        page = await self._page()
        give_up = self._clock.now() + self._wait_s
        while True:
            master = await self._door(page, give_up)
            if isinstance(master, _Refused):
                # Who was inside when it ended has heard it all, and was not refused.
                inside = self.player.started_at is not None and master.reason == "ended"
                return None if inside else master
            await self._until_on_air(page, give_up)
            if await self._follow_seat(master):
                return None

    async def _page(self) -> PageConfig:
        if not self._url.startswith(("http://", "https://")):
            raise PlainError(
                f"{self._url!r} is not an address.", "Give the listeners' link: http…/e/…"
            )
        answer = await self._http.get(self._url)
        if answer.status == 0:
            raise PlainError(
                f"{self._url} cannot be reached.", "See that the address is right and the site up."
            )
        if answer.status != 200:
            raise PlainError(
                f"{self._url} answered with status {answer.status}.",
                "Give the listeners' link of a conversation: samvad event list.",
            )
        return read_page(answer.url, answer.text())

    async def _door(self, page: PageConfig, give_up: float) -> str | _Refused:
        """The address of the master playlist, or the refusal."""
        place, proof = None, ""
        while True:
            shown = {"ticket": self._ticket} if self._ticket else {}
            if place is not None:
                shown["place"] = place.token.decode()
            if proof:
                shown["proof"], proof = proof, ""
            answer = await self._http.patient(page.door, shown)
            said = answer.json()
            self._doors += 1
            match said.get("verdict"):
                case "wait":
                    place = read_place(said, urlsplit(page.door).path.encode())
                    if not await self._stand(page, place, give_up):
                        return _Refused("waited")
                case "admit":
                    self._ticket = str(said["ticket"])
                    self._let_in_at = self._let_in_at or self._clock.now()
                    return urljoin(page.door, str(said["play"]))
                case "refuse" if said.get("reason") == "proof" and said.get("challenge"):
                    solver = Solver(said["challenge"])
                    while not (found := await asyncio.to_thread(solver.go)):
                        if self._clock.now() > give_up:
                            return _Refused("proof")
                    proof = found
                case "refuse":
                    replay = said.get("replay")
                    refused = _Refused(
                        str(said.get("reason")), urljoin(page.door, replay) if replay else None
                    )
                    again_s = float(said.get("retry_after_ms") or 0) / 1000
                    in_time = again_s > 0 and self._clock.now() + again_s <= give_up
                    if refused.reason != "not_open" or not in_time:
                        return refused
                    await asyncio.sleep(again_s)
                case _:
                    raise PlainError(
                        f"{page.door} answered with status {answer.status} and no verdict.",
                        "See that this samvad and the site's are of one version.",
                    )

    async def _stand(self, page: PageConfig, place: Place, give_up: float) -> bool:
        """Stand in line until it is time to knock again; False when that is beyond `give_up`."""
        began = self._clock.now()
        await asyncio.sleep(place.again_s)
        while place.serving and self._clock.now() < give_up:
            said = await self._http.get(urljoin(page.door, place.serving.decode()))
            try:
                serving = read_serving(said.body)
            except ValueError:
                break  # the door itself knows better
            if place.has_news(serving):
                break
            await asyncio.sleep(place.wait_s(serving, 0.5))
        self._in_line_s += self._clock.now() - began
        return self._clock.now() < give_up

    async def _until_on_air(self, page: PageConfig, give_up: float) -> None:
        """Raises PlainError when it is not on air in time. What has ended is the door's to say."""
        while True:
            said = (await self._http.patient(page.state)).json()
            if said.get("state") == "live" and self._on_air_ms is None:
                self._on_air_ms = int(said.get("live_since_ms") or 0)
            if said.get("state") in ("live", "ended", "cancelled"):
                return
            if self._clock.now() > give_up:
                raise PlainError(
                    f"The conversation was not on air within {self._wait_s:g} s.",
                    "Let somebody speak, or wait longer with --wait.",
                )
            await asyncio.sleep(_STATE_EVERY_S)

    async def _follow_seat(self, master: str) -> bool:
        """Follow the stream while the seat is ours. True when the conversation has ended."""
        answer = await self._playlist(master)
        if answer is None:
            return False
        variants = _parsed(read_master, answer)
        codecs = _CODECS[self._rendition]
        chosen = next((v for v in variants if v.codecs.startswith(codecs)), None)
        if chosen is None:
            raise PlainError(f"The conversation has no rendition {self._rendition}.")
        address, query = urljoin(master, chosen.uri), ""
        while True:
            answer = await self._playlist(f"{address}?{query}" if query else address)
            if answer is None:
                return False
            if answer.status == 400:
                # The gate is not where we are: it came back with an older or a newer window.
                self._follower.rejoin()
                self._continuity.rejoined()
                query = ""
                continue
            playlist = _parsed(read_media, answer)
            self._continuity.playlist(playlist, self._clock.now())
            pieces = self._follower.take(playlist)
            if self.player.state is not Playing.PLAYING:
                self.player.start_after_s = self._follower.hold_back_s(playlist)
            for piece in pieces:
                await self._take(piece, address)
            if playlist.ended:
                return True
            query = self._follower.directives(playlist)
            if playlist.hint is not None:
                self._http.hint(urljoin(address, playlist.hint))
            if not query:
                # 6.3.4: after a Target Duration, or half of it when nothing had changed.
                await asyncio.sleep(playlist.target_s / (1 if pieces else 2))

    async def _playlist(self, url: str) -> Answer | None:
        """A playlist, or a 400; None when the seat is gone. Waits while there is none."""
        give_up = self._clock.now() + PATIENCE_S
        while True:
            answer = await self._http.patient(url)
            if answer.status in (200, 400):
                return answer
            if answer.status in (403, 410):
                self._ticket = "" if answer.status == 403 else self._ticket
                return None
            # 503: nothing new, or nothing at all, for now; 404: a gate that has just come back.
            if answer.status not in (404, 503) or self._clock.now() > give_up:
                raise PlainError(
                    f"The playlist {url} is answered with status {answer.status}.",
                    "See whether the stage runs, and whether anybody speaks.",
                )
            await asyncio.sleep(answer.retry_after_s)

    async def _take(self, piece: Piece, base: str) -> None:
        """Fetch, decode, and lay into the player's buffer. What is gone is a jump."""
        init_url, url = urljoin(base, piece.init), urljoin(base, piece.uri)
        if init_url not in self._inits:
            init = await self._http.media(init_url)
            if init.status == 200:
                self._inits = {init_url: init.body}
        body = await self._http.media(url)
        if body.status != 200 or init_url not in self._inits:
            self._follower.jumps += 1
            self._continuity.rejoined()
            return
        self._altered += not self._copies.same(url, body.body)
        try:
            samples = self._decoder.decode(self._inits[init_url], body.body)
        except DecodeError as error:
            raise PlainError(f"{url}: {error}", "The stage has sent broken media.") from None
        samples = samples[round(piece.skip_s * RATE) :]
        self._continuity.piece(piece, len(samples), RATE)
        self._sound.decoded(samples)
        self.player.add(self._clock.now(), piece.duration_s, piece.wall_ms, first_audible(samples))


def _parsed(read: Callable[[str], T], answer: Answer) -> T:
    try:
        return read(answer.text())
    except PlaylistError as error:
        raise PlainError(
            f"{answer.url}: {error}.", "The gate has sent a broken playlist."
        ) from None

"""`samvad speak`: a WHIP client that publishes an audio file at the speed of speech.

It behaves like a microphone: once it is connected the file's time runs on, whatever happens
to the connection. A lost stage is looked for again for RETRY_S, so a speaker is back by
itself after a restart.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from samvad.base.errors import PlainError
from samvad.stage.engine import Engine, Source
from samvad.stage.opus import FRAME, RATE, Pcm
from samvad.stage.peer import AiortcEngine
from samvad.stage.sdp import OfferError
from samvad.stage.sound import open_sound

TICK_S = FRAME / RATE
RETRY_S = 30.0
CONNECT_S = 10.0
SILENT_S = 4.0
"""The stage reports about once a second; without any packet for this long it is gone."""
ABSENT_S = 1.5
"""The room says for this long that one is not in it: the stage was restarted."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`state`: connecting, sending, lost, done. `seconds` of the file are through."""

    state: str
    seconds: float
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """How it went. `ended`: "file" (its end), "time" (for_s), or "event" (the host ended it)."""

    seconds: float
    ended: str
    connected_ms: int
    reconnects: int


OnProgress = Callable[[Progress], None]


async def speak(
    url: str,
    file: str | Path,
    token: str | None = None,
    on_progress: OnProgress | None = None,
    for_s: float | None = None,
    *,
    loop: bool = False,
    engine: Engine | None = None,
) -> Spoken:
    """Publish `file` to `url`: a speaker's link, or a WHIP URL with its token.

    Ends at the file's end (with `loop`: never), after `for_s` seconds, or with the event.
    Raises PlainError for a file that cannot be decoded, a refused token, an unreachable stage.
    """
    frames = await asyncio.to_thread(open_sound, Path(file), loop=loop)
    timeout = aiohttp.ClientTimeout(total=20, connect=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            whip, token = await _find(http, url, token)
            made = engine or AiortcEngine([], loopback=_is_loopback(whip))
            speaker = _Speaker(http, made, whip, token, on_progress or _nothing)
            return await speaker.run(frames, for_s)
    finally:
        frames.close()


class _Unreachable(PlainError):
    """There is no connection (any more); it can be tried again."""


class _EventOver(Exception):
    """The conversation has ended."""


class _Speaker:
    def __init__(
        self,
        http: aiohttp.ClientSession,
        engine: Engine,
        whip: str,
        token: str,
        on_progress: OnProgress,
    ) -> None:
        self._http = http
        self._engine = engine
        self._whip = whip
        self._headers = {"Authorization": f"Bearer {token}"}
        self._progress = on_progress
        self._peer: Source | None = None
        self._session = ""
        self._lost = asyncio.Event()
        self._over = False
        self._phase: str | None = None
        self._sent = 0

    @property
    def _seconds(self) -> float:
        return self._sent * TICK_S

    async def run(self, frames: Iterable[Pcm], for_s: float | None) -> Spoken:
        begun = time.monotonic()
        self._tell("connecting")
        try:
            await self._publish()
        except _EventOver as over:
            raise PlainError(f"The stage refused: {over}") from None
        connected_ms = int((time.monotonic() - begun) * 1000)
        watching = asyncio.create_task(self._watch())
        again: asyncio.Task[None] | None = None
        reconnects, ended = 0, "file"
        due = time.monotonic()
        try:
            for pcm in frames:
                if for_s is not None and self._seconds >= for_s:
                    ended = "time"
                    break
                due += TICK_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if again is not None and again.done():
                    again.result()
                    again = None
                    reconnects += 1
                if again is None and self._is_lost():
                    self._tell("lost")
                    again = asyncio.create_task(self._publish_again())
                if self._over:
                    raise _EventOver
                if again is None and self._peer is not None:
                    await self._peer.send(pcm)
                self._sent += 1
                if self._sent % 50 == 0:
                    self._tell("sending" if again is None else "lost")
            if again is not None:
                await again
                reconnects += 1
        except _EventOver:
            ended = "event"
        finally:
            for task in (watching, again):
                if task is not None:
                    task.cancel()
                    await asyncio.wait([task])
            await self._leave()
        self._tell("done")
        return Spoken(round(self._seconds, 2), ended, connected_ms, reconnects)

    def _tell(self, state: str) -> None:
        self._progress(Progress(state, self._seconds, self._phase))

    def _is_lost(self) -> bool:
        if self._lost.is_set() or self._peer is None:
            return True
        last = self._peer.last_packet
        return last is not None and time.monotonic() - last > SILENT_S

    async def _publish_again(self) -> None:
        until = time.monotonic() + RETRY_S
        pause = 0.25
        while True:
            try:
                return await self._publish()
            except _Unreachable:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 1.5)

    async def _publish(self) -> None:
        """One WHIP session (RFC 9725, section 4.2): offer, POST, answer, connected."""
        old, self._peer = self._peer, None
        if old is not None:
            await old.close()
        lost = self._lost = asyncio.Event()
        peer = await self._engine.source(lost.set)
        try:
            answer, location = await self._post(peer.offer)
            await peer.accept(answer)
            async with asyncio.timeout(CONNECT_S):
                while not peer.connected:
                    if lost.is_set():
                        raise _unreachable(self._whip, "the media connection failed")
                    await asyncio.sleep(0.01)
        except OfferError as error:
            await peer.close()
            raise PlainError(f"The stage's answer cannot be used: {error.says}") from None
        except TimeoutError:
            await peer.close()
            raise _unreachable(self._whip, "no media connection came about") from None
        except BaseException:
            await peer.close()
            raise
        self._peer, self._session = peer, urljoin(self._whip, location)
        self._tell("sending")

    async def _post(self, offer: str) -> tuple[str, str]:
        headers = self._headers | {"Content-Type": "application/sdp"}
        try:
            async with self._http.post(
                self._whip, data=offer.encode(), headers=headers
            ) as response:
                text = await response.text()
                if response.status == 201:
                    return text, response.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(self._whip, str(error) or type(error).__name__) from None
        says, code = _refusal(text, response.status)
        if code in ("ended", "cancelled"):
            self._over = True
            raise _EventOver(says)
        if response.status >= 500:
            raise _unreachable(self._whip, says)
        raise PlainError(f"The stage refused: {says}")

    async def _watch(self) -> None:
        """Follow the room, where the stage is Samvad's: it says at once what RTP says late."""
        base, _, event = self._whip.rpartition("/whip/")
        absent_since: float | None = None
        while base:
            try:
                async for data in self._events(f"{base}/stage/{event}/room/stream"):
                    you = data["you"]["id"]
                    self._phase = data["room"]["phase"]
                    self._over = self._over or self._phase == "ended"
                    here = any(s["here"] for s in data["room"]["speakers"] if s["id"] == you)
                    now = time.monotonic()
                    absent_since = None if here else absent_since or now
                    if absent_since is not None and now - absent_since > ABSENT_S:
                        self._lost.set()
                        absent_since = None
            except aiohttp.ClientConnectorError:
                self._lost.set()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
                pass
            await asyncio.sleep(0.5)

    async def _events(self, url: str) -> AsyncIterator[dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60, connect=5)
        async with self._http.get(url, headers=self._headers, timeout=timeout) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    async def _leave(self) -> None:
        if self._session:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._http.delete(
                    self._session, headers=self._headers, timeout=aiohttp.ClientTimeout(total=3)
                ):
                    pass
        if self._peer is not None:
            await self._peer.close()


# finding the stage


class _ConfigReader(HTMLParser):
    """The text of <script type="application/json" id="config">."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", "config") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


async def _find(http: aiohttp.ClientSession, url: str, token: str | None) -> tuple[str, str]:
    """The WHIP URL and the token that a speaker's link stands for."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise PlainError(
            f"{url!r} is not an address.", "Give a speaker's link, or a WHIP URL with --token."
        )
    token = token or parts.fragment or None
    if token is None:
        raise PlainError(
            "The address carries no token.",
            "Give the whole speaker's link, with what stands behind #, or use --token.",
        )
    if "/whip/" in parts.path:
        return url.partition("#")[0], token
    try:
        async with http.get(url.partition("#")[0]) as response:
            page = await response.text()
            if response.status != 200:
                raise PlainError(
                    f"The page {url.partition('#')[0]} answered {response.status}.",
                    "Check the link.",
                )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unreachable(url.partition("#")[0], str(error) or type(error).__name__) from None
    reader = _ConfigReader()
    reader.feed(page)
    try:
        config = json.loads(reader.text)
        return f"{config['stage'].rstrip('/')}/whip/{config['event']}", token
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PlainError(
            f"{url.partition('#')[0]} is not the page of a studio.",
            "Give a speaker's link, or a WHIP URL with --token.",
        ) from None


def _refusal(text: str, status: int) -> tuple[str, str]:
    try:
        data = json.loads(text)
        return str(data["says"]), str(data["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {status}", ""


def _unreachable(url: str, why: str) -> _Unreachable:
    parts = urlsplit(url)
    return _Unreachable(
        f"The stage at {parts.scheme}://{parts.netloc} cannot be reached: {why}.",
        "Check that it runs, and that its address is right.",
    )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _nothing(progress: Progress) -> None:
    return

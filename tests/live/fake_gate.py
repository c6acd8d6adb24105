"""A gate that does what a test asks, to see how a listener takes it. Parts come in real time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from samvad.protocol.playlist import Form, Window, WindowPart, WindowSegment, render_media

PART_48K = 30_720
EVENT = "fakeevent1"


@dataclass
class FakeGate:
    """One event whose first part came `ahead_s` before the start, and one every 0.64 s since.

    `faults` holds what the next playlist requests are answered with instead (status codes; 0
    breaks the connection). `ends_at`: the number of parts after which it ends.
    """

    init: bytes
    parts: list[bytes]
    ahead_s: float = 6.4
    form: Form = Form.LOW
    verdicts: list[dict[str, object]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    ends_at: int = 10**6
    state: str = "live"
    knocks: list[dict[str, object]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __aenter__(self) -> str:
        """The page's address."""
        self._zero = time.monotonic() - self.ahead_s
        self._zero_ms = int(time.time() * 1000 - self.ahead_s * 1000)
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/e/fake", self._page)
        app.router.add_post(f"/door/{EVENT}", self._door)
        app.router.add_get(f"/live/{EVENT}/state.json", self._state)
        app.router.add_get(f"/live/{EVENT}/{{ticket}}/master.m3u8", self._master)
        app.router.add_get(f"/live/{EVENT}/{{ticket}}/aac/index.m3u8", self._playlist)
        app.router.add_get(f"/live/{EVENT}/m/{{name}}", self._media)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/e/fake"

    async def __aexit__(self, *about: object) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _note(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        return await handler(request)

    def made(self) -> int:
        """Parts that are there now."""
        made = int((time.monotonic() - self._zero) / 0.64)
        return min(made, len(self.parts), self.ends_at)

    async def _page(self, request: web.Request) -> web.Response:
        config = f'{{"event": "{EVENT}", "gate": "", "title": "A \\u003C B"}}'
        html = f'<p>x</p><script id="config" type="application/json">{config}</script>'
        return web.Response(text=html, content_type="text/html")

    async def _door(self, request: web.Request) -> web.Response:
        self.knocks.append(await request.json())
        if self.verdicts:
            return web.json_response(self.verdicts.pop(0))
        ticket = f"ticket{len(self.knocks)}"
        play = f"/live/{EVENT}/{ticket}/master.m3u8"
        return web.json_response({"verdict": "admit", "ticket": ticket, "play": play})

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response({"state": self.state, "live_since_ms": self._zero_ms})

    async def _master(self, request: web.Request) -> web.Response:
        line = '#EXT-X-STREAM-INF:BANDWIDTH=80000,CODECS="mp4a.40.2"'
        return web.Response(text=f"#EXTM3U\n{line}\naac/index.m3u8\n")

    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        if self.faults:
            status = self.faults.pop(0)
            if status == 0:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return web.Response(status=status, headers={"Retry-After": "0.2"})
        msn = int(request.query.get("_HLS_msn", "-1"))
        part = int(request.query.get("_HLS_part", "0"))
        while self.made() <= msn * 3 + part and self.made() < min(len(self.parts), self.ends_at):
            await asyncio.sleep(0.01)
        return web.Response(text=render_media(self._window(), self.form))

    def _window(self) -> Window:
        made, segments = self.made(), []
        for first in range(0, made, 3):
            names = [f"p{n}" for n in range(first, min(first + 3, made))]
            segments.append(
                WindowSegment(
                    msn=first // 3,
                    name=f"s{first // 3}",
                    init="init",
                    wall_ms=self._zero_ms + first * 640,
                    discontinuity=0,
                    parts=tuple(WindowPart(name, PART_48K) for name in names),
                    complete=len(names) == 3,
                )
            )
        ended = made >= self.ends_at
        hint = None if ended else f"p{made}"
        return Window(tuple(segments), discontinuity_before=0, hint=hint, ended=ended)

    async def _media(self, request: web.Request) -> web.Response:
        name = request.match_info["name"].partition(".")[0]
        if name == "init":
            return web.Response(body=self.init)
        number = int(name[1:])
        if name[0] == "s":
            return web.Response(body=b"".join(self.parts[number * 3 : number * 3 + 3]))
        while self.made() <= number:
            await asyncio.sleep(0.01)
        return web.Response(body=self.parts[number])

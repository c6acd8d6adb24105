"""The stage process: everything put together, started, and ended cleanly."""

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from samvad.base import log as base_log
from samvad.base.clock import SystemClock
from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.base.machine import go_before
from samvad.base.settings import Settings
from samvad.broadcast.uplink import Uplink
from samvad.protocol.client_addr import Networks
from samvad.protocol.media import Part
from samvad.protocol.secret import make_secret, token_for
from samvad.protocol.uplink import Message
from samvad.stage import http, opus
from samvad.stage.budget import Budgets
from samvad.stage.doorkeeper import Doorkeeper
from samvad.stage.engine import IceServer, ice_servers
from samvad.stage.figures import Figures
from samvad.stage.keeper import Keeper
from samvad.stage.peer import AiortcEngine
from samvad.stage.rooms import Rooms
from samvad.stage.setting import Setting
from samvad.stage.whip import Sessions

log = logging.getLogger("samvad.stage")

SHUTDOWN_S = 2.0
IDLE_S = 20.0
"""A connection without a complete request head for this long is closed."""
NICE = -10
"""A busy neighbour on the same core must not delay the tick."""


def main(data: Path, settings: Settings) -> int:
    """Run the stage until SIGTERM or SIGINT; 0 then. Raises PlainError for what can be mended."""
    base_log.set_up(settings.log.level)
    logging.getLogger("aioice").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_is_ours)
    opus.library()
    go_before(NICE)
    # An encoder's thread gives the interpreter back after 1 ms, not 5.
    sys.setswitchinterval(0.001)
    return asyncio.run(_run(data, settings))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a complaint of aiohttp is worth a line: what is no HTTP has had its 400, and must
    not fill the log too (aiohttp writes a traceback for each)."""
    fault = record.exc_info[1] if record.exc_info else None
    return not isinstance(fault, HttpProcessingError)


async def _run(data: Path, settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Stage(data, settings):
        # What was built until now lives as long as the process; the collector need not
        # look at it again, and what comes after is collected in short, rarer rounds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        await stop.wait()
    return 0


class Stage:
    """A stage that serves while its context lasts."""

    def __init__(self, data: Path, settings: Settings) -> None:
        self._data = data
        self._settings = settings
        self._stack = contextlib.AsyncExitStack()
        self.doorkeepers: list[Doorkeeper] = []

    async def __aenter__(self) -> "Stage":
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, later = self._settings, self._stack
        folders = Folders(self._data)
        try:
            folders.make()
        except OSError as error:
            raise PlainError(
                f"The data folder {self._data} cannot be used: {error.strerror}.",
                "Give a folder that can be written with --data.",
            ) from None
        secret = make_secret(folders.secret)
        figures = Figures()
        servers = _ice(settings)
        uplink = Uplink(
            settings.stage.uplink or str(folders.uplink),
            token_for(secret, "uplink"),
            settings.gate.window_s,
        )
        await uplink.start()
        later.push_async_callback(uplink.close)
        keeper = Keeper(folders, figures)
        later.push_async_callback(asyncio.to_thread, keeper.close)

        def publish(message: Message) -> None:
            figures.parts += isinstance(message, Part)
            uplink.publish(message)

        self.rooms = Rooms(
            Setting(
                folders,
                secret,
                settings.stage,
                AiortcEngine(servers, loopback=_is_local(settings.public.host)),
                SystemClock(),
                publish,
                keeper,
                figures,
                settings.gate.window_s,
            )
        )
        later.push_async_callback(self.rooms.close)
        await self.rooms.resume()
        polling = asyncio.create_task(self.rooms.poll())
        later.push_async_callback(_cancelled, polling)
        app = application(self.rooms, figures, servers, settings)
        await self._listen(app, settings.public.host, settings.stage.port, "port")
        admin = _admin(self.rooms, figures, uplink, self.doorkeepers)
        await self._listen(admin, "127.0.0.1", settings.stage.admin_port, "admin_port")
        log.info("listening on %s", settings.stage_url())

    async def _listen(self, app: web.Application, host: str, port: int, name: str) -> None:
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=IDLE_S
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        assert runner.server is not None
        proxies = Networks(self._settings.public.proxies)
        self.doorkeepers.append(Doorkeeper(runner.server, proxies=proxies))
        try:
            await web.TCPSite(runner, host, port, backlog=256).start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PlainError(
                    f"Port {port} is already in use.",
                    f"End what uses it, or set another one: [stage] {name} in samvad.toml, "
                    f"or SAMVAD_STAGE_{name.upper()}.",
                ) from None
            raise PlainError(
                f"The stage cannot listen on {host} port {port}: {error.strerror}.",
                f"Check [public] host and [stage] {name} in samvad.toml.",
            ) from None


def application(
    rooms: Rooms, figures: Figures, servers: list[IceServer], settings: Settings
) -> web.Application:
    """The public port."""
    app = web.Application(middlewares=[http.plain], client_max_size=128 * 1024)
    app[http.ROOMS], app[http.FIGURES] = rooms, figures
    app[http.BUDGETS], app[http.PROXIES] = Budgets(), Networks(settings.public.proxies)

    async def shut(app: web.Application) -> None:
        await rooms.close()  # also ends the event streams, which else would hold the end up

    app.on_shutdown.append(shut)
    http.add_routes(app)
    Sessions(servers, settings.stage_url()).add_routes(app)
    return app


def _admin(
    rooms: Rooms, figures: Figures, uplink: Uplink, doorkeepers: list[Doorkeeper]
) -> web.Application:
    """Health and metrics, on the loopback address."""

    def gauges() -> dict[str, float]:
        return {
            "conversations": len(list(rooms)),
            "conversations_live": sum(c.state.phase == "live" for c in rooms),
            "speakers": sum(len(c.publishers) for c in rooms),
            "returns": sum(len(c.returns) for c in rooms),
            "gates": uplink.gates,
            "connections_cut": sum(d.cut for d in doorkeepers),
            "programme_ticks_lost": sum(c.lost_ticks for c in rooms),
        }

    async def health(request: web.Request) -> web.Response:
        late = figures.lateness
        return web.json_response(
            {
                "ok": True,
                "process": "stage",
                "tick_late_ms": {
                    "p50": late.quantile_ms(0.5),
                    "p99": late.quantile_ms(0.99),
                    "worst": round(late.worst_ms, 3),
                },
            }
            | gauges()
        )

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(
            body=figures.text(gauges(), rooms.streams()).encode(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    return app


def _ice(settings: Settings) -> list[IceServer]:
    try:
        return ice_servers(settings.stage.ice_servers)
    except ValueError as error:
        raise PlainError(
            f"The setting stage.ice_servers has {error.args[0]!r}, which is no ICE server.",
            "Write stun:host:port or turn:user:password@host:port, separated by spaces.",
        ) from None


def _is_local(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

"""How many connections the public port holds. A flood of them must not starve the show.

Files and media sockets need descriptors as well, so HTTP gets a fixed share of them; what is
beyond is closed before a byte is read. aiohttp closes by itself what sends no complete
request head within its keep-alive time.
"""

from collections import Counter
from typing import Any

from aiohttp import web

from samvad.protocol.client_addr import Networks, source_of

CONNECTIONS = 1024
PER_SOURCE = 256
"""An office behind one address, with event streams and some waiting requests a speaker."""


class Doorkeeper:
    """Counts the connections of one aiohttp server and cuts off those beyond the limits."""

    def __init__(
        self,
        server: web.Server,
        connections: int = CONNECTIONS,
        per_source: int = PER_SOURCE,
        proxies: Networks | None = None,
    ) -> None:
        self.cut = 0
        self._proxies = proxies or Networks()
        self._connections, self._per_source = connections, per_source
        self._made, self._lost = server.connection_made, server.connection_lost
        self._sources: dict[Any, str] = {}
        self._counts: Counter[str] = Counter()
        server.connection_made = self._connection_made  # type: ignore[method-assign]
        server.connection_lost = self._connection_lost  # type: ignore[method-assign]

    def _connection_made(self, handler: Any, transport: Any) -> None:
        self._made(handler, transport)
        peer = transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        source = source_of(address)
        self._sources[handler] = source
        self._counts[source] += 1
        # A reverse proxy speaks for everybody; it has limits of its own.
        of_proxy = address.startswith("127.") or address == "::1" or address in self._proxies
        if len(self._sources) > self._connections or (
            self._counts[source] > self._per_source and not of_proxy
        ):
            self.cut += 1
            transport.abort()

    def _connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        source = self._sources.pop(handler, None)
        if source is not None:
            self._counts[source] -= 1
            if self._counts[source] <= 0:
                del self._counts[source]
        self._lost(handler, exc)

"""A listener's requests: one connection pool, retries while a process restarts, the hint."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from samvad.base.clock import Clock
from samvad.base.errors import PlainError

PATIENCE_S = 30.0
"""How long a site may be gone before a listener gives up."""
_RETRY_S = 0.3
_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=5)


@dataclass(frozen=True)
class Answer:
    """What came back. `status` 0: nobody answered. `url`: after redirects."""

    status: int
    body: bytes = b""
    url: str = ""
    retry_after_s: float = 1.0

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> dict[str, Any]:
        """The object in the body; empty when there is none."""
        try:
            said = json.loads(self.body)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}


class Http:
    """Requests of one listener. An async context manager."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hint: tuple[str, asyncio.Task[Answer]] | None = None

    async def __aenter__(self) -> "Http":
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._drop_hint()
        await self._session.close()

    async def get(self, url: str, post: Mapping[str, str] | None = None) -> Answer:
        """One try of a GET (with `post`: a POST of JSON)."""
        method = "GET" if post is None else "POST"
        try:
            async with self._session.request(method, url, json=post) as answer:
                return Answer(
                    answer.status,
                    await answer.read(),
                    str(answer.url),
                    _seconds(answer.headers.get("Retry-After")),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Answer(0)

    async def patient(self, url: str, post: Mapping[str, str] | None = None) -> Answer:
        """Like `get`, again and again while nobody answers. Raises PlainError at last."""
        give_up = self._clock.now() + PATIENCE_S
        while (answer := await self.get(url, post)).status == 0:
            if self._clock.now() > give_up:
                raise PlainError(
                    f"{url} has not answered for {PATIENCE_S:g} s.",
                    "See that the site is up (samvad doctor on its machine).",
                )
            await asyncio.sleep(_RETRY_S)
        return answer

    async def media(self, url: str) -> Answer:
        """Media; taken from the hint's request if that is what was asked for beforehand."""
        if self._hint is not None and self._hint[0] == url:
            task, self._hint = self._hint[1], None
            answer = await task
            if answer.status == 200:
                return answer
        return await self.patient(url)

    def hint(self, url: str) -> None:
        """Ask for a part that is still being made (EXT-X-PRELOAD-HINT); the server holds it."""
        if self._hint is not None and self._hint[0] == url:
            return
        self._drop_hint()
        self._hint = (url, asyncio.create_task(self.get(url)))

    def _drop_hint(self) -> None:
        if self._hint is not None:
            self._hint[1].cancel()
            self._hint = None


def _seconds(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 1), 0.1), 10.0)
    except ValueError:
        return 1.0

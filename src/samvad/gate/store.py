"""The store that several gate machines share (Valkey or Redis), asked on a thread of its own.

The gate's loop never waits for it: `ask` hands over one round of questions, `answers` gives what
has come back. A store that is away costs nothing but new leases; those that there are hold.
"""

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any, cast

import redis

from samvad.base.errors import PlainError
from samvad.gate.lease import SCRIPT, Ask, Grant

log = logging.getLogger("gate")

PATIENCE_S = 1.0
"""For one question."""
SETTLE_S = 3.0
"""A store that is empty believes what machines say they hold for so long."""

Round = tuple[float, Mapping[str, Ask]]


class Store:
    """`url`: redis://host:port/number, or unix:///path. Raises PlainError for what is none."""

    def __init__(self, url: str, machine: str, lease_s: float) -> None:
        self._machine, self._lease_s = machine, lease_s
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
            )
        except ValueError as error:
            raise PlainError(
                f"gate.store is no address of a store: {error}.",
                "Write it as redis://host:6379/0 or unix:///path/to/socket.",
            ) from None
        self._script = self._redis.register_script(SCRIPT)
        self._asked: queue.Queue[Round | None] = queue.Queue(1)
        self._said: queue.SimpleQueue[tuple[float, str, Ask, Grant]] = queue.SimpleQueue()
        self._complaint = ""
        self.busy = False
        """Whether a round is on its way: what it says is not known yet."""
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def ask(self, now: float, asks: Mapping[str, Ask]) -> None:
        """Ask for each event's lease, unless it is `busy`."""
        if not self.busy:
            self.busy = True
            self._asked.put_nowait((now, asks))

    def answers(self) -> list[tuple[float, str, Ask, Grant]]:
        """What has come back since: when it was asked, the event, what was asked, the answer."""
        found = []
        while not self._said.empty():
            found.append(self._said.get_nowait())
        return found

    def _run(self) -> None:
        while (one := self._asked.get()) is not None:
            asked_at, asks = one
            for event, ask in asks.items():
                try:
                    self._said.put((asked_at, event, ask, self.lease(event, ask)))
                    self._complain("")
                except (redis.RedisError, OSError, ValueError) as error:
                    self._complain(str(error))
                    break
            self.busy = False

    def lease(self, event: str, ask: Ask, now_ms: int = 0) -> Grant:
        """One question and its answer. `now_ms` 0: by the store's clock. Raises RedisError."""
        arguments = ask.arguments(self._machine, now_ms, self._lease_s, SETTLE_S)
        said = self._script(keys=[f"samvad:seats:{event}"], args=arguments)
        return Grant.of(cast(list[Any], said))

    def _complain(self, why: str) -> None:
        if why and why != self._complaint:
            log.warning("the store of seats does not answer: %s", why)
        elif self._complaint and not why:
            log.info("the store of seats answers again")
        self._complaint = why

    def close(self) -> None:
        """Ask no more."""
        try:
            self._asked.put(None, timeout=2 * PATIENCE_S)
            self._thread.join(2 * PATIENCE_S)
        except queue.Full:
            pass
        self._redis.close()

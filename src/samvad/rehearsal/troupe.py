"""One trial shared by several machines: a leader, and workers that join it.

JSON lines over one TCP connection each. A worker says hello; the leader tells it its part of
the trial; it says ready; the leader pings it, to know how long a word takes, and tells it in
how many seconds to begin. Clocks of machines need not agree. Each second a worker tells all it
has counted. When the connection ends, at either end, the worker's crowd ends too.

A worker trusts no leader: it asks the target itself for permission, unless that is loopback.
Attackers and full listeners are the leader's alone.
"""

import contextlib
import dataclasses
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from samvad import __version__
from samvad.base.errors import PlainError
from samvad.rehearsal.health import Health
from samvad.rehearsal.permit import fetch, is_here
from samvad.rehearsal.shards import Crowd, Snapshot
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.trial import Trial, shards_for

JOIN_S = 120.0
"""So long the leader waits for its workers."""
BEGIN_S = 1.5
LAST_WORDS_S = 10.0
MOST_LINE = 8 * 1024 * 1024
MOST_PROCESSES = 64

Note = Callable[[str], None]


class Lines:
    """Lines of JSON on a socket, both ways."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._data = b""

    def say(self, **said: Any) -> None:
        """Raises OSError when nobody listens."""
        self.sock.sendall(json.dumps(said, separators=(",", ":")).encode() + b"\n")

    def take(self) -> list[dict[str, Any]] | None:
        """What has come; None at the end. Raises OSError, ValueError."""
        data = self.sock.recv(1 << 18)
        if not data:
            return None
        *lines, self._data = (self._data + data).split(b"\n")
        if len(self._data) > MOST_LINE:
            raise ValueError("a line without an end")
        found = [json.loads(line) for line in lines]
        if not all(isinstance(said, dict) for said in found):
            raise ValueError("a line of another kind")
        return found

    def wait_for(self, key: str, within_s: float) -> dict[str, Any]:
        """The next line that has `key`. Raises PlainError, also for what the other complains of."""
        give_up = time.monotonic() + within_s
        try:
            while (left := give_up - time.monotonic()) > 0:
                self.sock.settimeout(left)
                for said in self.take() or [{"says": "It has hung up.", "mend": ""}]:
                    if "says" in said:
                        raise PlainError(str(said["says"]), str(said.get("mend", "")))
                    if key in said:
                        return said
        except (OSError, ValueError) as error:
            raise PlainError(f"A machine of this rehearsal is lost: {error}.") from None
        raise PlainError("A machine of this rehearsal does not answer.")


class _Worker:
    """The leader's end of one."""

    def __init__(self, lines: Lines, name: str) -> None:
        self.lines, self.name = lines, name
        self.last: tuple[Tally, Health] | None = None
        self.ended = False
        self.delay_s = 0.0

    def ping(self) -> None:
        asked = time.monotonic()
        self.lines.say(ping=True)
        self.lines.wait_for("pong", 10.0)
        self.delay_s = (time.monotonic() - asked) / 2

    def read(self) -> bool:
        """Take what it says; False at its end."""
        try:
            heard = self.lines.take()
        except (OSError, ValueError):
            heard = None
        for said in heard or ():
            if "tally" in said:
                self.last = Tally.from_json(said["tally"]), Health.from_json(said["health"])
            self.ended = self.ended or "end" in said
        return heard is not None


class Troupe:
    """The leader: its own crowd and those of `workers` machines. A context manager; `run` once."""

    def __init__(self, trial: Trial, listen: str, workers: int, processes: int, note: Note) -> None:
        """Waits for the workers. Raises PlainError when they do not come."""
        self._workers: list[_Worker] = []
        self._own: Crowd | None = None
        machines = workers + 1
        each = processes or max(1, -(-shards_for(trial) // machines))
        self.machines, self.processes = machines, machines * each
        try:
            self._gather(listen, workers, note)
            for number, worker in enumerate(self._workers, start=1):
                # It asks for its own permission; and reads no file of ours.
                told = dataclasses.asdict(replace(trial, permit=""))
                worker.lines.say(trial=told, part=[number, machines], processes=each)
            self._own = Crowd(trial, each, part=(0, machines))
            for worker in self._workers:
                worker.lines.wait_for("ready", 90.0)
                worker.ping()
        except OSError as error:
            self.stop()
            raise PlainError(f"A worker is lost: {error}.") from None
        except BaseException:
            self.stop()
            raise

    def _gather(self, listen: str, workers: int, note: Note) -> None:
        with _listener(listen) as listener:
            note(f"Waiting for {workers} workers: samvad rehearse --join {listen}")
            give_up = time.monotonic() + JOIN_S
            while len(self._workers) < workers:
                listener.settimeout(max(0.1, give_up - time.monotonic()))
                try:
                    sock, peer = listener.accept()
                except TimeoutError:
                    raise PlainError(
                        f"Only {len(self._workers)} of {workers} workers came in {JOIN_S:g} s."
                    ) from None
                worker = _Worker(Lines(sock), str(peer[0]))
                try:
                    hello = worker.lines.wait_for("hello", 10.0)
                except PlainError:
                    sock.close()  # somebody else
                    continue
                if hello["hello"] != __version__:
                    worker.lines.say(says=f"The leader has version {__version__}.", mend="")
                    sock.close()
                    continue
                self._workers.append(worker)
                note(f"{len(self._workers)} of {workers}: {worker.name}")

    def __enter__(self) -> "Troupe":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def run(
        self,
        each_second: Callable[[Snapshot], bool | None] | None = None,
        begin_at: float = 0.0,
    ) -> Snapshot:
        """All machines together; as Crowd.run."""
        assert self._own is not None
        began = max(begin_at, time.monotonic() + BEGIN_S)
        for worker in self._workers:
            left_s = began - time.monotonic() - worker.delay_s
            with contextlib.suppress(OSError):
                worker.lines.say(begin_in_s=left_s)
        selector = selectors.DefaultSelector()
        for worker in self._workers:
            worker.lines.sock.setblocking(True)
            selector.register(worker.lines.sock, selectors.EVENT_READ, worker)

        def listen(most_s: float) -> None:
            for key, _ in selector.select(most_s) if selector.get_map() else ():
                if not key.data.read():
                    selector.unregister(key.fileobj)

        def together(own: Snapshot) -> bool:
            listen(0.0)
            return each_second is None or each_second(self._merged(own)) is not False

        end = self._own.run(together, began)
        for worker in self._workers:
            if not worker.ended:
                with contextlib.suppress(OSError):
                    worker.lines.say(stop=True)
        give_up = time.monotonic() + LAST_WORDS_S
        while selector.get_map() and time.monotonic() < give_up:
            listen(0.2)
            if all(worker.ended for worker in self._workers):
                break
        selector.close()
        return self._merged(end)

    def _merged(self, own: Snapshot) -> Snapshot:
        tally, health, heard_of = Tally(), Health(), own.heard_of
        tally.merge(own.tally)
        health.merge(own.health)
        for worker in self._workers:
            if worker.last is not None:
                tally.merge(worker.last[0])
                health.merge(worker.last[1])
                heard_of += 1
        return Snapshot(own.at_s, tally, health, heard_of)

    def stop(self) -> None:
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.lines.sock.close()
        if self._own is not None:
            self._own.stop()


def follow(leader: str, key: str, note: Note) -> int:
    """Be a worker of the rehearsal at `leader` ("host:port"); 0 when it went to its end."""
    host, port = _address(leader)
    try:
        sock = socket.create_connection((host, port), timeout=30)
    except OSError as error:
        raise PlainError(
            f"No rehearsal waits at {leader}: {error.strerror or error}.",
            "Start the leader first: samvad rehearse URL --workers N --listen HOST:PORT.",
        ) from None
    with sock:
        lines = Lines(sock)
        try:
            lines.say(hello=__version__)
            order = lines.wait_for("trial", JOIN_S)
            with _crowd_of(order, key) as crowd:
                lines.say(ready=True)
                note(f"Ready, with {crowd.processes} processes.")
                lines.wait_for("ping", 120.0)
                lines.say(pong=True)
                begin_in_s = float(lines.wait_for("begin_in_s", 120.0)["begin_in_s"])
                end = _perform(crowd, lines, time.monotonic() + begin_in_s)
            lines.say(tally=end.tally.as_json(), health=end.health.as_json())
            lines.say(end=True)
        except PlainError as error:
            with contextlib.suppress(OSError):
                lines.say(says=error.says, mend=error.mend)
            raise
        except OSError as error:
            raise PlainError(f"The leader is lost: {error.strerror or error}.") from None
    note("Done.")
    return 0


def _crowd_of(order: dict[str, Any], key: str) -> Crowd:
    """This machine's part. Raises PlainError."""
    try:
        trial = Trial.from_json(json.dumps(order["trial"] | {"permit": "", "plays": ""}))
        number, of = (int(n) for n in order["part"])
        processes = int(order["processes"])
    except (KeyError, TypeError, ValueError) as error:
        raise PlainError(f"The leader's order cannot be read: {error!r}.") from None
    if not 1 <= processes <= MOST_PROCESSES or not 0 <= number < of:
        raise PlainError("The leader's order is out of bounds.")
    if not is_here(trial.url):
        trial = replace(trial, permit=fetch(trial.url, key))
    # Shards of other machines are not checked here; the whole trial is.
    return Crowd(trial, processes, part=(number, of))


def _perform(crowd: Crowd, lines: Lines, began: float) -> Snapshot:
    """Run, tell each second, and stop when the leader says so or is gone."""
    stop = threading.Event()

    def hear() -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                heard = lines.take()
                if heard is None or any("stop" in said for said in heard):
                    break
        stop.set()

    lines.sock.settimeout(None)
    threading.Thread(target=hear, daemon=True).start()

    def each_second(now: Snapshot) -> bool:
        try:
            lines.say(tally=now.tally.as_json(), health=now.health.as_json())
        except OSError:
            return False
        return not stop.is_set()

    return crowd.run(each_second, began)


def _listener(listen: str) -> socket.socket:
    host, port = _address(listen)
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        raise PlainError(
            f"Cannot wait for workers at {listen}: {error.strerror}.", "Give another --listen."
        ) from None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise PlainError(f"{text!r} is no HOST:PORT.", "Give one like 192.0.2.7:8100.")
    return host.strip("[]"), int(port)

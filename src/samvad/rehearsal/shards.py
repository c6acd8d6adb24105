"""A crowd in several processes: the open-files limit is a process's, and so is a core.

Starts them together, collects what they count once a second, and adds it up. Shards end with
their trial, with their parent (their stdin ends), or by `stop`.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from samvad.base.errors import PlainError
from samvad.rehearsal.health import Health
from samvad.rehearsal.permit import permits
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.target import target_of
from samvad.rehearsal.trial import Trial, shards_for

START_S = 60.0
"""Time for all shards to say that they are ready."""
GRACE_S = 15.0
"""After the trial's end a shard is ended."""
MOST_LINE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Snapshot:
    """All shards together, `at_s` into the trial. `heard_of`: shards that are in it."""

    at_s: float
    tally: Tally
    health: Health
    heard_of: int


class _Shard:
    def __init__(self, trial: Trial, core: int | None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "samvad.rehearsal.shard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        self.ready = False
        self.last: tuple[Tally, Health] | None = None
        self._data = b""
        self.tell(trial.as_json())

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except OSError:
            raise PlainError("A process of the crowd has ended too early.") from None

    def read(self) -> bool:
        """Take what it printed; False at its end. Raises PlainError for what it complains of."""
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._data = (self._data + data).split(b"\n")
        if len(self._data) > MOST_LINE:
            raise PlainError("A process of the crowd prints what it should not.")
        for line in lines:
            said = json.loads(line)
            if "says" in said:
                raise PlainError(said["says"], said["mend"])
            if "tally" in said:
                self.last = Tally.from_json(said["tally"]), Health.from_json(said["health"])
            self.ready = self.ready or "ready" in said
        return bool(data)

    def end(self) -> None:
        process = self.process
        if process.stdin is not None:
            process.stdin.close()  # it notices, and ends in good order
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


class Crowd:
    """All shards of a trial. Use as a context manager; `run` once."""

    def __init__(
        self,
        trial: Trial,
        shards: int = 0,
        cores: Iterable[int] = (),
        part: tuple[int, int] = (0, 1),
    ) -> None:
        """`shards` 0: as many as the open-files limit asks for, at least one a core of `cores`
        (which the shards are pinned to in turn). `part`: (number, of so many) when the trial is
        shared by several machines with `shards` each. Raises PlainError; nothing runs then."""
        self.cores = tuple(cores)
        count = shards or max(shards_for(trial), len(self.cores))
        first, of = part[0] * count, part[1] * count
        trials = [replace(trial, shard=first + i, shards=of) for i in range(count)]
        for one in trials:
            one.check()
        target_of(trial.url, permits(trial))
        self._trial = trial
        self._shards: list[_Shard] = []
        self._selector = selectors.DefaultSelector()
        try:
            for i, one in enumerate(trials):
                core = self.cores[i % len(self.cores)] if self.cores else None
                shard = _Shard(one, core)
                self._shards.append(shard)
                assert shard.process.stdout is not None
                self._selector.register(shard.process.stdout, selectors.EVENT_READ, shard)
            self._until_ready()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def machines(self) -> int:
        return 1

    @property
    def processes(self) -> int:
        return len(self._shards)

    @property
    def pids(self) -> list[int]:
        return [shard.process.pid for shard in self._shards]

    def _until_ready(self) -> None:
        give_up = time.monotonic() + START_S
        while not all(shard.ready for shard in self._shards):
            if time.monotonic() > give_up or not self._read(1.0):
                raise PlainError("The processes of the crowd did not start.")

    def _read(self, most_s: float) -> bool:
        """Read what there is; False when no shard is left."""
        for key, _ in self._selector.select(most_s):
            if not key.data.read():
                self._selector.unregister(key.fileobj)
        return bool(self._selector.get_map())

    def run(
        self,
        each_second: Callable[[Snapshot], bool | None] | None = None,
        begin_at: float = 0.0,
    ) -> Snapshot:
        """The whole trial; the last snapshot. `each_second` may end it by returning False.
        `begin_at`: CLOCK_MONOTONIC seconds; 0.0: now."""
        began = max(time.monotonic() + 0.25, begin_at)
        for shard in self._shards:
            shard.tell(repr(began))
        give_up = began + self._trial.for_s + GRACE_S
        next_s, going = 1.0, True
        while going and time.monotonic() < give_up:
            going = self._read(max(0.0, began + next_s + 0.25 - time.monotonic()))
            at_s = time.monotonic() - began
            if going and at_s >= next_s + 0.25:
                next_s += 1.0
                if each_second is not None and each_second(self.snapshot(at_s)) is False:
                    break
        self.stop()
        return self.snapshot(min(time.monotonic() - began, self._trial.for_s))

    def snapshot(self, at_s: float) -> Snapshot:
        """What the shards have told so far, added up."""
        tally, health, heard_of = Tally(), Health(), 0
        for shard in self._shards:
            if shard.last is not None:
                tally.merge(shard.last[0])
                health.merge(shard.last[1])
                heard_of += 1
        return Snapshot(at_s, tally, health, heard_of)

    def stop(self) -> None:
        """End all shards. What they say last is still heard."""
        for shard in self._shards:
            if shard.process.stdin is not None and not shard.process.stdin.closed:
                shard.process.stdin.close()
        give_up = time.monotonic() + 5.0
        while self._selector.get_map() and time.monotonic() < give_up:
            self._read(0.2)
        self._selector.close()
        for shard in self._shards:
            shard.end()

"""The driver of `samvad up`: starts processes, passes on what they say, ends them.

What is to be done and when is judged in cli/supervise.py; here it is done. One asyncio loop on
the main thread, which must also be the one that starts processes: the kernel ties "die with
the parent" to the thread that forked.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samvad.base.errors import PlainError
from samvad.cli.loglines import LogLines, Splitter
from samvad.cli.parent import PARENT
from samvad.cli.supervise import (
    Action,
    Died,
    Group,
    Kill,
    Start,
    State,
    Supervisor,
    Terminate,
)

STARTS_ALLOWED = 3
"""A process that has died so often without the site having stood once ends the start."""
_ASK_EVERY_S = 0.1
_KEPT_LINES = 12


@dataclass(frozen=True)
class Child:
    """A process to supervise. `answers` (may block, up to a second) tells whether it serves;
    None: that it runs is enough. `place` says where it should answer, for messages."""

    argv: tuple[str, ...]
    answers: Callable[[], bool] | None = None
    place: str = ""


class Children:
    """Runs all children until they are ended by a signal or `end()`."""

    def __init__(
        self,
        children: Mapping[str, Child],
        groups: Sequence[Group],
        *,
        environment: Mapping[str, str],
        log: LogLines,
        start_within_s: float = 60.0,
    ) -> None:
        self._children = dict(children)
        self._supervisor = Supervisor(groups)
        self._environment = {**os.environ, **environment, PARENT: str(os.getpid())}
        self._log = log
        self._start_within_s = start_within_s
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._last_lines: dict[str, deque[str]] = {n: deque(maxlen=_KEPT_LINES) for n in children}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: PlainError | None = None
        self._stood = False

    async def run(self, when_up: Callable[[], None]) -> None:
        """Start everything, call `when_up` once all have answered, return when all have ended.

        Raises PlainError when the start does not succeed; then everything has been ended.
        """
        self._wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in caught:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            await self._supervise(when_up)
        finally:
            # Only after a bug above is anything left here: nothing may outlive this call.
            self._do(self._supervisor.kill())
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for number in caught:
                loop.remove_signal_handler(number)
        if self._failure is not None:
            raise self._failure

    async def _supervise(self, when_up: Callable[[], None]) -> None:
        began = time.monotonic()
        while not self._supervisor.all_down():
            now = time.monotonic()
            self._do(self._supervisor.tick(now))
            if not self._stood and not self._supervisor.ending:
                if self._supervisor.all_up():
                    self._stood = True
                    when_up()
                elif now - began > self._start_within_s:
                    self._fail(self._late())
            due = self._supervisor.next_due()
            wait = None if due is None else max(0.0, due - time.monotonic())
            if not self._stood:
                wait = min(1.0, wait if wait is not None else 1.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)
            self._wake.clear()

    def end(self) -> None:
        """End all in order; called a second time, at once."""
        self._do(self._supervisor.end(time.monotonic()))
        self._wake.set()

    def _on_signal(self, number: int) -> None:
        if self._supervisor.ending:
            self._log.say("up", "Ending at once.")
        else:
            name = signal.Signals(number).name
            self._log.say("up", f"{name}: ending everything. Once more to end it at once.")
        self.end()

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start(name):
                    self._keep(self._live(name))
                case Terminate(name):
                    self._signal(name, signal.SIGTERM)
                case Kill(name):
                    self._log.say("up", f"{name} is killed.")
                    self._signal(name, signal.SIGKILL)
                case Died(name, status, delay_s):
                    how = described(status)
                    self._log.say("up", f"{name} {how}. It starts again in {delay_s:g} s.")
                    if not self._stood and self._supervisor.starts(name) >= STARTS_ALLOWED:
                        self._fail(self._refused(name, how))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.say("up", f"a fault in samvad up itself: {error!r}")

    def _signal(self, name: str, number: signal.Signals) -> None:
        process = self._processes.get(name)
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _live(self, name: str) -> None:
        """One life of one process, from its start to its end."""
        child = self._children[name]
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                process_group=0,  # a Ctrl-C in the terminal is for us alone
            )
        except OSError as error:
            self._log.say("up", f"{name} cannot be started: {error}.")
            self._ended(name, 127)
            return
        self._processes[name] = process
        if self._supervisor.state(name) is not State.STARTING:
            self._signal(name, signal.SIGKILL)  # the end was asked for while it was being born
        reader = asyncio.ensure_future(self._pass_on(name, process))
        asker = asyncio.ensure_future(self._ask(name, child))
        try:
            status = await process.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader, 1.0)
        finally:
            asker.cancel()
            reader.cancel()
            await asyncio.gather(asker, reader, return_exceptions=True)
        self._ended(name, status)

    def _ended(self, name: str, status: int) -> None:
        self._do(self._supervisor.died(name, status, time.monotonic()))
        self._wake.set()

    async def _pass_on(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        split = Splitter()
        while data := await process.stdout.read(65_536):
            self._lines(name, split.feed(data))
        self._lines(name, split.rest())

    def _lines(self, name: str, lines: Sequence[str]) -> None:
        for line in lines:
            self._last_lines[name].append(line)
            self._log.say(name, line)

    async def _ask(self, name: str, child: Child) -> None:
        """Until it answers for the first time."""
        while child.answers is not None:
            if await asyncio.to_thread(child.answers):
                break
            await asyncio.sleep(_ASK_EVERY_S)
        self._supervisor.answered(name, time.monotonic())
        self._wake.set()

    def _fail(self, failure: PlainError) -> None:
        if not self._supervisor.ending:
            self._failure = failure
            self._do(self._supervisor.end(time.monotonic()))

    def _refused(self, name: str, how: str) -> PlainError:
        said = "\n".join(f"    {line}" for line in self._last_lines[name])
        return PlainError(f"{name} {how} while starting, {STARTS_ALLOWED} times.", said)

    def _late(self) -> PlainError:
        silent = [n for n in self._children if self._supervisor.state(n) is not State.UP]
        first = silent[0]
        return PlainError(
            f"{' and '.join(silent)} did not answer within {self._start_within_s:g} s.",
            f"{first} should answer at {self._children[first].place or 'once'}; "
            "its last lines above say what it was doing.",
        )


def described(status: int) -> str:
    """How a process ended, in words. `status` as of asyncio: minus the signal when killed."""
    if status == 0:
        return "ended by itself"
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"

"""A whole Samvad of one's own: real processes, own ports, own data folder."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.ports import free_ports
from tests.kit.until import until_now

UP_WITHIN_S = 90.0
"""On two busy cores a first start (with its migrations) has been seen to take 20 s."""
DOWN_WITHIN_S = 30.0
PROCESSES = ("web", "worker", "stage", "gate")


class SiteError(AssertionError):
    """The site did not do what any site must; carries the end of its log."""


@dataclass
class Site:
    """A site that runs. Made by `running_site`."""

    data: Path
    ports: dict[str, int]
    env: dict[str, str]
    up: "subprocess.Popen[bytes]"
    log_file: Path
    links: dict[str, Any] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.ports['WEB_PORT']}"

    @property
    def gate(self) -> str:
        return f"http://127.0.0.1:{self.ports['GATE_PORT']}"

    @property
    def stage(self) -> str:
        return f"http://127.0.0.1:{self.ports['STAGE_PORT']}"

    @property
    def gate_admin(self) -> str:
        return f"http://127.0.0.1:{self.ports['GATE_ADMIN_PORT']}"

    @property
    def stage_admin(self) -> str:
        return f"http://127.0.0.1:{self.ports['STAGE_ADMIN_PORT']}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    # The commands, as a person types them.

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "samvad", *words, "--data", str(self.data)]

    def samvad(self, *words: str, within: float = 60.0, ok: bool = True) -> str:
        """Run a command of samvad and return what it printed. `ok`: exit status 0 is wanted."""
        done = subprocess.run(
            self.command(*words),
            check=False,
            capture_output=True,
            text=True,
            env=self.env,
            timeout=within,
        )
        if ok and done.returncode:
            raise SiteError(
                f"samvad {' '.join(words)} exited with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}\n{self.tail()}"
            )
        if not ok and not done.returncode:
            raise SiteError(f"samvad {' '.join(words)} exited with 0:\n{done.stdout}")
        return done.stdout if ok else done.stdout + done.stderr

    def samvad_json(self, *words: str, within: float = 60.0) -> Any:
        return json.loads(self.samvad(*words, "--json", within=within))

    def event(self, title: str, *words: str, speakers: tuple[str, ...] = ()) -> Any:
        """`samvad event create`: its links, as printed."""
        named = [word for name in speakers for word in ("--speaker", name)]
        return self.samvad_json("event", "create", "--title", title, *named, *words)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """A command of samvad that goes on (speak, listen); its output is in pipes."""
        return await asyncio.create_subprocess_exec(
            *self.command(*words),
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    # The processes.

    def pids(self, name: str) -> list[int]:
        """The children of `up` that run `samvad <name>` now (several for the gate)."""
        return [pid for pid, words in _children(self.up.pid) if name in words]

    def kill(self, name: str) -> list[int]:
        """kill -9 every process of that name; returns their pids."""
        pids = self.pids(name)
        if not pids:
            raise SiteError(f"there is no process {name} to kill\n{self.tail()}")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def kill_pid(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def descriptors(self, name: str) -> int:
        """Open file descriptors of all processes of that name together."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids(name))

    def tail(self, lines: int = 60) -> str:
        return "--- the site's log ends ---\n" + "\n".join(self.log().splitlines()[-lines:])

    # The end.

    def end(self) -> None:
        """Ctrl-C; then everything must be gone, with exit status 0 and no traceback logged."""
        family = [pid for pid, _ in _children(self.up.pid)]
        self.up.send_signal(signal.SIGINT)
        try:
            status = self.up.wait(DOWN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.destroy()
            raise SiteError(f"the site did not end in {DOWN_WITHIN_S} s\n{self.tail()}") from None
        left = [pid for pid in family if _alive(pid)]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if left:
            raise SiteError(f"processes {left} outlived `samvad up`\n{self.tail()}")
        if status:
            raise SiteError(f"`samvad up` exited with {status}\n{self.tail()}")
        self.check_log()

    def check_log(self) -> None:
        found = re.search(r"(?ms)^.*Traceback \(most recent call last\).{0,3000}", self.log())
        if found:
            raise SiteError(f"a traceback in the site's log:\n{found.group()}")

    def destroy(self) -> None:
        """After a failure: nothing may be left running."""
        family = [pid for pid, _ in _children(self.up.pid)]
        for pid in [self.up.pid, *family]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.up.wait(10)


@contextmanager
def running_site(
    data: Path, *words: str, demo: bool = False, settings: Mapping[str, object] | None = None
) -> Iterator[Site]:
    """`samvad up` in `data`, until the block ends; ends it and looks at its log.

    `settings` are environment variables without their prefix ({"GATE_SEAT_HOLD_S": 5}).
    """
    names = ("WEB_PORT", "GATE_PORT", "STAGE_PORT", "GATE_ADMIN_PORT", "STAGE_ADMIN_PORT")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SAMVAD_", "DJANGO_"))}
    env |= {f"SAMVAD_{k}": str(v) for k, v in {**ports, **(settings or {})}.items()}
    env["SAMVAD_DATA"] = str(data)
    data.mkdir(parents=True, exist_ok=True)
    log_file = data.parent / f"{data.name}-up.log"
    # If the tests are killed, the site ends too (prctl(2), PR_SET_PDEATHSIG).
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "samvad"]
    command += ["up", "--json", "--data", str(data), *words]
    if not demo:
        command.append("--no-demo")
    with open(log_file, "wb") as log, open(log_file.with_suffix(".out"), "wb") as out:
        up = subprocess.Popen(
            command,
            stdout=out,
            stderr=log,
            env=env,
            start_new_session=True,  # a Ctrl-C at the tests' terminal is theirs alone
        )
    site = Site(data=data, ports=ports, env=env, up=up, log_file=log_file)
    try:
        site.links = _first_line(site)
        yield site
    except BaseException:
        site.destroy()
        print(site.tail(120))
        raise
    site.end()


def _first_line(site: Site) -> dict[str, Any]:
    """What `up --json` prints once everything answers."""
    out = site.log_file.with_suffix(".out")

    def line() -> str | None:
        said = out.read_text()
        if "\n" in said:
            return said.splitlines()[0]
        if site.up.poll() is not None:
            raise SiteError(f"`samvad up` exited with {site.up.returncode}\n{said}{site.tail()}")
        return None

    said = until_now(line, UP_WITHIN_S, lambda: f"the line of `samvad up --json`\n{site.tail()}")
    parsed: dict[str, Any] = json.loads(said)
    return parsed


def _children(parent: int) -> list[tuple[int, list[str]]]:
    """(pid, words of the command line) of each living child process."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
            words = Path(f"/proc/{entry}/cmdline").read_text().split("\0")
        except OSError:
            continue
        state, ppid = stat.rpartition(")")[2].split()[:2]
        if int(ppid) == parent and state != "Z":
            found.append((int(entry), words))
    return sorted(found)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wall_ms() -> float:
    return time.time() * 1000

"""`samvad fence`: the one privileged program. Small on purpose: read it whole (with gate/fence.py)
before you run it as root."""

import contextlib
import dataclasses
import json
import logging
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from samvad.base import log as base_log
from samvad.base.errors import PlainError
from samvad.cli.site import Site, with_site
from samvad.gate.fence import MESSAGE_MAX, TABLE, Fence, read, setup
from samvad.protocol.client_addr import Networks

log = logging.getLogger("fence")

READY_S = 5.0


@click.command()
@click.option("--most", type=click.IntRange(1, 65_535), default=4_096, show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would be fenced, and fence nothing.")
@click.option("--user", default="nobody", show_default=True, help="Become this user, as root.")
@click.option("--group", default=None, metavar="NAME", help="Whose gates may ask. Default: any.")
@with_site()
def fence(site: Site, *, most: int, dry_run: bool, user: str, group: str | None) -> None:
    """Hand banned sources to the kernel: an nftables set with timeouts.

    Listens on run/fence.sock in the data folder, where gates ask for sources to be fenced that
    come again and again although they are banned. Needs root, or CAP_NET_ADMIN alone; as root it
    keeps that one and gives up everything else. Everything is undone when it ends, however it ends.
    """
    settings = site.settings
    path = Path(settings.attack.fence or site.folders.run / "fence.sock")
    listener = _listen(path, group)
    allow = f"{settings.attack.allow} {settings.public.proxies}"
    task = _Task(listener.fileno(), [settings.gate.port], most, allow, dry_run, settings.log.level)
    if os.geteuid() == 0 and not dry_run:
        os.set_inheritable(listener.fileno(), True)
        _become(user, task)
    try:
        stand(task)
    finally:
        listener.close()
        with contextlib.suppress(OSError):
            path.unlink()


@dataclasses.dataclass
class _Task:
    """`socket`: the descriptor at which gates ask. `allow`: never these."""

    socket: int
    ports: list[int]
    most: int
    allow: str
    dry_run: bool
    level: str


def _become(user: str, task: _Task) -> None:
    """As root: begin again as somebody who may do this one thing. Raises PlainError."""
    if shutil.which("setpriv") is None:
        raise PlainError("There is no setpriv.", "Install util-linux.")
    rights = ("--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin")
    bounds = ("--bounding-set", "-all,+net_admin", "--no-new-privs")
    who = ("--reuid", user, "--clear-groups", "--regid", "nogroup")
    again = [sys.executable, "-m", "samvad.cli.fence", json.dumps(dataclasses.asdict(task))]
    command = ["setpriv", *who, *rights, *bounds, *again]
    os.execvp(command[0], command)  # noqa: S606


def _listen(path: Path, group: str | None) -> socket.socket:
    """Raises PlainError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        if group is not None:
            shutil.chown(path, group=group)
        path.chmod(0o666 if group is None else 0o660)
    except (OSError, LookupError) as error:
        raise PlainError(
            f"Cannot listen at {path}: {error}.", "Look at [attack] fence and --data."
        ) from None
    return listener


def stand(task: _Task) -> None:
    """Fence whom the gates name, until SIGTERM or SIGINT. Raises PlainError."""
    base_log.set_up(task.level)
    ledger = Fence(task.most, Networks(task.allow), _own_addresses())
    table = _Table(task.ports, task.most, task.dry_run)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, fileno=os.dup(task.socket))
    try:
        _run(listener, ledger, table)
    finally:
        listener.close()
        table.close()


def _own_addresses() -> list[str]:
    """This machine's addresses, as far as it tells."""
    found = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=False).stdout
    words = [line.split() for line in found.splitlines()]
    return [one[3].partition("/")[0] for one in words if len(one) > 3]


class _Table:
    """nft, told line by line. The table is owned by that process: the kernel takes it away when the
    process ends, and it ends when its stdin does, so not even SIGKILL leaves a rule behind."""

    def __init__(self, ports: list[int], most: int, dry_run: bool) -> None:
        self._nft: subprocess.Popen[str] | None = None
        if dry_run:
            for line in setup(ports, most):
                self.say(line)
            return
        program = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise PlainError("There is no nft.", "Install nftables.")
        self._nft = subprocess.Popen([program, "-i"], stdin=subprocess.PIPE, text=True)
        for line in setup(ports, most):
            self.say(line)
        give_up = time.monotonic() + READY_S
        while TABLE not in _tables(program):
            if time.monotonic() > give_up or self._nft.poll() is not None:
                raise PlainError(
                    "The table could not be made.", "This needs root, or CAP_NET_ADMIN."
                )
            time.sleep(0.05)

    def say(self, line: str) -> None:
        log.info("%s", line)
        if self._nft is not None and self._nft.stdin is not None:
            self._nft.stdin.write(line + "\n")
            self._nft.stdin.flush()

    def close(self) -> None:
        if self._nft is not None and self._nft.stdin is not None:
            with contextlib.suppress(OSError):
                self._nft.stdin.close()
            self._nft.wait(5)


def _tables(program: str) -> str:
    asked = [program, "list", "tables"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def _run(listener: socket.socket, ledger: Fence, table: _Table) -> None:
    """Until SIGTERM or SIGINT."""
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    stop: Callable[[int, object], None] = lambda number, frame: None  # noqa: E731
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    listener.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        log.info("the fence stands")
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    return
                with contextlib.suppress(BlockingIOError):
                    for line in ledger.take(read(listener.recv(MESSAGE_MAX)), time.monotonic()):
                        table.say(line)


if __name__ == "__main__":
    try:
        stand(_Task(**json.loads(sys.argv[1])))
    except PlainError as error:
        sys.exit(str(error))

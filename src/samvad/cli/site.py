"""Which site a command is about: its data folder and the settings in force there.

A running `samvad up` leaves the ports and addresses it was started with in `run/up.json`, so
that `samvad event create --data DIR` in another window makes links that work. Its lock on
`run/up.lock` tells whether it still runs; the kernel frees it however it ends.
"""

import fcntl
import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import click

from samvad.base import log
from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.base.params import read_toml
from samvad.base.settings import Settings, data_folder, load

P = ParamSpec("P")
R = TypeVar("R")

PORTS = ("web.port", "gate.port", "gate.admin_port", "stage.port", "stage.admin_port")
_ADMIN_OF = {"gate.port": "gate.admin_port", "stage.port": "stage.admin_port"}
_ADMIN_STEP = 10  # as between the defaults: 8001 and 8011, 8002 and 8012
_LOCK_PATIENCE_S = 0.5


@dataclass(frozen=True)
class Site:
    """A data folder and the settings in force there."""

    data: Path
    settings: Settings

    @property
    def folders(self) -> Folders:
        return Folders(self.data)

    def environment(self) -> dict[str, str]:
        """What a child process needs in its environment to be of the same site."""
        told = {variable(name): str(setting(self.settings, name)) for name in PORTS}
        for about in fields(self.settings.public):
            name = f"public.{about.name}"
            told[variable(name)] = str(setting(self.settings, name))
        return told | {"SAMVAD_DATA": str(self.data)}

    def ports(self) -> dict[str, int]:
        """Setting name → port, for all that listen."""
        return {name: int(setting(self.settings, name)) for name in PORTS}


def variable(name: str) -> str:
    """The environment variable of a setting: "web.port" → SAMVAD_WEB_PORT."""
    return f"SAMVAD_{name.replace('.', '_')}".upper()


def setting(settings: Settings, name: str) -> Any:
    section, key = name.split(".")
    return getattr(getattr(settings, section), key)


def find(data: str | None, ports: Mapping[str, int | None]) -> Site:
    """The site meant by `--data` and the port options. Raises SettingError.

    An admin port that nobody named follows its public port at the distance of the defaults,
    so that naming three ports is enough to run a second site beside the first.
    """
    folder = data_folder(data)
    running = running_site(folder)
    env = {**(running or {}), **os.environ}
    overrides = {name: port for name, port in ports.items() if port is not None}
    toml = read_toml(folder / "samvad.toml")
    for public, admin in _ADMIN_OF.items():
        port = overrides.get(public)
        section, key = admin.split(".")
        named = admin in overrides or key in toml.get(section, {}) or variable(admin) in env
        if port is not None and not named:
            overrides[admin] = port + (_ADMIN_STEP if port + _ADMIN_STEP <= 65535 else -_ADMIN_STEP)
    return Site(folder, load(folder, overrides, env))


def enter(site: Site, level: str = "WARNING") -> None:
    """Make this process one of the site: the rooms read the same settings as we do."""
    os.environ.update(site.environment())
    log.set_up(level)


_PORT_OPTIONS = {
    "web.port": "Port of the pages for those who write.",
    "gate.port": "Port of the crowd.",
    "gate.admin_port": "Port of the gates' health and metrics.",
    "stage.port": "Port of WHIP and WHEP.",
    "stage.admin_port": "Port of the stage's health and metrics.",
}


def with_site(
    *, show_ports: bool = False, logs: bool = False
) -> Callable[[Callable[Concatenate[Site, P], R]], Callable[P, R]]:
    """Give a command `--data` and the port options; it gets the `Site` as its first argument.

    `logs`: write the log at the level of the settings; else warnings only.
    """

    def decorate(command: Callable[Concatenate[Site, P], R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            data = cast(str | None, kwargs.pop("data"))
            ports = {name: cast(int | None, kwargs.pop(_argument(name))) for name in PORTS}
            site = find(data, ports)
            enter(site, site.settings.log.level if logs else "WARNING")
            return command(site, *args, **kwargs)

        wrapped: Callable[P, R] = run
        for name in reversed(PORTS):
            wrapped = click.option(
                f"--{name.replace('.', '-').replace('_', '-')}",
                _argument(name),
                type=int,
                metavar="PORT",
                hidden=not show_ports,
                help=_PORT_OPTIONS[name],
            )(wrapped)
        return click.option(
            "--data",
            metavar="DIR",
            help="The site's data folder. Default: $SAMVAD_DATA, else ./data.",
        )(wrapped)

    return decorate


def _argument(name: str) -> str:
    return name.replace(".", "_")


def running_site(data: Path) -> dict[str, str] | None:
    """The environment of the `samvad up` that runs on this folder now; None when none does."""
    run = Folders(data).run
    try:
        with open(run / "up.lock", "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                told = json.loads((run / "up.json").read_text(encoding="utf-8"))
                return {str(k): str(v) for k, v in told["environment"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        pass
    return None


@contextmanager
def only_one(folders: Folders) -> Iterator[None]:
    """Hold the folder for this `samvad up`. Raises PlainError when another one has it."""
    with open(folders.run / "up.lock", "a+", encoding="utf-8") as lock:
        # Another command may be looking whether the lock is free, for some microseconds.
        give_up = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    lock.seek(0)
                    raise PlainError(
                        f"Samvad already runs on {folders.data} (process {lock.read().strip()}).",
                        "Stop it first, or start another site with --data and its own ports.",
                    ) from None
                time.sleep(0.02)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def leave_word(site: Site) -> None:
    """Tell the other commands with what ports and addresses this site runs."""
    path = site.folders.run / "up.json"
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps({"pid": os.getpid(), "environment": site.environment()}))
    os.replace(draft, path)

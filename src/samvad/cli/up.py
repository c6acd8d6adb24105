"""`samvad up`: everything on this machine."""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from samvad.base.errors import PlainError
from samvad.base.params import as_toml
from samvad.base.settings import Settings
from samvad.cli import checks, health, loglines, say
from samvad.cli.children import Child, Children
from samvad.cli.site import Site, leave_word, only_one, with_site
from samvad.cli.supervise import Group
from samvad.protocol.secret import make_secret


@click.command()
@click.option(
    "--demo/--no-demo", default=True, help="Make a first host and event if there is none."
)
@click.option(
    "--json", "json_", is_flag=True, help="Print one line of JSON once everything answers."
)
@with_site(show_ports=True, logs=True)
def up(site: Site, demo: bool, json_: bool) -> None:
    """Start web, worker, stage and gates on this machine, and print the links.

    Runs until Ctrl-C. A process that dies is started again. Everything lies in the data
    folder; settings are in its samvad.toml.
    """
    checks.refuse([checks.folder(site.data)])
    make_folders(site)
    with only_one(site.folders):
        write_settings(site)
        for finding in checks.refuse(checks.every(site, running=False)):
            say.note(f"Note: {finding.says} {finding.mend}")
        make_secret(site.folders.secret)
        raise_open_files()
        first = first_run(site, demo)
        leave_word(site)
        shown = False

        def when_up() -> None:
            nonlocal shown
            announce(site, first, json_)
            shown = not json_

        try:
            asyncio.run(stand(site, when_up))
        finally:
            if not shown:
                # The account stays, also where the box that shows its password did not come.
                say_password(first)
    if not json_:
        say.note("Everything has ended.")


def make_folders(site: Site) -> None:
    try:
        site.folders.make()
    except OSError as error:
        raise PlainError(
            f"The folders in {site.data} cannot be made: {error.strerror or error}.",
            "Look at what stands in the way there, or choose another folder with --data.",
        ) from None


def write_settings(site: Site) -> None:
    """A commented settings file, when there is none."""
    try:
        with open(site.folders.settings, "x", encoding="utf-8") as out:
            out.write(as_toml(Settings))
    except FileExistsError:
        pass


def raise_open_files() -> None:
    """As many open files as this user may have; the children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def first_run(site: Site, demo: bool) -> dict[str, Any]:
    """Database, first host, first event; in a process of its own, so that a fault in Django
    cannot touch the supervisor. Returns what samvad.web.first_run says."""
    argv = _samvad("first-run", "--demo" if demo else "--no-demo")
    # It shares our terminal and our stderr: what it says is for the person before it.
    done = subprocess.run(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise PlainError(
            f"The site in {site.data} could not be prepared (status {done.returncode}).",
            "What went wrong stands above.",
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


async def stand(site: Site, when_up: Callable[[], None]) -> None:
    """Run the processes until they are ended; `when_up` once all of them have answered."""
    gates = tuple(f"gate-{index}" for index in range(site.settings.gate.processes))

    def child(process: str, *more: str) -> Child:
        argv = _samvad(process, *more)
        if process not in health.PROBES:
            return Child(argv)
        return Child(argv, lambda: health.answers(site, process), health.address(site, process))

    children = {name: child(name) for name in ("web", "worker", "stage")}
    children |= {name: child("gate", "--index", str(i)) for i, name in enumerate(gates)}
    # The stage first: it closes the recording and gives the gates its last parts; then those
    # who listen; the worker last, so that it reads what the others wrote down.
    groups = [
        Group(("stage",), 6.0),
        Group(gates, 3.0),
        Group(("web",), 3.0),
        Group(("worker",), 3.0),
    ]
    log = loglines.stderr(width=max(len(name) for name in children))
    supervised = Children(children, groups, environment=site.environment(), log=log)
    try:
        await supervised.run(when_up)
    finally:
        log.close()


def say_password(first: Mapping[str, Any]) -> None:
    if first.get("password"):
        say.note(f"The account {first['handle']} was made, with the password {first['password']}")


def announce(site: Site, first: Mapping[str, Any], json_: bool) -> None:
    """The links: one line of JSON, or a box with what to do next."""
    settings = site.settings
    links = {
        "web": settings.web_url(),
        "gate": settings.gate_url(),
        "stage": settings.stage_url(),
    }
    event: Mapping[str, Any] = first.get("event", {})
    if json_:
        shown = ("event", "slug", "page", "studio", "console", "host", "speakers")
        say.as_json(links | {key: event[key] for key in shown if key in event})
        return
    lines: list[str] = []
    if event:
        lines += [
            f"Speak      {event['studio']}",
            f"Listen     {event['page']}",
            f"Console    {event['console']}",
            "",
            "Next: open the first link, allow the microphone, and go in. Then open",
            "the second one in another browser: that is what everybody hears.",
            "Headphones keep it from echoing.",
            "",
        ]
    lines += [f"Your site  {links['web']}"]
    if first.get("password"):
        lines += [
            f"Sign in    as {first['handle']} with the password {first['password']}",
            "           (it is shown this once)",
        ]
    lines += [
        f"Data       {site.data}",
        "",
        "Another conversation: samvad event create --title '…'",
        "Ctrl-C ends everything.",
    ]
    say.box("Samvad is running", lines)


def _samvad(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "samvad", *arguments)

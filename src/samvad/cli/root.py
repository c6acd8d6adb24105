"""`samvad`: the list of commands, and how a failure reaches a person."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from samvad import __version__
from samvad.base.errors import PlainError
from samvad.cli import say

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, what --help says in the list)
    "up": ("samvad.cli.up:up", "Start everything on this machine; print the links."),
    "event": ("samvad.cli.event:event", "Create, list, show and end conversations."),
    "user": ("samvad.cli.user:user", "Create, suspend and reinstate accounts."),
    "audit": ("samvad.cli.audit:audit", "Check and read the log of what was done to accounts."),
    "speak": ("samvad.cli.speak:speak", "Publish an audio file as a speaker, by WHIP."),
    "listen": ("samvad.cli.listen:listen", "Be one listener and measure what is heard."),
    "rehearse": ("samvad.cli.rehearse:rehearse", "Rehearse the evening: a crowd, and a verdict."),
    "plan": ("samvad.cli.plan:plan", "What a crowd of a given size needs."),
    "doctor": ("samvad.cli.doctor:doctor", "Check this machine; say the mend."),
    "settings": ("samvad.cli.settings:settings", "Show every setting as it is in force."),
    "fence": ("samvad.cli.fence:fence", "Hand banned sources to the kernel (as root)."),
    "edge": ("samvad.cli.edge:edge", "Write the configuration of a server in front; a mirror."),
    "incident": ("samvad.cli.incident:incident", "Open, close and show the record of an attack."),
    "web": ("samvad.cli.rooms:web", "Run the web process alone."),
    "worker": ("samvad.cli.rooms:worker", "Run the web's background loop alone."),
    "stage": ("samvad.cli.rooms:stage", "Run the stage process alone."),
    "gate": ("samvad.cli.rooms:gate", "Run one gate process alone."),
}
HIDDEN = {"first-run": "samvad.cli.rooms:first_run"}

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports for it


class _Commands(click.Group):
    """Imports a command only when it runs or shows its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if place is None:
            return None
        module, attribute = place.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start here: samvad up. Each command has its own --help.",
)
@click.version_option(__version__, message="samvad %(version)s")
def samvad() -> None:
    """Live, unscripted conversations that start on time in front of any crowd."""


_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def plainly(error: Exception) -> PlainError | None:
    """What a person can mend although no room expected it there; None for a bug."""
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f" ({error.filename})" if error.filename else ""
        return PlainError(
            f"The machine refused: {error.strerror}{where}.",
            "See that the disk has room and the folder belongs to this user: samvad doctor.",
        )
    if type(error).__module__ == "django.db.utils":
        return PlainError(
            f"The database cannot be used: {error}.",
            "If it is busy, try again; if it is damaged, restore the data folder from a copy.",
        )
    return None


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 only on success; 2 for a command line that cannot be understood."""
    try:
        status = samvad.main(arguments, prog_name="samvad", standalone_mode=False)
        sys.stdout.flush()
    except PlainError as error:
        say.failure(error)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (`samvad … | head`); nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        plain = plainly(error)
        if plain is None:
            raise
        say.failure(plain)
        return 1
    return status if isinstance(status, int) else 0

"""What a person reads: plain lines; boxes and colour only where somebody looks."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from samvad.base.errors import PlainError


def failure(error: PlainError) -> None:
    """The sentence and the mend, on stderr."""
    note(error.says)
    if error.mend:
        note(error.mend)


def note(text: str) -> None:
    """One line on stderr."""
    click.echo(text, err=True)


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One line of JSON on stdout, at once."""
    click.echo(json.dumps(value, ensure_ascii=False))
    sys.stdout.flush()


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Aligned `name  value` lines on stdout."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}".rstrip())


def box(title: str, lines: Sequence[str]) -> None:
    """A box where somebody looks, the plain lines elsewhere. Long links are never cut."""
    if not sys.stdout.isatty():
        click.echo(title)
        for line in lines:
            click.echo(f"  {line}".rstrip())
        sys.stdout.flush()
        return
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.rule import Rule
    from rich.text import Text

    console = Console(highlight=False)
    body = Text("\n".join(lines))
    if max(map(len, lines)) + 6 <= console.width:
        console.print(Panel(body, title=title, title_align="left", padding=(1, 2), expand=False))
    else:
        # A link broken by a frame cannot be clicked: lines above and below do instead.
        console.print(
            Group(
                Rule(title, align="left", style="none"), Text(), body, Text(), Rule(style="none")
            ),
            soft_wrap=True,
        )

"""`samvad audit verify | show`."""

import datetime as dt
import re

import click

from samvad.base.errors import PlainError
from samvad.cli import say
from samvad.cli.django import django
from samvad.cli.site import Site, with_site


@click.group()
def audit() -> None:
    """Check and read the log of what was done to accounts and posts."""


@audit.command()
@click.option(
    "--noted", metavar="NUMBER:SEAL", help="What an earlier run printed: it must still be so."
)
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@with_site()
def verify(site: Site, *, noted: str | None, json_: bool) -> None:
    """See whether any row was changed, put in or taken out. Exit status 1 when one was."""
    django(site)
    from samvad.accounts import audit as rows

    match rows.verify(_read(noted)):
        case rows.Whole(count, seal):
            if json_:
                say.as_json({"ok": True, "rows": count, "seal": seal})
            else:
                click.echo(f"All {count} rows are as they were written.")
                click.echo(f"To note elsewhere: --noted {count}:{seal}")
        case rows.Broken(number, why):
            if json_:
                say.as_json({"ok": False, "row": number, "why": why})
            raise PlainError(
                f"Row {number} is not as it was written: {why}.",
                "Compare with a copy of the database; from this row on nothing is certain.",
            )


@audit.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--of", "subject", help="Only rows about @NAME, post:ID, …")
@click.option("--json", "json_", is_flag=True, help="One JSON object a line.")
@with_site()
def show(site: Site, *, last: int, subject: str | None, json_: bool) -> None:
    """The last rows, oldest first, with all they hold."""
    django(site)
    from samvad.accounts.models import AuditRow

    rows = AuditRow.objects.order_by("-number")
    if subject is not None:
        rows = rows.filter(subject=subject)
    for row in reversed(rows[:last]):
        at = dt.datetime.fromtimestamp(row.at_ms / 1000, dt.UTC).isoformat(timespec="seconds")
        if json_:
            say.as_json(
                {
                    "number": row.number,
                    "at": at,
                    "actor": row.actor,
                    "action": row.action,
                    "subject": row.subject,
                    "reason": row.reason,
                    "data": row.data,
                    "seal": row.seal,
                }
            )
        else:
            click.echo(
                f"{row.number}  {at}  {row.actor}  {row.action}  {row.subject}  {row.reason}"
            )


def _read(noted: str | None) -> tuple[int, str] | None:
    if noted is None:
        return None
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", noted)
    if found is None:
        raise PlainError(f"{noted!r} is no number and seal.", "Write it as it was printed.")
    return int(found[1]), found[2]

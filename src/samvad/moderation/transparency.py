"""The public log: what was done, by which rule, and the seals by which anybody can check it.

Shown of a row is as much as PUBLIC says for its action. Words that must not be public (a name
of somebody harmed, a court's order) are redacted: the row stays, its digest stays, the words go.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from samvad.accounts import audit
from samvad.accounts.models import AuditRow, User
from samvad.moderation.errors import ModerationError
from samvad.moderation.models import Redaction

PUBLIC: dict[str, bool] = {
    # action: whether it names the account and the reason; else it is only counted
    "account.suspend": True,
    "account.reinstate": True,
    "account.lapse": True,
    "account.freeze": True,
    "account.official": True,
    "account.unofficial": True,
    "account.two_on": True,
    "account.two_off": True,
    "account.moderator": True,
    "account.no_moderator": True,
    "account.warn": False,
    "account.limit": False,
    "account.unlimit": False,
    "post.hide": False,
    "post.show": False,
    "decision.propose": False,
    "decision.decline": False,
    "appeal.open": False,
    "appeal.upheld": False,
    "appeal.overturned": False,
    "report.dismiss": False,
    "log.redact": False,
}


@dataclass(frozen=True)
class Line:
    """A row as the public sees it. `subject`, `reason` and `rule` may be ""."""

    row: AuditRow
    subject: str
    reason: str
    rule: str
    until: str
    redacted: str


def lines(rows: Iterable[AuditRow]) -> list[Line]:
    """Rows as the public sees them. One query."""
    rows = list(rows)
    redacted = {
        r.number: r.why for r in Redaction.objects.filter(number__in=[r.number for r in rows])
    }
    return [_line(row, redacted.get(row.number, "")) for row in rows]


def _line(row: AuditRow, why: str) -> Line:
    named = PUBLIC.get(row.action, False) and not why
    data = row.data if PUBLIC.get(row.action) is not None else {}
    return Line(
        row=row,
        subject=row.subject if named else "",
        reason=row.reason if named else "",
        rule=str(data.get("rule", "")),
        until=str(data.get("until", "")) if named else "",
        redacted=why,
    )


def public_rows() -> Any:
    """The rows that the page lists, newest first."""
    return AuditRow.objects.filter(action__in=list(PUBLIC)).order_by("-number")


def as_json(line: Line) -> dict[str, Any]:
    """A row with what is needed to check the chain."""
    row = line.row
    return {
        "number": row.number,
        "at_ms": row.at_ms,
        "action": row.action,
        "details": row.details,
        "before": row.before,
        "seal": row.seal,
        "subject": line.subject,
        "reason": line.reason,
        "rule": line.rule,
        "redacted": line.redacted,
    }


def redact(number: int, by: User, why: str) -> None:
    """Show the words of row `number` no longer. Raises ModerationError."""
    why = " ".join(why.split())[:200]
    if not by.moderates:
        raise ModerationError(_("Only moderators may do this."))
    if not why:
        raise ModerationError(_("Say why: it stands in the log instead."))
    if not AuditRow.objects.filter(number=number, action__in=list(PUBLIC)).exists():
        raise ModerationError(_("There is no such line."))
    with transaction.atomic():
        Redaction.objects.get_or_create(number=number, defaults={"why": why, "by": by})
        audit.record(by, "log.redact", f"row:{number}", why, {})

"""What was done by whom, and why: rows that are only ever added, each sealed with the one before.

    details = SHA-256 of the row's actor, subject, reason and data (canonical JSON)
    seal    = SHA-256 of number, moment, action, details and the seal before it

The chain runs over `details`, not over what they are made of: a row whose words must not be
public can be shown without them, and the chain can still be checked by anybody.

Whoever can write to the database can also write a new chain from some row on. What they cannot
do is keep a seal that was noted elsewhere: `samvad audit verify` prints the last one, and takes
one that was noted before.
"""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from samvad.accounts.models import AuditHead, AuditRow, User

FIRST_SEAL = "0" * 64
OPERATOR = "operator"
"""Who acts at the command line, or by the clock, is not an account."""


def record(
    actor: User | None,
    action: str,
    subject: str,
    reason: str = "",
    data: dict[str, Any] | None = None,
    *,
    at: dt.datetime | None = None,
) -> AuditRow:
    """Append a row. `action` is like "account.suspend", `subject` like "@handle" or "post:ID".

    In the transaction of what it tells of: both are written or neither. `data` must be JSON.
    """
    with transaction.atomic():
        # The head's row is the lock: on PostgreSQL by FOR UPDATE, on SQLite every transaction
        # holds the write lock from its beginning.
        AuditHead.objects.get_or_create(pk=1, defaults={"seal": FIRST_SEAL})
        head = AuditHead.objects.select_for_update().get(pk=1)
        row = AuditRow(
            number=head.number + 1,
            at_ms=int((at or timezone.now()).timestamp() * 1000),
            actor=actor.handle if actor is not None else OPERATOR,
            action=action,
            subject=subject,
            reason=reason,
            data=data or {},
            before=head.seal,
        )
        row.details = details_of(row)
        row.seal = seal_of(row)
        row.save(force_insert=True)
        head.number, head.seal = row.number, row.seal
        head.save()
    return row


def details_of(row: AuditRow) -> str:
    """SHA-256 (hex) of what may have to be hidden later."""
    return _digest([row.actor, row.subject, row.reason, row.data])


def seal_of(row: AuditRow) -> str:
    """SHA-256 (hex) over the row and the seal before it."""
    return _digest([row.number, row.at_ms, row.action, row.details, row.before])


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Whole:
    """Every row is as it was written. `seal` is worth noting somewhere else."""

    rows: int
    seal: str


@dataclass(frozen=True)
class Broken:
    """From row `number` on something was changed, put in or taken out."""

    number: int
    why: str


def verify(noted: tuple[int, str] | None = None) -> Whole | Broken:
    """Look through all rows. `noted`: number and seal that were printed some time ago."""
    number, seal = 0, FIRST_SEAL
    for row in AuditRow.objects.order_by("number").iterator(chunk_size=2000):
        if row.number != number + 1:
            return Broken(number + 1, "it is missing")
        if row.before != seal:
            return Broken(row.number, "it does not follow the row before it")
        if row.details != details_of(row):
            return Broken(row.number, "its words were changed")
        if row.seal != seal_of(row):
            return Broken(row.number, "its number, moment or action was changed")
        if noted is not None and row.number == noted[0] and row.seal != noted[1]:
            return Broken(row.number, "its seal is not the one that was noted")
        number, seal = row.number, row.seal
    head = AuditHead.objects.filter(pk=1).first()
    if (head.number, head.seal) != (number, seal) if head else number != 0:
        return Broken(number + 1, "rows at the end are missing")
    if noted is not None and noted[0] > number:
        return Broken(number + 1, "rows at the end are missing")
    return Whole(number, seal)

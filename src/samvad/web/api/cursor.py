"""Lists in pages: `?cursor=&limit=` → `{"items": […], "next": cursor or null}`.

A cursor says after which row to go on, by the very fields the list is ordered by; so nothing is
shown twice or left out when rows come in between, and page 1,000 costs what page 1 does.
"""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from ninja import Query, Schema

from samvad.web.api.problems import Refused

LIMIT, LIMIT_MAX = 20, 100

T = TypeVar("T")
M = TypeVar("M", bound=Model)

Cursor = Annotated[str, Query("", max_length=400, description="`next` of the page before.")]
Limit = Annotated[int, Query(LIMIT, ge=1, le=LIMIT_MAX, description="Rows on a page.")]


class Page(Schema, Generic[T]):
    """`next` is null on the last page."""

    items: list[T]
    next: str | None


def page(
    rows: QuerySet[M],
    cursor: str,
    limit: int,
    show: Callable[[M], Any],
    by: Sequence[str] = ("-pk",),
) -> dict[str, Any]:
    """One page of `rows`, ordered by `by` (field names, "-" before: descending; the last one
    unique), each shown by `show`. Raises Refused (400) for a cursor that this list never gave.
    """
    names = [name.removeprefix("-") for name in by]
    rows = rows.order_by(*by)
    if cursor:
        rows = rows.filter(_after(rows.model, by, _read(cursor, len(by))))
    found = list(rows[: limit + 1])
    more = found[limit - 1] if len(found) > limit else None
    following = None if more is None else _write([getattr(more, name) for name in names])
    return {"items": [show(row) for row in found[:limit]], "next": following}


def _after(model: type[Model], by: Sequence[str], values: list[Any]) -> Q:
    """(a, b) after (x, y) in order: a after x, or a = x and b after y."""
    wanted, same = Q(), Q()
    for name, value in zip(by, values, strict=True):
        field = name.removeprefix("-")
        about = model._meta.pk if field == "pk" else model._meta.get_field(field)
        try:
            value = about.to_python(value)  # type: ignore[union-attr]  # noqa: PLW2901
        except (ValidationError, ValueError, TypeError, OverflowError):
            raise _unknown() from None
        if value is None or (isinstance(value, int) and abs(value) >= 2**63):
            raise _unknown()
        beyond = f"{field}__lt" if name.startswith("-") else f"{field}__gt"
        wanted |= same & Q(**{beyond: value})
        same &= Q(**{field: value})
    return wanted


def _write(values: list[Any]) -> str:
    plain = [v.isoformat() if isinstance(v, dt.datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(cursor: str, length: int) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise _unknown() from None
    plain = isinstance(values, list) and all(isinstance(v, str | int) for v in values)
    if not plain or len(values) != length or any("\0" in v for v in values if isinstance(v, str)):
        raise _unknown()
    return list(values)


def _unknown() -> Refused:
    return Refused(400, "This cursor is none of this list. Begin without one.")

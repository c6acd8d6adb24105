"""What one is told, and reading it."""

import datetime as dt
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from samvad.accounts.scopes import Scope
from samvad.notices import service
from samvad.notices.models import Notice
from samvad.notices.words import sentence
from samvad.web.api.cursor import Cursor, Limit, Page, page
from samvad.web.api.keys import key, who
from samvad.web.api.problems import ERRORS

router = Router()


class NoticeOut(Schema):
    """One thing one is told; `says` is it in words, in the language that was asked for."""

    id: int
    kind: str
    says: str
    actor: str | None
    subject_kind: str
    subject: str
    created_at: dt.datetime
    read: bool


class Reading(Schema):
    """All up to this id are read."""

    up_to: int = Field(ge=0, lt=2**62)


class Read(Schema):
    """How many were new."""

    read: int


@router.get("", auth=key(Scope.READ), response={200: Page[NoticeOut], **ERRORS})
def listed(request: HttpRequest, cursor: Cursor = "", limit: Limit = 20) -> Any:
    """One's notifications, the newest first."""
    return page(service.of(who(request)), cursor, limit, _shown)


@router.post("/read", auth=key(Scope.ACCOUNT), response={200: Read, **ERRORS})
def read(request: HttpRequest, said: Reading) -> Any:
    """Mark as read."""
    return {"read": service.read(who(request), up_to=said.up_to)}


def _shown(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.pk,
        "kind": notice.kind,
        "says": sentence(notice),
        "actor": notice.actor.handle if notice.actor else None,
        "subject_kind": notice.subject_kind,
        "subject": notice.subject,
        "created_at": notice.created_at,
        "read": notice.read_at is not None,
    }

"""Accounts: who one is, and who others are."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.web.api.keys import anybody, key, who
from samvad.web.api.problems import ERRORS

router = Router()


class Account(Schema):
    """What everybody may know of an account."""

    handle: str
    name: str
    about: str
    url: str
    official: str
    joined_at: dt.datetime


class Mine(Account):
    """What its own person may know besides."""

    email: str
    standing: str
    moderates: bool


def shown(user: User) -> dict[str, Any]:
    """An account as `Account` has it."""
    return {
        "handle": user.handle,
        "name": user.shown_name,
        "about": user.bio,
        "url": f"{settings.SAMVAD.web_url()}/@{user.handle}",
        "official": user.official,
        "joined_at": user.joined_at,
    }


@router.get("/me", auth=key(Scope.READ), response={200: Mine, **ERRORS})
def me(request: HttpRequest) -> dict[str, Any]:
    """The account of this token."""
    user = who(request)
    return shown(user) | {
        "email": user.email,
        "standing": user.standing,
        "moderates": user.moderates,
    }


@router.get("/{handle}", auth=anybody, response={200: Account, **ERRORS})
def account(request: HttpRequest, handle: str) -> dict[str, Any]:
    """An account by its name. 404 also for one that is suspended or deleted."""
    return shown(get_object_or_404(User.objects.visible(), handle=handle.lower()))

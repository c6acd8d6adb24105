"""Accounts: who one is, and who others are."""

import datetime as dt
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from samvad.accounts.models import BIO_MAX, User
from samvad.accounts.scopes import Scope
from samvad.web import profiles
from samvad.web.account_forms import ProfileForm
from samvad.web.api.keys import anybody, key, who
from samvad.web.api.problems import ERRORS, Refused

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


class Change(Schema):
    """What is not given stays."""

    name: Annotated[str, Field(max_length=80)] | None = None
    about: Annotated[str, Field(max_length=BIO_MAX)] | None = None
    links: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=4)] | None = None


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


@router.patch("/me", auth=key(Scope.ACCOUNT), response={200: Mine, **ERRORS})
def change(request: HttpRequest, given: Change) -> dict[str, Any]:
    """Change name, words or links; what is not given stays."""
    user = who(request)
    form = ProfileForm(
        {
            "name": user.display_name if given.name is None else given.name,
            "bio": user.bio if given.about is None else given.about,
            "links": "\n".join(
                user.links.values_list("url", flat=True) if given.links is None else given.links
            ),
        }
    )
    if not form.is_valid():
        raise Refused(422, "; ".join(str(says[0]) for says in form.errors.values()))
    profiles.change(user, form.cleaned_data)
    return me(request)


@router.get("/{handle}", auth=anybody, response={200: Account, **ERRORS})
def account(request: HttpRequest, handle: str) -> dict[str, Any]:
    """An account by its name. 404 also for one that is suspended or deleted."""
    return shown(get_object_or_404(User.objects.visible(), handle=handle.lower()))

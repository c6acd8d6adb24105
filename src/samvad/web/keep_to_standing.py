"""What a person can open whose account is frozen, suspended or about to be deleted.

One gate before all pages, so that no page has to think of it: who is suspended (or leaving) can
read how the account stands and why, appeal, take their data along, see to their log-in and
come back; who is frozen can read everything, and change only that.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from samvad.accounts.models import User
from samvad.accounts.standing import Standing

OPEN = (
    "/standing",
    "/cases/",
    "/account/data",
    "/account/leave",
    "/account/stay",
    "/account/security",
    "/account/sessions",
    "/accounts/",
    "/transparency",
    "/rules",
)
"""Where everybody may go who is logged in."""

_COOKIELESS = ("/a/", "/static/", "/media/", "/api/", "/healthz")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class KeepToStanding:
    """Middleware, behind authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(_COOKIELESS) or path.startswith(OPEN):
            return self._next(request)
        user = request.user
        if not isinstance(user, User) or user.stands is Standing.ACTIVE:
            return self._next(request)
        if user.stands is Standing.FROZEN:
            if request.method in _SAFE:
                return self._next(request)
            return render(request, "moderation/not_now.html", status=403)
        if request.method in _SAFE:
            return redirect("standing")
        return render(request, "moderation/not_now.html", status=403)

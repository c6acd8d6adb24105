"""Who asks: Bearer tokens and what they allow.

    @router.get("/mine", auth=key(Scope.READ))          a token with that scope
    @router.get("/posts/{id}", auth=anybody)            a token or none; a wrong one is refused

`who(request)` is the account; `reader(request)` the account or None.
"""

import datetime as dt
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from samvad.accounts.models import ApiToken, User
from samvad.accounts.scopes import Scope
from samvad.accounts.service import find_token
from samvad.accounts.standing import VISIBLE, Standing
from samvad.web.api.problems import Refused

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NOTE_USE_EVERY = dt.timedelta(minutes=5)


def token_of(request: HttpRequest) -> ApiToken | None:
    """The token that came with the request, looked up once; None: none came, or nobody's."""
    if not hasattr(request, "_api_token"):
        scheme, _, word = request.headers.get("Authorization", "").partition(" ")
        word = word.strip()
        found = find_token(word) if scheme.lower() == "bearer" and 0 < len(word) < 200 else None
        if found is not None:
            _note_use(found)
        request._api_token = found  # type: ignore[attr-defined]
    token: ApiToken | None = request._api_token  # type: ignore[attr-defined]
    return token


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > _NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class key(HttpBearer):
    """A token with `scope`."""

    def __init__(self, scope: Scope, *, also_without: bool = False) -> None:
        super().__init__()
        self._scope = scope
        self._also_without = also_without

    def __call__(self, request: HttpRequest) -> Any:
        if "Authorization" not in request.headers and self._also_without:
            return AnonymousUser()
        return self.authenticate(request, "")

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = token_of(request)
        if found is None or not found.user.is_active:
            return None
        user = found.user
        if user.stands not in VISIBLE:
            raise Refused(403, "This account is suspended or closed.", kind="suspended")
        if user.stands is Standing.FROZEN and request.method not in _SAFE:
            raise Refused(403, "This account is frozen: it can read, and nothing else.", "frozen")
        if not found.allows(self._scope):
            raise Refused(403, f"This token lacks the scope {self._scope.value}.", kind="scope")
        if self._scope is Scope.MODERATE and not user.moderates:
            raise Refused(403, "Only moderators may do this.", kind="moderators")
        return user


anybody = key(Scope.READ, also_without=True)


def who(request: HttpRequest) -> User:
    """The account of an operation that wants a token."""
    user = request.auth  # type: ignore[attr-defined]
    assert isinstance(user, User)
    return user


def reader(request: HttpRequest) -> User | None:
    """The account of an operation that takes `anybody`; None for nobody in particular."""
    user = request.auth  # type: ignore[attr-defined]
    return user if isinstance(user, User) else None

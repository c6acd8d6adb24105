"""What may be done with accounts. Pages and commands call these and nothing below them."""

import hashlib
import secrets

from django.core.exceptions import ValidationError
from django.db import transaction

from samvad.accounts.models import ApiToken, User
from samvad.accounts.scopes import ALL
from samvad.base.errors import PlainError

FIRST_HOST = "host"
_PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105  (none that look alike)


def create_user(
    handle: str, *, name: str = "", email: str = "", password: str | None = None
) -> tuple[User, str]:
    """A new account and its first API token. The token is shown this once.

    Without a password the account can be used by its token only. Raises PlainError when the
    handle is taken or not a handle.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(handle, email, password, display_name=name)
            return user, issue_token(user, "first")
    except ValidationError as error:
        what = "; ".join(error.messages)
        raise PlainError(f"The account {handle!r} cannot be made.", what) from None


def issue_token(user: User, name: str = "", scopes: str = ALL) -> str:
    """A new API token of `user` (256 random bits, URL-safe)."""
    token = "sv_" + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name, token_hash=_hash(token), scopes=scopes)
    return token


def find_token(token: str) -> ApiToken | None:
    """The token with its user, whatever their standing; None when it is nobody's."""
    return ApiToken.objects.select_related("user").filter(token_hash=_hash(token)).first()


def user_of_token(token: str) -> User | None:
    """Whose token it is; None when it is nobody's or the account is not active or suspended."""
    found = find_token(token)
    return found.user if found is not None and found.user.is_visible else None


def ensure_first_host() -> tuple[User, str | None]:
    """The account `host`, made with a random password when the site has no account yet.

    The password (74 bits) is given back once, when it was made; later it is None. A site that
    has accounts but no `host` answers with its first staff account, else its first account.
    """
    with transaction.atomic():
        first = (
            User.objects.filter(handle=FIRST_HOST).first()
            or User.objects.filter(is_active=True).order_by("-is_staff", "pk").first()
        )
        if first is not None:
            return first, None
        password = new_password()
        return User.objects.create_superuser(FIRST_HOST, password=password), password


def new_password() -> str:
    """Fifteen letters and digits in three groups, to be read out or typed from paper."""
    letters = [secrets.choice(_PASSWORD_LETTERS) for _ in range(15)]
    return "-".join("".join(letters[at : at + 5]) for at in (0, 5, 10))


def _hash(token: str) -> str:
    # The token has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(token.encode()).hexdigest()


def find(handle: str) -> User:
    """The account of that name, with or without its @. Raises PlainError."""
    user = User.objects.filter(handle=handle.lower().removeprefix("@")).first()
    if user is None:
        raise PlainError(f"There is no account {handle!r}.", "See that the name is spelt right.")
    return user

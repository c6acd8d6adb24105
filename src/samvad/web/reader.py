"""Who reads, and on which clock: what pages know of a reader beside the language."""

from functools import lru_cache

from django.http import HttpRequest

from samvad.accounts.models import User
from samvad.events import zones

ZONE_COOKIE = "samvad_zone"
"""The reader's IANA zone, set by site.ts: times then stand in the page as it comes."""


def account_of(request: HttpRequest) -> User:
    """The account behind a page that stands after login_required."""
    assert isinstance(request.user, User)
    return request.user


def zone_of(request: HttpRequest) -> str:
    """The reader's own zone, or "" while it is not known."""
    told = request.COOKIES.get(ZONE_COOKIE, "")
    return told if len(told) <= 64 and _known(told) else ""


@lru_cache(maxsize=1024)
def _known(zone: str) -> bool:
    return zones.exists(zone)

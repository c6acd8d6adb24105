"""Pages elsewhere that link back with rel="me": that they are the same person's is shown then."""

import datetime as dt
from collections.abc import Callable
from html.parser import HTMLParser

from django.conf import settings
from django.utils import timezone

from samvad.accounts.models import ProfileLink
from samvad.posts.fetch import NotFetched, fetch_html

AGAIN_AFTER = dt.timedelta(days=7)
TRIES = 5
"""A page that does not link back is looked at so often, later and later, and then weekly."""


def look_at_next(fetch: Callable[[str], str] = fetch_html) -> bool:
    """Look at the page that waits longest. False when none does. The worker calls it."""
    now = timezone.now()
    link = (
        ProfileLink.objects.filter(look_at__lte=now).select_related("user").order_by("look_at")
    ).first()
    if link is None:
        return False
    try:
        found = links_back(fetch(link.url), f"{settings.SAMVAD.web_url()}/@{link.user.handle}")
    except NotFetched as error:
        # What does not answer just now is not judged; what is there and says nothing is.
        found = link.verified_at is not None and error.again
    tries = 0 if found else min(link.tries + 1, TRIES)
    wait = AGAIN_AFTER if found or tries == TRIES else dt.timedelta(minutes=5**tries)
    ProfileLink.objects.filter(pk=link.pk).update(
        verified_at=(link.verified_at or now) if found else None, tries=tries, look_at=now + wait
    )
    return True


def links_back(html: str, profile: str) -> bool:
    """Whether a page has an <a> or <link> with rel="me" to `profile`."""
    reader = _Links()
    try:
        reader.feed(html)
    except (ValueError, AssertionError, RecursionError):
        return False
    return profile in {href.rstrip("/") for href in reader.found}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        rel = (told.get("rel") or "").lower().split()
        if tag in ("a", "link") and "me" in rel and told.get("href"):
            self.found.append(str(told["href"]))

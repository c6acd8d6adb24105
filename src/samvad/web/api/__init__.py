"""The API at /api/v1/: everything that pages can do, for programs.

One `NinjaAPI`; each room adds a router (one line in `_rooms`). What all of it shares:

- `keys.py`     Bearer tokens, scopes: `auth=key(Scope.POSTS)`, `auth=anybody`, `who(request)`
- `cursor.py`   lists in pages: `page(rows, cursor, limit, show)`
- `problems.py` errors (RFC 9457): raise PlainError, `Refused(status, detail)` or Http404
- `once.py`     Idempotency-Key on POST; answer 201 by `return Status(201, made)` (ninja.Status)
- `limits.py`   how many requests, told in RateLimit headers
- `front.py`    the middleware that puts the last two around everything
"""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from samvad import __version__
from samvad.web.api.problems import answer_errors


def build() -> NinjaAPI:
    """The API with every room in it."""
    api = NinjaAPI(
        title="Samvad",
        version=__version__,
        description="Times are ISO 8601 with offset. Errors are problem+json. "
        "Send Idempotency-Key with a POST to be able to repeat it.",
        docs_url=None,
        openapi_url="/openapi.json",
        urls_namespace="api",
    )
    answer_errors(api)
    _rooms(api)
    return api


def _rooms(api: NinjaAPI) -> None:
    from samvad.web.api import (
        accounts,
        events,
        media,
        moderation,
        notices,
        posts,
        search,
        ties,
        timelines,
    )

    api.add_router("/accounts", accounts.router, tags=["accounts"])
    api.add_router("", moderation.router, tags=["moderation"])
    api.add_router("/posts", posts.router, tags=["posts"])
    api.add_router("/timelines", timelines.router, tags=["timelines"])
    api.add_router("/events", events.router, tags=["events"])
    api.add_router("/notices", notices.router, tags=["notices"])
    api.add_router("/media", media.router, tags=["media"])
    api.add_router("/search", search.router, tags=["search"])
    api.add_router("/ties", ties.router, tags=["ties"])


def nothing_here(request: HttpRequest, path: str = "") -> HttpResponse:
    """404 for every other address below /api/v1/."""
    return HttpResponse(status=404)


api = build()

"""Search over posts, people and conversations."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from samvad.posts import search as index
from samvad.posts import timelines
from samvad.web.found import events_of, people_of, posts_of
from samvad.web.pages.timelines import asker, before, feed

SHOWN = 30


@require_safe
@never_cache
def search(request: HttpRequest) -> HttpResponse:
    """`?q=` and `&in=` posts, people or events."""
    query = " ".join(index.words_of(request.GET.get("q", "")[:100]))
    where = request.GET.get("in", "posts")
    rooms = [("posts", _("Posts")), ("people", _("People")), ("events", _("Conversations"))]
    if where not in dict(rooms):
        where = "posts"
    about: dict[str, Any] = {
        "q": request.GET.get("q", "")[:100],
        "where": where,
        "rooms": rooms,
        "at": "search",
    }
    me = asker(request)
    if query and where == "posts":
        page = timelines.page(posts_of(query, me), before(request), timelines.A_PAGE)
        more = urlencode({"q": about["q"], "in": where}) + "&"
        return feed(request, page, template="posts/search.html", more=more, **about)
    if query and where == "people":
        about["people"] = list(people_of(query, me)[:SHOWN])
    if query and where == "events":
        about["events"] = list(events_of(query)[:SHOWN])
    return render(request, "posts/search.html", about)

"""Search over posts, people and conversations."""

from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema

from samvad.posts import timelines
from samvad.protocol.hls import page_path
from samvad.web.api.keys import anybody, reader
from samvad.web.api.posts import Person, Posts, bounded, listed, person, place
from samvad.web.api.problems import ERRORS
from samvad.web.found import events_of, people_of, posts_of

router = Router()
Words = Annotated[str, Query(max_length=100, description="Words; the last may be unfinished.")]
FOUND_MAX = 100


class Conversation(Schema):
    """A conversation that was found."""

    id: str
    title: str
    url: str


@router.get("/posts", auth=anybody, response={200: Posts, **ERRORS})
def posts(request: HttpRequest, q: Words, cursor: str = "", limit: int = 20) -> Any:
    """Posts with all these words that the asker may read, newest first."""
    me = reader(request)
    return listed(timelines.page(posts_of(q, me), place(cursor), bounded(limit)), me)


@router.get("/people", auth=anybody, response={200: list[Person], **ERRORS})
def people(request: HttpRequest, q: Words) -> Any:
    """Accounts with these words in handle, name or about; 100 at most."""
    return [person(one) for one in people_of(q, reader(request))[:FOUND_MAX]]


@router.get("/events", auth=anybody, response={200: list[Conversation], **ERRORS})
def events(request: HttpRequest, q: Words) -> Any:
    """Conversations with these words in title or description; 100 at most."""
    gate = settings.SAMVAD.gate_url()
    return [
        {"id": one.pk, "title": one.title, "url": gate + page_path(one.slug)}
        for one in events_of(q)[:FOUND_MAX]
    ]

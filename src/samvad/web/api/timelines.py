"""Timelines: home, local, hashtags, lists, and what one keeps."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router

from samvad.accounts.models import PeopleList
from samvad.accounts.scopes import Scope
from samvad.posts import text, timelines
from samvad.web.api.keys import anybody, key, reader, who
from samvad.web.api.posts import Posts, bounded, listed, place
from samvad.web.api.problems import ERRORS

router = Router()
READS = key(Scope.READ)


@router.get("/home", auth=READS, response={200: Posts, **ERRORS})
def home(request: HttpRequest, cursor: str = "", limit: int = 20) -> Any:
    """Of those the asker follows, and their own."""
    me = who(request)
    return listed(timelines.home(me, place(cursor), bounded(limit)), me)


@router.get("/local", auth=anybody, response={200: Posts, **ERRORS})
def local(request: HttpRequest, cursor: str = "", limit: int = 20) -> Any:
    """What everybody here may read."""
    me = reader(request)
    return listed(timelines.local(me, place(cursor), bounded(limit)), me)


@router.get("/bookmarks", auth=READS, response={200: Posts, **ERRORS})
def bookmarks(request: HttpRequest, cursor: str = "", limit: int = 20) -> Any:
    """What the asker keeps, newest bookmark first."""
    me = who(request)
    return listed(timelines.bookmarks(me, place(cursor), bounded(limit)), me)


@router.get("/tags/{tag}", auth=anybody, response={200: Posts, **ERRORS})
def tagged(request: HttpRequest, tag: str, cursor: str = "", limit: int = 20) -> Any:
    """Public posts with a hashtag."""
    me = reader(request)
    return listed(timelines.tagged(text.fold(tag), me, place(cursor), bounded(limit)), me)


@router.get("/lists/{int:list_id}", auth=READS, response={200: Posts, **ERRORS})
def of_list(request: HttpRequest, list_id: int, cursor: str = "", limit: int = 20) -> Any:
    """Of the people on one of the asker's lists."""
    me = who(request)
    found = get_object_or_404(PeopleList, owner=me, pk=min(list_id, 2**62))
    return listed(timelines.of_list(found, me, place(cursor), bounded(limit)), me)

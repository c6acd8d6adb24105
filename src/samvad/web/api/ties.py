"""Ties: whom one follows, mutes, blocks, and lists of people."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field

from samvad.accounts import ties
from samvad.accounts.models import PeopleList, User
from samvad.accounts.scopes import Scope
from samvad.web import following
from samvad.web.api.keys import key, who
from samvad.web.api.posts import Person, person
from samvad.web.api.problems import ERRORS

router = Router()
READS, WRITES = key(Scope.READ), key(Scope.TIES)

ACTS: dict[str, tuple[Callable[[User, User], bool], Callable[[User, User], bool]]] = {
    "follow": (following.follow, following.unfollow),
    "mute": (ties.mute, ties.unmute),
    "block": (ties.block, ties.unblock),
}


class Tie(Schema):
    """How the asker stands to an account."""

    following: bool
    followed_by: bool
    muting: bool
    blocking: bool


class ListOut(Schema):
    """A list of the asker's."""

    id: int
    name: str


class ListIn(Schema):
    name: str = Field(max_length=200)


@router.get("/lists", auth=READS, response={200: list[ListOut], **ERRORS})
def lists(request: HttpRequest) -> Any:
    """The asker's lists by name."""
    return PeopleList.objects.filter(owner=who(request)).order_by("name")


@router.post("/lists", auth=WRITES, response={201: ListOut, **ERRORS})
def make_list(request: HttpRequest, wanted: ListIn) -> Any:
    """A new list."""
    return Status(201, ties.make_list(who(request), wanted.name))


@router.delete("/lists/{int:list_id}", auth=WRITES, response={204: None, **ERRORS})
def drop_list(request: HttpRequest, list_id: int) -> Any:
    """Delete a list."""
    _list(request, list_id).delete()
    return Status(204, None)


@router.get("/lists/{int:list_id}/people", auth=READS, response={200: list[Person], **ERRORS})
def on_list(request: HttpRequest, list_id: int) -> Any:
    """Who is on a list (500 at most)."""
    people = _list(request, list_id).people.all()
    return [person(one) for one in people.order_by("handle") if one.is_visible]


@router.put("/lists/{int:list_id}/people/{handle}", auth=WRITES, response={204: None, **ERRORS})
def put_on_list(request: HttpRequest, list_id: int, handle: str) -> Any:
    """Put an account on a list."""
    ties.put_on_list(_list(request, list_id), _person(handle))
    return Status(204, None)


@router.delete("/lists/{int:list_id}/people/{handle}", auth=WRITES, response={204: None, **ERRORS})
def take_off_list(request: HttpRequest, list_id: int, handle: str) -> Any:
    """Take an account off a list."""
    ties.take_off_list(_list(request, list_id), _person(handle))
    return Status(204, None)


@router.get("/{handle}", auth=READS, response={200: Tie, **ERRORS})
def tie(request: HttpRequest, handle: str) -> Any:
    """How the asker stands to an account."""
    return ties.tie(who(request), _person(handle))


@router.put("/{handle}/{act}", auth=WRITES, response={200: Tie, **ERRORS})
def make(request: HttpRequest, handle: str, act: str) -> Any:
    """`act`: follow, mute or block. May be repeated."""
    other = _person(handle)
    _acts(act)[0](who(request), other)
    return ties.tie(who(request), other)


@router.delete("/{handle}/{act}", auth=WRITES, response={200: Tie, **ERRORS})
def end(request: HttpRequest, handle: str, act: str) -> Any:
    """End it. May be repeated."""
    other = _person(handle)
    _acts(act)[1](who(request), other)
    return ties.tie(who(request), other)


def _acts(act: str) -> tuple[Callable[[User, User], bool], Callable[[User, User], bool]]:
    if act not in ACTS:
        raise Http404
    return ACTS[act]


def _person(handle: str) -> User:
    return get_object_or_404(User.objects.visible(), handle=handle.lower())


def _list(request: HttpRequest, list_id: int) -> PeopleList:
    return get_object_or_404(PeopleList, owner=who(request), pk=min(list_id, 2**62))

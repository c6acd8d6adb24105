"""What search finds, in each room by that room's own rules; and what keeps its index up to date."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save

from samvad.accounts.models import User
from samvad.accounts.ties import apart_ids
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.posts import search, seen
from samvad.posts.models import Post, SearchRow


def posts_of(query: str, reader: User | None) -> QuerySet[Post]:
    """Posts with these words that `reader` may read."""
    found = seen.readable(reader).filter(pk__in=search.refs(search.POST, query))
    return found.filter(seen.within_reach(reader))


def people_of(query: str, reader: User | None) -> QuerySet[User]:
    """Accounts whose handle, name or words about them hold these words; by handle."""
    people = User.objects.visible().filter(handle__in=search.refs(search.PERSON, query))
    if reader is not None:
        people = people.exclude(pk__in=apart_ids(reader))
    return people.order_by("handle")


def events_of(query: str) -> QuerySet[Event]:
    """Conversations with these words in title, description or names; newest first."""
    found = Event.objects.filter(pk__in=search.refs(search.EVENT, query))
    served = seen.served("host")
    return (
        found.filter(served)
        .exclude(state=State.CANCELLED)
        .prefetch_related("speakers")
        .order_by("-created_at")
    )


def keep_index() -> None:
    """Accounts and conversations are found as soon as they are saved. Called once, by apps.py."""
    post_save.connect(_person_saved, sender=User, dispatch_uid="found_person")
    post_save.connect(_event_saved, sender=Event, dispatch_uid="found_event")
    post_delete.connect(_person_gone, sender=User, dispatch_uid="found_person_gone")
    post_delete.connect(_event_gone, sender=Event, dispatch_uid="found_event_gone")


def fill() -> None:
    """Accounts and conversations that were there before there was a search, some each round."""
    _fill(search.PERSON, User.objects.order_by("handle"), "handle", _put_person)
    _fill(search.EVENT, Event.objects.order_by("pk"), "pk", _put_event)


_filled: dict[str, str | None] = {}
"""By kind: up to which name the index was filled; None when nothing is left to do."""

A_ROUND = 100


def _fill(kind: str, rows: QuerySet[Any], field: str, put: Callable[[Any], None]) -> None:
    at = _filled.get(kind, "")
    if at == "" and SearchRow.objects.filter(kind=kind).exists():
        at = _filled[kind] = None
    if at is None:
        return
    some = list(rows.filter(**{f"{field}__gt": at})[:A_ROUND])
    for row in some:
        put(row)
    _filled[kind] = str(getattr(some[-1], field)) if len(some) == A_ROUND else None


def _put_person(person: User) -> None:
    about = getattr(person, "bio", "")
    search.put(search.PERSON, person.handle, f"{person.handle} {person.display_name} {about}")


def _put_event(event: Event) -> None:
    search.put(search.EVENT, event.pk, f"{event.title} {event.description}")


def _person_saved(instance: User, **_more: Any) -> None:
    changed = _more.get("update_fields")
    if changed is None or {"handle", "display_name", "bio"} & set(changed):
        _put_person(instance)


def _event_saved(instance: Event, **_more: Any) -> None:
    changed = _more.get("update_fields")
    if changed is None or {"title", "description"} & set(changed):
        _put_event(instance)


def _person_gone(instance: User, **_more: Any) -> None:
    search.drop(search.PERSON, instance.handle)


def _event_gone(instance: Event, **_more: Any) -> None:
    search.drop(search.EVENT, instance.pk)

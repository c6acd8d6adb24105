"""Telling people something, and what they do with it.

Every write of `tell` joins the caller's transaction, so that a like that is rolled back tells
nobody. What a person has is bounded: the oldest go first.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.accounts.tie_models import Mute
from samvad.notices.kinds import WAYS, Group, Kind, kinds_of
from samvad.notices.models import Notice, Wishes

MOST_SHOWN_UNREAD = 99
"""Above it the page says "99+", and the count stops there."""
TRIMMED_AT_A_TIME = 100


def tell(
    user: User,
    kind: Kind,
    actor: User | None = None,
    subject: tuple[str, str] = ("", ""),
    text_args: Mapping[str, Any] | None = None,
) -> Notice | None:
    """Tell `user` that something happened; None when they are not told.

    Not told are: one's own doings, those who muted or blocked `actor` (or are blocked by them),
    accounts that nobody can log in to, and what rang already of a kind that rings once. `subject`
    is (what, id); `text_args` are JSON-able and fill the sentence (notices/words.py).
    """
    if actor is not None and (actor.pk == user.pk or _hides(user, actor)):
        return None
    if not user.is_active:
        return None
    way, now = WAYS[kind], timezone.now()
    what, about = subject
    fields: dict[str, Any] = {
        "kind": kind,
        "actor": actor,
        "subject_kind": what,
        "subject": about,
        "args": dict(text_args or {}),
        "created_at": now,
        "push_due": now if way.pushed else None,
    }
    if way.once:
        key = f"{kind}/{actor.pk if actor else ''}/{what}/{about}"
        notice, fresh = Notice.objects.get_or_create(user=user, once_key=key, defaults=fields)
        if not fresh:
            return None
    else:
        notice = Notice.objects.create(user=user, **fields)
    _trim(user)
    return notice


def untell(user: User, kind: Kind, actor: User, subject: tuple[str, str]) -> None:
    """Take back what was told and not read yet: the like was taken back, the post deleted."""
    Notice.objects.filter(
        user=user,
        kind=kind,
        actor=actor,
        subject_kind=subject[0],
        subject=subject[1],
        read_at__isnull=True,
    ).delete()


def forget_subject(what: str, about: str) -> None:
    """Nobody is told of it any more: it is gone for good."""
    Notice.objects.filter(subject_kind=what, subject=about).delete()


def of(user: User, group: Group | None = None) -> QuerySet[Notice]:
    """What `user` was told, newest first, of all groups or one; not by those they hide now."""
    mine = Notice.objects.filter(user=user).select_related("actor").order_by("-pk")
    if group is not None:
        mine = mine.filter(kind__in=kinds_of(group))
    return _without_hidden(mine, user)


def unread(user: User) -> int:
    """How many are not read, counted up to MOST_SHOWN_UNREAD + 1. One query."""
    new = Notice.objects.filter(user=user, read_at__isnull=True)
    return len(new.values_list("pk")[: MOST_SHOWN_UNREAD + 1])


def read(user: User, up_to: int | None = None, ids: Sequence[int] = ()) -> int:
    """Mark as read: those in `ids`, or all up to the notice `up_to`. How many were new."""
    mine = Notice.objects.filter(user=user, read_at__isnull=True)
    mine = mine.filter(pk__in=ids) if up_to is None else mine.filter(pk__lte=up_to)
    return mine.update(read_at=timezone.now(), push_due=None)


def wishes(user: User) -> Wishes:
    """How `user` wants to be told, as saved or as usual."""
    return Wishes.objects.filter(user=user).first() or Wishes(user=user)


def wish(user: User, **values: Any) -> Wishes:
    """Save some of a person's wishes (fields of Wishes); the others stay."""
    saved, _ = Wishes.objects.update_or_create(user=user, defaults=values)
    return saved


def remember_reader(user: User, language: str, zone: str) -> None:
    """Letters to `user` are written in this language and zone from now on."""
    known = {code for code, _ in settings.LANGUAGES}
    now = Wishes.objects.filter(user=user).values_list("language", "zone").first()
    language = language if language in known else ""
    if now != (language, zone or (now[1] if now else "")):
        wish(user, language=language, **({"zone": zone} if zone else {}))


def trim_before(now: dt.datetime) -> int:
    """Forget what is older than the setting notices.kept_days; how many rows."""
    oldest = now - dt.timedelta(days=settings.SAMVAD.notices.kept_days)
    old = Notice.objects.filter(created_at__lt=oldest).order_by("pk").values_list("pk", flat=True)
    gone, _ = Notice.objects.filter(pk__in=list(old[:1000])).delete()
    return gone


def _trim(user: User) -> None:
    most = settings.SAMVAD.notices.kept
    mine = Notice.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    over = list(mine[most : most + TRIMMED_AT_A_TIME])
    if over:
        Notice.objects.filter(pk__in=over).delete()


def _hides(user: User, actor: User) -> bool:
    """Whether `user` does not want to hear of `actor`, or may not."""
    muted = Mute.objects.filter(muter=user, muted=actor).exists()
    return muted or ties.apart(user, actor)


def _without_hidden(found: QuerySet[Notice], user: User) -> QuerySet[Notice]:
    """Without those muted or blocked since."""
    hidden = ties.apart_ids(user) | ties.muted_ids(user)
    return found.exclude(actor__in=hidden) if hidden else found

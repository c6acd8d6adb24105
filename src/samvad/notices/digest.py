"""The mail that says what one has not read, once a day or a week, and never the same twice."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone, translation

from samvad.accounts.models import User
from samvad.notices import letters, service
from samvad.notices.kinds import WAYS, Kind
from samvad.notices.models import Notice, Wishes
from samvad.notices.words import sentence

A_ROUND = 50
NAMED = 10
"""Notices a digest tells; the others are counted."""
EVERY = {Wishes.DAILY: dt.timedelta(days=1), Wishes.WEEKLY: dt.timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Digest:
    """What a digest has to say: `told` are sentences, `more` how many there are beside them."""

    user: User
    told: Sequence[str]
    more: int


Write = Callable[[Digest], tuple[str, str, str]]
"""Makes (subject, text, link that ends it) in the language that is active."""


def write_due(now: dt.datetime, words: Write) -> int:
    """Write the digests that are due at `now`; how many letters."""
    _begin(now)
    due = Wishes.objects.filter(next_digest__lte=now).exclude(digest=Wishes.OFF)
    return sum(_write(wishes, now, words) for wishes in list(due.select_related("user")[:A_ROUND]))


def _begin(now: dt.datetime) -> None:
    """Whoever was told something for the first time is due a day later."""
    without = (
        Notice.objects.filter(user__notice_wishes__isnull=True)
        .order_by("user")
        .values_list("user", flat=True)
        .distinct()[:A_ROUND]
    )
    for user in list(without):
        Wishes.objects.get_or_create(
            user_id=user, defaults={"next_digest": now + EVERY[Wishes.DAILY]}
        )


def _write(wishes: Wishes, now: dt.datetime, words: Write) -> bool:
    every = EVERY[wishes.digest]
    kinds = [kind for kind in Kind if WAYS[kind].digested]
    new = list(
        service.of(wishes.user)
        .filter(read_at__isnull=True, pk__gt=wishes.digested_to, kind__in=kinds)
        .order_by("-pk")[: service.MOST_SHOWN_UNREAD]
    )
    with transaction.atomic():
        # Of two workers one wins: only it moves the date on, and only it writes.
        won = Wishes.objects.filter(pk=wishes.pk, next_digest=wishes.next_digest).update(
            next_digest=now + every,
            digested_to=max([wishes.digested_to, *(one.pk for one in new)]),
        )
        if not won or not new or not letters.address_of(wishes.user):
            return False
        with translation.override(wishes.language or None), timezone.override(dt.UTC):
            told = [sentence(one) for one in new[:NAMED]]
            subject, text, off = words(Digest(wishes.user, told, len(new) - len(told)))
        return letters.write(
            wishes.user,
            f"digest/{wishes.pk}/{new[0].pk}",
            subject,
            text,
            off_link=off,
            not_after=now + every,
        )

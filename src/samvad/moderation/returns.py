"""What comes back with an account, and what does not: docs/standing.md says it in words."""

import datetime as dt
from typing import Any

from django.db.models import Q
from django.utils import timezone

from samvad.accounts.models import AuditRow, Follow, User
from samvad.accounts.standing import Standing
from samvad.posts.models import Post, Visibility

BACK_SAID_FOR = dt.timedelta(days=30)
"""For so long a profile says that it is back, so that followers who would rather not may let go."""


def on_standing_changed(
    sender: type[User], user: User, old: Standing, new: Standing, at: dt.datetime, **more: Any
) -> None:
    """Receiver of accounts.signals.standing_changed."""
    if old is Standing.SUSPENDED and new is Standing.ACTIVE:
        end_follows_of_closed_doors(user, away_since(user))


def away_since(user: User) -> dt.datetime:
    """When the suspension began that has just ended."""
    row = (
        AuditRow.objects.filter(subject=f"@{user.handle}", action="account.suspend")
        .order_by("-number")
        .first()
    )
    return dt.datetime.fromtimestamp(row.at_ms / 1000, dt.UTC) if row else user.joined_at


def end_follows_of_closed_doors(user: User, since: dt.datetime) -> int:
    """End that `user` follows people who wrote for followers only since
    then, or narrowed to them what everybody could read; how many.

    Those people chose their readers while `user` was away. `user` may follow them again, which
    they are told of; what may not be is that it happens without anybody doing anything.
    """
    closed = Post.objects.filter(
        Q(created_at__gt=since) | Q(edited_at__gt=since), visibility=Visibility.FOLLOWERS
    )
    gone, _ = Follow.objects.filter(follower=user, followed__in=closed.values("author")).delete()
    return gone


def back_since(user: User) -> dt.datetime | None:
    """When a suspension ended, for the thirty days in which the profile says so."""
    if user.stands is not Standing.ACTIVE or user.standing_since < timezone.now() - BACK_SAID_FOR:
        return None
    row = (
        AuditRow.objects.filter(
            subject=f"@{user.handle}",
            action__in=("account.suspend", "account.reinstate", "account.lapse"),
        )
        .order_by("-number")
        .first()
    )
    return user.standing_since if row is not None and row.action != "account.suspend" else None

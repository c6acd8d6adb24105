"""What comes back with an account, and what does not: docs/standing.md says it in words."""

import datetime as dt
from typing import Any

from samvad.accounts.models import AuditRow, Follow, User
from samvad.accounts.standing import Standing
from samvad.posts.models import Post, Visibility


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
    """End that `user` follows people who wrote for followers only since then; how many.

    Those people chose their readers while `user` was away. `user` may follow them again, which
    they are told of; what may not be is that it happens without anybody doing anything.
    """
    closed = Post.objects.filter(visibility=Visibility.FOLLOWERS, created_at__gt=since)
    gone, _ = Follow.objects.filter(follower=user, followed__in=closed.values("author")).delete()
    return gone

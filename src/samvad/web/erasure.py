"""Deleting an account for good: everything goes but the name, which nobody gets again, and the
rows of the audit."""

import datetime as dt
import functools

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from samvad.accounts.models import Follow, User
from samvad.accounts.moves import move
from samvad.accounts.standing import Act, Standing
from samvad.posts import media
from samvad.posts.models import Medium, Post
from samvad.web import profiles

AT_A_TIME = 10


def erase_due() -> int:
    """Delete accounts whose grace period, or time of being kept, is over. How many."""
    now = timezone.now()
    kept = dt.timedelta(days=settings.SAMVAD.moderation.suspended_days)
    due = User.objects.filter(
        Q(standing=Standing.DELETING, standing_until__lte=now)
        | Q(
            standing=Standing.SUSPENDED,
            standing_until__isnull=True,
            standing_since__lte=now - kept,
        )
    ).order_by("standing_since")[:AT_A_TIME]
    return sum(erase(user) for user in due)


def erase(user: User) -> bool:
    """Delete what there is of an account that is being deleted or was suspended too long ago."""
    with transaction.atomic():
        if not move(user, Act.ERASE, by=None, reason="The time is over."):
            return False
        for medium in Medium.objects.filter(owner=user):
            media.remove(medium)
        Post.objects.filter(author=user).delete()
        Follow.objects.filter(Q(follower=user) | Q(followed=user)).delete()
        for rows in (
            user.mutes, user.muted_by, user.blocks, user.blocked_by, user.people_lists, user.listed,
            user.api_tokens, user.links, user.invites, user.archives, user.notices,
            user.reports_made,
        ):  # fmt: skip
            rows.all().delete()
        for model in (EmailAddress, Authenticator, UserSession):
            model.objects.filter(user=user).delete()
        pictures = (user.avatar, user.banner)
        for picture in pictures:
            transaction.on_commit(functools.partial(profiles.forget, picture))
        user.display_name = user.email = user.bio = user.avatar = user.banner = user.official = ""
        user.is_active = user.is_staff = user.is_superuser = user.is_moderator = False
        user.last_login = None
        user.set_unusable_password()
        user.save()
    return True

"""Invitations: links by which others may sign up, where the site asks for one."""

import datetime as dt
import secrets

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import Invite, User
from samvad.base.errors import PlainError

GOOD_FOR = dt.timedelta(days=14)


def make(by: User) -> Invite:
    """A new invitation, good for two weeks and one person. Raises PlainError at the limit."""
    if not by.may_act:
        raise PlainError(_("Not with this account now"))
    if not by.is_staff and open_of(by).count() >= settings.SAMVAD.accounts.invites:
        raise PlainError(
            _("You have as many open invitations as this site allows."),
            _("Wait until one is used or two weeks old."),
        )
    code = secrets.token_urlsafe(16)
    return Invite.objects.create(code=code, by=by, expires_at=timezone.now() + GOOD_FOR)


def open_of(user: User) -> QuerySet[Invite]:
    """Those that can still be used."""
    return Invite.objects.filter(by=user, used_by=None, expires_at__gt=timezone.now())


def find(code: str) -> Invite | None:
    """The invitation with this code, if it can still be used and who made it is to be seen."""
    found = (
        Invite.objects.filter(code=code, used_by=None, expires_at__gt=timezone.now())
        .select_related("by")
        .first()
    )
    return found if found is not None and found.by.is_visible else None


def use(code: str, user: User) -> None:
    """`user` signed up by it. Raises PlainError when somebody was faster."""
    with transaction.atomic():
        if not Invite.objects.filter(code=code, used_by=None).update(used_by=user):
            raise PlainError(_("This invitation is used up."))

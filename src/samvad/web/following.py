"""Following, as pages and the API do it: who is followed is told."""

from django.db import transaction
from django.utils.translation import gettext as _

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.notices import service as notices
from samvad.notices.kinds import Kind


def follow(follower: User, followed: User) -> bool:
    """True when it is new. Raises TieError."""
    if not follower.may_act:
        raise ties.TieError(_("This account cannot follow anybody now."))
    with transaction.atomic():
        new = ties.follow(follower, followed)
        if new:
            notices.tell(followed, Kind.FOLLOW, follower)
    return new


def unfollow(follower: User, followed: User) -> bool:
    """True when there was something to end."""
    with transaction.atomic():
        ended = ties.unfollow(follower, followed)
        if ended:
            notices.untell(followed, Kind.FOLLOW, follower, ("", ""))
    return ended

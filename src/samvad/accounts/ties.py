"""Follow, mute, block, and lists of people. Everything else calls these functions.

They may be repeated: what is so already stays so. What does not fit raises TieError.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.accounts.tie_models import (
    LIST_NAME_MAX,
    Block,
    Follow,
    ListMember,
    Mute,
    PeopleList,
)
from samvad.base.errors import PlainError

LISTS_MAX = 50
LIST_PEOPLE_MAX = 500
FOLLOWS_MAX = 7_500
"""Most people one follows: a home timeline is read from all of them at once."""


class TieError(PlainError):
    """A tie that cannot be made, said to the person who asked for it."""


@dataclass(frozen=True)
class Tie:
    """How one person (`me`) stands to another. All False for strangers and for oneself."""

    following: bool = False
    followed_by: bool = False
    muting: bool = False
    blocking: bool = False
    blocked_by: bool = False

    @property
    def apart(self) -> bool:
        """A block stands between them, whoever made it."""
        return self.blocking or self.blocked_by


def follow(follower: User, followed: User) -> bool:
    """True when it is new. Raises TieError for oneself, over a block, or at FOLLOWS_MAX."""
    _not_oneself(follower, followed, _("You cannot follow yourself."))
    with transaction.atomic():
        if apart(follower, followed):
            raise TieError(_("This account cannot be followed."))
        if Follow.objects.filter(follower=follower).count() >= FOLLOWS_MAX:
            raise TieError(
                _("You follow as many people as this site allows."), _("Unfollow somebody first.")
            )
        _found, made = Follow.objects.get_or_create(follower=follower, followed=followed)
    return made


def unfollow(follower: User, followed: User) -> bool:
    """True when there was something to end."""
    return bool(Follow.objects.filter(follower=follower, followed=followed).delete()[0])


def remove_follower(followed: User, follower: User) -> bool:
    """`followed` ends that `follower` follows. True when there was something to end."""
    return unfollow(follower, followed)


def mute(muter: User, muted: User) -> bool:
    """True when it is new. Raises TieError for oneself."""
    _not_oneself(muter, muted, _("You cannot mute yourself."))
    return Mute.objects.get_or_create(muter=muter, muted=muted)[1]


def unmute(muter: User, muted: User) -> bool:
    return bool(Mute.objects.filter(muter=muter, muted=muted).delete()[0])


def block(blocker: User, blocked: User) -> bool:
    """True when it is new. Both stop following, and leave each other's lists; raises TieError."""
    _not_oneself(blocker, blocked, _("You cannot block yourself."))
    with transaction.atomic():
        _found, made = Block.objects.get_or_create(blocker=blocker, blocked=blocked)
        Follow.objects.filter(
            Q(follower=blocker, followed=blocked) | Q(follower=blocked, followed=blocker)
        ).delete()
        ListMember.objects.filter(
            Q(people_list__owner=blocker, person=blocked)
            | Q(people_list__owner=blocked, person=blocker)
        ).delete()
    return made


def unblock(blocker: User, blocked: User) -> bool:
    """True when there was something to end. Who followed before does not follow again."""
    return bool(Block.objects.filter(blocker=blocker, blocked=blocked).delete()[0])


def apart(one: User, other: User) -> bool:
    """A block stands between them, whoever made it."""
    return Block.objects.filter(
        Q(blocker=one, blocked=other) | Q(blocker=other, blocked=one)
    ).exists()


def follows(follower: User, followed: User) -> bool:
    return Follow.objects.filter(follower=follower, followed=followed).exists()


def tie(me: User, other: User) -> Tie:
    """All five answers, in three queries."""
    if me.pk == other.pk:
        return Tie()
    both = Q(follower=me, followed=other) | Q(follower=other, followed=me)
    following = set(Follow.objects.filter(both).values_list("follower_id", flat=True))
    both = Q(blocker=me, blocked=other) | Q(blocker=other, blocked=me)
    blocking = set(Block.objects.filter(both).values_list("blocker_id", flat=True))
    return Tie(
        following=me.pk in following,
        followed_by=other.pk in following,
        muting=Mute.objects.filter(muter=me, muted=other).exists(),
        blocking=me.pk in blocking,
        blocked_by=other.pk in blocking,
    )


def followers_of(user: User) -> QuerySet[User]:
    """Who follows `user`."""
    return User.objects.filter(follows__followed=user)


def followed_by(user: User) -> QuerySet[User]:
    """Whom `user` follows."""
    return User.objects.filter(followed_by__follower=user)


def apart_ids(user: User) -> set[int]:
    """Accounts with a block between them and `user`, whoever made it. One query."""
    rows = Block.objects.filter(Q(blocker=user) | Q(blocked=user))
    return {
        blocked if blocker == user.pk else blocker
        for blocker, blocked in rows.values_list("blocker_id", "blocked_id")
    }


def muted_ids(user: User) -> set[int]:
    return set(Mute.objects.filter(muter=user).values_list("muted_id", flat=True))


# Lists


def make_list(owner: User, name: str) -> PeopleList:
    """Raises TieError when the name is empty, too long or taken, or there are LISTS_MAX."""
    name = " ".join(name.split())
    if not name or len(name) > LIST_NAME_MAX:
        raise TieError(_("A list has a name of at most %(n)d letters.") % {"n": LIST_NAME_MAX})
    mine = PeopleList.objects.filter(owner=owner)
    if mine.count() >= LISTS_MAX:
        raise TieError(_("You have as many lists as this site allows."), _("Delete one first."))
    if mine.filter(name=name).exists():
        raise TieError(_("You have a list of this name."))
    return PeopleList.objects.create(owner=owner, name=name)


def put_on_list(people_list: PeopleList, person: User) -> bool:
    """True when it is new. Raises TieError over a block, or at LIST_PEOPLE_MAX."""
    if apart(people_list.owner, person):
        raise TieError(_("This account cannot be put on a list."))
    if people_list.members.count() >= LIST_PEOPLE_MAX:
        raise TieError(_("This list is full."))
    return ListMember.objects.get_or_create(people_list=people_list, person=person)[1]


def take_off_list(people_list: PeopleList, person: User) -> bool:
    return bool(people_list.members.filter(person=person).delete()[0])


def _not_oneself(one: User, other: User, says: str) -> None:
    if one.pk == other.pk:
        raise TieError(says)

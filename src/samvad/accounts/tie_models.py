"""What ties two people: following, muting, blocking, and lists one keeps of others."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LIST_NAME_MAX = 60


class Follow(models.Model):
    """`follower` reads what `followed` writes. Made and ended by ties.py only."""

    follower = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows"
    )
    followed = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="followed_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["followed", "follower"], name="follow_back")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["follower", "followed"], name="one_follow"),
            models.CheckConstraint(condition=~Q(follower=F("followed")), name="no_self_follow"),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} > {self.followed_id}"


class Mute(models.Model):
    """`muter` does not want to read `muted`, who never learns of it."""

    muter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mutes"
    )
    muted = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="muted_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["muter", "muted"], name="one_mute"),
            models.CheckConstraint(condition=~Q(muter=F("muted")), name="no_self_mute"),
        ]

    def __str__(self) -> str:
        return f"{self.muter_id} mutes {self.muted_id}"


class Block(models.Model):
    """Neither reads, follows or mentions the other, as long as it stands."""

    blocker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocks"
    )
    blocked = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="blocked_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["blocked", "blocker"], name="block_back")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="one_block"),
            models.CheckConstraint(condition=~Q(blocker=F("blocked")), name="no_self_block"),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"


class PeopleList(models.Model):
    """A list of people whose posts its owner reads together. Nobody else sees it."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="people_lists"
    )
    name = models.CharField(_("name"), max_length=LIST_NAME_MAX)
    people = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", through="ListMember", blank=True
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="one_list_a_name",
                violation_error_message=_("You have a list of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ListMember(models.Model):
    """`person` is on `people_list`."""

    people_list = models.ForeignKey(PeopleList, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="listed"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["people_list", "person"], name="once_a_list")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} on {self.people_list_id}"

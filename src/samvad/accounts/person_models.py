"""What a person adds to an account: links, invitations, an archive to take along."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LINKS_MAX = 4


class ProfileLink(models.Model):
    """A page somewhere else. `verified_at`: when that page linked back here with rel="me"."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="links"
    )
    position = models.PositiveSmallIntegerField(default=0)
    url = models.URLField(_("address"), max_length=300)
    verified_at = models.DateTimeField(null=True, editable=False)
    look_at = models.DateTimeField(null=True, editable=False, default=timezone.now, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        ordering: ClassVar = ["position"]

    def __str__(self) -> str:
        return self.url


class Invite(models.Model):
    """Lets one person sign up."""

    code = models.CharField(max_length=32, unique=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invites"
    )
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"by {self.by_id}"


class Archive(models.Model):
    """All of one's data as one file, made by the worker. `name` is unguessable, or "" till then."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="archives"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    made_at = models.DateTimeField(null=True, db_index=True)
    name = models.CharField(max_length=40, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    failed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"of {self.user_id}, {self.asked_at:%Y-%m-%d}"

"""What is known of a page that posts link to."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

URL_MAX = 2000


class LinkPreview(models.Model):
    """One for an address, however many posts name it: fetched once, by the worker.

    `state`: "waiting" until it was tried, then "ready" or "none" (nothing to show, for good).
    """

    WAITING, READY, NONE = "waiting", "ready", "none"

    url = models.CharField(max_length=URL_MAX)
    url_hash = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=8, default=WAITING)
    title = models.CharField(max_length=300, blank=True)
    description = models.CharField(max_length=600, blank=True)
    site = models.CharField(max_length=120, blank=True)
    picture = models.CharField(max_length=80, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="previews_due", condition=models.Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def shown(self) -> bool:
        return self.state == self.READY and bool(self.title)

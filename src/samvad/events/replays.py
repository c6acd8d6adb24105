"""The replay of an event and the clips of it: what the host decided. The files are made elsewhere.

All times are *recorded* milliseconds: they count from the first recorded sample, whatever was cut
out since, so a cut that is taken back leaves chapters and clips where they were.
"""

import secrets
import string
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.events.models import Event

CLIP_MAX_MS = 120_000
CLIP_MIN_MS = 1_000
TITLE_MAX = 120
CHAPTERS_MAX = 100
CUTS_MAX = 100


def new_clip_id() -> str:
    """Eleven random letters and digits: unguessable enough, short enough for a link."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(11))


class Replay(models.Model):
    """One a recorded event. `revision` grows with each decision; `quick` is the revision that
    gates and players have, `made` that of all formats. `chapters` None: as suggested.

    `held`: not published (it may be decided before there is anything). `deleted_at`: the files
    are gone for good. `stored`: names → SHA-256 of files whose copy in the object store is
    verified.
    """

    event = models.OneToOneField(
        Event, on_delete=models.CASCADE, primary_key=True, related_name="replay"
    )
    held = models.BooleanField(_("held back"), default=False)
    cuts = models.JSONField(default=list, editable=False)
    chapters = models.JSONField(null=True, default=None, editable=False)
    corrections = models.JSONField(default=dict, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    quick = models.PositiveIntegerField(default=0, editable=False)
    made = models.PositiveIntegerField(default=0, editable=False)
    stored = models.JSONField(default=dict, editable=False)
    stored_revision = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    posted_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    failed = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("replay")
        verbose_name_plural = _("replays")

    def __str__(self) -> str:
        return f"{self.event_id} #{self.revision}"

    @property
    def open(self) -> bool:
        """Everybody may have it."""
        return not self.held and self.deleted_at is None


class Clip(models.Model):
    """A passage of at most two minutes with a page of its own."""

    id = models.CharField(primary_key=True, max_length=16, default=new_clip_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="clips")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="clips", editable=False
    )
    title = models.CharField(_("title"), max_length=TITLE_MAX)
    from_ms = models.PositiveBigIntegerField()
    to_ms = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    made = models.BooleanField(default=False, editable=False)
    failed = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("clip")
        verbose_name_plural = _("clips")
        indexes: ClassVar = [models.Index(fields=["event", "from_ms"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(to_ms__gt=models.F("from_ms")), name="clip_has_length"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms

"""Photos and videos of posts."""

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.posts import names

ALT_MAX = 1500
CAPTIONS_MAX_BYTES = 512 * 1024


def new_medium_name() -> str:
    return names.medium_name(secrets.token_bytes(16))


class Medium(models.Model):
    """A photo or a video, first of its owner alone, then of one post.

    `name` is unguessable (128 random bits) and part of every address of its files. `files` maps
    what a file is for ("w640", "mp4", "poster", …) to its name on disk; `spoken` are the languages
    it has captions in. A video goes through uploading, waiting and working to ready, or to failed
    with the reason in `failure`; photos are ready from the start. `lease_until` bounds how long one
    worker may be at it.
    """

    class Kind(models.TextChoices):
        PHOTO = "photo", _("Photo")
        VIDEO = "video", _("Video")

    class State(models.TextChoices):
        UPLOADING = "uploading", "uploading"
        WAITING = "waiting", "waiting"
        WORKING = "working", "working"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    name = models.CharField(max_length=26, unique=True, default=new_medium_name, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="media"
    )
    post = models.ForeignKey(
        "posts.Post", null=True, blank=True, on_delete=models.CASCADE, related_name="media"
    )
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.READY.value)
    failure = models.CharField(max_length=40, blank=True)
    alt = models.CharField(_("description"), max_length=ALT_MAX, blank=True)
    focus_x = models.FloatField(default=0.5)
    focus_y = models.FloatField(default=0.5)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    received = models.PositiveBigIntegerField(default=0)
    progress = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    spoken = models.JSONField(default=list, blank=True)
    files = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("photo or video")
        verbose_name_plural = _("photos and videos")
        indexes: ClassVar = [
            models.Index(
                fields=["state", "created_at"],
                name="media_unfinished",
                condition=~models.Q(state="ready"),
            ),
            models.Index(
                fields=["created_at"],
                name="media_unused",
                condition=models.Q(post__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def is_video(self) -> bool:
        return self.kind == self.Kind.VIDEO


class Captions(models.Model):
    """What is said in a video, as WebVTT in one language. The text was written anew by us."""

    medium = models.ForeignKey(Medium, on_delete=models.CASCADE, related_name="captions")
    language = models.CharField(max_length=12)
    text = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["medium", "language"], name="one_captions_a_language")
        ]

    def __str__(self) -> str:
        return f"{self.medium_id} in {self.language}"

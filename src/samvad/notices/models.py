"""Notices, how each person wants them, the browsers that take pushes, and letters to send."""

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.notices.kinds import Kind


def in_a_day() -> dt.datetime:
    return timezone.now() + dt.timedelta(days=1)


class Notice(models.Model):
    """One thing a person is told.

    `subject_kind` and `subject` say what it is about: ("post", id), ("event", id), ("case", id) or
    ("", ""). `args` fill the sentence of its kind (notices/words.py). `push_due` is set while it
    waits to be pushed: the rows that have it are the queue. `once_key` is "" or what makes a
    notice of a kind that rings once the same as an earlier one.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in Kind])
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    subject_kind = models.CharField(max_length=10, blank=True)
    subject = models.CharField(max_length=64, blank=True)
    args = models.JSONField(default=dict)
    once_key = models.CharField(max_length=120, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    push_due = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"]),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="notices_unread"),
            models.Index(
                fields=["push_due"], condition=Q(push_due__isnull=False), name="notices_to_push"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "once_key"], condition=~Q(once_key=""), name="a_notice_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Wishes(models.Model):
    """How one person wants to be told. Without a row: `digest` daily, everything pushed.

    `language` and `zone` are those of their last visit to a page that sets something: letters and
    pushes are written in them.
    """

    OFF, DAILY, WEEKLY = "off", "daily", "weekly"
    DIGESTS: ClassVar = [
        (OFF, _("Never")),
        (DAILY, _("Once a day")),
        (WEEKLY, _("Once a week")),
    ]

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="notice_wishes",
    )
    digest = models.CharField(
        max_length=6,
        choices=DIGESTS,
        default=DAILY,
    )
    not_pushed = models.JSONField(default=list)
    language = models.CharField(max_length=8, blank=True, default="")
    zone = models.CharField(max_length=64, blank=True, default="")
    digested_to = models.PositiveBigIntegerField(default=0)
    next_digest = models.DateTimeField(default=in_a_day, db_index=True)

    def __str__(self) -> str:
        return f"wishes of {self.user_id}"


class PushSubscription(models.Model):
    """A browser that takes pushes for an account (W3C Push API). Its keys are public ones."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_subscriptions"
    )
    endpoint = models.CharField(max_length=1024, unique=True)
    p256dh = models.CharField(max_length=120)
    auth = models.CharField(max_length=40)
    browser = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.browser or 'browser'} of {self.user_id}"


class Push(models.Model):
    """A notice on its way to one browser. `together` other than 0: it stands for so many."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="pushes")
    subscription = models.ForeignKey(
        PushSubscription, on_delete=models.CASCADE, related_name="pushes"
    )
    together = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"push of {self.notice_id}"


class Letter(models.Model):
    """A mail that waits to be sent: written with what it tells in one transaction, gone when sent.

    `off_link` ends letters of this sort by one POST (RFC 8058). `calendar` is an iCalendar object
    with `method`, or "". `once_key` keeps a repeated step from writing it twice.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="letters"
    )
    once_key = models.CharField(max_length=120, unique=True)
    subject = models.CharField(max_length=250)
    text = models.TextField()
    off_link = models.CharField(max_length=500, blank=True)
    calendar = models.TextField(blank=True)
    method = models.CharField(max_length=8, blank=True)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    not_after = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"letter {self.once_key}"

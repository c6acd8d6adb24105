"""A post and what hangs on it. Made and changed by service.py and its neighbours only."""

import secrets
import time
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from samvad.posts import names

WARNING_MAX = 120
TAG_MAX = 60


def new_post_id() -> str:
    return names.post_id(time.time_ns() // 1_000_000, secrets.randbits(names.CHANCE_BITS))


class Visibility(models.TextChoices):
    """Who may read a post."""

    PUBLIC = "public", pgettext_lazy("visibility", "Everybody")
    FOLLOWERS = "followers", pgettext_lazy("visibility", "Followers")
    MENTIONED = "mentioned", pgettext_lazy("visibility", "Only those mentioned")


class Gone(models.TextChoices):
    """Why a post is not shown. Its row stays, so that a thread keeps its form."""

    NO = "", "no"
    DELETED = "deleted", "deleted"
    HIDDEN = "hidden", "hidden"


class Post(models.Model):
    """Text of a person, or their repost of another's (`repost_of`, then without text).

    `root` is the first post of the thread, or null for one that starts one. `answers` is whom
    `reply_to` was written by: timelines leave out replies to strangers by it. `event` is an
    event's id or "". Counts are kept with the rows they count, in one transaction.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_post_id, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="posts", db_index=False
    )
    text = models.TextField(_("text"), blank=True)
    language = models.CharField(_("language"), max_length=12, blank=True)
    visibility = models.CharField(
        _("who may read it"),
        max_length=10,
        choices=Visibility.choices,
        default=Visibility.PUBLIC.value,
    )
    warning = models.CharField(_("content warning"), max_length=WARNING_MAX, blank=True)
    event = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    gone = models.CharField(max_length=8, choices=Gone.choices, blank=True, default="")
    gone_at = models.DateTimeField(null=True, blank=True, editable=False)
    pinned_at = models.DateTimeField(null=True, blank=True, editable=False)
    reply_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replies"
    )
    root = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="thread"
    )
    answers = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=True,
    )
    repost_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="reposted"
    )
    quote_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="quoted"
    )
    preview = models.ForeignKey(
        "LinkPreview", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    likes = models.PositiveIntegerField(default=0, editable=False)
    reposts = models.PositiveIntegerField(default=0, editable=False)
    reply_count = models.PositiveIntegerField(default=0, editable=False)
    quotes = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        indexes: ClassVar = [
            models.Index(fields=["author", "-id"], name="post_by_author"),
            models.Index(
                fields=["-id"],
                name="post_local",
                condition=Q(
                    visibility="public", gone="", repost_of__isnull=True, reply_to__isnull=True
                ),
            ),
            models.Index(fields=["event"], name="post_of_event", condition=~Q(event="")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["author", "repost_of"],
                name="one_repost",
                condition=Q(repost_of__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.author_id}/{self.id}"

    @property
    def path(self) -> str:
        """Its page, below the site's address. Wants `author`."""
        return f"/@{self.author.handle}/{self.id}"

    @property
    def is_public(self) -> bool:
        return self.visibility == Visibility.PUBLIC

    @property
    def counted(self) -> "Post":
        """What is liked, shared and answered: itself, or what it reposts."""
        return self.repost_of or self


class Revision(models.Model):
    """What a post said before an edit."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="revisions")
    text = models.TextField(blank=True)
    warning = models.CharField(max_length=WARNING_MAX, blank=True)
    written_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.post_id} of {self.written_at}"


class Mention(models.Model):
    """`post` names `person`: they may read it whatever its visibility, and are told."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="mentions")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mentioned_in"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "person"], name="one_mention")
        ]

    def __str__(self) -> str:
        return f"{self.post_id} names {self.person_id}"


class PostTag(models.Model):
    """`post` bears the hashtag, without its sign and folded as text.py does."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=TAG_MAX)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tag", "-post"], name="posts_of_tag")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["post", "tag"], name="one_tag")]

    def __str__(self) -> str:
        return f"#{self.tag}"


class _Mark(models.Model):
    """One person's mark on one post."""

    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


class Like(_Mark):
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="liked_by")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="liked"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "post"], name="one_like")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} likes {self.post_id}"


class Bookmark(_Mark):
    """Known to its maker only."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="bookmarked_by")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bookmarked"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "post"], name="one_bookmark")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} keeps {self.post_id}"


# Django finds an app's models by its `models` module; what media and links are has its own files.
from samvad.posts.link_models import LinkPreview  # noqa: E402
from samvad.posts.media_models import Captions, Medium  # noqa: E402
from samvad.posts.search_models import SearchRow  # noqa: E402

__all__ = [
    "Bookmark",
    "Captions",
    "Gone",
    "Like",
    "LinkPreview",
    "Medium",
    "Mention",
    "Post",
    "PostTag",
    "Revision",
    "SearchRow",
    "Visibility",
]

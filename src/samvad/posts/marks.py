"""Likes and bookmarks. They may be repeated: what is so already stays so."""

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.posts import seen, told
from samvad.posts.errors import PostError
from samvad.posts.models import Bookmark, Like, Post


def like(person: User, post: Post) -> bool:
    """True when it is new. Raises PostError when `person` may not read it."""
    original = _readable(person, post)
    with transaction.atomic():
        _mark, new = Like.objects.get_or_create(person=person, post=original)
        if new:
            Post.objects.filter(pk=original.pk).update(likes=F("likes") + 1)
            told.liked(person, original)
    return new


def unlike(person: User, post: Post) -> bool:
    """True when there was something to take back."""
    original = post.counted
    with transaction.atomic():
        gone, _rows = Like.objects.filter(person=person, post=original).delete()
        if gone:
            Post.objects.filter(pk=original.pk, likes__gt=0).update(likes=F("likes") - 1)
            told.unliked(person, original)
    return bool(gone)


def bookmark(person: User, post: Post) -> bool:
    """True when it is new. Raises PostError when `person` may not read it."""
    original = _readable(person, post)
    return Bookmark.objects.get_or_create(person=person, post=original)[1]


def unbookmark(person: User, post: Post) -> bool:
    return bool(Bookmark.objects.filter(person=person, post=post.counted).delete()[0])


def _readable(person: User, post: Post) -> Post:
    original = post.counted
    if not person.may_act or not seen.can_read(original, person):
        raise PostError(_("This post is not there (any more)."), code="not_found")
    return original

"""What may be done with posts. Pages, the API and federation call these and nothing below."""

import datetime as dt
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.accounts.ties import apart_ids
from samvad.posts import links, search, seen, text, told
from samvad.posts.errors import PostError
from samvad.posts.media import PHOTOS_MAX, remove
from samvad.posts.models import (
    WARNING_MAX,
    Gone,
    Medium,
    Mention,
    Post,
    PostTag,
    Revision,
    Visibility,
)

PINS_MAX = 5
REVISIONS_MAX = 50
_WIDTH = {Visibility.MENTIONED: 0, Visibility.FOLLOWERS: 1, Visibility.PUBLIC: 2}


def text_max() -> int:
    """Most letters a post may have (the setting posts.text_max)."""
    return int(settings.SAMVAD.posts.text_max)


def create(
    author: User,
    said: str,
    *,
    visibility: str = Visibility.PUBLIC,
    warning: str = "",
    language: str = "",
    event: str = "",
    reply_to: Post | None = None,
    quote_of: Post | None = None,
    media: Sequence[Medium] = (),
) -> Post:
    """A new post. Whom it names is told after the commit.

    A reply is never read by more people than what it answers. `media` are the author's own and
    belong to no post yet; a video may still be in the making. Raises PostError.
    """
    said, warning = _checked(author, said, warning, bool(media) or bool(event))
    _not_too_fast(author)
    wide = _visibility(visibility)
    if reply_to is not None:
        reply_to = _readable_original(author, reply_to)
        wide = min(wide, Visibility(reply_to.visibility), key=_WIDTH.__getitem__)
    if quote_of is not None:
        quote_of = _shareable(author, quote_of)
    with transaction.atomic():
        post = Post(
            author=author,
            text=said,
            visibility=wide,
            warning=warning,
            language=language[:12],
            event=event,
            reply_to=reply_to,
            root=(reply_to.root or reply_to) if reply_to else None,
            answers=reply_to.author if reply_to else None,
            quote_of=quote_of,
            preview=None if media else links.preview_for(said),
        )
        post.save(force_insert=True)
        named = _name(post)
        _attach(post, media)
        if reply_to is not None:
            Post.objects.filter(pk=reply_to.pk).update(reply_count=F("reply_count") + 1)
        if quote_of is not None:
            Post.objects.filter(pk=quote_of.pk).update(quotes=F("quotes") + 1)
        search.put_post(post)
        told.created(post, named)
    return post


def edit(post: Post, said: str, *, warning: str = "") -> Post:
    """Change the text; what it said before stays to be read. Raises PostError."""
    if post.gone or post.repost_of_id:
        raise PostError(_("This post can no longer be changed."))
    has_more = bool(post.event) or post.media.exists()
    said, warning = _checked(post.author, said, warning, has_more)
    if (said, warning) == (post.text, post.warning):
        return post
    with transaction.atomic():
        if post.revisions.count() >= REVISIONS_MAX:
            raise PostError(_("This post was changed too often. Write a new one."))
        Revision.objects.create(
            post=post,
            text=post.text,
            warning=post.warning,
            written_at=post.edited_at or post.created_at,
        )
        post.text, post.warning, post.edited_at = said, warning, timezone.now()
        if not post.media.exists():
            post.preview = links.preview_for(said)
        post.save(update_fields=["text", "warning", "edited_at", "preview"])
        before = set(post.mentions.values_list("person_id", flat=True))
        post.tags.all().delete()
        named = [person for person in _name(post, keep=before) if person.pk not in before]
        search.put_post(post)
        told.edited(post, named)
    return post


def delete(post: Post) -> None:
    """For good: text, media, history and marks go; a stub keeps the thread together."""
    with transaction.atomic():
        changed = Post.objects.filter(pk=post.pk).exclude(gone=Gone.DELETED)
        if not changed.update(
            gone=Gone.DELETED,
            gone_at=timezone.now(),
            text="",
            warning="",
            event="",
            preview=None,
            pinned_at=None,
            likes=0,
        ):
            return
        for medium in post.media.all():
            remove(medium)
        for rows in (post.revisions, post.mentions, post.tags, post.liked_by, post.bookmarked_by):
            rows.all().delete()
        Post.objects.filter(repost_of=post).delete()
        _count_down(post)
        search.drop(search.POST, post.pk)
        told.gone(post)
    post.gone = Gone.DELETED
    post.text = ""


def hide(post: Post) -> bool:
    """A moderator takes it from everybody's sight. True when it was to be seen."""
    return bool(
        Post.objects.filter(pk=post.pk, gone=Gone.NO).update(
            gone=Gone.HIDDEN, gone_at=timezone.now()
        )
    )


def show_again(post: Post) -> bool:
    """A hidden post is to be seen again. True when it was hidden."""
    return bool(
        Post.objects.filter(pk=post.pk, gone=Gone.HIDDEN).update(gone=Gone.NO, gone_at=None)
    )


def pin(post: Post) -> None:
    """To the top of its author's profile. Raises PostError at PINS_MAX or for a repost."""
    if post.repost_of_id or post.gone or post.visibility == Visibility.MENTIONED:
        raise PostError(_("This post cannot be pinned."))
    with transaction.atomic():
        pinned = Post.objects.filter(author=post.author_id, pinned_at__isnull=False)
        if pinned.exclude(pk=post.pk).count() >= PINS_MAX:
            raise PostError(
                _("You have pinned as many posts as a profile takes."), _("Unpin one first.")
            )
        Post.objects.filter(pk=post.pk, pinned_at__isnull=True).update(pinned_at=timezone.now())


def unpin(post: Post) -> None:
    Post.objects.filter(pk=post.pk).update(pinned_at=None)


def repost(person: User, post: Post) -> tuple[Post, bool]:
    """`person` passes it on: (the repost, whether it is new). Raises PostError."""
    _may_write(person)
    original = _shareable(person, post)
    with transaction.atomic():
        made, new = Post.objects.get_or_create(author=person, repost_of=original)
        if new:
            Post.objects.filter(pk=original.pk).update(reposts=F("reposts") + 1)
            told.reposted(made, original)
    return made, new


def unrepost(person: User, post: Post) -> bool:
    """True when there was something to take back."""
    original = post.counted
    with transaction.atomic():
        gone, _rows = Post.objects.filter(author=person, repost_of=original).delete()
        if gone:
            Post.objects.filter(pk=original.pk, reposts__gt=0).update(reposts=F("reposts") - 1)
            told.unreposted(person, original)
    return bool(gone)


def _checked(author: User, said: str, warning: str, has_more: bool) -> tuple[str, str]:
    """The cleaned text and warning of somebody who may write. Raises PostError."""
    _may_write(author)
    said = text.clean(said)
    warning = " ".join(text.clean(warning).split())
    if not said and not has_more:
        raise PostError(_("There is nothing to post yet."), code="empty", field="text")
    if len(said) > text_max():
        raise PostError(
            _("This is %(over)d letters too long.") % {"over": len(said) - text_max()},
            code="too_long",
            field="text",
        )
    if len(warning) > WARNING_MAX:
        raise PostError(_("The warning is too long."), code="too_long", field="warning")
    return said, warning


def _may_write(person: User) -> None:
    if not person.may_act:
        raise PostError(_("This account cannot post now."), code="standing")


def _not_too_fast(person: User) -> None:
    since = timezone.now() - dt.timedelta(hours=1)
    most = settings.SAMVAD.accounts.posts_an_hour
    if Post.objects.filter(author=person, created_at__gt=since).count() >= most:
        raise PostError(
            _("You have posted as much as one account can in an hour."),
            _("Wait a little."),
            code="too_fast",
        )


def _visibility(value: str) -> Visibility:
    try:
        return Visibility(value)
    except ValueError:
        raise PostError(_("Choose who may read it."), field="visibility") from None


def _readable_original(person: User, post: Post) -> Post:
    """What is meant by answering `post`, if `person` may read it. Raises PostError."""
    original = post.counted
    if not seen.can_read(original, person):
        raise PostError(_("This post is not there (any more)."), code="not_found")
    return original


def _shareable(person: User, post: Post) -> Post:
    original = _readable_original(person, post)
    if not original.is_public:
        raise PostError(_("Only posts that everybody may read can be passed on."), code="private")
    return original


def _name(post: Post, keep: set[int] | None = None) -> list[User]:
    """Rows for the mentions and hashtags of its text; gives back who is named.

    Who was named before an edit (`keep`) may still read the post. A post for those mentioned
    alone, written as an answer, is also for whom it answers.
    """
    handles = text.mentions(post.text)
    wanted = Q(handle__in=handles)
    if post.answers_id and post.visibility == Visibility.MENTIONED:
        wanted |= Q(pk=post.answers_id)
    people = User.objects.visible().filter(wanted).exclude(pk=post.author_id)
    away = apart_ids(post.author) if handles or post.answers_id else set()
    named = [person for person in people if person.pk not in away]
    Mention.objects.bulk_create(
        [Mention(post=post, person=p) for p in named if p.pk not in (keep or set())]
    )
    PostTag.objects.bulk_create([PostTag(post=post, tag=tag) for tag in text.tags(post.text)])
    return named


def _attach(post: Post, pieces: Sequence[Medium]) -> None:
    """Make the media the post's. Raises PostError when they are not the author's to give."""
    if len(pieces) > PHOTOS_MAX:
        raise PostError(_("A post takes four photos, or one video."), field="media")
    if any(one.is_video for one in pieces) and len(pieces) > 1:
        raise PostError(_("A post takes four photos, or one video."), field="media")
    for position, medium in enumerate(pieces):
        mine = Medium.objects.filter(pk=medium.pk, owner=post.author, post__isnull=True)
        usable = mine.exclude(state__in=[Medium.State.UPLOADING, Medium.State.FAILED])
        if not usable.update(post=post, position=position):
            raise PostError(_("A photo or video is not there (any more)."), field="media")


def _count_down(post: Post) -> None:
    if post.reply_to_id:
        Post.objects.filter(pk=post.reply_to_id, reply_count__gt=0).update(
            reply_count=F("reply_count") - 1
        )
    if post.quote_of_id:
        Post.objects.filter(pk=post.quote_of_id, quotes__gt=0).update(quotes=F("quotes") - 1)

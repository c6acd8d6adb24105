"""The recording in the host's timeline: a post of its own, as soon as it may be heard."""

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.events.replays import Replay
from samvad.posts.models import Post
from samvad.posts.service import create

A_ROUND = 20


def post_due() -> int:
    """Post every replay that was published and has not been; how many were."""
    due = Replay.objects.filter(
        published_at__isnull=False,
        posted_at__isnull=True,
        held=False,
        deleted_at__isnull=True,
        event__host__in=User.objects.visible(),
    )
    return sum(_post(replay) for replay in due.select_related("event__host")[:A_ROUND])


@transaction.atomic
def _post(replay: Replay) -> bool:
    """Once: whoever moves the row from unposted posts it."""
    now = timezone.now()
    if not Replay.objects.filter(pk=replay.pk, posted_at__isnull=True).update(posted_at=now):
        return False
    event = replay.event
    with translation.override(getattr(event.host, "language", "") or None):
        said = _("The recording of “%(title)s” is here.") % {"title": event.title}
    create(event.host, said, event=event.pk)
    return True


def refers(event_id: str) -> bool:
    """Whether a post refers to it (events/retention.py)."""
    return Post.objects.filter(event=event_id).exists()

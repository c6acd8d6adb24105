"""Links in letters that end letters of their sort: signed, good without a log-in."""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from samvad.accounts.models import User
from samvad.events.models import Reminder
from samvad.notices import service
from samvad.notices.models import Wishes

SALT = "samvad.letters-off"
DIGEST, REMINDER = "digest", "reminder"


@dataclass(frozen=True, slots=True)
class Off:
    """Whose letters end, of which sort; `about` is an event's id for a reminder."""

    user: int
    sort: str
    about: str = ""


def link(user: User, sort: str, about: str = "") -> str:
    """The absolute address that ends letters of `sort` to `user`."""
    token = signing.dumps([user.pk, sort, about], salt=SALT)
    return settings.SAMVAD.web_url() + reverse("letters_off", args=[token])


def read(token: str) -> Off | None:
    """What a link ends; None when it is none of ours. They do not run out."""
    try:
        user, sort, about = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Off(int(user), str(sort), str(about))


def end(off: Off) -> None:
    """End them. Repeating it changes nothing."""
    user = User.objects.filter(pk=off.user).first()
    if user is None:
        return
    if off.sort == DIGEST:
        service.wish(user, digest=Wishes.OFF)
    elif off.sort == REMINDER:
        Reminder.objects.filter(user=user, event=off.about).delete()

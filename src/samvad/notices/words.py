"""The sentence of a notice, in the language that is active."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from samvad.notices.kinds import Kind
from samvad.notices.models import Notice


def sentence(notice: Notice) -> str:
    """What happened, in one sentence of plain text. Names in it are data: escape them."""
    names = {
        "name": notice.actor.shown_name if notice.actor else _("Somebody"),
        "title": str(notice.args.get("title") or ""),
        "when": str(notice.args.get("when") or ""),
    }
    return says(Kind(notice.kind), names)


def says(kind: Kind, names: Mapping[str, Any]) -> str:
    """The sentence of `kind`; `names` holds name, title and when."""
    match kind:
        case Kind.MENTION:
            pattern = _("%(name)s mentioned you.")
        case Kind.REPLY:
            pattern = _("%(name)s answered you.")
        case Kind.QUOTE:
            pattern = _("%(name)s quoted your post.")
        case Kind.REPOST:
            pattern = _("%(name)s shared your post.")
        case Kind.LIKE:
            pattern = _("%(name)s likes your post.")
        case Kind.FOLLOW:
            pattern = _("%(name)s follows you.")
        case Kind.EVENT_STARTS:
            pattern = _("“%(title)s” begins soon.")
        case Kind.EVENT_MOVED:
            pattern = _("“%(title)s” was put off. Its new time stands on its page.")
        case Kind.EVENT_CANCELLED:
            pattern = _("“%(title)s” will not take place.")
        case Kind.EVENT_BACK:
            pattern = _("“%(title)s” will take place after all.")
        case Kind.EVENT_REPLAY:
            pattern = _("The recording of “%(title)s” is here.")
        case Kind.MODERATION:
            pattern = _("There is word from the moderators for you.")
    return pattern % names

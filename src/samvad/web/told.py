"""What letters and pushes say, with their addresses: notices know none."""

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import ngettext

from samvad.notices.digest import Digest
from samvad.notices.models import Notice, Wishes
from samvad.notices.words import sentence
from samvad.web import off_links


def payload(notice: Notice, wishes: Wishes, together: int = 0) -> dict[str, Any]:
    """What a browser shows for `notice`; `together` more than 0: for so many of them."""
    web = settings.SAMVAD.web_url()
    with translation.override(wishes.language or settings.LANGUAGE_CODE):
        if together:
            body = ngettext(
                "You have %(n)d new notification.", "You have %(n)d new notifications.", together
            ) % {"n": together}
            url, tag = web + reverse("notices"), "many"
        else:
            body = sentence(notice)
            url = web + reverse("notice", args=[notice.pk])
            tag = f"{notice.kind}/{notice.subject}"
        return {
            "title": "Samvad",
            "body": body,
            "url": url,
            "tag": tag,
            "lang": translation.get_language(),
        }


def digest(what: Digest) -> tuple[str, str, str]:
    """The subject and text of a digest, and the link that ends digests."""
    count = len(what.told) + what.more
    off = off_links.link(what.user, off_links.DIGEST)
    subject = ngettext("%(n)d notification on Samvad", "%(n)d notifications on Samvad", count) % {
        "n": count
    }
    web = settings.SAMVAD.web_url()
    text = render_to_string(
        "mail/digest.txt",
        {
            "name": what.user.shown_name,
            "told": what.told,
            "more": what.more,
            "notices": web + reverse("notices"),
            "wishes": web + reverse("notice_wishes"),
            "off": off,
        },
    )
    return subject, text, off

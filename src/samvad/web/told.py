"""What letters and pushes say, with their addresses: notices know none."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import ngettext

from samvad.events.calendars import Method
from samvad.events.models import Reminder
from samvad.events.reminders import Text, Told
from samvad.notices import service as notices
from samvad.notices.digest import Digest
from samvad.notices.kinds import Kind
from samvad.notices.models import Notice, Wishes
from samvad.notices.words import says, sentence
from samvad.web import calendars, off_links, words


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


def reminder(what: Told) -> Text:
    """A letter to one who set a reminder: it begins, it moved, it is off, it is on again."""
    row, event = what.reminder, what.reminder.event
    wishes = notices.wishes(row.user)
    off = off_links.link(row.user, off_links.REMINDER, event.pk)
    with translation.override(wishes.language or settings.LANGUAGE_CODE):
        lang = translation.get_language() or "en"
        starts = event.starts_at
        here, there = (
            words.here_and_there(starts, event.zone, wishes.zone, lang) if starts else ("", "")
        )
        before = (
            words.here_and_there(what.before, event.zone, wishes.zone, lang)[0]
            if what.before
            else ""
        )
        subject = says(what.kind, {"name": "", "title": event.title, "when": here})
        text = render_to_string(
            "mail/reminder.txt",
            {
                "kind": what.kind.value,
                "says": subject,
                "name": row.user.shown_name,
                "event": event,
                "here": here,
                "there": there,
                "before": before,
                "link": what.link,
                "off": off,
            },
        )
    if what.kind is Kind.EVENT_STARTS:
        return Text(subject, text, off)
    calendar = calendars.one(event, url=what.link, alarm=_alarm(row))
    method = Method.CANCEL if what.kind is Kind.EVENT_CANCELLED else Method.PUBLISH
    return Text(subject, text, off, (calendar or b"").decode(), method.value)


def _alarm(row: Reminder) -> dt.timedelta:
    lead = settings.SAMVAD.notices.reminder_lead_min
    return dt.timedelta(minutes=lead, seconds=row.offset_s)


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

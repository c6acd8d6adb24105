"""Letters: mail that is written down with what it tells, and sent when the mail server takes it."""

import datetime as dt
import logging
import smtplib
from email.mime.text import MIMEText

from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from samvad.accounts.models import User
from samvad.notices.models import Letter

log = logging.getLogger(__name__)

A_ROUND = 50
TRIES_MOST = 8
"""With pauses that double from a minute: about four hours."""


def address_of(user: User) -> str:
    """Where letters to `user` go: an address they have proven to be theirs, else "" (none)."""
    found = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary").first()
    return found.email if found is not None else ""


def write(
    user: User,
    once_key: str,
    subject: str,
    text: str,
    *,
    off_link: str = "",
    calendar: str = "",
    method: str = "",
    due_at: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
) -> bool:
    """Put a letter in the box, in the caller's transaction. False when it lay there already.

    `not_after`: when it is of no use any more. `calendar` goes along as an iCalendar object
    with `method` (RFC 6047).
    """
    _letter, made = Letter.objects.get_or_create(
        once_key=once_key,
        defaults={
            "user": user,
            "subject": " ".join(subject.split())[:250],
            "text": text,
            "off_link": off_link,
            "calendar": calendar,
            "method": method,
            "due_at": due_at or timezone.now(),
            "not_after": not_after,
        },
    )
    return made


def send_due(now: dt.datetime) -> int:
    """Send what is due; how many left. One connection for a round; raises nothing for mail."""
    due = list(Letter.objects.filter(due_at__lte=now).select_related("user").order_by("due_at"))
    due, sent = due[:A_ROUND], 0
    if not due:
        return 0
    try:
        with mail.get_connection() as connection:
            for letter in due:
                sent += _send(letter, connection, now)
    except (OSError, smtplib.SMTPException) as error:
        # The server itself is not there: the letters wait, without counting it against them.
        log.warning("the mail server does not answer: %s", error)
        later = now + dt.timedelta(minutes=1)
        Letter.objects.filter(pk__in=[one.pk for one in due], due_at__lte=now).update(due_at=later)
    return sent


def _send(letter: Letter, connection: object, now: dt.datetime) -> bool:
    to = address_of(letter.user)
    if not to or not letter.user.is_active or (letter.not_after and now > letter.not_after):
        letter.delete()
        return False
    message = mail.EmailMultiAlternatives(
        letter.subject, letter.text, to=[to], connection=connection
    )
    if letter.off_link:
        message.extra_headers = {
            "List-Unsubscribe": f"<{letter.off_link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    message.extra_headers["Auto-Submitted"] = "auto-generated"  # RFC 3834
    if letter.calendar:
        part = MIMEText(letter.calendar, "calendar", "utf-8")
        part.set_param("method", letter.method or "PUBLISH")
        message.attach(part)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        log.info("a letter was refused: %s", error)
        letter.delete()
        return False
    except smtplib.SMTPResponseException as error:
        letter.tries += 1
        if error.smtp_code >= 500 or letter.tries >= TRIES_MOST:
            log.info("a letter was given up: %s", error)
            letter.delete()
        else:
            letter.due_at = now + dt.timedelta(minutes=2**letter.tries)
            letter.save(update_fields=["tries", "due_at"])
        return False
    letter.delete()
    return True

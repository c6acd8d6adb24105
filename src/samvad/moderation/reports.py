"""Reporting, and what was seen kept as it was then."""

import datetime as dt

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts import audit
from samvad.accounts.models import User
from samvad.events.models import Event
from samvad.moderation import evidence
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import Rule
from samvad.moderation.models import WORDS_MAX, Report
from samvad.posts import seen
from samvad.posts.models import Post

A_DAY_MAX = 30
"""Reports that one person may make in a day."""

Subject = User | Post | Event


def find(kind: str, about: str, reader: User) -> Subject | None:
    """What a report would be about, if `reader` can see it at all."""
    if kind == "account":
        return User.objects.visible().filter(handle=about.lower()).first()
    if kind == "post":
        return seen.readable(reader).filter(pk=about).select_related("author").first()
    if kind == "event":
        return Event.objects.filter(pk=about).select_related("host").first()
    return None


def account_of(subject: Subject) -> User:
    """Whose it is."""
    if isinstance(subject, User):
        return subject
    return subject.author if isinstance(subject, Post) else subject.host


def report(reporter: User, subject: Subject, rule: str, words: str) -> Report:
    """Say that `subject` breaks `rule`. Reporting twice changes nothing. Raises ModerationError."""
    account = account_of(subject)
    if account.pk == reporter.pk:
        raise ModerationError(_("This is your own."), _("You can delete it yourself."))
    if rule not in Rule.values:
        raise ModerationError(_("Name the rule that was broken."))
    words = words.strip()
    if len(words) > WORDS_MAX:
        raise ModerationError(_("Say it in %(n)d letters at most.") % {"n": WORDS_MAX})
    since = timezone.now() - dt.timedelta(days=1)
    if Report.objects.filter(reporter=reporter, created_at__gt=since).count() >= A_DAY_MAX:
        raise ModerationError(
            _("You have made as many reports as one person can in a day."), _("Come back tomorrow.")
        )
    kind, about = _name(subject)
    seen_then = evidence.snapshot(subject)
    try:
        with transaction.atomic():
            made = Report.objects.create(
                reporter=reporter,
                account=account,
                subject_kind=kind,
                subject=about,
                rule=rule,
                words=words,
                evidence=seen_then,
            )
    except IntegrityError:
        return Report.objects.get(
            reporter=reporter, subject_kind=kind, subject=about, state=Report.State.OPEN
        )
    evidence.keep_files(made, subject)
    return made


def dismiss(found: Report, by: User, reason: str) -> None:
    """No breach. Raises ModerationError."""
    if not by.moderates:
        raise ModerationError(_("Only moderators may do this."))
    if by.pk == found.account_id:
        raise ModerationError(_("Nobody decides about themselves."))
    with transaction.atomic():
        changed = Report.objects.filter(pk=found.pk, state=Report.State.OPEN).update(
            state=Report.State.DISMISSED, closed_by=by, closed_at=timezone.now()
        )
        if not changed:
            raise ModerationError(_("This is decided already."))
        audit.record(by, "report.dismiss", f"report:{found.pk}", reason.strip(), {})
    found.refresh_from_db()


def _name(subject: Subject) -> tuple[str, str]:
    if isinstance(subject, User):
        return "account", subject.handle
    return ("post" if isinstance(subject, Post) else "event"), subject.pk

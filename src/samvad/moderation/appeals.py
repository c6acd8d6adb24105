"""One appeal a decision, with a deadline, answered by somebody who did not decide it."""

import datetime as dt

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts import audit
from samvad.accounts.models import User
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import ACTIONS
from samvad.moderation.models import WORDS_MAX, Appeal, Decision
from samvad.moderation.service import lift
from samvad.notices import service as notices
from samvad.notices.kinds import Kind


def closes_at(decision: Decision) -> dt.datetime | None:
    """Until when it may be appealed; None: it may not."""
    if not decision.is_measure or decision.in_force_at is None or not decision.is_in_force:
        return None
    if hasattr(decision, "appeal"):
        return None
    return decision.in_force_at + dt.timedelta(days=settings.SAMVAD.moderation.appeal_days)


def may_appeal(decision: Decision, person: User) -> bool:
    """Whether `person` can appeal it now."""
    closes = closes_at(decision)
    return person.pk == decision.account_id and closes is not None and timezone.now() < closes


def appeal(decision: Decision, person: User, words: str) -> Appeal:
    """Say why it is wrong. Raises ModerationError when that is not possible (any more)."""
    words = words.strip()
    if not words or len(words) > WORDS_MAX:
        raise ModerationError(
            _("Say in %(n)d letters at most why the decision is wrong.") % {"n": WORDS_MAX}
        )
    if not may_appeal(decision, person):
        raise ModerationError(_("This decision can not be appealed (any more)."))
    days = settings.SAMVAD.moderation.answer_days
    try:
        with transaction.atomic():
            made = Appeal.objects.create(
                decision=decision,
                words=words,
                answer_by=timezone.now() + dt.timedelta(days=days),
            )
            audit.record(person, "appeal.open", f"decision:{decision.pk}", "", {})
    except IntegrityError:
        raise ModerationError(_("You have appealed this decision already.")) from None
    return made


def may_answer(found: Appeal, by: User) -> bool:
    """A moderator who had no part in the decision, and is not the person."""
    decision = found.decision
    apart = by.pk not in (decision.by_id, decision.second_id, decision.account_id)
    return by.moderates and apart


def answer(found: Appeal, by: User, overturn: bool, words: str) -> None:
    """Decide it: the decision stands, or is lifted. Raises ModerationError."""
    words = words.strip()
    if not words:
        raise ModerationError(_("Say why: the person reads it."))
    if not may_answer(found, by):
        raise ModerationError(
            _("You had a part in this decision."), _("Another moderator answers the appeal.")
        )
    state = Appeal.State.OVERTURNED if overturn else Appeal.State.UPHELD
    with transaction.atomic():
        changed = Appeal.objects.filter(pk=found.pk, state=Appeal.State.OPEN).update(
            state=state, answer=words[:WORDS_MAX], decided_by=by, decided_at=timezone.now()
        )
        if not changed:
            raise ModerationError(_("This is decided already."))
        found.refresh_from_db()
        decision = found.decision
        audit.record(by, f"appeal.{state.value}", f"decision:{decision.pk}", words, {})
        if overturn and ACTIONS[decision.acts].undone_by is not None and decision.is_in_force:
            lift(decision, by, words)
        elif overturn:
            Decision.objects.filter(pk=decision.pk, state=Decision.State.IN_FORCE).update(
                state=Decision.State.LIFTED, ended_at=timezone.now()
            )
        notices.tell(
            decision.account,
            Kind.MODERATION,
            subject=("case", decision.pk),
            text_args={"action": f"appeal_{state.value}"},
        )

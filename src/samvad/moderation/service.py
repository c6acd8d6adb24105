"""Deciding: warn, hide, limit, freeze, suspend, and lifting each of them again.

Every decision is one transaction: what it does, its audit row, the notice to the person, and
the reports it settles.
"""

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from samvad.accounts import audit
from samvad.accounts.models import User
from samvad.accounts.moves import move
from samvad.accounts.standing import Act
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import ACTIONS, MEASURES, Action, Rule, undoes
from samvad.moderation.models import WORDS_MAX, Decision, Report
from samvad.notices import service as notices
from samvad.notices.kinds import Kind
from samvad.posts import service as posts
from samvad.posts.models import Post

_MOVES = {
    Action.FREEZE: Act.FREEZE,
    Action.SUSPEND: Act.SUSPEND,
    Action.REINSTATE: Act.REINSTATE,
}


def decide(
    account: User,
    action: Action,
    *,
    by: User | None,
    reason: str,
    rule: str = "",
    until: dt.datetime | None = None,
    post: Post | None = None,
    reports: Sequence[Report] = (),
) -> Decision:
    """Decide `action` about `account` (or `post` of it). `by` None: whoever runs the site.

    In force at once, or proposed when two moderators are needed. Raises ModerationError.
    """
    reason = reason.strip()
    _check(account, action, by, reason=reason, rule=rule, until=until, post=post)
    decision = Decision(
        account=account,
        action=action.value,
        rule=rule,
        reason=reason,
        post=post.pk if post is not None else "",
        until=until if ACTIONS[action].lasts else None,
        by=by,
    )
    with transaction.atomic():
        if by is not None and needs_two(account):
            decision.state = Decision.State.PROPOSED
            decision.save(force_insert=True)
            audit.record(by, "decision.propose", _subject(decision), reason, _told(decision))
        else:
            decision.state = Decision.State.IN_FORCE
            decision.save(force_insert=True)
            _put_in_force(decision, by)
        _settle(reports, decision, by)
    return decision


def second(decision: Decision, by: User, agrees: bool) -> None:
    """The second moderator's word on what another proposed. Raises ModerationError."""
    _may(by, decision.account)
    if by.pk == decision.by_id:
        raise ModerationError(
            _("You proposed this yourself."), _("Another moderator has to look at it.")
        )
    state = Decision.State.IN_FORCE if agrees else Decision.State.DECLINED
    with transaction.atomic():
        changed = Decision.objects.filter(pk=decision.pk, state=Decision.State.PROPOSED).update(
            state=state, second=by
        )
        if not changed:
            raise ModerationError(_("This is decided already."))
        decision.refresh_from_db()
        if agrees:
            _put_in_force(decision, by)
        else:
            audit.record(by, "decision.decline", _subject(decision), "", _told(decision))


def lift(decision: Decision, by: User | None, reason: str) -> Decision:
    """Undo a measure that is in force. Raises ModerationError."""
    undo = ACTIONS[decision.acts].undone_by
    if undo is None or not decision.is_in_force:
        raise ModerationError(_("There is nothing to lift any more."))
    post = Post.objects.filter(pk=decision.post).first() if decision.post else None
    return decide(decision.account, undo, by=by, reason=reason, rule=decision.rule, post=post)


def lapse_due() -> int:
    """Lift what was decided for a time that is over. The worker calls it. How many."""
    due = User.objects.filter(
        standing__in=["frozen", "suspended"], standing_until__lte=timezone.now()
    )[:100]
    count = 0
    for user in due:
        with transaction.atomic():
            if move(user, Act.LAPSE, by=None, reason="The time is over."):
                _end(user, [Action.FREEZE, Action.SUSPEND])
                _tell(user, None, Action.REINSTATE)
                count += 1
    return count


def needs_two(account: User) -> bool:
    """Two moderators must agree: accounts on the list, and moderators themselves."""
    return account.two_moderators or account.is_moderator or account.is_superuser


def set_two(account: User, by: User | None, needed: bool, reason: str) -> None:
    """Put `account` on the list of those that need two moderators, or take it off."""
    _mark(account, by, "account.two_on" if needed else "account.two_off", reason)
    User.objects.filter(pk=account.pk).update(two_moderators=needed)
    account.refresh_from_db()


def set_official(account: User, by: User | None, office: str, reason: str) -> None:
    """Mark `account` as speaking for `office`, or for nobody with ""."""
    office = " ".join(office.split())[:120]
    told = {"office": office} if office else {}
    _mark(account, by, "account.official" if office else "account.unofficial", reason, told)
    User.objects.filter(pk=account.pk).update(official=office)
    account.refresh_from_db()


def set_moderator(account: User, by: User | None, moderates: bool, reason: str) -> None:
    """Let `account` moderate, or no longer."""
    _mark(account, by, "account.moderator" if moderates else "account.no_moderator", reason)
    User.objects.filter(pk=account.pk).update(is_moderator=moderates)
    account.refresh_from_db()


def _mark(
    account: User, by: User | None, action: str, reason: str, told: dict[str, str] | None = None
) -> None:
    if by is not None and not by.is_superuser:
        raise ModerationError(_("Only whoever runs this site may do this."))
    audit.record(by, action, f"@{account.handle}", reason, told)


def _check(
    account: User,
    action: Action,
    by: User | None,
    *,
    reason: str,
    rule: str,
    until: dt.datetime | None,
    post: Post | None,
) -> None:
    if by is not None:
        _may(by, account)
    if not reason:
        raise ModerationError(_("Say why: the person reads it."))
    if len(reason) > WORDS_MAX:
        raise ModerationError(_("The reason is too long."))
    if action in MEASURES and rule not in Rule.values:
        raise ModerationError(_("Name the rule that was broken."))
    if until is not None and until <= timezone.now():
        raise ModerationError(_("The end lies in the past."))
    if ACTIONS[action].of_post and (post is None or post.author_id != account.pk):
        raise ModerationError(_("There is no such post of this account."))


def _may(by: User, account: User) -> None:
    if not by.moderates:
        raise ModerationError(_("Only moderators may do this."))
    if by.pk == account.pk:
        raise ModerationError(_("Nobody decides about themselves."))


def _put_in_force(decision: Decision, by: User | None) -> None:
    account, action = decision.account, decision.acts
    act = _MOVES.get(action)
    if act is not None:
        done = move(
            account,
            act,
            by=by,
            reason=decision.reason,
            until=decision.until,
            data=_told(decision),
        )
    else:
        done = _do(decision)
        audit.record(
            by,
            f"{'post' if decision.post else 'account'}.{action.value}",
            _subject(decision),
            decision.reason,
            _told(decision),
        )
    if not done:
        raise ModerationError(_("It is so already."), _("Look at the account again."))
    now = timezone.now()
    decision.in_force_at = now
    if not decision.is_measure:
        decision.state = Decision.State.LIFTED  # a lifting is done, and leaves nothing in force
    decision.save()
    _end(account, undoes(action), decision.post)
    if action is Action.SUSPEND:
        _end(account, [Action.FREEZE])
    _tell(account, decision, action)


def _do(decision: Decision) -> bool:
    match decision.acts:
        case Action.HIDE:
            return posts.hide(Post.objects.get(pk=decision.post))
        case Action.SHOW:
            return posts.show_again(Post.objects.get(pk=decision.post))
        case Action.LIMIT | Action.UNLIMIT:
            limited = decision.acts is Action.LIMIT
            return bool(
                User.objects.filter(pk=decision.account_id, reach_limited=not limited).update(
                    reach_limited=limited
                )
            )
    return True  # a warning is its notice


def _end(account: User, measures: Sequence[Action], post: str = "") -> None:
    Decision.objects.filter(
        account=account,
        action__in=[m.value for m in measures],
        post=post,
        state=Decision.State.IN_FORCE,
    ).update(state=Decision.State.LIFTED, ended_at=timezone.now())


def _tell(account: User, decision: Decision | None, action: Action) -> None:
    subject = ("case", decision.pk) if decision is not None else ("", "")
    notices.tell(account, Kind.MODERATION, subject=subject, text_args={"action": action.value})


def _settle(reports: Sequence[Report], decision: Decision, by: User | None) -> None:
    Report.objects.filter(
        pk__in=[r.pk for r in reports], account=decision.account, state=Report.State.OPEN
    ).update(state=Report.State.ACTED, decision=decision, closed_by=by, closed_at=timezone.now())


def _subject(decision: Decision) -> str:
    return f"post:{decision.post}" if decision.post else f"@{decision.account.handle}"


def _told(decision: Decision) -> dict[str, str]:
    told = {"decision": decision.pk, "rule": decision.rule, "action": decision.action}
    if decision.post:
        told["account"] = f"@{decision.account.handle}"
    if decision.second_id is not None and decision.by is not None:
        told["proposed_by"] = decision.by.handle
    if decision.until is not None:
        told["until"] = decision.until.isoformat(timespec="seconds")
    return {name: value for name, value in told.items() if value}

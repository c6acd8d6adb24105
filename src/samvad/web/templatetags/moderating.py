"""Words of the public log."""

import datetime as dt

from django import template
from django.utils.translation import gettext_lazy as _

from samvad.accounts.models import AuditRow
from samvad.moderation.kinds import Rule

register = template.Library()

DONE = {
    "account.suspend": _("Account suspended"),
    "account.reinstate": _("Account reinstated"),
    "account.lapse": _("Account reinstated: its time was over"),
    "account.freeze": _("Account frozen"),
    "account.warn": _("An account was warned"),
    "account.limit": _("Reach of an account limited"),
    "account.unlimit": _("Reach of an account no longer limited"),
    "account.official": _("Account marked as official"),
    "account.unofficial": _("Account no longer marked as official"),
    "account.two_on": _("Account put on the list that needs two moderators"),
    "account.two_off": _("Account taken off the list that needs two moderators"),
    "account.moderator": _("Account made a moderator"),
    "account.no_moderator": _("Account no longer a moderator"),
    "post.hide": _("A post was hidden"),
    "post.show": _("A hidden post was shown again"),
    "decision.propose": _("A decision was proposed to a second moderator"),
    "decision.decline": _("A second moderator declined a decision"),
    "appeal.open": _("A decision was appealed"),
    "appeal.upheld": _("An appeal was answered: the decision stands"),
    "appeal.overturned": _("An appeal was answered: the decision is lifted"),
    "report.dismiss": _("A report was closed without a breach"),
    "log.redact": _("Words in this log were withheld"),
}


@register.filter
def done(action: str) -> str:
    """{{ row.action|done }}: what was done, in words."""
    return str(DONE.get(action, action))


@register.filter
def rule_words(rule: str) -> str:
    """{{ line.rule|rule_words }}: the rule, in words."""
    return str(Rule(rule).label) if rule in Rule.values else rule


@register.filter
def moment_of(row: AuditRow) -> dt.datetime:
    """{{ row|moment_of }}: when, as a moment."""
    return dt.datetime.fromtimestamp(row.at_ms / 1000, dt.UTC)

"""What may be wrong, and what may be done about it. Pure but for the words."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Rule(models.TextChoices):
    """The rules of this site. A report names one, and so does every decision."""

    SPAM = "spam", _("Spam, or a machine that pretends to be a person")
    HARASSMENT = "harassment", _("Harassment, threats, or calls to go after somebody")
    HATE = "hate", _("Hatred of people for what they are")
    VIOLENCE = "violence", _("Violence shown for its own sake, or praised")
    SEXUAL = "sexual", _("Sexual content without a warning, or without consent")
    MINORS = "minors", _("Anything that harms children")
    PRIVATE = "private", _("Somebody’s private affairs, told against their will")
    IMPERSONATION = "impersonation", _("Pretending to be somebody else")
    ILLEGAL = "illegal", _("Against the law")
    OTHER = "other", _("Something else")


class Action(StrEnum):
    """What a moderator decides."""

    WARN = "warn"
    HIDE = "hide"
    LIMIT = "limit"
    FREEZE = "freeze"
    SUSPEND = "suspend"
    SHOW = "show"
    UNLIMIT = "unlimit"
    REINSTATE = "reinstate"


@dataclass(frozen=True)
class About:
    """What belongs to an action. `undone_by`: what lifts it again. `lasts`: it may have an end."""

    undone_by: Action | None = None
    of_post: bool = False
    lasts: bool = False


ACTIONS: dict[Action, About] = {
    Action.WARN: About(),
    Action.HIDE: About(undone_by=Action.SHOW, of_post=True),
    Action.LIMIT: About(undone_by=Action.UNLIMIT),
    Action.FREEZE: About(undone_by=Action.REINSTATE, lasts=True),
    Action.SUSPEND: About(undone_by=Action.REINSTATE, lasts=True),
    Action.SHOW: About(of_post=True),
    Action.UNLIMIT: About(),
    Action.REINSTATE: About(),
}

MEASURES = [Action.WARN, Action.HIDE, Action.LIMIT, Action.FREEZE, Action.SUSPEND]
"""What is decided against somebody: it cites a rule, and may be appealed."""


def undoes(action: Action) -> list[Action]:
    """The measures that `action` lifts."""
    return [measure for measure, about in ACTIONS.items() if about.undone_by is action]


ACTION_WORDS = {
    Action.WARN: _("Warning"),
    Action.HIDE: _("Post hidden"),
    Action.LIMIT: _("Reach limited"),
    Action.FREEZE: _("Account frozen"),
    Action.SUSPEND: _("Account suspended"),
    Action.SHOW: _("Post shown again"),
    Action.UNLIMIT: _("Reach no longer limited"),
    Action.REINSTATE: _("Account reinstated"),
}

ACTION_CHOICES = [
    (Action.WARN.value, _("Warn: a notice to the person, nothing else")),
    (Action.HIDE.value, _("Hide this post")),
    (Action.LIMIT.value, _("Limit reach: only followers see what they post")),
    (Action.FREEZE.value, _("Freeze: what is there stays, nothing new can be done")),
    (Action.SUSPEND.value, _("Suspend: nothing of the account is shown")),
]

"""What moderators, and people who report or appeal, fill in."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.moderation.kinds import ACTION_CHOICES, ACTIONS, Action, Rule
from samvad.moderation.models import WORDS_MAX

STANDS, LIFTED = "stands", "lifted"


class ReportForm(forms.Form):
    """What is wrong with it."""

    rule = forms.ChoiceField(
        label=_("What is wrong with it?"), choices=Rule.choices, widget=forms.RadioSelect
    )
    words = forms.CharField(
        label=_("In your words (may stay empty)"),
        required=False,
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Moderators read this; whom you report does not learn who you are."),
    )


class DecisionForm(forms.Form):
    """A measure against an account, or against one post of it."""

    action = forms.ChoiceField(label=_("Decision"), choices=[], widget=forms.RadioSelect)
    rule = forms.ChoiceField(
        label=_("The rule that was broken"), choices=[("", _("Choose a rule")), *Rule.choices]
    )
    days = forms.IntegerField(
        label=_("For how many days"),
        required=False,
        min_value=1,
        max_value=3650,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("Only for a freeze or a suspension. Empty: until somebody lifts it."),
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The person reads this, word for word."),
    )

    def __init__(self, *args: Any, of_post: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["action"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [c for c in ACTION_CHOICES if of_post or not ACTIONS[Action(c[0])].of_post]

    def until(self) -> dt.datetime | None:
        """When it ends by itself. Of a valid form."""
        days = self.cleaned_data["days"]
        if days is None or not ACTIONS[Action(self.cleaned_data["action"])].lasts:
            return None
        return timezone.now() + dt.timedelta(days=days)


class ReasonForm(forms.Form):
    """Why something is lifted, dismissed or redacted."""

    reason = forms.CharField(
        label=_("Why"), max_length=WORDS_MAX, widget=forms.Textarea(attrs={"rows": 3})
    )


class AppealForm(forms.Form):
    """Why a decision is wrong."""

    words = forms.CharField(
        label=_("Why is the decision wrong?"),
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("A moderator who had no part in it reads this. You can appeal once."),
    )


class AnswerForm(forms.Form):
    """The answer to an appeal."""

    outcome = forms.ChoiceField(
        label=_("Your answer"),
        choices=[(STANDS, _("The decision stands.")), (LIFTED, _("The decision is lifted."))],
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        label=_("Why"),
        max_length=WORDS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The person reads this, word for word."),
    )

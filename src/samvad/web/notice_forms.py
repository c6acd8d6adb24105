"""How one wants to be told, as a form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from samvad.notices.kinds import WAYS, Kind
from samvad.notices.models import Wishes

PUSHED = {
    Kind.MENTION: _("Somebody mentions me"),
    Kind.REPLY: _("Somebody answers me"),
    Kind.QUOTE: _("Somebody quotes me"),
    Kind.EVENT_STARTS: _("A conversation I want to hear begins soon"),
    Kind.EVENT_MOVED: _("A conversation I want to hear is put off"),
    Kind.EVENT_CANCELLED: _("A conversation I want to hear is cancelled"),
    Kind.EVENT_BACK: _("A cancelled conversation takes place after all"),
    Kind.MODERATION: _("The moderators have word for me"),
}
"""What each kind that can be pushed is called in the form."""


class WishesForm(forms.Form):
    """The digest, and the kinds that are pushed."""

    digest = forms.ChoiceField(
        label=_("Mail about what you have not read"),
        choices=Wishes.DIGESTS,
        widget=forms.RadioSelect,
    )
    pushed = forms.MultipleChoiceField(
        label=_("What is shown on your devices at once"),
        required=False,
        choices=[(kind.value, PUSHED[kind]) for kind, way in WAYS.items() if way.pushed],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, wishes: Wishes, **kwargs: Any) -> None:
        pushed = [kind.value for kind in PUSHED if kind.value not in wishes.not_pushed]
        kwargs["initial"] = {"digest": wishes.digest, "pushed": pushed}
        super().__init__(*args, **kwargs)

    def values(self) -> dict[str, Any]:
        """The fields of Wishes that they amount to."""
        pushed = set(self.cleaned_data["pushed"])
        return {
            "digest": self.cleaned_data["digest"],
            "not_pushed": [kind.value for kind in PUSHED if kind.value not in pushed],
        }

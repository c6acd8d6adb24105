"""What people fill in. A form names its fields to screen readers and its errors beside them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils import translation
from django.utils.functional import lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from samvad.base.errors import PlainError
from samvad.events import service, zones
from samvad.events.models import Event, Speaker
from samvad.events.terms import OWN, PASSPHRASE_MOST, Terms
from samvad.protocol.plan import JOINS_MAX_PER_S, PROMISE_MAX_MIN, PROMISE_MIN
from samvad.web import settled, words

NOW, LATER = "now", "later"
FIRST, SECOND = "first", "second"


class Renderer(TemplatesSetting):
    """Every field as templates/field.html lays it out."""

    field_template_name = "field.html"


def _zone_choices() -> list[tuple[str, str]]:
    return [
        ("", gettext("Choose a time zone")),
        *((z, z.replace("_", " ")) for z in zones.offered()),
    ]


class EventForm(forms.Form):
    """Making or changing a conversation. `cleaned_data["starts"]` is aware, or None for now."""

    title = forms.CharField(
        label=_("Title"), max_length=120, help_text=_("What is it about, in one line.")
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Shown on the listeners’ page. May stay empty."),
    )
    start = forms.ChoiceField(
        label=_("Start"),
        choices=[
            (NOW, _("Open the doors now. The first voice begins the programme.")),
            (LATER, _("At a set time. Doors open 15 minutes before; you begin.")),
        ],
        initial=LATER,
        widget=forms.RadioSelect,
    )
    date = forms.DateField(
        label=_("Date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    time = forms.TimeField(
        label=pgettext_lazy("of day", "Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=lazy(_zone_choices, list)(),
        widget=forms.Select(attrs={"data-zone": ""}),
    )
    which = forms.ChoiceField(
        label=_("This time comes twice that night. Which one?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[],
    )
    speakers = forms.CharField(
        label=_("Speakers beside you"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One name a line, at most 12. Each gets a personal link to hand over."),
    )
    seats = forms.IntegerField(
        label=_("Seats"),
        min_value=1,
        max_value=10_000_000,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("How many can listen at the same time. Set what was proven to fit."),
    )
    way = forms.ChoiceField(
        label=_("How listeners come in when not all fit"),
        required=False,
        choices=list(settled.WAYS.items()),
        initial="shuffled",
        widget=forms.RadioSelect,
    )
    passphrase = forms.CharField(
        label=_("Passphrase"),
        required=False,
        max_length=PASSPHRASE_MOST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    ladder = forms.ChoiceField(
        label=_("What is given up, and how soon"),
        required=False,
        choices=list(settled.LADDERS.items()),
        initial="standard",
        widget=forms.RadioSelect,
        help_text=_("Speakers and the recording are never touched."),
    )
    joins_per_s = forms.IntegerField(
        label=_("New listeners per second"),
        required=False,
        min_value=0,
        max_value=JOINS_MAX_PER_S,
        initial=0,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("At most so many go in each second. 0: what the site is set to."),
    )
    floor = forms.IntegerField(
        label=_("Floor"),
        required=False,
        min_value=0,
        initial=0,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("So many are kept at the very worst. 0: none is declared."),
    )
    promise_min = forms.IntegerField(
        label=_("Minutes until the recording is there"),
        required=False,
        min_value=1,
        max_value=PROMISE_MAX_MIN,
        initial=PROMISE_MIN,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("Promised to listeners, then checked, and published whether it was kept."),
    )

    def __init__(self, *args: Any, event: Event | None = None, **kwargs: Any) -> None:
        self.event = event
        # An empty zone is filled by site.js with the reader's own; an owner's choice goes before.
        zone = settings.SAMVAD.web.zone if settings.SAMVAD.web.zone != "UTC" else ""
        initial = {"seats": settings.SAMVAD.gate.seats, "zone": zone}
        if event is not None:
            initial |= _initial(event)
        kwargs["initial"] = initial | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if event is not None and event.zone not in zones.offered():
            field = self.fields["zone"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [*_zone_choices(), (event.zone, event.zone)]
        if event is not None and event.own_ladder is not None:
            own = self.fields["ladder"]
            assert isinstance(own, forms.ChoiceField)
            own.choices = [(OWN, gettext("The host’s own ladder.")), *settled.LADDERS.items()]
        has_phrase = event is not None and bool(event.passphrase_hash)
        self.fields["passphrase"].help_text = (
            gettext("Only for a conversation by invitation. Empty: the one that is set stays.")
            if has_phrase
            else gettext(
                "Only for a conversation by invitation. Empty: guests’ links alone let people in."
            )
        )
        if self["zone"].value():
            del self.fields["zone"].widget.attrs["data-zone"]
        self.ambiguous = False
        self._offer_which()
        if not self.ambiguous:
            del self.fields["which"]

    def clean_title(self) -> str:
        return " ".join(self.cleaned_data["title"].split())

    def clean_speakers(self) -> list[str]:
        try:
            return service.clean_names(self.cleaned_data["speakers"].splitlines())
        except PlainError as error:
            raise ValidationError(str(error)) from None

    @property
    def settles_more(self) -> bool:
        """Whether something under “When too many come” is wrong, or not as usual."""
        usual = {"ladder": "standard", "joins_per_s": 0, "floor": 0, "promise_min": PROMISE_MIN}
        return any(
            self[name].errors or str(self[name].value() or usually) != str(usually)
            for name, usually in usual.items()
        )

    def _terms(self, data: Mapping[str, Any]) -> Terms:
        ladder = data.get("ladder") or "standard"
        return Terms(
            way=data.get("way") or "shuffled",
            passphrase=data.get("passphrase") or None,
            joins_per_s=data.get("joins_per_s") or 0,
            ladder="standard" if ladder == OWN else ladder,
            own_ladder=self.event.own_ladder if ladder == OWN and self.event else None,
            floor=data.get("floor") or 0,
            promise_min=data.get("promise_min") or PROMISE_MIN,
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["terms"] = self._terms(data)
        seats = data.get("seats")
        if seats is not None and (data.get("floor") or 0) > seats:
            self.add_error("floor", gettext("The floor is above the number of seats."))
        data["starts"] = None
        if data.get("start") == LATER:
            data["starts"] = self._starts(data)
        data["zone"] = data.get("zone") or settings.SAMVAD.web.zone
        return data

    def _starts(self, data: Mapping[str, Any]) -> dt.datetime | None:
        for name, says in (
            ("date", _("Choose a date.")),
            ("time", _("Choose a time.")),
            ("zone", _("Choose a time zone.")),
        ):
            if data.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, str(says))
        if {"date", "time", "zone"} & set(self.errors):
            return None
        lang = translation.get_language() or "en"
        match zones.resolve(dt.datetime.combine(data["date"], data["time"]), data["zone"]):
            case zones.Exact(at):
                starts = at
            case zones.Gap(instead):
                self.add_error(
                    "time",
                    gettext(
                        "Clocks are put forward that night and skip this time. "
                        "Choose another, for example %(instead)s."
                    )
                    % {"instead": words.clock(instead, lang)},
                )
                return None
            case zones.Twice(first, second):
                if data.get("which") not in (FIRST, SECOND):
                    if "which" not in self.errors:
                        self.add_error("which", gettext("Choose which one you mean."))
                    return None
                starts = first if data["which"] == FIRST else second
        if starts <= dt.datetime.now(dt.UTC) and not self._unchanged(starts):
            self.add_error("time", gettext("This time is over. Choose a later one."))
            return None
        return starts

    def _unchanged(self, starts: dt.datetime) -> bool:
        # A title may be mended after the announced start, while nobody has begun yet.
        return self.event is not None and self.event.starts_at == starts

    def _offer_which(self) -> None:
        """Ask which of two times is meant, only when there are two."""
        try:
            if self["start"].value() != LATER:
                return
            date, time, zone = (
                self.fields[name].clean(self[name].value()) for name in ("date", "time", "zone")
            )
        except ValidationError:
            return
        if not (date and time and zone):
            return
        meant = zones.resolve(dt.datetime.combine(date, time), zone)
        if isinstance(meant, zones.Twice):
            self.ambiguous = True
            lang = translation.get_language() or "en"
            field = self.fields["which"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [
                (FIRST, words.clock(meant.first, lang, zone)),
                (SECOND, words.clock(meant.second, lang, zone)),
            ]


def _initial(event: Event) -> dict[str, Any]:
    local = event.starts_at.astimezone(zones.info(event.zone)) if event.starts_at else None
    named = [s.name for s in event.speakers.all() if s.role == Speaker.SPEAKER]
    return {
        "title": event.title,
        "description": event.description,
        "start": LATER if local else NOW,
        "date": local.date() if local else None,
        "time": local.time().replace(second=0, microsecond=0) if local else None,
        "zone": event.zone,
        "which": (SECOND if local.fold else FIRST) if local else None,
        "speakers": "\n".join(named),
        "seats": event.seats,
        "way": event.way,
        "ladder": OWN if event.own_ladder is not None else event.ladder,
        "joins_per_s": event.joins_per_s,
        "floor": event.floor,
        "promise_min": event.promise_min,
    }


class LogIn(allauth_forms.LoginForm):  # type: ignore[misc]
    """Handle or email, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Handle or email")
        self.fields["login"].widget.attrs = {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
        }
        _plain_password(self, "password", _("Password"))


class SignUp(allauth_forms.SignupForm):  # type: ignore[misc]
    """Handle, password once, and an email where the site sends mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        handle = self.fields["username"]
        handle.label = _("Handle")
        handle.help_text = _("Your public name: 2 to 30 letters a–z, digits or _.")
        handle.widget.attrs |= {
            "placeholder": "",
            "autocapitalize": "none",
            "spellcheck": "false",
        }
        email = self.fields.get("email")  # asked for only where the site sends mail
        if email is not None:
            email.label = _("Email")
            email.help_text = _("Seen by nobody else. A letter goes there to confirm it.")
            email.widget.attrs["placeholder"] = ""
        _plain_password(self, "password1", _("Password"))
        self.fields["password1"].help_text = _("At least 8 characters, and not a common one.")


class ChangePassword(allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    """The current password, and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain_password(self, "oldpassword", _("Current password"))
        _plain_password(self, "password1", _("New password"))
        _plain_password(self, "password2", _("New password again"))
        self.fields["password1"].help_text = _("At least 8 characters, and not a common one.")


def _plain_password(form: forms.Form, name: str, label: Any) -> None:
    """No placeholder that repeats the label, no help that promises a mail nobody sends."""
    form.fields[name].label = label
    form.fields[name].widget.attrs.pop("placeholder", None)
    form.fields[name].help_text = ""

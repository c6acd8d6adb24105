"""What people fill in about their own account: password, codes, passkeys, profile, leaving."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from samvad.accounts.models import BIO_MAX, ProfileLink, User
from samvad.accounts.person_models import LINKS_MAX
from samvad.accounts.scopes import Scope

_CODE = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": ""}

SCOPE_WORDS = {
    Scope.READ: _("Read what the account can read"),
    Scope.POSTS: _("Write posts"),
    Scope.MEDIA: _("Upload photos and videos"),
    Scope.EVENTS: _("Announce conversations"),
    Scope.TIES: _("Follow, mute and block"),
    Scope.ACCOUNT: _("Change the profile"),
    Scope.MODERATE: _("Moderate"),
}


def _field(form: forms.Form, name: str, label: Any, help_text: Any = "", **attrs: str) -> None:
    """Our words, and no placeholder that repeats the label."""
    if name in form.fields:
        field = form.fields[name]
        field.label, field.help_text = label, help_text
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs |= attrs


class ForgottenPassword(account.ResetPasswordForm):  # type: ignore[misc]
    """The address that the account has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "email", _("Email"))


class NewPassword(account.ResetPasswordKeyForm):  # type: ignore[misc]
    """By the link of a letter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(
            self,
            "password1",
            _("New password"),
            _("At least 8 characters, and not a common one."),
        )
        _field(self, "password2", _("New password again"))


class ChangeEmail(account.AddEmailForm):  # type: ignore[misc]
    """Another address; the one there is stays until this one is confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "email", _("New email"))


class OnceMore(account.ReauthenticateForm):  # type: ignore[misc]
    """The password, before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "password", _("Password"))


class Code(mfa.AuthenticateForm):  # type: ignore[misc]
    """The second step of a log-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "code", _("Code"), _("From your app, or one of your recovery codes."), **_CODE)


class CodeOnceMore(mfa.ReauthenticateForm):  # type: ignore[misc]
    """A code, before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "code", _("Code"), _("From your app, or one of your recovery codes."), **_CODE)


class FirstCode(totp.ActivateTOTPForm):  # type: ignore[misc]
    """The code that shows that the app has the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "code", _("Code"), _("The six digits that the app shows now."), **_CODE)


class NewPasskey(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """A passkey: always one by which one can log in without the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field(self, "name", _("Its name"), _("To tell it from others: phone, key ring, …"))
        self.fields["passwordless"] = forms.BooleanField(
            initial=True, required=False, widget=forms.HiddenInput
        )

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except (KeyError, TypeError, ValueError, AttributeError):
            raise forms.ValidationError(_("This is no passkey.")) from None
        return cleaned


class ProfileForm(forms.Form):
    """What others read about a person."""

    name = forms.CharField(label=_("Name"), max_length=80, required=False)
    bio = forms.CharField(
        label=_("About you"),
        max_length=BIO_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    avatar = forms.FileField(
        label=_("Picture"), required=False, widget=forms.FileInput(attrs={"accept": "image/*"})
    )
    no_avatar = forms.BooleanField(label=_("Remove the picture"), required=False)
    banner = forms.FileField(
        label=_("Banner"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/*"}),
        help_text=_("Three times as wide as high. Where it was taken is removed from it."),
    )
    no_banner = forms.BooleanField(label=_("Remove the banner"), required=False)
    links = forms.CharField(
        label=_("Links"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_(
            "One address a line, at most 4. A page that links back to your profile with rel=me is "
            "marked as yours."
        ),
    )

    @classmethod
    def of(cls, user: User) -> "ProfileForm":
        """Filled with what is there."""
        links = "\n".join(user.links.values_list("url", flat=True))
        return cls(initial={"name": user.display_name, "bio": user.bio, "links": links})

    def clean_links(self) -> list[str]:
        links = [line.strip() for line in self.cleaned_data["links"].splitlines() if line.strip()]
        if len(links) > LINKS_MAX:
            raise forms.ValidationError(_("At most four links."))
        check = URLValidator(schemes=["https", "http"], message=_("Write addresses as https://…"))
        for link in links:
            check(link)
            ProfileLink._meta.get_field("url").clean(link, None)
        return list(dict.fromkeys(links))


class TokenForm(forms.Form):
    """A new token for a program."""

    name = forms.CharField(label=_("What is it for?"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        choices=[(s.value, words) for s, words in SCOPE_WORDS.items()],
        initial=[Scope.READ.value, Scope.POSTS.value, Scope.MEDIA.value],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, moderates: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (scope.value, words)
            for scope, words in SCOPE_WORDS.items()
            if moderates or scope is not Scope.MODERATE
        ]


class LeaveForm(forms.Form):
    """Deleting one's account."""

    handle = forms.CharField(
        label=_("Your handle, to be sure"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_handle(self) -> str:
        if self.cleaned_data["handle"].strip().lower().removeprefix("@") != self._user.handle:
            raise forms.ValidationError(_("This is not your handle."))
        return self._user.handle


class _Credential(forms.Form):
    """Whatever a browser, or somebody who is none, sends as a credential: wrong, or right."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise forms.ValidationError(_("This passkey is not known here.")) from None


class PasskeyLogIn(_Credential, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """Logging in by a passkey alone."""


class PasskeySecond(_Credential, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second step."""


class PasskeyOnceMore(_Credential, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey, before something that matters."""

"""How django-allauth makes and admits accounts here."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.stages import EmailVerificationStage
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from samvad.accounts import invites
from samvad.accounts.models import User, valid_handle
from samvad.protocol.client_addr import source_of
from samvad.protocol.secret import derive

HANDLE_VALIDATORS = [valid_handle]
INVITED_BY = "invited_by"
"""Where a session keeps the code of the invitation it came with."""


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's door to our accounts."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_taken": _("This handle is taken."),
        "username_blacklisted": _("This handle is kept for the site. Choose another one."),
        "email_taken": _("There is an account with this email."),
        "username_password_mismatch": _("Handle and password do not belong together."),
        "email_password_mismatch": _("Email and password do not belong together."),
        "too_many_login_attempts": _("Too many attempts. Wait five minutes and try again."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("This is not your password."),
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Handles are lower case; who types another way means the same."""
        return str(super().clean_username(username.lower(), shallow))

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Only what a page does not show anyway."""
        template = args[0] if args else kwargs.get("message_template")
        said = {
            "account/messages/password_changed.txt": gettext("Your password is changed."),
            "account/messages/email_confirmed.txt": gettext("Your email address is confirmed."),
            "account/messages/email_confirmation_sent.txt": gettext(
                "We have sent a letter to confirm it."
            ),
            "mfa/messages/totp_activated.txt": gettext("Codes of your app are asked for now."),
            "mfa/messages/totp_deactivated.txt": gettext(
                "Codes of your app are no longer asked for."
            ),
            "mfa/messages/webauthn_added.txt": gettext("The passkey is added."),
            "mfa/messages/webauthn_removed.txt": gettext("The passkey is removed."),
        }.get(str(template))
        if said:
            messages.success(request, said)
        elif kwargs.get("message"):
            messages.error(request, str(kwargs["message"]))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("security")

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """By the setting web.sign_up: for everybody, for who was invited, for nobody."""
        match settings.SAMVAD.web.sign_up:
            case "open":
                return True
            case "invite":
                return invites.find(request.session.get(INVITED_BY, "")) is not None
        return False

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Uses up the invitation, in the transaction of the sign-up."""
        made: User = super().save_user(request, user, form, commit)
        code = request.session.pop(INVITED_BY, "")
        if commit and code:
            invites.use(code, made)
        return made

    def get_client_ip(self, request: HttpRequest) -> str:
        """The source that limits count, as everywhere (an IPv6 /64 is one)."""
        return source_of(request.META["REMOTE_ADDR"]).partition("/")[0]

    def get_login_stages(self) -> list[str]:
        ours = "samvad.web.accounts.VerifyWhatThereIs"
        theirs = "allauth.account.stages.EmailVerificationStage"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]


class VerifyWhatThereIs(EmailVerificationStage):  # type: ignore[misc]
    """An address that was given must be confirmed; an account made without one needs none."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user  # None: a sign-up that only looks like one, with a taken address
        if user is not None and not user.email:
            return None, True
        response: tuple[HttpResponse | None, bool] = super().handle()
        return response


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Codes of an app, recovery codes and passkeys, in our words."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code is not right (any more)."),
    }

    def encrypt(self, text: str) -> str:
        """Secrets are useless to who has the database alone: the key lies beside it."""
        return Fernet(_key()).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return Fernet(_key()).decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        return user.handle

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Samvad"}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return gettext("Passkey %(n)d") % {"n": count + 1}


def _key() -> bytes:
    return base64.urlsafe_b64encode(derive(settings.SITE_SECRET, "second factors"))

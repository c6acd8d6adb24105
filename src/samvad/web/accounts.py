"""How django-allauth makes and admits accounts here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from samvad.accounts.models import valid_handle

HANDLE_VALIDATORS = [valid_handle]


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
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Handles are lower case; who types another way means the same."""
        return str(super().clean_username(username.lower(), shallow))

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Only what a page does not show anyway: that the password is changed."""
        if "account/messages/password_changed.txt" in args:
            messages.success(request, gettext("Your password is changed."))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("events")

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """By the setting web.sign_up."""
        return bool(settings.SAMVAD.web.sign_up == "open")

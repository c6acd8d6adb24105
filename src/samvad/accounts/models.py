"""A person's account. The handle is public and will be the name others follow from afar."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

HANDLE = r"^[a-z0-9_]{2,30}$"
"""What every server of the fediverse takes as the part before the @: no dots, no dashes."""

valid_handle = RegexValidator(
    HANDLE,
    _("Use 2 to 30 letters a–z, digits or _."),
    code="handle",
)


class Accounts(BaseUserManager["User"]):
    """Makes accounts the way Django's commands expect it."""

    def create_user(
        self, handle: str, email: str = "", password: str | None = None, **more: object
    ) -> "User":
        """An account; without a password nobody can log in to it. Raises ValidationError."""
        user = self.model(handle=handle.lower(), email=self.normalize_email(email), **more)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(
        self, handle: str, email: str = "", password: str | None = None, **more: object
    ) -> "User":
        return self.create_user(handle, email, password, is_staff=True, is_superuser=True, **more)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(handle=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account. `is_active` false: nobody can log in to it."""

    handle = models.CharField(
        _("handle"),
        max_length=30,
        unique=True,
        validators=[valid_handle],
        error_messages={"unique": _("This handle is taken.")},
    )
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    email = models.EmailField(_("email"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    joined_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects: ClassVar[Accounts] = Accounts()

    USERNAME_FIELD = "handle"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["email"],
                condition=~Q(email=""),
                name="one_account_an_email",
                violation_error_message=_("There is an account with this email."),
            )
        ]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """What others read: the display name, else the handle."""
        return self.display_name or self.handle

    def get_full_name(self) -> str:
        return self.shown_name

    def get_short_name(self) -> str:
        return self.shown_name


class ApiToken(models.Model):
    """Lets a program act for an account. Only its hash is kept; the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.user.handle}: {self.name or self.created_at:%Y-%m-%d}"


# Django finds an app's models by its `models` module; ties have a file of their own.
from samvad.accounts.tie_models import (  # noqa: E402
    Block,
    Follow,
    ListMember,
    Mute,
    PeopleList,
)

__all__ = [
    "HANDLE",
    "Accounts",
    "ApiToken",
    "Block",
    "Follow",
    "ListMember",
    "Mute",
    "PeopleList",
    "User",
    "valid_handle",
]

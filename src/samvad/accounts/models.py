"""A person's account. The handle is public and will be the name others follow from afar."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from samvad.accounts.standing import VISIBLE, Standing

BIO_MAX = 500

HANDLE = r"^[a-z0-9_]{2,30}$"
"""What every server of the fediverse takes as the part before the @: no dots, no dashes."""

valid_handle = RegexValidator(
    HANDLE,
    _("Use 2 to 30 letters a–z, digits or _."),
    code="handle",
)


class People(models.QuerySet["User"]):
    """Accounts, and those among them that others may see."""

    def visible(self) -> "People":
        """Whose profile, posts, media and conversations are served."""
        return self.filter(is_active=True, standing__in=[s.value for s in VISIBLE])


class Accounts(BaseUserManager["User"]):
    """Makes accounts the way Django's commands expect it."""

    def get_queryset(self) -> People:
        return People(self.model, using=self._db)

    def visible(self) -> People:
        """Whose profile, posts, media and conversations are served."""
        return self.get_queryset().visible()

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
    """An account. `is_active` false: nobody can log in to it, and nothing of it is shown.

    `standing` is changed by moves.py only. `reach_limited`: its posts reach those who follow it and
    those who look for them, nobody else. `two_moderators`: what is done to it wants a second one.
    `official`: in whose name it speaks; shown beside its name. `session_epoch` grows to end all
    of its sessions at once.
    """

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
    is_moderator = models.BooleanField(_("moderator"), default=False)
    bio = models.TextField(_("about"), max_length=BIO_MAX, blank=True)
    avatar = models.CharField(max_length=120, blank=True, editable=False)
    banner = models.CharField(max_length=120, blank=True, editable=False)
    standing = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in Standing],
        default=Standing.ACTIVE.value,
        editable=False,
        db_index=True,
    )
    standing_since = models.DateTimeField(default=timezone.now, editable=False)
    standing_until = models.DateTimeField(null=True, blank=True, editable=False)
    reach_limited = models.BooleanField(default=False, editable=False)
    two_moderators = models.BooleanField(default=False, editable=False)
    official = models.CharField(max_length=120, blank=True, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
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

    @property
    def stands(self) -> Standing:
        """`standing` as the enum."""
        return Standing(self.standing)

    @property
    def is_visible(self) -> bool:
        """As `User.objects.visible()`."""
        return self.is_active and self.stands in VISIBLE

    @property
    def may_act(self) -> bool:
        """Post, follow, announce, moderate: all that others notice."""
        return self.is_active and self.stands is Standing.ACTIVE

    @property
    def moderates(self) -> bool:
        """Reads reports and acts on them."""
        return self.may_act and (self.is_moderator or self.is_superuser)

    def get_session_auth_hash(self) -> str:
        return self._get_session_auth_hash()

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        # Django's own, with the epoch: a new password or a new epoch ends every session.
        return salted_hmac(
            "samvad.accounts.User.session",
            f"{self.password}:{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_full_name(self) -> str:
        return self.shown_name

    def get_short_name(self) -> str:
        return self.shown_name


# Django finds an app's models by its `models` module; these have files of their own.
from samvad.accounts.audit_models import AuditHead, AuditRow  # noqa: E402
from samvad.accounts.person_models import Archive, Invite, ProfileLink  # noqa: E402
from samvad.accounts.tie_models import (  # noqa: E402
    Block,
    Follow,
    ListMember,
    Mute,
    PeopleList,
)
from samvad.accounts.token_models import ApiAnswer, ApiToken  # noqa: E402

__all__ = [
    "HANDLE",
    "Accounts",
    "ApiAnswer",
    "ApiToken",
    "Archive",
    "AuditHead",
    "AuditRow",
    "Block",
    "Follow",
    "Invite",
    "ListMember",
    "Mute",
    "PeopleList",
    "ProfileLink",
    "User",
    "valid_handle",
]

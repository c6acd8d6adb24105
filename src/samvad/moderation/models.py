"""Reports, decisions and appeals."""

import secrets
import string
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.moderation.kinds import ACTION_WORDS, ACTIONS, MEASURES, Action, Rule

WORDS_MAX = 2000
_LETTERS = string.ascii_lowercase + string.digits


def new_decision_id() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


class Decision(models.Model):
    """What was decided about an account, or one post of it. Made by service.py only.

    `by` null: whoever runs the site, at the command line. `second` is the moderator who agreed,
    where two are needed: until then it is `proposed`. `post` is the post's id or "".
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second moderator")
        IN_FORCE = "in_force", _("in force")
        LIFTED = "lifted", _("lifted")
        DECLINED = "declined", _("declined")

    id = models.CharField(primary_key=True, max_length=12, default=new_decision_id, editable=False)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="decisions"
    )
    action = models.CharField(max_length=10, choices=[(a.value, a.value) for a in Action])
    rule = models.CharField(max_length=16, choices=Rule.choices, blank=True)
    reason = models.TextField(max_length=WORDS_MAX)
    post = models.CharField(max_length=16, blank=True, default="")
    until = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    second = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(max_length=8, choices=State.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    in_force_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"]),
            models.Index(
                fields=["state"], name="decisions_proposed", condition=Q(state="proposed")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.account_id}"

    @property
    def acts(self) -> Action:
        """`action` as the enum."""
        return Action(self.action)

    @property
    def words(self) -> str:
        """What it is called."""
        return str(ACTION_WORDS[self.acts])

    @property
    def is_measure(self) -> bool:
        return self.acts in MEASURES

    @property
    def is_in_force(self) -> bool:
        return self.state == self.State.IN_FORCE

    @property
    def can_be_lifted(self) -> bool:
        return self.is_in_force and ACTIONS[self.acts].undone_by is not None


class Report(models.Model):
    """Somebody says that something breaks a rule. What it looked like then is in `evidence`.

    `subject_kind` and `subject`: ("account", handle), ("post", id) or ("event", id).
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACTED = "acted", _("acted on")
        DISMISSED = "dismissed", _("no breach found")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reports_made"
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reports_of"
    )
    subject_kind = models.CharField(max_length=8)
    subject = models.CharField(max_length=40)
    rule = models.CharField(_("rule"), max_length=16, choices=Rule.choices)
    words = models.TextField(_("in your words"), max_length=WORDS_MAX, blank=True)
    evidence = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN.value)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decision = models.ForeignKey(
        Decision, null=True, on_delete=models.SET_NULL, related_name="reports"
    )

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        indexes: ClassVar = [models.Index(fields=["state", "created_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reporter", "subject_kind", "subject"],
                condition=Q(state="open"),
                name="one_open_report",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject}: {self.rule}"


class Appeal(models.Model):
    """The person says that a decision is wrong. One a decision; answered by another moderator."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        UPHELD = "upheld", _("the decision stands")
        OVERTURNED = "overturned", _("the decision is lifted")

    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="appeal")
    words = models.TextField(_("why the decision is wrong"), max_length=WORDS_MAX)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    answer_by = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN.value)
    answer = models.TextField(_("answer"), max_length=WORDS_MAX, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        indexes: ClassVar = [
            models.Index(fields=["answer_by"], name="appeals_open", condition=Q(state="open"))
        ]

    def __str__(self) -> str:
        return f"appeal against {self.decision_id}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def overdue(self) -> bool:
        return self.is_open and timezone.now() > self.answer_by


class Redaction(models.Model):
    """The words of an audit row that the public log no longer shows. The chain stays whole."""

    number = models.PositiveBigIntegerField(primary_key=True)
    why = models.CharField(max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"row {self.number}"

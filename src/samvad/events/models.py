"""An event, its speakers, and the facts the live plane reported about it."""

import secrets
import string
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from samvad.accounts.standing import VISIBLE
from samvad.events.lifecycle import EDITABLE, OVER, State
from samvad.protocol.hls import SLUG_MAX
from samvad.protocol.plan import JOINS_MAX_PER_S, PROMISE_MAX_MIN, PROMISE_MIN

_LETTERS = string.ascii_lowercase + string.digits


def new_event_id() -> str:
    """Ten random letters and digits (51 bits): public, in URLs, never reused."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def new_speaker_id() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def new_token() -> str:
    """A personal link's secret: 128 random bits, URL-safe."""
    return secrets.token_urlsafe(16)


class Events(models.QuerySet["Event"]):
    """Conversations, as lists of them are asked for."""

    def visible(self) -> "Events":
        """Those whose host is served: of nobody who is suspended or leaves."""
        served = [standing.value for standing in VISIBLE]
        return self.filter(host__is_active=True, host__standing__in=served)


class Event(models.Model):
    """A conversation. Its state is moved by service.py and the worker only, by lifecycle.py.

    `revision` grows with each change of what the live plane must know; `plan_written` is the
    revision of the plan file on disk, so that a crash between the two is mended by the worker.
    `promise` is "kept" or "late" once it is known whether the recording came in time.
    `sequence` grows when calendars must learn of a change (RFC 5545, section 3.8.7.4).
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_event_id, editable=False)
    slug = models.SlugField(_("address"), max_length=SLUG_MAX, unique=True, editable=False)
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="events",
        verbose_name=_("host"),
    )
    title = models.CharField(_("title"), max_length=120)
    description = models.TextField(
        _("description"), max_length=4000, blank=True, validators=[MaxLengthValidator(4000)]
    )
    starts_at = models.DateTimeField(_("start"), null=True, blank=True)
    zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    seats = models.PositiveIntegerField(
        _("seats"), validators=[MinValueValidator(1), MaxValueValidator(10_000_000)]
    )
    way = models.CharField(_("way in"), max_length=12, default="shuffled")
    passphrase_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    joins_per_s = models.PositiveIntegerField(
        _("new listeners per second"), default=0, validators=[MaxValueValidator(JOINS_MAX_PER_S)]
    )
    ladder = models.CharField(_("ladder"), max_length=12, default="standard")
    own_ladder = models.JSONField(null=True, blank=True, editable=False)
    floor = models.PositiveIntegerField(_("floor"), default=0)
    promise_min = models.PositiveSmallIntegerField(
        _("minutes until the recording is there"),
        default=PROMISE_MIN,
        validators=[MinValueValidator(1), MaxValueValidator(PROMISE_MAX_MIN)],
    )
    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in State],
        default=State.ANNOUNCED.value,
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    live_since = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    peak_listeners = models.PositiveIntegerField(default=0, editable=False)
    seats_given = models.PositiveBigIntegerField(default=0, editable=False)
    times_refused = models.PositiveBigIntegerField(default=0, editable=False)
    longest_line = models.PositiveIntegerField(default=0, editable=False)
    replay_bytes = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    replay_ms = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    promise = models.CharField(max_length=4, blank=True, default="", editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    plan_written = models.PositiveIntegerField(default=0, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar = Events.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes: ClassVar = [
            models.Index(fields=["state", "starts_at"]),
            models.Index(fields=["state", "-ended_at"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(plan_written__lte=models.F("revision")), name="plan_not_ahead"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def life(self) -> State:
        """`state` as the enum."""
        return State(self.state)

    @property
    def editable(self) -> bool:
        """Title, time and speakers may still change."""
        return self.life in EDITABLE

    @property
    def over(self) -> bool:
        """Ended or cancelled."""
        return self.life in OVER

    @property
    def withheld(self) -> bool:
        """Its host is not served now, and so nothing of it is (host must be loaded)."""
        return not self.host.is_visible

    @property
    def coming(self) -> bool:
        """It will take place, or does."""
        return not self.over and not self.withheld

    @property
    def plan_pending(self) -> bool:
        """The crowd's side does not have the newest revision yet."""
        return self.plan_written < self.revision


class Speaker(models.Model):
    """One who may speak, with the secret of their personal link. The host is one too."""

    HOST = "host"
    SPEAKER = "speaker"

    id = models.CharField(primary_key=True, max_length=16, default=new_speaker_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="speakers")
    name = models.CharField(_("name"), max_length=80)
    role = models.CharField(
        max_length=8, choices=[(HOST, HOST), (SPEAKER, SPEAKER)], default=SPEAKER
    )
    token = models.CharField(max_length=64, default=new_token, unique=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("speaker")
        verbose_name_plural = _("speakers")
        ordering = ("position", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event"], condition=Q(role="host"), name="one_host_an_event"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Fact(models.Model):
    """A line of a journal, kept once. Known by (writer, seq): reading it again changes nothing."""

    writer = models.CharField(max_length=64)
    seq = models.PositiveBigIntegerField()
    event = models.CharField(max_length=32)
    kind = models.CharField(max_length=32)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["writer", "seq"], name="a_fact_once")
        ]
        indexes: ClassVar = [models.Index(fields=["event", "kind", "at"])]

    def __str__(self) -> str:
        return f"{self.writer} {self.seq}: {self.kind}"


class JournalCursor(models.Model):
    """How far into a journal file the worker has read; moved together with the facts' effects."""

    file = models.CharField(primary_key=True, max_length=128)
    offset = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.file} @ {self.offset}"


class Reminder(models.Model):
    """Somebody wants to be reminded of a conversation, and to hear when it moves.

    `offset_s` is drawn once (0 to the setting notices.reminder_spread_min): this person's share
    of the time over which reminders are spread. `told_*` is what its person knows: rows that
    know something else than what is are the queue of reminders.tell_changes.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="reminders")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reminders"
    )
    by_mail = models.BooleanField(default=True)
    set_at = models.DateTimeField(default=timezone.now)
    offset_s = models.PositiveIntegerField()
    due_at = models.DateTimeField(null=True)
    told_sequence = models.PositiveIntegerField()
    told_coming = models.BooleanField(default=True)
    told_starts = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "user"], name="one_reminder_a_person")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="reminders_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.event_id}"


# Models that stand in files of their own are known to Django from here.
from samvad.events import replays  # noqa: E402, F401

"""Settings of what people write and read: posts, notices, mail, accounts, moderation, the API."""

from dataclasses import dataclass

from samvad.base.params import param


@dataclass(frozen=True)
class PostsSettings:
    """What people write, and their photos and videos."""

    text_max: int = param(500, "Most letters of a post.", unit="letters", low=50, high=10_000)
    photo_max_mb: int = param(10, "Largest photo taken in.", unit="MB", low=1, high=50)
    video_max_mb: int = param(512, "Largest video taken in.", unit="MB", low=1, high=10_000)
    video_max_s: int = param(600, "Longest video taken in.", unit="seconds", low=5, high=14_400)
    link_previews: bool = param(
        True, "Fetch title and picture of pages that posts link to, once for each page."
    )


@dataclass(frozen=True)
class ApiSettings:
    """The API at /api/v1/."""

    requests: int = param(
        300,
        "Requests that one token, or one address without a token, may make in a window.",
        unit="requests",
        low=10,
        high=1_000_000,
    )
    window_s: int = param(300, "Length of that window.", unit="seconds", low=1, high=86_400)


@dataclass(frozen=True)
class NoticesSettings:
    """What people are told, and reminders of conversations."""

    kept: int = param(
        500, "Notifications kept for one person; the oldest go first.", low=20, high=10_000
    )
    kept_days: int = param(
        180, "Notifications older than this are forgotten.", unit="days", low=7, high=3650
    )
    reminder_lead_min: int = param(
        20,
        "The last reminder of a conversation goes out this long before its start.",
        unit="minutes",
        low=1,
        high=1440,
    )
    reminder_spread_min: int = param(
        20,
        "Reminders are spread evenly over so long before that, so that they are no stampede; each "
        "person's moment is drawn once and kept.",
        unit="minutes",
        low=0,
        high=1440,
    )
    push_contact: str = param(
        "",
        "Whom a push service may ask about our pushes (VAPID): mailto:name@host or an https "
        "address. Empty: the address of this site.",
    )
    push_private: bool = param(
        False,
        "Whether pushes may go to private addresses. For trials on one machine only: anybody "
        "could make this site ask its neighbours.",
    )


@dataclass(frozen=True)
class MailSettings:
    """The mail server that letters go out by. Without one no mail is sent or asked for."""

    host: str = param("", "Its name. Empty: there is none.")
    port: int = param(587, "Its port.", unit="port", low=1, high=65535)
    security: str = param(
        "starttls", "How the connection is made secret.", choices=("starttls", "tls", "none")
    )
    user: str = param("", "Account there. Empty: it wants none.")
    password: str = param("", "Its password; better in SAMVAD_MAIL_PASSWORD than in the file.")
    sender: str = param(
        "", "From whom letters come: name@host. Empty: samvad@ and this site's host."
    )


@dataclass(frozen=True)
class AccountsSettings:
    """Accounts: leaving, and taking one's data along."""

    deletion_days: int = param(
        30,
        "An account whose person asked for its deletion is deleted after so long; until then they "
        "can come back.",
        unit="days",
        low=1,
        high=365,
    )
    archive_days: int = param(
        7, "An archive of one's data can be fetched for so long.", unit="days", low=1, high=90
    )
    invites: int = param(
        5,
        "Invitations of one person that are open at the same time, where sign-up is by invite.",
        unit="invitations",
        low=0,
        high=1000,
    )
    posts_an_hour: int = param(
        120, "Posts that one account may write in an hour.", unit="posts", low=1, high=100_000
    )


@dataclass(frozen=True)
class ModerationSettings:
    """Decisions about accounts and posts."""

    appeal_days: int = param(
        180, "A decision may be appealed for so long.", unit="days", low=7, high=3650
    )
    answer_days: int = param(
        14, "An appeal is to be answered within so long.", unit="days", low=1, high=365
    )
    evidence_days: int = param(
        365,
        "What was reported is kept for so long after the report was closed.",
        unit="days",
        low=1,
        high=3650,
    )
    suspended_days: int = param(
        3650,
        "The data of an account that is suspended for good is kept for so long; then it is "
        "deleted, but for its name, which nobody gets again.",
        unit="days",
        low=30,
        high=36_500,
    )

"""Every setting of Samvad, declared once. How declarations work is in base/params.py."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samvad.base.forms import ADDRESSES, BASE_URL, DATABASE, IP_ADDRESS, NETWORKS, ZONE
from samvad.base.params import build, param, read_toml
from samvad.base.settings_attack import AttackSettings
from samvad.base.settings_people import (
    AccountsSettings,
    ApiSettings,
    MailSettings,
    ModerationSettings,
    NoticesSettings,
    PostsSettings,
)


@dataclass(frozen=True)
class PublicSettings:
    """The addresses by which people reach this site. Empty: made from host and port."""

    web_url: str = param("", "Base URL of the pages for those who write.", form=BASE_URL)
    gate_url: str = param("", "Base URL of the crowd's pages.", form=BASE_URL)
    stage_url: str = param("", "Base URL of WHIP and WHEP.", form=BASE_URL)
    host: str = param(
        "127.0.0.1", "Address every public port listens on; 0.0.0.0 for all.", form=IP_ADDRESS
    )
    proxies: str = param(
        "",
        "Reverse proxies in front of this site: only what they say of a client's address "
        "(X-Forwarded-For, PROXY protocol) is believed. Empty: clients connect directly.",
        unit="addresses",
        form=NETWORKS,
    )
    proxy_protocol: bool = param(
        False,
        "Declared proxies begin each connection to the gate with a PROXY header of version 2; "
        "one without is refused.",
    )


@dataclass(frozen=True)
class WebSettings:
    """Django: accounts, events, studio, console."""

    port: int = param(8000, "Port of the web process.", unit="port", low=1, high=65535)
    threads: int = param(8, "Requests served at the same time.", unit="threads", low=2, high=64)
    debug: bool = param(False, "Django's debug pages. Never on a public site.")
    sign_up: str = param("open", "Who may make an account.", choices=("open", "invite", "closed"))
    gates: str = param(
        "",
        "Admin ports of the gates whose figures the console shows, host:port separated by "
        "spaces; one for each machine (they listen on the loopback address: a tunnel leads there). "
        "Empty: the gate of this machine.",
        unit="addresses",
        form=ADDRESSES,
    )
    zone: str = param("UTC", "Time zone offered first in the form for a new event.", form=ZONE)
    database_url: str = param(
        "",
        "PostgreSQL to keep accounts, posts and events in, as "
        "postgresql://user:password@host:5432/name; wants the package psycopg. "
        "Empty: SQLite in the data folder.",
        unit="address",
        form=DATABASE,
    )


@dataclass(frozen=True)
class StageSettings:
    """WHIP and WHEP for speakers, mixing, encoding, recording."""

    port: int = param(
        8002, "Port of WHIP, WHEP and the room's controls.", unit="port", low=1, high=65535
    )
    admin_port: int = param(
        8012, "Port of health and metrics, on the loopback address.", unit="port", low=1, high=65535
    )
    speakers: int = param(12, "Most speakers in one conversation.", unit="speakers", low=1, high=12)
    silence_s: float = param(
        4.0,
        "A speaker without any packet for this long is taken as gone.",
        unit="seconds",
        low=1,
        high=60,
    )
    ice_servers: str = param(
        "",
        "STUN and TURN servers, separated by spaces; a TURN server is "
        "written turn:user:password@host:port.",
        unit="URLs",
    )
    uplink: str = param(
        "",
        "Where gates fetch live media: a Unix socket path or host:port. "
        "Empty: run/uplink.sock in the data folder.",
        unit="address",
    )
    free_disk_mb: int = param(
        500, "Below this much free disk a start is refused.", unit="MB", low=1, high=1_000_000
    )
    reserve_mb: int = param(
        64,
        "Room set aside on the disk for each recording, used when the disk is full: 1 MB is about "
        "a minute and a half. 0: none.",
        unit="MB",
        low=0,
        high=100_000,
    )
    multitrack: bool = param(
        False,
        "Record each speaker on a track of their own too, for editors; 0.5 MB a minute.",
    )


@dataclass(frozen=True)
class GateSettings:
    """What the crowd talks to: page, door, playlists, media."""

    port: int = param(
        8001, "Port of the crowd, shared by all gate processes.", unit="port", low=1, high=65535
    )
    admin_port: int = param(
        8011, "Port of health and metrics, on the loopback address.", unit="port", low=1, high=65535
    )
    processes: int = param(
        2,
        "Gate processes on that port. One a core, less one for the stage.",
        unit="processes",
        low=1,
        high=64,
    )
    seats: int = param(
        500,
        "Seats of an event that does not say how many it has, until a rehearsal has proven more.",
        unit="listeners",
        low=1,
        high=10_000_000,
    )
    low_latency_listeners: int = param(
        900,
        "Up to this many listeners the players use LL-HLS; above it, plain HLS.",
        unit="listeners",
        low=0,
        high=10_000_000,
    )
    window_s: float = param(
        60.0,
        "How much of the conversation a live playlist holds.",
        unit="seconds",
        low=15,
        high=600,
    )
    seat_hold_s: float = param(
        300.0,
        "A seat not used for this long goes to somebody else: long enough for a phone that "
        "dropped. Who closes the page gives it back at once.",
        unit="seconds",
        low=5,
        high=3600,
    )
    store: str = param(
        "",
        "Valkey or Redis through which gates on several machines share an event's seats, as "
        "redis://host:6379/0. Empty: all gates are on this machine.",
        unit="address",
    )
    machine: str = param(
        "", "This machine's name among those that share the store. Empty: its host name."
    )
    lease_s: float = param(
        1800.0,
        "A machine that cannot reach the store keeps its seats for so long; then its listeners "
        "are sent to the door, and the seats go to other machines.",
        unit="seconds",
        low=20,
        high=86_400,
    )
    head_timeout_s: float = param(
        10.0,
        "A request line and headers must be complete by then.",
        unit="seconds",
        low=1,
        high=120,
    )
    idle_timeout_s: float = param(
        60.0, "An idle connection is closed after this long.", unit="seconds", low=1, high=3600
    )
    send_timeout_s: float = param(
        30.0,
        "A reader that takes nothing for this long is closed.",
        unit="seconds",
        low=1,
        high=600,
    )
    joins_per_s: int = param(
        50,
        "New listeners a second at most, of an event that does not say how many, until a "
        "rehearsal has proven more.",
        unit="listeners/s",
        low=1,
        high=1_000_000,
    )
    connections: int = param(
        18_000,
        "Connections one gate process holds; also bounded by the open-files limit.",
        unit="connections",
        low=16,
        high=1_000_000,
    )
    connections_per_source: int = param(
        6_000,
        "Connections one address (IPv6: one /64) may hold at a gate process: a school or a mobile "
        "network is one address.",
        unit="connections",
        low=1,
        high=1_000_000,
    )


@dataclass(frozen=True)
class RecordSettings:
    """What becomes of recordings: captions, copies elsewhere, how long they stay."""

    recogniser: str = param(
        "none",
        "What hears the words for captions and transcripts. faster-whisper is far better; both "
        "bring a model for English, and want their extra installed (docs/captions.md).",
        choices=("none", "pocketsphinx", "faster-whisper"),
    )
    recogniser_model: str = param("", "Folder of the recogniser's model. Empty: the one it brings.")
    s3_url: str = param(
        "",
        "Where recordings are copied to: an S3-compatible service, http(s)://host[:port]. Empty: "
        "they stay in the data folder alone.",
        form=BASE_URL,
    )
    s3_bucket: str = param("samvad", "Bucket of the copies.")
    s3_region: str = param("us-east-1", "Region named in the signatures.")
    s3_key: str = param("", "Access key of the service.")
    s3_secret: str = param("", "Secret of the access key; rather in the environment than here.")
    s3_public_url: str = param(
        "",
        "Where everybody can fetch the bucket's objects, for files that are no longer here. "
        "Empty: files stay here too.",
        form=BASE_URL,
    )
    keep_days: int = param(
        0,
        "So long after the end recordings stay in the data folder; then what is verified in the "
        "other store is removed here. Never what a post or a clip refers to. 0: for good.",
        unit="days",
        low=0,
        high=36_500,
    )


@dataclass(frozen=True)
class LogSettings:
    """What is written to stderr."""

    level: str = param(
        "INFO",
        "Least important message that is shown.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
    )


@dataclass(frozen=True)
class Settings:
    """All sections. `data` is not a setting of the file: the file lies in it."""

    public: PublicSettings = field(default_factory=PublicSettings)
    web: WebSettings = field(default_factory=WebSettings)
    posts: PostsSettings = field(default_factory=PostsSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    stage: StageSettings = field(default_factory=StageSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    attack: AttackSettings = field(default_factory=AttackSettings)
    record: RecordSettings = field(default_factory=RecordSettings)
    notices: NoticesSettings = field(default_factory=NoticesSettings)
    accounts: AccountsSettings = field(default_factory=AccountsSettings)
    moderation: ModerationSettings = field(default_factory=ModerationSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def web_url(self) -> str:
        return self.public.web_url.rstrip("/") or f"http://{self._shown_host()}:{self.web.port}"

    def gate_url(self) -> str:
        return self.public.gate_url.rstrip("/") or f"http://{self._shown_host()}:{self.gate.port}"

    def stage_url(self) -> str:
        return self.public.stage_url.rstrip("/") or f"http://{self._shown_host()}:{self.stage.port}"

    def gate_admins(self) -> tuple[str, ...]:
        """Admin addresses of all gate machines, host:port."""
        return tuple(self.web.gates.split()) or (f"127.0.0.1:{self.gate.admin_port}",)

    def _shown_host(self) -> str:
        # Microphones need a secure context; browsers count 127.0.0.1 as one, 0.0.0.0 they do not.
        host = self.public.host
        if host in ("0.0.0.0", "::"):
            return "127.0.0.1"
        return f"[{host}]" if ":" in host else host


def data_folder(asked: str | None = None, env: Mapping[str, str] = os.environ) -> Path:
    """`--data`, else $SAMVAD_DATA, else ./data; absolute."""
    return Path(asked or env.get("SAMVAD_DATA") or "data").absolute()


def load(
    data: Path, overrides: Mapping[str, Any] | None = None, env: Mapping[str, str] = os.environ
) -> Settings:
    """Settings of the site whose data folder is `data` (file: data/samvad.toml).

    Raises SettingError, which names the setting and its bounds.
    """
    return build(Settings, read_toml(data / "samvad.toml"), env, overrides)

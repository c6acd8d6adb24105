"""Settings of what is done against floods; settings.py has all the others."""

from dataclasses import dataclass

from samvad.base.forms import BASE_URL, NETWORKS
from samvad.base.params import param


@dataclass(frozen=True)
class AttackSettings:
    """What is done against floods: budgets, bans, proof of work, the fence, the mirror."""

    allow: str = param(
        "127.0.0.1 ::1",
        "Never banned and never fenced: this machine, a monitor, a school that was told of.",
        unit="addresses",
        form=NETWORKS,
    )
    connections_rate: int = param(
        5_000,
        "New connections a second that one address (IPv6: one /64) may open at a gate process, "
        "over ten seconds; an eighth of it while an attack is seen.",
        unit="connections/s",
        low=1,
        high=1_000_000,
    )
    requests_rate: int = param(
        100,
        "Requests a second that one connection may make, over ten seconds, and each address "
        "for each of its connections; more are answered 429.",
        unit="requests/s",
        low=5,
        high=1_000_000,
    )
    ticket_rate: int = param(
        60,
        "Playlists one ticket may fetch a second, whichever gates it asks; who shares it with "
        "many is sent to the door. 0: as many as it likes.",
        unit="playlists/s",
        low=0,
        high=10_000,
    )
    read_rate: int = param(
        500,
        "A reader that takes an answer more slowly than this is closed.",
        unit="bytes/s",
        low=1,
        high=1_000_000,
    )
    bans: bool = param(True, "Sources that only do harm are sent away for a while.")
    ban_s: float = param(
        60.0,
        "How long the first ban of a source lasts; each further one five times as long, a day "
        "at most.",
        unit="seconds",
        low=5,
        high=86_400,
    )
    proof: str = param(
        "attack",
        "When the door asks newcomers for a proof of work: while an attack is seen, always, or "
        "never. Members, who holds a reminder, a place or a ticket are not asked.",
        choices=("attack", "always", "never"),
    )
    fence: str = param(
        "",
        "Unix socket of `samvad fence`, which hands banned sources to the kernel. Empty: "
        "run/fence.sock in the data folder, when something listens there.",
        unit="path",
    )
    mirror_url: str = param(
        "",
        "Base URL at which `samvad edge mirror` puts live media; players are told of it by "
        "content steering. Empty: there is no mirror.",
        form=BASE_URL,
    )

"""Attacks that may be mixed into a rehearsal: which, how strong, and what they got. Pure.

They go where the crowd goes, from loopback addresses of their own, and are bounded in rate,
connections and time; attacker.py carries them out, a process each.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from samvad.base.errors import PlainError
from samvad.protocol.permission import ATTACKS

MOST_PER_S = 20_000.0
MOST_CONNECTIONS = 10_000
MOST_SOURCES = 20_000
HOLDING = ("slowloris", "connections", "slow-body", "slow-read")
"""Kinds whose strength is in what they hold."""
FIRST_SOURCE = 200
"""Attackers come from 127.200.0.0/16 on; the crowd's addresses are below."""


@dataclass(frozen=True, slots=True)
class Attack:
    """`per_s`: requests (or connections) begun a second. `connections`: held at a time.

    flood: new connections, each with one request for the page, or nonsense for the door.
    slowloris: a request a byte at a time, on `connections`.
    bad-tickets: playlists with forged tickets, on a few kept connections.
    connections: as many as allowed, idle.
    replay: one ticket shown by `connections` at a time, and one of somebody who has left.
    hoard: takes seats (or places in line) from many addresses, and does nothing with them.
    slow-body: a knock whose body comes a byte at a time, on `connections`.
    slow-read: asks for the page again and again, and takes a byte of it at a time.
    malformed: requests that two readers could understand differently, heads that are too long.
    bombs: several at once in one write, with queries that no cache knows, many ranges, methods
        that are none.
    door: knocks and goes, from as many addresses as there are.
    churn: knocks, leaves with the ticket, comes again.
    whip: offers without a token at the stage (`url`: http://host:port of it).

    `sources`: how many addresses it comes from, of 127.200.0.0/16 and the following.
    """

    kind: str
    from_s: float
    to_s: float
    per_s: float
    connections: int
    sources: int = 5
    url: str = ""

    @classmethod
    def read(cls, data: Mapping[str, Any], for_s: float) -> "Attack":
        """From a scenario's [[attack]]. Raises PlainError, KeyError."""
        kind = str(data["kind"])
        if kind not in ATTACKS:
            raise PlainError(f"There is no attack {kind!r}.", f"There are: {', '.join(ATTACKS)}.")
        usual = DEFAULTS[kind]
        attack = cls(
            kind,
            float(data.get("from_s", 0.0)),
            float(data.get("to_s", for_s)),
            float(data.get("per_s", usual.per_s)),
            int(data.get("connections", usual.connections)),
            int(data.get("sources", usual.sources)),
            str(data.get("url", "")),
        )
        attack.check()
        return attack

    def check(self) -> None:
        """Raises PlainError for what is out of bounds."""
        if not 0 < self.per_s <= MOST_PER_S or not 0 < self.connections <= MOST_CONNECTIONS:
            raise PlainError(
                f"Attack {self.kind}: {self.per_s:g} a second on {self.connections} connections "
                "is out of bounds.",
                f"At most {MOST_PER_S:g} a second and {MOST_CONNECTIONS} connections.",
            )
        if not 0 < self.sources <= MOST_SOURCES:
            raise PlainError(
                f"Attack {self.kind}: {self.sources} addresses are out of bounds.",
                f"At most {MOST_SOURCES}.",
            )
        if not 0 <= self.from_s <= self.to_s:
            raise PlainError(f"Attack {self.kind} ends before it begins.")

    def with_strength(self, text: str) -> "Attack":
        """`text`: a number; of requests a second, or of connections where these count."""
        try:
            number = float(text)
        except ValueError:
            raise PlainError(f"{text!r} is no strength of an attack.", "As flood=500.") from None
        held = self.kind in HOLDING
        made = replace(self, connections=int(number)) if held else replace(self, per_s=number)
        made.check()
        return made


DEFAULTS = {
    "flood": Attack("flood", 0, 0, 500.0, 500, 2_000),
    "slowloris": Attack("slowloris", 0, 0, 100.0, 300),
    "bad-tickets": Attack("bad-tickets", 0, 0, 500.0, 16),
    "connections": Attack("connections", 0, 0, 200.0, 1000),
    "replay": Attack("replay", 0, 0, 100.0, 16),
    "hoard": Attack("hoard", 0, 0, 20.0, 16, 2_000),
    "slow-body": Attack("slow-body", 0, 0, 100.0, 300),
    "slow-read": Attack("slow-read", 0, 0, 100.0, 300),
    "malformed": Attack("malformed", 0, 0, 500.0, 100),
    "bombs": Attack("bombs", 0, 0, 50.0, 50),
    "door": Attack("door", 0, 0, 500.0, 500, 10_000),
    "churn": Attack("churn", 0, 0, 100.0, 100, 2_000),
    "whip": Attack("whip", 0, 0, 100.0, 50),
}


@dataclass
class Spoils:
    """What an attack did and got. `answers`: by status. `shut`: connections that the server
    did not take, or ended without an answer. `held`: open at most at a time."""

    kind: str
    begun: int = 0
    requests: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    shut: int = 0
    held: int = 0
    starved: int = 0

    def answered(self, status: int) -> None:
        self.answers[str(status)] = self.answers.get(str(status), 0) + 1

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def says(self) -> str:
        """One sentence for the report."""
        got = ", ".join(
            f"{count:,} times {status}" for status, count in sorted(self.answers.items())
        )
        asked = f"{self.requests:,} requests on {self.begun:,} connections"
        return f"{asked}, at most {self.held:,} at a time; {self.shut:,} shut by the server" + (
            f"; answered {got}" if got else ""
        )


def order(attack: Attack, url: str, permit: str, door: str, number: int) -> str:
    """The line of JSON an attacker's process begins with."""
    return json.dumps(
        {"attack": dataclasses.asdict(attack), "url": url, "permit": permit}
        | {"door": door, "number": number}
    )

"""What may be fenced, and for how long: the rules of `samvad fence`, apart from its sockets. Pure.

The helper holds the one privilege (CAP_NET_ADMIN) and trusts nobody: whatever a gate asks for, no
more than `most` sources are fenced at a time, each for LONGEST_S at most, and never an address of
this machine, of a proxy, or one that the operator has allowed.
"""

import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from samvad.protocol.client_addr import Networks

TABLE = "samvad_fence"
LONGEST_S = 3_600
SHORTEST_S = 1
MESSAGE_MAX = 8_192
"""Bytes of one message: some hundred sources."""

Source = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Ask:
    """A gate asks for a source to be fenced."""

    source: str
    seconds: float


def read(message: bytes) -> list[Ask]:
    """Asks of one message, {"fence": [["203.0.113.7", 60], …]}; [] for what is none."""
    try:
        told = json.loads(message[:MESSAGE_MAX])
        return [Ask(str(source), float(seconds)) for source, seconds in told["fence"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def write(asks: Iterable[Ask]) -> bytes:
    return json.dumps({"fence": [[a.source, round(a.seconds, 1)] for a in asks]}).encode()


def setup(ports: Sequence[int], most: int) -> list[str]:
    """The lines that make the table; it goes with the program that has made it (flag owner).

    Prerouting at priority raw: a fenced packet costs no connection tracking and no socket.
    """
    allowed = ", ".join(map(str, ports))
    drop = f"tcp dport {{ {allowed} }} counter drop"
    return [
        f"add table inet {TABLE} {{ flags owner; }}",
        f"add set inet {TABLE} v4 {{ type ipv4_addr; flags timeout; size {most}; }}",
        f"add set inet {TABLE} v6 {{ type ipv6_addr; flags interval, timeout; size {most}; }}",
        f"add chain inet {TABLE} in {{ type filter hook prerouting priority raw; policy accept; }}",
        f"add rule inet {TABLE} in ip saddr @v4 {drop}",
        f"add rule inet {TABLE} in ip6 saddr @v6 {drop}",
    ]


class Fence:
    """Who is fenced now. `allow`: never these, besides what is never fenced in any case."""

    def __init__(self, most: int, allow: Networks, ours: Iterable[str] = ()) -> None:
        """`ours`: this machine's own addresses."""
        self._most, self._allow = most, allow
        self._ours = frozenset(ours)
        self._until: dict[str, float] = {}
        self.refused = 0

    def __len__(self) -> int:
        return len(self._until)

    def take(self, asks: Iterable[Ask], now: float) -> list[str]:
        """The lines for nft; what may not be fenced is counted in `refused`."""
        self._until = {s: until for s, until in self._until.items() if until > now}
        lines = []
        for ask in asks:
            source = self._permitted(ask.source)
            if source is None or not ask.seconds > 0:
                self.refused += 1
                continue
            text = _text(source)
            if text in self._until:
                continue
            if len(self._until) >= self._most:
                self.refused += 1
                continue
            lasts_s = round(min(LONGEST_S, max(SHORTEST_S, ask.seconds)))
            self._until[text] = now + lasts_s
            lines.append(
                f"add element inet {TABLE} v{source.version} {{ {text} timeout {lasts_s}s }}"
            )
        return lines

    def _permitted(self, text: str) -> Source | None:
        """The source, if it may be fenced: an address, or an IPv6 /64."""
        try:
            source = ipaddress.ip_network(text)
        except ValueError:
            return None
        if source.prefixlen not in (source.max_prefixlen, 64):
            return None
        if isinstance(source, ipaddress.IPv4Network) and source.prefixlen != 32:
            return None
        first = source.network_address
        never = first.is_loopback or first.is_multicast or first.is_unspecified
        if never or first.is_link_local or text in self._allow:
            return None
        if any(ipaddress.ip_address(one) in source for one in self._ours):
            return None
        return source


def _text(source: Source) -> str:
    whole = source.prefixlen == source.max_prefixlen
    return str(source.network_address) if whole else str(source)

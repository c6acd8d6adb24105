"""Whose connection is it: the one place that says so. Pure.

Budgets and bans count sources: an IPv4 address, or an IPv6 /64 (one subscriber's usual
allotment, RFC 6177). Whoever is not a declared proxy speaks for nobody else: what such a one
puts into X-Forwarded-For or a PROXY header changes nothing.
"""

import ipaddress
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_MAX = 16
"""Addresses of an X-Forwarded-For that are looked at, from the last one on."""


def source_of(peer: str) -> str:
    """The source that a peer address counts for; the text itself when it is no address."""
    # IPv4 counts as it is written, and to read it would be a tenth of what a connection costs.
    return peer if ":" not in peer and "%" not in peer else _read(peer)


@lru_cache(maxsize=65_536)
def _read(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer.split("%", 1)[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def network_of(source: str) -> str:
    """The network a source lies in, as published records name it: an IPv4 /24, an IPv6 /48.
    The text itself when it is no source."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return source
    return str(network.supernet(new_prefix=24 if network.version == 4 else 48))


class Networks:
    """Addresses that somebody has declared: proxies, or those that are never banned."""

    def __init__(self, declared: str = "") -> None:
        """`declared`: addresses and networks, separated by spaces. Raises ValueError."""
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(one, strict=False) for one in declared.split()
        )
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, peer: str) -> bool:
        """Whether an address, or all of a source, is among them."""
        if not self._networks:
            return False
        known = self._known.get(peer)
        if known is None:
            if len(self._known) >= 65_536:
                self._known.clear()
            known = self._known[peer] = self._look(peer)
        return known

    def _look(self, peer: str) -> bool:
        try:
            asked = ipaddress.ip_network(peer.split("%", 1)[0], strict=False)
        except ValueError:
            return False
        if isinstance(asked, ipaddress.IPv6Network):
            mapped = asked.network_address.ipv4_mapped
            if asked.prefixlen == 128 and mapped is not None:
                asked = ipaddress.IPv4Network(mapped)
        return any(
            asked.version == one.version and asked.subnet_of(one)  # type: ignore[arg-type]
            for one in self._networks
        )


def client_of(peer: str, forwarded_for: str, proxies: Networks) -> str:
    """The address of whoever is behind `peer`.

    `forwarded_for` is the value of X-Forwarded-For, of all its lines, "" when there is none.
    It counts only where `peer` is a declared proxy: then the last address in it that is no
    declared proxy is the client (whatever stands before was written by the client itself).
    """
    if not forwarded_for or peer not in proxies:
        return peer
    client = peer
    for one in reversed(forwarded_for.split(",")[-FORWARDED_MAX:]):
        told = _address(one)
        if told is None:
            return client
        client = told
        if told not in proxies:
            return told
    return client


def _address(text: str) -> str | None:
    """An address as proxies write it: bare, with a port, in brackets. None: it is none."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare.split("%", 1)[0]))
    except ValueError:
        return None

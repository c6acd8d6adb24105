"""Whose connection is it: the one place that says so.

Budgets and bans count sources: an IPv4 address, or an IPv6 /64 (one subscriber's usual
allotment, RFC 6177). Proxy headers are read here and nowhere else, once proxies can be
declared; until then they change nothing.
"""

import ipaddress
from functools import lru_cache


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

"""Where load may go: this machine, and sites that have agreed to it (permit.py).

Every other address is refused, here and again where sockets are made (line.py).
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from samvad.base.errors import PlainError

_MEND = (
    "Rehearse against 127.0.0.1 on the machine that runs the site, or ask the site for a "
    "permission: samvad rehearse permit."
)


@dataclass(frozen=True, slots=True)
class Target:
    """`address`: an IP address as text; `host`: what the Host field says. `permitted`: its
    own site has agreed to be rehearsed against (permit.py)."""

    address: str
    port: int
    host: str
    permitted: bool = False

    def check(self) -> None:
        """Raises PlainError when no load may go there."""
        if not self.permitted:
            check_loopback(self.address)


def check_loopback(address: str) -> None:
    """Raises PlainError unless `address` is in 127.0.0.0/8 or is ::1."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        ip = None
    if ip is None or not ip.is_loopback or getattr(ip, "ipv4_mapped", None) is not None:
        raise PlainError(f"{address} is not this machine; load goes to loopback only.", _MEND)


def target_of(url: str, permitted: bool = False) -> tuple[Target, str]:
    """Where `url` leads, and its path with the query. Raises PlainError.

    A name is looked up once; unless the site has `permitted` it, all its addresses must be
    loopback ones, and the first one is what is used from then on, whatever the name says later.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        raise PlainError(
            f"{url!r} is not an address.", "Give one like http://127.0.0.1:8001/…"
        ) from None
    if parts.scheme != "http" or not parts.hostname or parts.username is not None:
        raise PlainError(
            f"{url!r} is not an http address.", "Give one like http://127.0.0.1:8001/…"
        )
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PlainError(f"{parts.hostname} has no address: {error.strerror}.", _MEND) from None
    addresses = [str(info[4][0]) for info in found]
    for address in addresses if not permitted else ():
        check_loopback(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(addresses[0], port, parts.netloc, permitted), path

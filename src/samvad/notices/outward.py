"""One POST to an address that somebody else chose: to public machines only, with an end to it.

The name is resolved once, every address it has must be public, and the connection goes to the
address that was looked at: a name that changes its mind in between (DNS rebinding) gains nothing.
No redirect is followed, and the whole exchange ends after TOTAL_S whatever the other side does.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_S = 5.0
TOTAL_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `retry_after_s` is 0 when nothing was said."""

    status: int
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer. `why` is for the log. `for_good`: the address itself is none we may use."""

    why: str
    for_good: bool = False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet, also when it hides in an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64 (RFC 6052)
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


def usable(url: str, private: bool = False) -> bool:
    """Whether `url` has the form of an address that `post` would use: https, no user, port 443.

    `private`: http and any port too, for trials on one machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment or not url.isascii():
        return False
    if any(not 33 <= ord(char) < 127 for char in url):
        return False
    return private or (parts.scheme == "https" and port in (None, 443))


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False
) -> Answer | Failed:
    """POST `body` to `url`. `private`: private addresses and plain http are allowed."""
    if not usable(url, private):
        return Failed("not an address we use", for_good=True)
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Failed(f"{host} has no address: {error}")
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(is_public(one) for one in addresses):
        return Failed(f"{host} is not a public machine", for_good=True)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _Pinned(host, port, addresses[0], secure)
    ends = threading.Timer(TOTAL_S, connection.cut)
    ends.daemon = True
    ends.start()
    try:
        connection.request("POST", path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, _seconds(answer.headers.get("Retry-After")))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Failed(f"{host}: {error or type(error).__name__}")
    finally:
        ends.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whose certificate must be that of the name."""

    def __init__(self, host: str, port: int, address: str, secure: bool) -> None:
        super().__init__(host, port, timeout=CONNECT_S)
        self._address, self._secure = address, secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_S)
        self.sock = plain
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self.host)

    def cut(self) -> None:
        """From another thread: whoever waits on the socket wakes with an error."""
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already


def _seconds(header: str | None) -> int:
    return min(int(header), 86_400) if header and header.isascii() and header.isdigit() else 0

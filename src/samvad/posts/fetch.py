"""One page of the web, fetched for its preview, as if whoever wrote the link were an enemy.

A name is resolved once, and what is connected to is the very address that was looked at: only a
global one, at port 80 or 443. Every redirect is looked at the same way. Sizes and the time in all
are bounded; nothing is sent but the path.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

PAGE_MAX = 512 * 1024
PICTURE_MAX = 4 * 1024 * 1024
REDIRECTS_MAX = 3
TIME_S = 8.0
AGENT = "Samvad link preview"

Address = str


@dataclass(frozen=True)
class Page:
    """What a preview shows. `picture` is an absolute address, or ""."""

    title: str
    description: str
    site: str
    picture: str


class NotFetched(Exception):
    """Why there is no preview. `again`: it may be different in an hour."""

    def __init__(self, why: str, again: bool = False) -> None:
        super().__init__(why)
        self.again = again


def is_global(address: Address) -> bool:
    """Whether an IP address is one of the public internet, also when it is wrapped in another."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_global(str(inner))
    return ip.is_global and not ip.is_multicast


def fetch_page(
    url: str, allowed: Callable[[Address], bool] = is_global, ports: tuple[int, ...] = (80, 443)
) -> Page:
    """Title, description, site and picture of a page. Raises NotFetched."""
    until = time.monotonic() + TIME_S
    kind, data, url = _get(url, PAGE_MAX, "text/html, application/xhtml+xml", until, allowed, ports)
    if kind.split(";")[0].strip().lower() not in ("text/html", "application/xhtml+xml"):
        raise NotFetched(f"it is {kind[:60]}")
    return read_page(data, kind, url)


def fetch_html(
    url: str, allowed: Callable[[Address], bool] = is_global, ports: tuple[int, ...] = (80, 443)
) -> str:
    """The text of a page. Raises NotFetched."""
    until = time.monotonic() + TIME_S
    kind, data, _url = _get(url, PAGE_MAX, "text/html", until, allowed, ports)
    if "html" not in kind.lower():
        raise NotFetched(f"it is {kind[:60]}")
    return _text(data, kind)


def fetch_picture(
    url: str, allowed: Callable[[Address], bool] = is_global, ports: tuple[int, ...] = (80, 443)
) -> bytes:
    """The bytes of a picture. Raises NotFetched."""
    until = time.monotonic() + TIME_S
    kind, data, _url = _get(url, PICTURE_MAX, "image/*", until, allowed, ports)
    if not kind.lower().startswith("image/"):
        raise NotFetched(f"it is {kind[:60]}")
    return data


def read_page(data: bytes, kind: str, url: str) -> Page:
    """What a page says of itself (OpenGraph, else its title). Raises NotFetched without a title."""
    head = _Head()
    try:
        head.feed(_text(data, kind))
    except (ValueError, AssertionError, RecursionError):
        raise NotFetched("it cannot be read") from None
    told = head.told
    title = told.get("og:title") or " ".join("".join(head.title).split())
    if not title:
        raise NotFetched("it has no title")
    picture = urljoin(url, told.get("og:image", "")) if told.get("og:image") else ""
    return Page(
        title=_plain(title)[:300],
        description=_plain(told.get("og:description") or told.get("description", ""))[:600],
        site=_plain(told.get("og:site_name", ""))[:120] or (urlsplit(url).hostname or "")[:120],
        picture=picture if picture.startswith(("https://", "http://")) else "",
    )


def _get(  # noqa: PLR0917
    url: str,
    most: int,
    accept: str,
    until: float,
    allowed: Callable[[Address], bool],
    ports: tuple[int, ...],
) -> tuple[str, bytes, str]:
    """(content type, body, final address)."""
    for _hop in range(REDIRECTS_MAX + 1):
        status, headers, data = _ask(url, most, accept, until, allowed, ports)
        if status in (301, 302, 303, 307, 308) and headers.get("Location"):
            url = urljoin(url, headers["Location"])
            continue
        if status == 200:
            return headers.get("Content-Type", ""), data, url
        raise NotFetched(f"it answers {status}", again=status >= 500 or status == 429)
    raise NotFetched("it redirects too often")


def _ask(  # noqa: PLR0917
    url: str,
    most: int,
    accept: str,
    until: float,
    allowed: Callable[[Address], bool],
    ports: tuple[int, ...],
) -> tuple[int, http.client.HTTPMessage, bytes]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except (ValueError, UnicodeError):
        raise NotFetched("its address cannot be read") from None
    if not host or port not in ports or parts.scheme not in ("http", "https") or parts.username:
        raise NotFetched("its address is none of the public web")
    address = _resolve(host, port, allowed)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    connection = _Pinned(host, port, address, parts.scheme == "https", _left(until))
    try:
        connection.request(
            "GET",
            path,
            headers={"User-Agent": AGENT, "Accept": accept, "Accept-Encoding": "identity",
                     "Connection": "close"},
        )  # fmt: skip
        answer = connection.getresponse()
        data = b""
        if answer.status == 200:
            data = _body(answer, connection, most, until)
        return answer.status, answer.headers, data
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotFetched(f"it does not answer: {type(error).__name__}", again=True) from None
    finally:
        connection.close()


def _body(
    answer: http.client.HTTPResponse, connection: "_Pinned", most: int, until: float
) -> bytes:
    """At most `most` bytes; what a page says of itself stands at its beginning."""
    data = b""
    while len(data) < most:
        if connection.sock is not None:
            connection.sock.settimeout(_left(until))
        piece = answer.read1(min(65536, most - len(data)))
        if not piece:
            break
        data += piece
        _left(until)
    return data


def _resolve(host: str, port: int, allowed: Callable[[Address], bool]) -> Address:
    """The address to connect to. One that is not allowed, among others, spoils them all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotFetched("its name is not known", again=True) from None
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not all(allowed(one) for one in addresses):
        raise NotFetched("its address is none of the public web")
    return addresses[0]


def _left(until: float) -> float:
    """Seconds left. Raises NotFetched when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise NotFetched("it takes too long", again=True)
    return left


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, in the name of the host."""

    def __init__(
        self, host: str, port: int, address: Address, secure: bool, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self.default_port = 443 if secure else 80
        self._address, self._secure = address, secure

    def connect(self) -> None:
        sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)
        self.sock = sock


class _Head(HTMLParser):
    """Title and meta elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told: dict[str, str] = {}
        self.title: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self.title:
            self._in_title = True
        elif tag == "meta":
            have = dict(attrs)
            name = (have.get("property") or have.get("name") or "").lower()
            if name and have.get("content") and len(self.told) < 100:
                self.told.setdefault(name, str(have["content"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title and len(self.title) < 50:
            self.title.append(data)


def _text(data: bytes, kind: str) -> str:
    charset = "utf-8"
    for part in kind.split(";")[1:]:
        name, _is, value = part.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())

"""Whether the site a trial goes to has agreed to it: fetched from the site, checked each time.

A trial carries the document and the key, so that each process of a crowd looks for itself;
nobody's word is taken for it. Against loopback none is needed.
"""

import ipaddress
import json
import socket
import time
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from samvad.base.errors import PlainError
from samvad.protocol.permission import PATH, NoPermission, Permission, Wish, exceeds, read

if TYPE_CHECKING:
    from samvad.rehearsal.trial import Trial

_MOST = 64 * 1024
_ASK = "Ask whoever runs the site: samvad rehearse permit EVENT prints the key and the file."


def is_here(url: str) -> bool:
    """Whether all addresses of `url` are loopback ones. Raises PlainError for no address."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise PlainError(f"{url!r} has no address: {error}.") from None
    return all(ipaddress.ip_address(str(i[4][0]).partition("%")[0]).is_loopback for i in found)


def origin_of(url: str) -> str:
    """host:port, as permissions name it."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 80}"


def fetch(url: str, key: str) -> str:
    """The site's own document, with the key, for Trial.permit. Raises PlainError."""
    if not key:
        raise PlainError(
            f"{origin_of(url)} is not this machine, and no key of its event was given (--key).",
            _ASK,
        )
    parts = urlsplit(url)
    try:
        asked = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=10)
        asked.request("GET", PATH)
        answer = asked.getresponse()
        text = answer.read(_MOST)
        asked.close()
    except (OSError, HTTPException, ValueError) as error:
        raise PlainError(f"{origin_of(url)} cannot be asked for permission: {error}.") from None
    if answer.status != 200:
        raise PlainError(f"{origin_of(url)} gives no permission to rehearse against it.", _ASK)
    return json.dumps({"key": key, "text": text.decode("utf-8", "replace")})


def permission_in(permit: str) -> Permission:
    """The permission in a Trial.permit. Raises PlainError."""
    try:
        told = json.loads(permit)
        return read(told["text"].encode(), told["key"])
    except NoPermission as error:
        raise PlainError(f"There is no permission to rehearse there: {error}.", _ASK) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PlainError("The permission of this trial is damaged.") from None


def wish_of(trial: "Trial") -> Wish:
    """What the listeners of a trial would do there. `per_s`: where the most arrive."""
    waves = [
        (n, f, max(o, 1.0)) for n, f, o in trial.waves or ((trial.listeners, 0.0, trial.arrive_s),)
    ]
    per_s = max(
        sum(n / o for n, f, o in waves if f < from_s + over_s and from_s < f + o)
        for _, from_s, over_s in waves
    )
    return Wish(origin_of(trial.url), trial.listeners, per_s, trial.for_s)


def permits(trial: "Trial") -> bool:
    """Whether the site itself has agreed to this trial; False: it carries no permission, and
    only loopback is open to it. Raises PlainError when it goes beyond its permission."""
    if not trial.permit:
        return False
    check(permission_in(trial.permit), wish_of(trial))
    return True


def check(permission: Permission, wish: Wish) -> None:
    """Raises PlainError for what goes beyond the permission."""
    beyond = exceeds(permission, wish, time.time_ns() // 1_000_000)
    if beyond:
        raise PlainError(
            f"This goes beyond the site's permission: {'; '.join(beyond)}.",
            "Rehearse with less, or ask for more.",
        )

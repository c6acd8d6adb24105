"""Permission to rehearse against a site: what it allows, and for how long. Pure.

The site serves {"permissions": [signed document, …]} at PATH; a rehearsal reads it before any
load and stays within it. The document names the origin it is for, so that a copy of it
allows nothing elsewhere; and who rehearses must have the event's public key from whoever
runs the site, so that a file which somebody merely managed to put at PATH is not enough.
"""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from samvad.protocol.signing import MOST_BYTES, SignatureError, opened, sign

PATH = "/.well-known/samvad-rehearsal"
KIND = "rehearsal-permission"
ATTACKS = (
    *("flood", "slowloris", "bad-tickets", "connections", "replay", "hoard"),
    *("slow-body", "slow-read", "malformed", "bombs", "door", "churn", "whip"),
)


class NoPermission(ValueError):
    """A permission that does not allow this; says why."""


@dataclass(frozen=True, slots=True)
class Permission:
    """At most `listeners`, at most `per_s` of them arriving in any second, for at most
    `seconds`; `attacks`: kinds that may be mixed in, with at most `attack_per_s` requests a
    second and `attack_connections` connections each. `origins`: "host:port" as in a URL.
    Valid from `from_ms` to `until_ms` (Unix milliseconds)."""

    event: str
    origins: tuple[str, ...]
    listeners: int
    per_s: float
    seconds: float
    from_ms: int
    until_ms: int
    attacks: tuple[str, ...] = ()
    attack_per_s: float = 0.0
    attack_connections: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rehearsal wants to do."""

    origin: str
    listeners: int
    per_s: float
    seconds: float
    attacks: tuple[str, ...] = ()
    attack_per_s: float = 0.0
    attack_connections: int = 0


def write(secret: bytes, permission: Permission) -> dict[str, Any]:
    """The permission as a signed document."""
    body = dataclasses.asdict(permission)
    body |= {"origins": list(permission.origins), "attacks": list(permission.attacks)}
    return sign(secret, permission.event, {"kind": KIND, "schema": 1} | body)


def together(documents: Iterable[Any]) -> bytes:
    """What the site serves at PATH."""
    return json.dumps({"permissions": list(documents)}).encode()


def read(text: bytes, key: str) -> Permission:
    """The permission of the event whose public key is `key`. Raises NoPermission."""
    try:
        documents = json.loads(text[:MOST_BYTES])["permissions"]
        signed = [d for d in documents if d.get("key") == key]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoPermission("the site gives no permission to rehearse") from None
    if not signed:
        raise NoPermission("the site's permission is signed by another key")
    try:
        body = opened(signed[0], key)
        known = {f.name for f in dataclasses.fields(Permission)}
        if body.get("kind") != KIND or body.get("schema") != 1:
            raise NoPermission("the document is no permission of this version")
        values = {name: value for name, value in body.items() if name in known}
        values |= {n: tuple(map(str, values[n])) for n in ("origins", "attacks")}
        permission = Permission(**values)
        numbers = (permission.listeners, permission.per_s, permission.seconds)
        if any(not isinstance(n, int | float) or isinstance(n, bool) for n in numbers):
            raise NoPermission("the permission has limits that are no numbers")
    except SignatureError as error:
        raise NoPermission(f"the permission does not hold: {error}") from None
    except (TypeError, KeyError):
        raise NoPermission("the permission is incomplete") from None
    return permission


def exceeds(permission: Permission, wish: Wish, wall_ms: int) -> list[str]:
    """What of `wish` the permission does not allow; empty: nothing."""
    found = []
    if wish.origin not in permission.origins:
        found.append(f"it is for {', '.join(permission.origins)}, not for {wish.origin}")
    if not permission.from_ms <= wall_ms:
        found.append("it is not valid yet")
    if wall_ms + wish.seconds * 1000 > permission.until_ms:
        found.append("it ends before the rehearsal would")
    if wish.listeners > permission.listeners:
        found.append(f"it allows {permission.listeners} listeners, not {wish.listeners}")
    if wish.per_s > permission.per_s:
        found.append(f"it allows {permission.per_s:g} arrivals a second, not {wish.per_s:g}")
    if wish.seconds > permission.seconds:
        found.append(f"it allows {permission.seconds:g} s, not {wish.seconds:g} s")
    refused = [a for a in wish.attacks if a not in permission.attacks]
    if refused:
        found.append(f"it does not allow {', '.join(refused)}")
    if wish.attack_per_s > permission.attack_per_s:
        found.append(
            f"it allows attacks of {permission.attack_per_s:g} requests a second, "
            f"not {wish.attack_per_s:g}"
        )
    if wish.attack_connections > permission.attack_connections:
        found.append(
            f"it allows attacks with {permission.attack_connections} connections, "
            f"not {wish.attack_connections}"
        )
    return found

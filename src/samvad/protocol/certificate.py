"""A rehearsal's certificate: how many seats and joins a second were proven, on what. Pure.

It is signed by the event's key (or the site's, event ""), lies in the data folder, and the door
takes its limits from it (gate/proof.py). It holds for the version, the settings and the machine
it was won on; when one of these has changed it is outdated, and the door says so.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from samvad.protocol.signing import MOST_BYTES, SignatureError, opened, sign

KIND = "rehearsal-certificate"
MARGIN = 0.75
"""Of the knee, that the door may use."""


class CertificateError(ValueError):
    """No certificate of this event; says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rehearsal was held. `settings`: `settings_mark` of the gate's."""

    version: str
    settings: str
    cpus: int
    cpu: str
    memory_gb: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """`seats` and `joins_per_s` are what the door may use: `margin` of what was proven.

    `proven_seats`: listeners who were playing at once while the promise was kept;
    `proven_joins_per_s`: let in within a second, on average over at least three seconds.
    `knee`: whether the load was raised until the promise broke; else more may be possible.
    """

    event: str
    seats: int
    joins_per_s: float
    proven_seats: int
    proven_joins_per_s: float
    margin: float
    knee: bool
    scenario: str
    at_ms: int
    place: Place
    promise: Mapping[str, float] = field(default_factory=dict)


def settings_mark(settings: Mapping[str, Any]) -> str:
    """A short mark of settings that matter for what a machine bears: all but names and ports."""
    kept = {k: v for k, v in settings.items() if not k.endswith("port") and k != "machine"}
    said = json.dumps(kept, sort_keys=True, default=str).encode()
    return hashlib.blake2b(said, digest_size=8).hexdigest()


def proven(
    event: str,
    *,
    seats: int,
    joins_per_s: float,
    knee: bool,
    scenario: str,
    at_ms: int,
    place: Place,
    promise: Mapping[str, float],
    margin: float = MARGIN,
) -> Certificate:
    """The certificate for what a rehearsal has proven."""
    return Certificate(
        event=event,
        seats=int(seats * margin),
        joins_per_s=round(joins_per_s * margin, 1),
        proven_seats=seats,
        proven_joins_per_s=round(joins_per_s, 1),
        margin=margin,
        knee=knee,
        scenario=scenario,
        at_ms=at_ms,
        place=place,
        promise=dict(promise),
    )


def write(secret: bytes, certificate: Certificate) -> str:
    """The signed file."""
    body = {"kind": KIND, "schema": 1} | dataclasses.asdict(certificate)
    return json.dumps(sign(secret, certificate.event, body), indent=1) + "\n"


def read(text: bytes, key: str) -> Certificate:
    """The certificate in a file; `key`: the public key of its event. Raises CertificateError."""
    try:
        body = opened(json.loads(text[:MOST_BYTES]), key)
        if body.get("kind") != KIND or body.get("schema") != 1:
            raise CertificateError("it is no certificate of this version")
        known = {f.name for f in dataclasses.fields(Certificate)}
        values = {name: value for name, value in body.items() if name in known}
        certificate = Certificate(**values | {"place": Place(**values["place"])})
        if certificate.seats < 0 or not 0 < certificate.margin <= 1:
            raise CertificateError("its numbers are impossible")
    except SignatureError as error:
        raise CertificateError(str(error)) from None
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError("it is no certificate") from None
    return certificate


def outdated(certificate: Certificate, here: Place) -> list[str]:
    """Why it says nothing of a door at `here`; empty: it does."""
    was, found = certificate.place, []
    if was.version != here.version:
        found.append(f"it was won with version {was.version}, and this is {here.version}")
    if was.settings != here.settings:
        found.append("the gate's settings have changed since")
    if (was.cpus, was.cpu) != (here.cpus, here.cpu) or abs(was.memory_gb - here.memory_gb) > 1:
        found.append("it was won on another machine")
    return found

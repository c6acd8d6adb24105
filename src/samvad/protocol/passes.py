"""Passes: a lane of the line, signed. Who shows one at the door waits among their own.

21 bytes as 28 URL-safe base64 characters:

    lane u8 | id u32 | expires u32 (Unix minutes) | MAC 12 bytes

The MAC is that of sealed.py with the event's pass key (`key`), so a pass opens no other event,
and is no ticket. A pass is a bearer's: a guest link that is handed on
lets its new holder in as a guest. `id` tells passes apart (whose guests, which account); the
door need not look at it. Pure.
"""

import hashlib
import struct
from enum import IntEnum
from typing import NamedTuple

from samvad.protocol.sealed import Seal
from samvad.protocol.secret import derive

_BODY = struct.Struct(">BII")
_PURPOSE = "pass"
PASS_CHARS = 28


class Lane(IntEnum):
    """Who goes before whom; a lower one is served first. No pass is given for ANYONE."""

    GUEST = 0
    REMINDER = 1
    MEMBER = 2
    ANYONE = 3


class Pass(NamedTuple):
    """What a valid pass says. `id` is below 2**32, `expires_min` in Unix minutes."""

    lane: Lane
    id: int
    expires_min: int


def key(secret: bytes, event: str) -> bytes:
    """The key of an event's passes, from the site's secret."""
    return derive(secret, "pass", event)


def id_of(about: str) -> int:
    """32 bits that stand for a speaker, an account or a browser, and tell nothing of them."""
    digest = hashlib.blake2b(about.encode(), digest_size=4, person=b"pass-id").digest()
    return int.from_bytes(digest, "big")


def sign(key: bytes, one: Pass) -> str:
    """The pass as the 28 characters that stand in a link. ValueError for a lane without passes."""
    if one.lane is Lane.ANYONE:
        raise ValueError("anyone needs no pass")
    return Seal(key, _PURPOSE).seal(_BODY.pack(*one))


def verify(key: bytes, token: str, wall_ms: int) -> Pass | None:
    """The pass, or None when it is malformed, forged, of another event or expired."""
    body = Seal(key, _PURPOSE).open(token, _BODY.size)
    if body is None:
        return None
    lane, id_, expires_min = _BODY.unpack(body)
    if lane >= Lane.ANYONE or expires_min * 60_000 <= wall_ms:
        return None
    return Pass(Lane(lane), id_, expires_min)


def read(key: bytes, token: str, wall_ms: int) -> Lane | None:
    """The lane of a valid pass, else None. `wall_ms` is Unix milliseconds."""
    valid = verify(key, token, wall_ms)
    return valid.lane if valid else None

"""Keys for those who look after an event without being one of its speakers: staff of the site.

URL-safe text of: expires u32 (Unix minutes) | name, UTF-8 | MAC 12 bytes (sealed.py, with the
event's operator key), so that the stage knows who gave an order without asking anybody. Pure.
"""

import struct

from samvad.protocol.sealed import MAC_BYTES, Seal
from samvad.protocol.secret import derive

LASTS_MIN = 24 * 60
NAME_BYTES = 240
"""A longer name is cut."""
_HEAD = struct.Struct(">I")
_PURPOSE = "operator"


def _seal(secret: bytes, event: str) -> Seal:
    return Seal(derive(secret, _PURPOSE, event), _PURPOSE)


def key_for(secret: bytes, event: str, name: str, wall_ms: int) -> str:
    """A key to `event` for somebody with this name, from now on for LASTS_MIN."""
    shown = name.encode()[:NAME_BYTES].decode(errors="ignore")
    return _seal(secret, event).seal(_HEAD.pack(wall_ms // 60_000 + LASTS_MIN) + shown.encode())


def holder(secret: bytes, event: str, key: str, wall_ms: int) -> str | None:
    """The name of whoever holds the key; None when it is forged, of another event or expired."""
    size = len(key) * 6 // 8 - MAC_BYTES
    if not _HEAD.size <= size <= _HEAD.size + NAME_BYTES:
        return None
    body = _seal(secret, event).open(key, size)
    if body is None or _HEAD.unpack_from(body)[0] * 60_000 <= wall_ms:
        return None
    return body[_HEAD.size :].decode()

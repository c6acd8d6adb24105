"""Tickets: a seat number, signed. Verified without any look-up.

24 bytes as 32 URL-safe base64 characters without padding:

    seat u32 | generation u32 | expires u32 (Unix minutes) | MAC 12 bytes

The MAC is keyed BLAKE2b over the first 12 bytes with the event's ticket key
(`secret.derive(site, "ticket", event)`), so a ticket of another event does not verify.
The generation tells whether the seat still belongs to this ticket; that is the gate's to
judge (gate/seats.py), not the signature's.
"""

import binascii
import hashlib
import hmac
import struct
from typing import NamedTuple

TICKET_CHARS = 32
LONGEST_MIN = 31 * 24 * 60
"""No ticket is signed for longer."""
_BODY = struct.Struct(">III")
_MAC_BYTES = 12
# '+' and '/' are no characters of the URL-safe alphabet: they become one that base64 lacks.
_FROM_URL = bytes.maketrans(b"-_+/", b"+/..")
_TO_URL = bytes.maketrans(b"+/", b"-_")


class Ticket(NamedTuple):
    """What a valid ticket says. `expires_min` is in Unix minutes."""

    seat: int
    generation: int
    expires_min: int


class Tickets:
    """Signs and verifies the tickets of one event; `key` is its ticket key.

    A gate verifies one for each playlist it sends, so the key is put into the hash once.
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=_MAC_BYTES, person=b"ticket")

    def _mac(self, body: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(body)
        return mac.digest()

    def sign(self, ticket: Ticket) -> str:
        """The ticket as the 32 characters that stand in URLs."""
        body = _BODY.pack(*ticket)
        text = binascii.b2a_base64(body + self._mac(body), newline=False)
        return text.translate(_TO_URL).decode("ascii")

    def verify(self, text: str | bytes, wall_ms: int) -> Ticket | None:
        """The ticket, or None when it is malformed, forged, of another event or expired."""
        if len(text) != TICKET_CHARS:
            return None
        try:
            raw = text.encode("ascii") if isinstance(text, str) else text
            raw = binascii.a2b_base64(raw.translate(_FROM_URL), strict_mode=True)
        except ValueError:
            return None
        if len(raw) != _BODY.size + _MAC_BYTES:
            return None
        # What cannot be one of ours is not worth a hash: of random ones next to all.
        left_min = int.from_bytes(raw[8:12]) - wall_ms // 60_000
        if not 0 < left_min <= LONGEST_MIN:
            return None
        if not hmac.compare_digest(raw[_BODY.size :], self._mac(raw[: _BODY.size])):
            return None
        return Ticket(*_BODY.unpack_from(raw))


def sign(key: bytes, ticket: Ticket) -> str:
    """`Tickets(key).sign(ticket)`, for one ticket."""
    return Tickets(key).sign(ticket)


def verify(key: bytes, text: str | bytes, wall_ms: int) -> Ticket | None:
    """`Tickets(key).verify(text, wall_ms)`, for one ticket."""
    return Tickets(key).verify(text, wall_ms)

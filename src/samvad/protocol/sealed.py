"""Short tokens that their holder carries and only we can make: bytes and a MAC, as URL-safe text.

The MAC is keyed BLAKE2b of 12 bytes with the token's purpose as personalisation, so that one kind
of token never passes for another. (Tickets have a faster form of the same: ticket.py.)
"""

import base64
import binascii
import hashlib
import hmac

MAC_BYTES = 12


class Seal:
    """`key` is an event's key for this purpose; `purpose` at most 16 ASCII bytes."""

    def __init__(self, key: bytes, purpose: str) -> None:
        person = purpose.encode("ascii")
        self._keyed = hashlib.blake2b(key=key, digest_size=MAC_BYTES, person=person)

    def _mac(self, body: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(body)
        return mac.digest()

    def seal(self, body: bytes) -> str:
        """`body` and its MAC, without padding."""
        return base64.urlsafe_b64encode(body + self._mac(body)).decode("ascii").rstrip("=")

    def open(self, text: str, size: int) -> bytes | None:
        """The body of `size` bytes; None when it is malformed, forged, or of another kind."""
        if len(text) != -(-(size + MAC_BYTES) * 8 // 6):
            return None
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            raw = binascii.a2b_base64(padded.translate(_FROM_URL), strict_mode=True)
        except ValueError:
            return None
        body, mac = raw[:size], raw[size:]
        return body if hmac.compare_digest(mac, self._mac(body)) else None


# '+' and '/' are no characters of the URL-safe alphabet: they become one that base64 lacks.
_FROM_URL = bytes.maketrans(b"-_+/", b"+/..")

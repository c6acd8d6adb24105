"""A place in line as its holder carries it: 9 bytes, sealed. Pure.

    lane u8 | bucket u32 | index in the bucket u32

It does not expire by itself: a place is lost when it was called and did not come (calls.py).
"""

import struct

from samvad.gate.line import Place
from samvad.protocol.passes import Lane
from samvad.protocol.sealed import Seal

_BODY = struct.Struct(">BII")


class Places:
    """Signs and verifies the places of one event; `key` is its place key."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key, "place")

    def sign(self, place: Place) -> str:
        return self._seal.seal(_BODY.pack(*place))

    def verify(self, text: str) -> Place | None:
        """The place, or None when it is malformed, forged or of another event."""
        body = self._seal.open(text, _BODY.size)
        if body is None:
            return None
        lane, bucket, nth = _BODY.unpack(body)
        return Place(Lane(lane), bucket, nth)

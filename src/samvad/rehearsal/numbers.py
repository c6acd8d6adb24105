"""Which numbers of a line were given out, a bit for each: mergeable, so that a crowd in several
processes can say whether any was given twice or left out. Pure, bounded.
"""

import base64
import binascii
import zlib
from typing import Any

MOST = 8_000_000
"""Numbers above are not looked at (a bitmap of 1 MB)."""


class Numbers:
    """`given`: how often a number was noted; `twice`: how often it was noted before."""

    __slots__ = ("_bits", "beyond", "given", "twice")

    def __init__(self) -> None:
        self._bits = bytearray()
        self.given = self.twice = self.beyond = 0

    def add(self, number: int) -> None:
        if not 0 <= number < MOST:
            self.beyond += 1
            return
        self.given += 1
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits)))
        if self._bits[byte] & bit:
            self.twice += 1
        self._bits[byte] |= bit

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return 0 <= byte < len(self._bits) and bool(self._bits[byte] & 1 << (number & 7))

    @property
    def first(self) -> int | None:
        """The lowest number given; None when there is none."""
        bits = int.from_bytes(self._bits, "little")
        return (bits & -bits).bit_length() - 1 if bits else None

    @property
    def last(self) -> int | None:
        bits = int.from_bytes(self._bits, "little")
        return bits.bit_length() - 1 if bits else None

    @property
    def missing(self) -> int:
        """Numbers between the first and the last that nobody was given."""
        first, last = self.first, self.last
        if first is None or last is None:
            return 0
        return last - first + 1 - int.from_bytes(self._bits, "little").bit_count()

    def merge(self, other: "Numbers") -> None:
        """Add a shard's."""
        mine = int.from_bytes(self._bits, "little")
        theirs = int.from_bytes(other._bits, "little")
        self.given += other.given
        self.beyond += other.beyond
        self.twice += other.twice + (mine & theirs).bit_count()
        size = max(len(self._bits), len(other._bits))
        self._bits = bytearray((mine | theirs).to_bytes(size, "little"))

    def as_json(self) -> list[Any]:
        packed = base64.b64encode(zlib.compress(bytes(self._bits), 1)).decode("ascii")
        return [self.given, self.twice, self.beyond, packed]

    @classmethod
    def from_json(cls, data: list[Any]) -> "Numbers":
        """The inverse of `as_json`. Raises ValueError or TypeError on another form."""
        made = cls()
        made.given, made.twice, made.beyond, packed = data
        unzip = zlib.decompressobj()
        try:
            unpacked = unzip.decompress(base64.b64decode(packed, validate=True), MOST // 8 + 1)
        except (zlib.error, binascii.Error) as error:
            raise ValueError(f"no numbers: {error}") from None
        if not unzip.eof:
            raise ValueError("no numbers: too many, or cut short")
        made._bits = bytearray(unpacked)
        return made

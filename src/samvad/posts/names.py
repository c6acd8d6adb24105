"""Names of posts and of media files. Pure: moment and randomness are arguments.

A post's id is its moment and some chance in base 32: 13 characters that sort as time does, so
that one index is the order of a timeline, and its last id is the place to go on from.
"""

import base64

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
POST_ID = r"[0-9a-v]{13}"
POST_ID_LENGTH = 13
CHANCE_BITS = 20
MEDIUM = r"[a-z2-7]{26}"


def post_id(wall_ms: int, chance: int) -> str:
    """The id of a post of that moment; `chance`: 20 random bits. Raises ValueError."""
    if not (0 <= wall_ms < 1 << 45 and 0 <= chance < 1 << CHANCE_BITS):
        raise ValueError(f"{wall_ms} ms or {chance} do not fit into an id")
    value = wall_ms << CHANCE_BITS | chance
    return "".join(_DIGITS[value >> at & 31] for at in range(60, -1, -5))


def first_id_at(wall_ms: int) -> str:
    """Ids of that moment or later are not below this."""
    return post_id(max(0, wall_ms), 0)


def wall_ms_of(name: str) -> int:
    """The moment an id was made."""
    return int(name, 32) >> CHANCE_BITS


def medium_name(chance: bytes) -> str:
    """An unguessable name from 16 random bytes: 26 letters and digits."""
    return base64.b32encode(chance).decode().lower().rstrip("=")

"""Proof of work at the door: what an attack makes a newcomer pay, in tries of a hash.

ALTCHA (altcha.org), so that the browser's side is its widget's: a challenge is parameters and
their HMAC, and nothing of it is kept here. To ask costs one HMAC; to check costs one HMAC where
the challenge is not ours, one short PBKDF2 where it is. PBKDF2, because a browser does it as
fast as an attacker's own program does; a bare hash it does not.
"""

import base64
import binascii
import hmac
import json
import secrets

import altcha

from samvad.gate.spent import Spent
from samvad.protocol.secret import derive

ALGORITHM = "PBKDF2/SHA-256"
LEVELS = ((2, 100), (2, 200), (2, 400), (3, 100), (3, 200), (3, 400))
"""Zeros (hexadecimal digits) and iterations: from some hundredths of a second of one core of a
laptop to about one; a phone takes five times as long. The level is the door's load's."""
GOOD_S = 300
"""A challenge is to be solved, and shown, within so long."""
PROOF_MAX = 2_048
"""Letters of a proof."""
_PLACE = "0" * 32
"""Where nonce and salt stand in the form of a challenge: 16 bytes each."""


def level_for(knocks_per_s: float, may_join_per_s: float) -> int:
    """How much to ask: a level more each time twice as many knock with nothing in hand as may
    come in."""
    times, level = knocks_per_s / max(1.0, may_join_per_s), 1
    while times > 1.0 and level < len(LEVELS):
        level, times = level + 1, times / 2
    return level


class Toll:
    """The tolls of one event's door. `spent` is shared by all gates of the machine: a proof is
    good once."""

    def __init__(self, secret: bytes, event: str, spent: Spent) -> None:
        self._key = derive(secret, "proof-of-work", event).hex()
        self._event, self._spent = event, spent
        self._form: tuple[int, int, str] = (0, 0, "")
        """Level, second, and what a challenge of these looks like."""

    def ask(self, level: int, wall_ms: int) -> str:
        """A challenge as the widget takes it, in JSON. `level`: from 1 to len(LEVELS)."""
        second = wall_ms // 1000
        if self._form[:2] != (level, second):
            self._form = level, second, self._make(level, second)
        nonce, salt = secrets.token_hex(16), secrets.token_hex(16)
        text = self._form[2].replace(_PLACE, nonce, 1).replace(_PLACE, salt, 1)
        mark = hmac.digest(self._key.encode(), text.encode(), "sha256").hex()
        return f'{{"parameters":{text},"signature":"{mark}"}}'

    def _make(self, level: int, second: int) -> str:
        """The library's challenge with nonce and salt left open, as it is signed."""
        digits, cost = LEVELS[level - 1]
        challenge = altcha.create_challenge(
            algorithm=ALGORITHM,
            cost=cost,
            key_prefix="0" * digits,
            expires_at=second + GOOD_S,
            data={"event": self._event},
        )
        told = challenge.parameters.to_dict() | {"nonce": _PLACE, "salt": _PLACE}
        # Names in order and no spaces: what the library signs (a test compares).
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    def good(self, proof: str) -> bool:
        """Whether the proof is this event's, in time, right, and shown for the first time."""
        if not proof or len(proof) > PROOF_MAX:
            return False
        try:
            told = json.loads(base64.b64decode(proof, validate=True))
            nonce = told["challenge"]["parameters"]["nonce"]
            found = altcha.verify_solution(proof, self._key)
        except (ValueError, binascii.Error, KeyError, TypeError, RecursionError):
            return False
        return bool(found.verified) and self._spent.spend(f"{self._event} {nonce}")

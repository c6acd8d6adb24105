"""The work that a door asks for while an attack is on: an ALTCHA challenge, solved in pieces. Pure.

A browser does it in its workers. Here it takes the time of the one who plays a thousand listeners,
so a visit does a little of it at a time.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

MOST_COST = 10_000
"""Iterations that are done for one try; a challenge that wants more is not solved."""
GOES_ON_S = 0.02
"""What others do has its turn between two pieces of work."""
A_TURN = 300
"""Tries in one go: about ten milliseconds at the least cost."""


class Solver:
    """Raises ValueError for a challenge that is none, or of another kind."""

    def __init__(self, challenge: Mapping[str, Any]) -> None:
        try:
            about = challenge["parameters"]
            self._nonce = bytes.fromhex(about["nonce"])
            self._salt = bytes.fromhex(about["salt"])
            self._cost, self._length = int(about["cost"]), int(about["keyLength"])
            self._prefix = str(about["keyPrefix"]).lower()
            kind = about["algorithm"]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no challenge: {error!r}") from None
        if kind != "PBKDF2/SHA-256" or not 0 < self._cost <= MOST_COST or self._length != 32:
            raise ValueError(f"a challenge of another kind: {kind}")
        self._challenge = challenge
        self._counter = 0

    def go(self, tries: int = A_TURN) -> str | None:
        """Try so many more; the proof, or None: not yet."""
        for counter in range(self._counter, self._counter + tries):
            password = self._nonce + counter.to_bytes(4, "big")
            key = hashlib.pbkdf2_hmac("sha256", password, self._salt, self._cost, self._length)
            if key.hex().startswith(self._prefix):
                solution = {"counter": counter, "derivedKey": key.hex(), "time": 1}
                told = json.dumps({"challenge": self._challenge, "solution": solution})
                return base64.b64encode(told.encode()).decode("ascii")
        self._counter += tries
        return None


class Work:
    """What one visit has to do before it knocks again, if anything."""

    __slots__ = ("_solver",)

    def __init__(self) -> None:
        self._solver: Solver | None = None

    def begin(self, solver: Solver | None) -> bool:
        """Whether there is work to do."""
        self._solver = solver
        return solver is not None

    def go(self) -> str | None:
        """A piece of it: the proof when it is done, None while it is not; "": there is none."""
        if self._solver is None:
            return ""
        proof = self._solver.go()
        if proof is not None:
            self._solver = None
        return proof

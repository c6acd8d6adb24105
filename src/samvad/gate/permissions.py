"""Permissions to rehearse against this site, as they lie in the data folder (cli: permit).

Read anew at most every LOOK_AGAIN_S, however often somebody asks; the gate does not check them,
whoever rehearses does (protocol/permission.py).
"""

import json
from pathlib import Path
from typing import Any

from samvad.gate.answers import JSON, NEVER_STORED, NO_SNIFF, REFUSALS, Answer
from samvad.protocol.permission import PATH, together
from samvad.protocol.signing import MOST_BYTES

PERMISSIONS_PATH = PATH.encode()
LOOK_AGAIN_S = 2.0
MOST = 32
"""Documents served; who has more events to rehearse takes some back."""


class Permissions:
    """`folder` may not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answer: Answer = REFUSALS[404]
        self._looked = float("-inf")

    def answer(self, now: float) -> Answer:
        """The documents, or 404 when there are none."""
        if now - self._looked >= LOOK_AGAIN_S:
            self._looked = now
            found = self._read()
            headers = (JSON, NEVER_STORED, NO_SNIFF)
            self._answer = Answer(200, headers, (together(found),)) if found else REFUSALS[404]
        return self._answer

    def _read(self) -> list[Any]:
        found = []
        try:
            for path in sorted(self._folder.glob("*.json"))[:MOST]:
                with open(path, "rb") as file:
                    found.append(json.loads(file.read(MOST_BYTES)))
        except (OSError, ValueError):
            return found
        return found

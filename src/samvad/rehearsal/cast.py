"""The rehearsal's other processes: attackers and full listeners. They end with their parent."""

import contextlib
import json
import math
import os
import select
import subprocess
import sys
import time
from typing import Any

from samvad.base.errors import PlainError
from samvad.rehearsal import full
from samvad.rehearsal.attack import Attack, Spoils, order

START_S = 60.0
END_S = 8.0
MOST_FULL = 400
_MOST_LINE = 8 * 1024 * 1024


class Player:
    """One process with a line of JSON in and lines of JSON out. `said`: its last words by key."""

    def __init__(self, module: str, first: str) -> None:
        self.said: dict[str, Any] = {}
        self._data = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.tell(first)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(line.encode() + b"\n")

    def read(self, most_s: float) -> bool:
        """Take what it has said within `most_s`; False once it has ended. Raises PlainError for
        what it complains of."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        if not select.select([fd], [], [], most_s)[0]:
            return True
        data = os.read(fd, 1 << 16)
        *lines, self._data = (self._data + data).split(b"\n")
        if len(self._data) > _MOST_LINE:
            raise PlainError("A process of the rehearsal prints what it should not.")
        for line in lines:
            said = json.loads(line)
            if "says" in said:
                raise PlainError(said["says"], said["mend"])
            self.said |= said
        return bool(data)

    def hang_up(self) -> None:
        """Its stdin ends: it is to end too, and says its last words."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def end(self, within_s: float) -> None:
        """Hear its last words, and see that it is gone."""
        self.hang_up()
        give_up = time.monotonic() + within_s
        with contextlib.suppress(PlainError, ValueError):
            while time.monotonic() < give_up and self.read(max(0.0, give_up - time.monotonic())):
                pass
        try:
            self._process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Cast:
    """All of them. A context manager; `begin` once."""

    def __init__(self) -> None:
        self._attackers: list[tuple[str, Player]] = []
        self._full: list[Player] = []
        self.full_count = 0

    def __enter__(self) -> "Cast":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def add_attacks(self, attacks: tuple[Attack, ...], url: str, permit: str, door: str) -> None:
        for number, attack in enumerate(attacks):
            line = order(attack, url, permit, door, number)
            self._attackers.append((attack.kind, Player("samvad.rehearsal.attacker", line)))

    def add_full(self, url: str, count: int, from_s: float, arrive_s: float, for_s: float) -> None:
        """`count` full listeners (MOST_FULL at most), in as many processes as they need."""
        self.full_count = min(count, MOST_FULL)
        processes = math.ceil(self.full_count / full.MOST)
        for number in range(processes):
            mine = (self.full_count - number + processes - 1) // processes
            told = {"url": url, "count": mine, "number": number}
            told |= {"from_s": from_s, "arrive_s": arrive_s, "for_s": for_s}
            self._full.append(Player("samvad.rehearsal.full", json.dumps(told)))

    @property
    def _all(self) -> list[Player]:
        return [player for _, player in self._attackers] + self._full

    def until_ready(self) -> None:
        """Raises PlainError when one does not start."""
        give_up = time.monotonic() + START_S
        for player in self._all:
            while "ready" not in player.said:
                if time.monotonic() > give_up or not player.read(1.0):
                    raise PlainError("A process of the rehearsal did not start.")

    def begin(self, began: float) -> None:
        """`began`: CLOCK_MONOTONIC seconds, the same as the crowd's."""
        for player in self._all:
            player.tell(repr(began))

    def listen(self) -> None:
        """Take what they have said."""
        for player in self._all:
            with contextlib.suppress(PlainError):
                player.read(0.0)

    def end(self) -> None:
        for player in self._all:
            player.hang_up()
        for player in self._all:
            player.end(END_S)

    def spoils(self) -> list[Spoils]:
        """What the attacks got, so far."""
        return [Spoils(**p.said["spoils"]) for _, p in self._attackers if "spoils" in p.said]

    def heard(self) -> list[dict[str, Any]]:
        """What the full listeners heard; after `end`."""
        return [one for player in self._full for one in player.said.get("heard", ())]

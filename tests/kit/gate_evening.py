"""An evening at real gate processes: ten segments on air, from a double of the stage."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from samvad.protocol.playlist_reader import read_media
from samvad.protocol.room import Phase, RoomSpeaker, RoomState
from tests.kit.gates import EVENT, START_MS, Gates, Programme, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

LIVE = RoomState(EVENT, Phase.LIVE, START_MS, speakers=(RoomSpeaker("s1", "Asha", here=True),))


class Evening:
    """Gates, a stage and a programme of ten segments on air."""

    def __init__(self, gates: Gates, seats: int = 10) -> None:
        self.gates = gates
        self.programme = Programme(gates.secret)
        self._ticket = ""
        gates.plans.write(a_plan(seats=seats))
        self.stage = StageDouble(gates.folders)
        self.stage.say(LIVE, *self.programme.inits(), *self.programme.segments(10))
        self.on_air()

    def on_air(self) -> None:
        """Wait until every process knows of the newest part."""
        count = len(self.gates.processes)
        until_now(
            lambda: all(self.newest() == self.programme.msn for _ in range(4 * count)),
            10,
            lambda: self.gates.log.read_text()[-1000:],
        )

    def newest(self) -> int:
        """The msn that comes next, as the process that happens to answer sees it."""
        knock = self.gates.knock(ticket=self._ticket)
        if knock.get("verdict") != "admit":
            return -1
        self._ticket = knock["ticket"]
        base = knock["play"].rpartition("/")[0]
        reply = self.gates.get(f"{base}/aac/index.m3u8")
        return read_media(reply.text).next_part[0] if reply.status == 200 else -1


@contextlib.contextmanager
def gate_on_air(folder: Path) -> Iterator[Evening]:
    """One gate, which has not crashed in the end."""
    env = {"SAMVAD_GATE_HEAD_TIMEOUT_S": "1"}
    with running_gates(folder, 1, env) as gates:
        evening = Evening(gates, seats=1000)
        yield evening
        evening.stage.close()
        assert gates.counter("crashes") == 0, gates.log.read_text()


def play_of(gates: Gates) -> str:
    """Where one plays who is let in now."""
    admitted = gates.knock()
    assert admitted["verdict"] == "admit", admitted
    return str(admitted["play"])


def resolve(base: str, uri: str) -> str:
    """The path that a playlist at `base` means."""
    return os.path.normpath(base + uri)

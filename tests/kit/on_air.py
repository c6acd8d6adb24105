"""Gates with something to give: a stage double that speaks at real speed, in a thread."""

import threading
import time
from dataclasses import replace

from samvad.protocol.ladder import DEFAULT_LADDER, Rung
from samvad.protocol.media import PART_48K, PART_S
from samvad.protocol.plan import DoorPlan
from samvad.protocol.room import LadderOrder, Phase, RoomSpeaker, RoomState
from tests.kit.gates import EVENT, LOOKS, Gates, Programme, StageDouble, a_plan
from tests.kit.until import until_now

PART_BYTES = 5_200
"""0.64 s of AAC at 64 kbit/s with its boxes."""


class OnAir:
    """A live event on `gates`: `window` segments at once, then a part every `part_s` seconds.

    `stretch` > 1 makes each part so much longer, in time and in bytes: large objects.
    """

    def __init__(
        self,
        gates: Gates,
        *,
        seats: int,
        joins_per_s: int = 100_000,
        ladder: tuple[Rung, ...] = DEFAULT_LADDER,
        window: int = 12,
        stretch: int = 1,
        page: str | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.gates, self._stretch, self._part_bytes = gates, stretch, part_bytes
        self.programme = Programme(gates.secret)
        door = DoorPlan(joins_per_s=joins_per_s)
        pages = {"pages": {"en": page}} if page else {}
        gates.plans.write(a_plan(seats=seats, door=door, ladder=ladder, **pages))
        self.stage = StageDouble(gates.folders)
        now_ms = int(time.time() * 1000)
        room = RoomState(
            EVENT, Phase.LIVE, now_ms, speakers=(RoomSpeaker("s1", "Asha", here=True),)
        )
        self._room, self._place = room, ""
        self.stage.say(room, *self.programme.inits())
        self.programme.wall_ms = now_ms - round(window * 3 * self._part_s * 1000)
        for _ in range(window * 3):
            self._say()
        looks = 4 * len(gates.processes)
        until_now(lambda: all(until_now(self._playable, 5) for _ in range(looks)), 15)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    @property
    def _part_s(self) -> float:
        return PART_S * self._stretch

    def _say(self) -> None:
        wall_ms = self.programme.wall_ms
        parts = self.programme.next(self._part_bytes * self._stretch)
        self.programme.wall_ms = wall_ms + round(self._part_s * 1000)
        longer = PART_48K * self._stretch
        self.stage.say(*(replace(p, duration_48k=longer, wall_ms=wall_ms) for p in parts))

    def _playable(self) -> bool:
        knock = self.gates.knock(place=self._place)
        self._place = knock.get("place", "")
        if knock.get("verdict") != "admit":
            return False
        plays = self.gates.get(knock["play"]).status == 200
        # A process that has not read the plan yet knows no such door.
        until_now(lambda: self.gates.leave(knock["ticket"]) == 204, 5)
        return plays

    def _speak(self) -> None:
        at = time.monotonic()
        while not self._ending.is_set():
            at += self._part_s
            if self._ending.wait(max(0.0, at - time.monotonic())):
                return
            self._say()

    def order(self, rung: int) -> None:
        """As a host who forces a rung, and wait until it holds."""
        order = LadderOrder("force", rung, "Asha", int(time.time() * 1000))
        self.stage.say(replace(self._room, ladder=order))

        def holds() -> bool:
            told = [self.gates.get(f"/live/{EVENT}/state.json").json["rung"] for _ in range(LOOKS)]
            return all((one or {"n": 0})["n"] == rung for one in told)

        until_now(holds, 10, "the rung does not hold")

    def close(self) -> None:
        self._ending.set()
        self._thread.join(5)
        self.stage.close()

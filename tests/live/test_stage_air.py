"""The programme's way out: first words kept, failures told and mended, ends that do not hang."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.protocol.journal import read_from
from samvad.protocol.room import Replay
from samvad.stage import air, conversation
from samvad.stage.air import PENDING_TICKS, Air
from samvad.stage.figures import Figures
from samvad.stage.keeper import Keeper, read_memory, remembered, write_memory
from samvad.stage.opus import FRAME, Pcm
from samvad.stage.refusals import Refused
from samvad.stage.session import NewFact
from samvad.stage.setting import Setting
from tests.kit.clock import FakeClock
from tests.kit.stage import EVENT, Speaker, running_stage, stage_settings
from tests.kit.until import until


class FakeBroadcast:
    """In the place of broadcast.Broadcast; `script` says what each opening does."""

    script: list[Any]
    made: "list[FakeBroadcast]"

    def __init__(self) -> None:
        self.pushed: list[int] = []
        self.broken = False
        self.closed = False
        self.resumed = self.ending = False

    @classmethod
    async def open(cls, *_: Any, **__: Any) -> "FakeBroadcast":
        await asyncio.sleep(0.05)
        step = cls.script.pop(0) if cls.script else None
        if isinstance(step, Exception):
            raise step
        cls.made.append(cls())
        return cls.made[-1]

    def push(self, pcm: Pcm, wall_ms: int, *_: Any) -> None:
        if self.broken:
            raise RuntimeError("off the air")
        self.pushed.append(wall_ms)

    async def finish(self, at_ms: int | None) -> Replay:
        self.closed = True
        return Replay(1, len(self.pushed) * 20)

    async def close(self) -> None:
        self.closed = True


class Bench:
    """An Air with a clock in the hand and complaints in a list."""

    def __init__(self, data: Path) -> None:
        folders = Folders(data)
        folders.make()
        self.clock = FakeClock()
        self.complaints: list[str] = []
        self.keeper = Keeper(folders, Figures())
        self.air = Air(
            EVENT,
            Setting(
                folders,
                b"x" * 32,
                stage_settings(data).stage,
                None,  # type: ignore[arg-type]
                self.clock,
                lambda message: None,
                self.keeper,
                Figures(),
            ),
            self.complaints.append,
        )
        self.pushed = 0

    def tick(self) -> None:
        self.air.push(np.zeros(FRAME, np.int16), self.pushed)
        self.pushed += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeBroadcast]:
    monkeypatch.setattr(air, "Broadcast", FakeBroadcast)
    FakeBroadcast.script, FakeBroadcast.made = [], []
    return FakeBroadcast


def yes() -> None:
    return None


async def test_ticks_wait_while_it_opens(tmp_path: Path, fake: type[FakeBroadcast]) -> None:
    bench = Bench(tmp_path)
    bench.tick()  # before anybody wants to go on air: dropped
    beginning = asyncio.create_task(bench.air.begin(yes))
    await asyncio.sleep(0.01)
    assert bench.air.open
    assert not bench.air.may_begin
    for _ in range(PENDING_TICKS + 3):
        bench.tick()
    assert await beginning is None
    bench.tick()
    (broadcast,) = fake.made
    # All but the oldest beyond 5 s, in order, then what follows.
    assert broadcast.pushed == list(range(4, PENDING_TICKS + 5))
    await bench.air.close()
    assert broadcast.closed


async def test_a_failure_is_told_and_not_tried_at_every_tick(
    tmp_path: Path, fake: type[FakeBroadcast]
) -> None:
    bench = Bench(tmp_path)
    fake.script = [PlainError("The disk is full.", "Make room.")]
    refused = await bench.air.begin(yes)
    assert refused is not None
    assert refused.code == "cannot_start"
    assert "Make room." in refused.says
    assert bench.complaints
    assert not bench.air.open
    assert not bench.air.may_begin
    bench.clock.advance(air.RETRY_S)
    assert bench.air.may_begin
    assert await bench.air.begin(yes) is None
    await bench.air.close()


async def test_what_changed_meanwhile_takes_it_back(
    tmp_path: Path, fake: type[FakeBroadcast]
) -> None:
    bench = Bench(tmp_path)
    refused = Refused("cancelled", "It was cancelled.")
    assert await bench.air.begin(lambda: refused) == refused
    assert fake.made[0].closed
    assert not bench.air.open


async def test_two_at_once_begin_one(tmp_path: Path, fake: type[FakeBroadcast]) -> None:
    bench = Bench(tmp_path)
    acts: list[str] = []

    def act(name: str) -> Callable[[], None]:
        return lambda: acts.append(name)

    await asyncio.gather(bench.air.begin(act("one")), bench.air.begin(act("two")))
    assert acts == ["one", "two"]
    assert len(fake.made) == 1
    await bench.air.close()


async def test_an_encoder_that_fails_is_opened_anew(
    tmp_path: Path, fake: type[FakeBroadcast], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(air, "RETRY_S", 0.05)
    bench = Bench(tmp_path)
    await bench.air.begin(yes)
    bench.tick()
    first = fake.made[0]
    first.broken = True
    fake.script = [PlainError("No encoder."), PlainError("No encoder.")]
    for _ in range(30):
        bench.tick()
        await asyncio.sleep(0.01)
    await until(lambda: len(fake.made) == 2, 5, "opened anew", every=0.01)
    bench.tick()
    assert first.closed
    assert len(bench.complaints) == 2
    assert fake.made[1].pushed == list(range(1, bench.pushed))  # nothing lost in between
    assert await bench.air.finish(None) == Replay(1, (bench.pushed - 1) * 20)


async def test_what_was_begun_goes_on_although_the_disk_is_nearly_full(
    tmp_path: Path, fake: type[FakeBroadcast], monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly_full = SimpleNamespace(free=1)
    monkeypatch.setattr(air.shutil, "disk_usage", lambda folder: nearly_full)
    bench = Bench(tmp_path)
    assert isinstance(await bench.air.begin(yes), Refused)
    assert not fake.made
    assert await bench.air.resume() is fake.made[0]
    bench.tick()
    assert fake.made[0].pushed == [0]
    await bench.air.close()


async def test_an_end_during_a_failure_does_not_hang(
    tmp_path: Path, fake: type[FakeBroadcast]
) -> None:
    bench = Bench(tmp_path)
    await bench.air.begin(yes)
    fake.made[0].broken = True
    fake.script = [PlainError("No encoder.")] * 100
    bench.tick()
    await asyncio.sleep(0.1)
    assert await asyncio.wait_for(bench.air.finish(None), 2) is None
    await asyncio.wait_for(bench.air.close(), 2)


async def test_a_tick_that_was_held_up_is_made_up_for(tmp_path: Path) -> None:
    """The loop stands still for 0.4 s; the programme has every tick all the same."""
    async with running_stage(tmp_path) as stage:
        speaker = Speaker(stage, "bob")
        await speaker.publish()
        assert stage.stage is not None
        (room,) = list(stage.stage.rooms)
        late = room._in.figures.lateness
        await asyncio.sleep(0.3)
        begun, before = asyncio.get_running_loop().time(), late.total
        time.sleep(0.4)  # what no code may do

        def made_up() -> bool:
            wanted = (asyncio.get_running_loop().time() - begun) / 0.02
            return abs(late.total - before - wanted) <= 4

        assert not made_up()
        await until(made_up, 10, "as many ticks as time", every=0.02)
        assert late.worst_ms > 350
        await speaker.close()


async def test_who_never_connects_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CONNECT_S", 0.5)
    offer = (Path(__file__).parent.parent / "pure/sdp/chromium-publish.sdp").read_bytes().decode()
    async with running_stage(tmp_path) as stage:
        begun = await stage.ask(
            "POST", f"/whip/{EVENT}", "bob", offer, Content_Type="application/sdp"
        )
        assert begun.status == 201
        assert stage.stage is not None
        (room,) = list(stage.stage.rooms)
        assert len(room.publishers) == 1
        await until(lambda: len(room.publishers) == 0, 5, "let go")
        await until(lambda: room.idle, 5, "nothing runs any more")
        assert "speaker_joined" not in [kind for kind, _ in stage.facts()]


def test_the_keeper_writes_in_order_and_off_the_loop(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make()
    keeper = Keeper(folders, Figures())
    for i in range(50):
        keeper.fact(EVENT, NewFact("incident", i, {"n": i}))
        keeper.memory(EVENT, {"n": i})
    keeper.close()
    facts = [f for f, _ in read_from(folders.journal / "stage.jsonl", 0)]
    assert [f.data["n"] for f in facts] == list(range(50))
    assert [f.seq for f in facts] == list(range(1, 51))
    assert read_memory(folders, EVENT) == {"n": 49}
    assert remembered(folders) == [EVENT]


def test_a_torn_memory_is_no_memory(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make()
    write_memory(folders, EVENT, {"phase": "live"})
    path = folders.recording(EVENT) / "room.json"
    path.write_text(path.read_text()[:-3])
    assert read_memory(folders, EVENT) is None
    path.write_text("[]")
    assert read_memory(folders, EVENT) is None
    assert read_memory(folders, "other1") is None


def test_a_full_disk_loses_facts_but_not_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, figures = Folders(tmp_path), Figures()
    folders.make()
    keeper = Keeper(folders, figures)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeper._journal, "append", full)
    keeper.fact(EVENT, NewFact("incident", 1, {}))
    keeper.memory(EVENT, {"n": 1})
    keeper.close()
    assert figures.facts_lost == 1
    assert read_memory(folders, EVENT) == {"n": 1}

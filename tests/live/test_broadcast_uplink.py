"""The uplink: gates join in the middle, slow ones are dropped, strangers are turned away."""

import asyncio
import itertools
import logging
import os
import random
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.broadcast import uplink as uplink_module
from samvad.broadcast.uplink import Uplink
from samvad.protocol.media import PART_48K, Init, Part
from samvad.protocol.room import Phase, RoomState
from samvad.protocol.uplink import Decoder, Forget, Hello, Message, encode
from tests.kit.ports import free_port
from tests.kit.until import until

TOKEN = "a" * 40
EVENT = "abcdef1234"


def init(rendition: str, event: str = EVENT) -> Init:
    return Init(event, rendition, f"init-{rendition}", b"moov")


def part(number: int, rendition: str = "aac", event: str = EVENT, size: int = 100) -> Part:
    msn, index = divmod(number, 3)
    return Part(
        event=event,
        rendition=rendition,
        msn=msn,
        part=index,
        name=f"{event}-{rendition}-{number}",
        segment=f"{event}-{rendition}-{msn}",
        init=f"init-{rendition}",
        duration_48k=PART_48K,
        decode_48k=number * PART_48K,
        wall_ms=640 * number,
        discontinuity=0,
        last=index == 2,
        body=b"x" * size,
    )


class Gate:
    """A gate that keeps what it gets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.got: list[Message] = []
        self._decoder = Decoder()

    async def takes(self, count: int, within: float = 10) -> list[Message]:
        """Wait for `count` messages in all."""
        async with asyncio.timeout(within):
            while len(self.got) < count:
                data = await self.reader.read(1 << 16)
                assert data, f"closed after {len(self.got)} messages"
                self.got += self._decoder.feed(data)
        return self.got

    async def closed(self, within: float = 10) -> bytes:
        """Wait for the end; what came before it."""
        async with asyncio.timeout(within):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    async def leave(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def serving(address: Path | str, **more: float) -> AsyncIterator[Uplink]:
    uplink = Uplink(str(address), TOKEN, **more)
    await uplink.start()
    try:
        yield uplink
    finally:
        await uplink.close()


@pytest.fixture
async def uplink(tmp_path: Path) -> AsyncIterator[Uplink]:
    async with serving(tmp_path / "run" / "uplink.sock") as served:
        yield served


async def connect(uplink: Uplink) -> Gate:
    return Gate(*await asyncio.open_unix_connection(uplink._address))


NAMES = itertools.count()


def names(uplink: Uplink) -> set[str]:
    return {gate.name for gate in uplink._gates.values()}


@asynccontextmanager
async def joined(uplink: Uplink) -> AsyncIterator[Gate]:
    name = f"gate-{next(NAMES)}"
    gate = await connect(uplink)
    gate.writer.write(encode(Hello(TOKEN, name)))
    await until(lambda: name in names(uplink), 10, f"{name}'s joining", every=0.005)
    try:
        yield gate
    finally:
        await gate.leave()


async def test_a_gate_that_joins_in_the_middle_gets_what_it_needs_in_order(uplink):
    rooms = [RoomState(EVENT, Phase.OFF), RoomState(EVENT, Phase.LIVE, live_since_ms=5)]
    before = [init("aac"), init("opus"), *(part(i, r) for i in range(4) for r in ("aac", "opus"))]
    for message in [rooms[0], *before, rooms[1]]:
        uplink.publish(message)
    async with joined(uplink) as gate:
        uplink.publish(part(4))
        uplink.publish(Forget("another1"))
        got = await gate.takes(len(before) + 3)
    assert got == [rooms[1], *before, part(4), Forget("another1")]


async def test_every_gate_gets_everything_and_may_come_back(uplink):
    uplink.publish(init("aac"))
    async with joined(uplink) as one, joined(uplink) as two:
        for i in range(20):
            uplink.publish(part(i))
        assert await one.takes(21) == await two.takes(21)
    await until(lambda: uplink.gates == 0, 10, "both gates' leaving")
    async with joined(uplink) as again:
        assert [m.name for m in (await again.takes(21))[1:]] == [part(i).name for i in range(20)]


async def test_the_window_is_bounded_for_each_event(tmp_path):
    async with serving(tmp_path / "uplink.sock", window_s=6.4) as uplink:
        for event in (EVENT, "zzzzzz"):
            uplink.publish(init("aac", event))
            uplink.publish(init("opus", event))
            for i in range(100):
                uplink.publish(part(i, "aac", event))
                uplink.publish(part(i, "opus", event))
        async with joined(uplink) as gate:
            got = await gate.takes(2 * (2 + 26))
            await asyncio.sleep(0)
        parts = [m for m in got if isinstance(m, Part) and m.event == EVENT]
        assert [p.decode_48k // PART_48K for p in parts if p.rendition == "opus"] == [
            *range(87, 100)
        ], "ten parts, and a segment more"


async def test_a_part_that_is_published_again_is_kept_once_and_in_its_place(uplink):
    for i in range(3):
        uplink.publish(part(i))
    for i in range(3):
        uplink.publish(part(i))
    async with joined(uplink) as gate:
        uplink.publish(part(3))
        assert [m.name for m in await gate.takes(4)] == [part(i).name for i in range(4)]


async def test_media_are_forgotten_some_time_after_the_end_and_the_end_is_not(tmp_path):
    async with serving(tmp_path / "uplink.sock", forget_s=0.2) as uplink:
        ended = RoomState(EVENT, Phase.ENDED, ended_ms=9)
        async with joined(uplink) as gate:
            for message in (init("aac"), part(0), ended, ended):
                uplink.publish(message)
            assert (await gate.takes(5))[-1] == Forget(EVENT)
        async with joined(uplink) as late:
            uplink.publish(RoomState("other123"))
            assert await late.takes(2) == [ended, RoomState("other123")]


async def test_rooms_without_media_are_bounded(uplink, monkeypatch):
    monkeypatch.setattr(uplink_module, "ROOMS", 10)
    uplink.publish(init("aac"))
    for i in range(50):
        uplink.publish(RoomState(f"event{i:02}", Phase.ENDED))
    async with joined(uplink) as gate:
        got = await gate.takes(11)
    assert [m.event for m in got] == [EVENT, *(f"event{i}" for i in range(40, 50))]


@pytest.mark.parametrize(
    "said",
    [
        encode(Hello("b" * 40, "gate-0")),
        encode(Hello("", "gate-0")),
        encode(Hello("ä" * 40, "gate-0")),
        encode(part(0)),
        encode(Forget(EVENT)),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\xff" * 64,
        b'\0\0\0\x18\0\0\0\0{"v":1,"kind":"hello"}  ',
        b'\0\0\0\x34\0\0\0\0{"v": 1, "kind": "hello", "token": 7, "gate": null} ',
        encode(Hello(TOKEN, "gate-0")) + b"and more",
    ],
)
async def test_a_stranger_is_turned_away_and_hears_nothing(uplink, said, caplog):
    for message in (init("aac"), part(0)):
        uplink.publish(message)
    with caplog.at_level(logging.WARNING, "samvad.uplink"):
        stranger = await connect(uplink)
        stranger.writer.write(said)
        heard = await stranger.closed()
    if not said.startswith(encode(Hello(TOKEN, "gate-0"))):
        assert heard == b""
    assert len(caplog.records) == 1
    assert "refused" in caplog.text
    assert TOKEN not in caplog.text
    assert uplink.gates == 0
    await stranger.leave()
    async with joined(uplink) as gate:
        assert len(await gate.takes(2)) == 2


async def test_noise_of_every_length_ends_no_uplink(uplink):
    draw = random.Random(11)
    for _ in range(60):
        stranger = await connect(uplink)
        stranger.writer.write(draw.randbytes(draw.randrange(1, 400)))
        if draw.random() < 0.7:
            stranger.writer.write_eof()
            await stranger.closed()
        await stranger.leave()
    async with joined(uplink) as gate:
        uplink.publish(part(0))
        await gate.takes(1)
    await until(lambda: not uplink._open, 10, "all strangers gone")


async def test_who_says_nothing_is_closed(uplink, monkeypatch, caplog):
    monkeypatch.setattr(uplink_module, "HELLO_S", 0.05)
    silent = await connect(uplink)
    assert await silent.closed() == b""
    assert "no hello" in caplog.text
    await silent.leave()


async def test_connections_are_bounded(uplink, monkeypatch):
    monkeypatch.setattr(uplink_module, "GATES", 3)
    held = [await connect(uplink) for _ in range(3)]
    await until(lambda: len(uplink._open) == 3, 10, "three connections")
    one_more = await connect(uplink)
    assert await one_more.closed() == b""
    for gate in (*held, one_more):
        await gate.leave()
    await until(lambda: not uplink._open, 10, "all gone")
    async with joined(uplink):
        pass


async def test_a_gate_that_takes_nothing_is_dropped_and_delays_nobody(uplink, caplog):
    async with joined(uplink) as good:
        slow = await connect(uplink)
        slow.writer.write(encode(Hello(TOKEN, "gate-slow")))
        await until(lambda: "gate-slow" in names(uplink), 10, "the slow gate's joining")
        # Stops to read, as a stuck process does; the kernel's buffers fill first.
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        longest = 0.0
        for i in range(60):
            began = time.perf_counter()
            uplink.publish(part(i, size=400_000))
            longest = max(longest, time.perf_counter() - began)
            await good.takes(i + 1)
        assert "gate-slow" not in names(uplink)
        assert "gate-slow does not take its frames" in caplog.text
        assert longest < 1.0, "a write that waits would wait for ever"
        await slow.leave()


async def test_a_large_window_is_not_held_against_a_gate_that_joins(tmp_path, monkeypatch):
    monkeypatch.setattr(uplink_module, "BACKLOG_BYTES", 100_000)
    async with serving(tmp_path / "uplink.sock") as uplink:
        for i in range(50):
            uplink.publish(part(i, size=100_000))
        async with joined(uplink) as gate:
            uplink.publish(part(50))
            await gate.takes(51)


async def test_it_also_serves_tcp(tmp_path):
    async with serving("127.0.0.1:0") as uplink:
        uplink.publish(part(0))
        gate = Gate(*await asyncio.open_connection("127.0.0.1", uplink.port))
        gate.writer.write(encode(Hello(TOKEN, "gate-0")))
        assert await gate.takes(1) == [part(0)]
        await gate.leave()


async def test_the_socket_is_for_this_user_only_and_goes_with_the_stage(tmp_path):
    path = tmp_path / "uplink.sock"
    async with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_living_stage_keeps_its_socket(uplink):
    with pytest.raises(PlainError, match="Another stage listens"):
        await Uplink(uplink._address, TOKEN).start()
    async with joined(uplink) as gate:
        uplink.publish(part(0))
        await gate.takes(1)


HOLDER = """
import asyncio, sys
from samvad.broadcast.uplink import Uplink
async def main():
    await Uplink(sys.argv[1], "a" * 40).start()
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.slow
async def test_the_socket_of_a_killed_stage_is_replaced(tmp_path):
    path = tmp_path / "uplink.sock"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, str(path)), stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"up\n"
    with pytest.raises(PlainError, match="Another stage"):
        await Uplink(str(path), TOKEN).start()
    other.send_signal(signal.SIGKILL)
    await other.wait()
    assert path.is_socket()
    async with serving(path) as uplink, joined(uplink):
        pass


async def test_a_file_at_the_socket_s_place_is_not_replaced(tmp_path):
    path = tmp_path / "uplink.sock"
    path.write_text("letters")
    with pytest.raises(PlainError, match="is no socket"):
        await Uplink(str(path), TOKEN).start()
    assert path.read_text() == "letters"
    path.unlink()
    async with serving(path):
        pass


async def test_an_address_that_cannot_be_is_said_plainly(tmp_path):
    with pytest.raises(PlainError, match="too long"):
        await Uplink(str(tmp_path / ("x" * 120)), TOKEN).start()
    (tmp_path / "file").write_text("")
    with pytest.raises(PlainError, match="cannot listen"):
        await Uplink(str(tmp_path / "file" / "uplink.sock"), TOKEN).start()
    port = free_port()
    refused = pytest.raises(PlainError, match=f"cannot listen at 127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", port)), refused:
        await Uplink(f"127.0.0.1:{port}", TOKEN).start()


async def test_no_descriptor_is_left(tmp_path):
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(3):
        async with serving(tmp_path / "uplink.sock") as uplink, joined(uplink):
            pass
    await until(lambda: descriptors() == before, 5, "the descriptors' closing")

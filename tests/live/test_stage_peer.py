"""The engine's peers against each other, through real sockets, DTLS and SRTP."""

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiortc import RTCPeerConnection

from samvad.stage.opus import FRAME, Decoder, Pcm
from samvad.stage.peer import AiortcEngine, AiortcPublisher, AiortcSource
from samvad.stage.sdp import OfferError
from tests.kit.stage import descriptors, tone, tone_share
from tests.kit.until import until


def nobody() -> None:
    return


@pytest.fixture
def engine() -> AiortcEngine:
    return AiortcEngine([], loopback=True)


@asynccontextmanager
async def pair(
    engine: AiortcEngine, gone: Callable[[], None] = nobody
) -> AsyncIterator[tuple[AiortcSource, AiortcPublisher]]:
    """A publishing client and the stage's end of it, connected."""
    source = await engine.source(nobody)
    publisher, answer = await engine.publisher(source.offer, gone)
    try:
        await source.accept(answer)
        await until(lambda: source.connected and publisher.connected, 10, "connected", every=0.01)
        yield source, publisher
    finally:
        await source.close()
        await publisher.close()


async def speak(source: AiortcSource, publisher: AiortcPublisher, ticks: int) -> list[Pcm]:
    """Send a tone in real time; what the other end plays at each tick."""
    heard: list[Pcm] = []
    begun = time.monotonic()
    for tick in range(ticks):
        await source.send(tone(440, tick))
        frame = publisher.voice.frame()
        if frame is not None:
            heard.append(frame)
        await asyncio.sleep(max(0.0, begun + (tick + 1) * 0.02 - time.monotonic()))
    return heard


async def test_a_tone_goes_through(engine: AiortcEngine) -> None:
    async with pair(engine) as (source, publisher):
        heard = np.concatenate(await speak(source, publisher, 100))
        assert len(heard) / FRAME > 85
        assert tone_share(heard[-40 * FRAME :], 440) > 0.98
        assert publisher.last_packet is not None
        assert publisher.voice.jitter.counters.lost == 0
        # Receiver reports come back once a second, so a client sees that the stage lives.
        await until(lambda: source.last_packet is not None, 3, "a report")


async def test_ten_percent_loss_on_the_way(engine: AiortcEngine) -> None:
    async with pair(engine) as (source, publisher):
        transport = source._pc.getTransceivers()[0].sender.transport
        whole: Callable[[bytes], Awaitable[None]] = transport._send_rtp
        draw = np.random.default_rng(5)

        async def lossy(data: bytes) -> None:
            if draw.random() >= 0.1:
                await whole(data)

        transport._send_rtp = lossy  # type: ignore[method-assign]
        heard = np.concatenate(await speak(source, publisher, 250))
        counters = publisher.voice.jitter.counters
        assert 0.82 <= counters.received / 250 <= 0.96
        assert counters.played >= counters.received - 8
        assert counters.lost > 5
        assert publisher.voice.jitter.level <= 8
        # FEC and concealment fill the gaps: there is a tone in nearly every 20 ms.
        frames = heard.reshape(-1, FRAME)[10:]
        assert np.mean([np.abs(f.astype(int)).max() > 800 for f in frames]) > 0.95


async def test_a_return_carries_what_is_sent(engine: AiortcEngine) -> None:
    """A plain aiortc client as the listener: nothing of ours in its receiving end."""
    client = RTCPeerConnection()
    client.addTransceiver("audio", direction="recvonly")
    tracks = []
    client.on("track", tracks.append)
    await client.setLocalDescription(await client.createOffer())
    returner, answer = await engine.returner(client.localDescription.sdp, nobody)
    try:
        await client.setRemoteDescription(type(client.localDescription)(answer, "answer"))
        await until(lambda: returner.connected and tracks, 10, "connected", every=0.01)
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await returner.send(tone(880, sent))
                sent += 1
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        frames = [await asyncio.wait_for(tracks[0].recv(), 5) for _ in range(80)]
        sending.cancel()
        heard = np.concatenate([f.to_ndarray().reshape(-1)[::2] for f in frames[40:]])
        assert tone_share(heard.astype(np.int16), 880) > 0.98
        assert [f.pts for f in frames[1:]] == [f.pts + 960 for f in frames[:-1]]
        await until(lambda: returner.last_packet is not None, 5, "the client's reports")
    finally:
        await client.close()
        await returner.close()


async def test_the_other_side_s_goodbye_is_noticed_at_once(engine: AiortcEngine) -> None:
    gone = asyncio.Event()
    async with pair(engine, gone.set) as (source, publisher):
        await speak(source, publisher, 20)
        await source.close()
        async with asyncio.timeout(1):
            await gone.wait()
        assert not gone.is_set() or not source.connected


async def test_closing_does_not_report_oneself_gone(engine: AiortcEngine) -> None:
    gone = asyncio.Event()
    async with pair(engine, gone.set) as (_, publisher):
        await publisher.close()
        await publisher.close()
        await asyncio.sleep(0.1)
        assert not gone.is_set()
        assert not publisher.connected


async def settled(before: int, slack: int = 0) -> int:
    """Descriptors once what is closing has closed."""

    def now() -> bool:
        gc.collect()
        return descriptors() <= before + slack

    await until(now, 20, lambda: f"{descriptors()} descriptors open, {before} before")
    return descriptors()


async def test_no_descriptor_leaks(engine: AiortcEngine) -> None:
    async with pair(engine):
        pass  # whatever is made once (resolver, executor) is made now
    before = descriptors()
    sources = []
    for _ in range(5):
        source = await engine.source(nobody)
        sources.append(source)
        publisher, _ = await engine.publisher(source.offer, nobody)
        await publisher.close()  # never connected
        with pytest.raises(OfferError):
            await engine.publisher(source.offer[:400], nobody)
        with pytest.raises(OfferError):
            await engine.returner(source.offer, nobody)  # of the wrong direction
        with pytest.raises(OfferError):
            await source.accept("v=0\r\nm=nonsense")
    for source in sources:
        await source.close()
    for _ in range(3):
        async with pair(engine):
            pass
    await settled(before)


async def test_a_cancelled_negotiation_leaves_nothing(engine: AiortcEngine) -> None:
    async with pair(engine):
        pass
    source = await engine.source(nobody)
    before = descriptors()
    for delay in (0.0, 0.001, 0.003, 0.01):
        task = asyncio.create_task(engine.publisher(source.offer, nobody))
        await asyncio.sleep(delay)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(done, tuple):
            await done[0].close()
    await settled(before)
    await source.close()


async def test_a_wrong_fingerprint_is_refused(engine: AiortcEngine) -> None:
    gone = asyncio.Event()
    source = await engine.source(nobody)
    lines = source.offer.splitlines()
    bad = [
        x[:-2] + ("00" if x[-2:] != "00" else "11") if x.startswith("a=fingerprint") else x
        for x in lines
    ]
    publisher, answer = await engine.publisher("\r\n".join(bad) + "\r\n", gone.set)
    await source.accept(answer)
    async with asyncio.timeout(10):
        await gone.wait()
    assert not publisher.connected
    await publisher.close()
    await source.close()


async def test_decoding_is_left_to_us(engine: AiortcEngine) -> None:
    """aiortc's own decoder thread is never started: its receiver is not the one in use."""
    import threading

    async with pair(engine) as (source, publisher):
        await speak(source, publisher, 30)
        assert not [t.name for t in threading.enumerate() if "decoder" in t.name]
        assert isinstance(publisher.voice._decoder, Decoder)


ONLY_LOOPBACK = """
import asyncio, socket
from samvad.stage.peer import AiortcEngine
async def main():
    engine = AiortcEngine([])
    source = await engine.source(lambda: None)
    publisher, answer = await engine.publisher(source.offer, lambda: None)
    assert "127.0.0.1" in answer, answer
    await source.accept(answer)
    async with asyncio.timeout(10):
        while not (source.connected and publisher.connected):
            await asyncio.sleep(0.01)
    print("connected")
    await source.close()
    await publisher.close()
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="wants a namespace")
def test_a_machine_with_only_the_loopback_interface() -> None:
    done = subprocess.run(
        [
            *("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"'),
            *(sys.executable, ONLY_LOOPBACK),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "connected", done.stderr

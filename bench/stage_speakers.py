"""The speakers of bench/stage.py, in their own process: `python -m bench.stage_speakers`.

Each publishes a voice-like sound by WHIP and takes its return by WHEP, as a studio does; the
returns are received and counted, not decoded, so that twelve fit on one core.
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time

import aiohttp
import numpy as np
from aiortc import RTCSessionDescription
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from numpy.typing import NDArray

from samvad.stage.opus import FRAME, RATE, Pcm
from samvad.stage.peer import AiortcEngine, AiortcPublisher, AiortcSource, Incoming

TICK_S = FRAME / RATE
CONNECT_S = 30.0


def voice(seed: int, seconds: float = 10.0) -> list[Pcm]:
    """Harmonics of a wandering pitch in syllables, as frames."""
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = 110 + 12 * (seed % 9) + 15 * np.sin(2 * np.pi * 0.6 * t + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound: NDArray[np.float64] = np.sum([np.sin(k * phase) / k for k in range(1, 20)], axis=0)
    sound *= 0.55 + 0.45 * np.sin(2 * np.pi * (2.5 + seed * 0.1) * t)
    noise = np.random.default_rng(seed).normal(0, 0.02, len(t))
    pcm = np.rint(4000 * (sound + noise)).astype(np.int16)
    return [np.ascontiguousarray(pcm[i : i + FRAME]) for i in range(0, len(pcm), FRAME)]


class Ear(AiortcPublisher):
    """A return's listening end that offers."""

    async def prepare(self) -> str:
        codecs = RTCRtpReceiver.getCapabilities("audio")
        assert codecs is not None
        transceiver = self._pc.addTransceiver("audio", direction="recvonly")
        transceiver.setCodecPreferences(
            [c for c in codecs.codecs if c.mimeType.lower() == "audio/opus"]
        )
        self._attach("recvonly")
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer: str = self._pc.localDescription.sdp
        return offer

    async def accept(self, answer: str) -> None:
        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    @property
    def packets(self) -> int:
        assert isinstance(self._end, Incoming)
        return self._end.voice.jitter.counters.received


class Talk:
    """All speakers' clock: each tick is sent by whoever is connected."""

    def __init__(self) -> None:
        self.sources: list[AiortcSource] = []
        self.late: list[float] = []

    async def run(self, count: int) -> None:
        voices = [voice(i) for i in range(count)]
        begun = time.monotonic()
        for tick in itertools.count():
            due = begun + tick * TICK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late.append(time.monotonic() - due)
            for source, frames in zip(self.sources, voices, strict=False):
                await source.send(frames[tick % len(frames)])


async def run(url: str, event: str, tokens: list[str], seconds: float) -> dict[str, float]:
    engine = AiortcEngine([], loopback=True)
    ears: list[Ear] = []
    talk = Talk()
    talking = asyncio.create_task(talk.run(len(tokens)))
    async with aiohttp.ClientSession() as http:

        async def post(protocol: str, offer: str, token: str) -> str:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
            address = f"{url}/{protocol}/{event}"
            async with http.post(address, data=offer, headers=headers) as answer:
                text = await answer.text()
                if answer.status != 201:
                    raise SystemExit(f"{answer.status}: {text}")
                return text

        for token in tokens:
            source = await engine.source(lambda: None)
            await source.accept(await post("whip", source.offer, token))
            talk.sources.append(source)
            ear = Ear(engine._configuration, lambda: None)
            await ear.accept(await post("whep", await ear.prepare(), token))
            ears.append(ear)
            # One after the other: what is measured is talk, not twelve arriving at once.
            deadline = time.monotonic() + CONNECT_S
            while not (source.connected and ear.connected):
                if time.monotonic() > deadline:
                    raise SystemExit("a speaker could not connect")
                await asyncio.sleep(0.01)
        peers = [*talk.sources, *ears]
        print("connected", flush=True)
        talk.late.clear()
        begun, before = time.monotonic(), [e.packets for e in ears]
        await asyncio.sleep(seconds)
        took = time.monotonic() - begun
        heard = sum(e.packets - b for e, b in zip(ears, before, strict=True))
        talking.cancel()
        await asyncio.gather(*(p.close() for p in peers))
    late = sorted(talk.late)
    return {
        "late_p99_ms": round(late[int(0.99 * len(late))] * 1000, 2),
        "returned": round(heard / (len(tokens) * took / TICK_S), 4),
    }


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # late speakers would be no load
    print(json.dumps(asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[4:], float(sys.argv[3])))))

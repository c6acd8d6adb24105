"""A stage in the test's own process, with plans, tokens and a client for its HTTP."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from samvad.base.folders import Folders
from samvad.base.settings import Settings, load
from samvad.protocol.journal import read_from
from samvad.protocol.plan import EventPlan, PlanFolder, PlannedSpeaker
from samvad.protocol.secret import make_secret, token_for, token_hash
from samvad.stage.main import Stage
from samvad.stage.opus import FRAME, RATE, Pcm
from samvad.stage.peer import AiortcEngine, AiortcSource
from tests.kit.ports import free_ports
from tests.kit.until import until

EVENT = "event00001"


def plan(*speakers: str, event: str = EVENT, revision: int = 1, **more: Any) -> EventPlan:
    """An event whose first speaker is the host; the token of `ann` is "token-ann"."""
    return EventPlan(
        event=event,
        slug=event,
        revision=revision,
        title="A conversation",
        seats=10,
        speakers=tuple(
            PlannedSpeaker(s, s.title(), "speaker" if i else "host", token_hash(f"token-{s}"))
            for i, s in enumerate(speakers or ("ann", "bob"))
        ),
        **more,
    )


@dataclass
class Answer:
    """What came back: status, headers, text."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class StageUnderTest:
    """Addresses, folders and a client."""

    url: str
    admin: str
    folders: Folders
    http: aiohttp.ClientSession
    stage: Stage | None = None

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = "ann",
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """One request; `who` is a speaker's name, or "operator"; `body` text or JSON."""
        if who == "operator":
            secret = make_secret(self.folders.secret)
            headers["Authorization"] = f"Bearer {token_for(secret, 'operator')}"
        elif who is not None:
            headers["Authorization"] = f"Bearer token-{who}"
        data = json.dumps(body) if isinstance(body, dict | list) else body
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        async with self.http.request(method, self.url + path, data=data, headers=named) as got:
            return Answer(got.status, got.headers, await got.text())

    async def room(self, who: str = "ann", event: str = EVENT) -> Any:
        return (await self.ask("GET", f"/stage/{event}/room", who)).json["room"]

    def write(self, new: EventPlan) -> None:
        PlanFolder(self.folders.plans).write(new)

    def facts(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(f.kind, f.data) for f, _ in read_from(self.folders.journal / "stage.jsonl", 0)]


def stage_settings(data: Path, **overrides: Any) -> Settings:
    public, admin = free_ports(2)
    return load(
        data,
        {"stage.port": public, "stage.admin_port": admin, "stage.free_disk_mb": 1} | overrides,
        env={},
    )


@asynccontextmanager
async def running_stage(
    data: Path, *plans: EventPlan, settings: Settings | None = None
) -> AsyncIterator[StageUnderTest]:
    """Everything the process `samvad stage` is, on this loop."""
    folders = Folders(data)
    folders.make()
    chosen = settings or stage_settings(data)
    for one in plans or (plan(),):
        PlanFolder(folders.plans).write(one)
    async with Stage(data, chosen) as stage, aiohttp.ClientSession() as http:
        admin = f"http://127.0.0.1:{chosen.stage.admin_port}"
        yield StageUnderTest(chosen.stage_url(), admin, folders, http, stage)


def tone(hz: float, tick: int, amplitude: float = 8000) -> Pcm:
    """The tick's 20 ms of an endless sine."""
    t = np.arange(tick * FRAME, (tick + 1) * FRAME) / RATE
    return np.rint(amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def tone_share(pcm: Pcm, hz: float) -> float:
    """How much of the sound's energy is at this tone (within 10 Hz), 0 to 1."""
    if not len(pcm):
        return 0.0
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    frequencies = np.fft.rfftfreq(len(pcm), 1 / RATE)
    total = float(power.sum())
    return float(power[np.abs(frequencies - hz) <= 10].sum()) / total if total > 0 else 0.0


def descriptors() -> int:
    """Open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


class Speaker:
    """A speaker in the test: publishes a tone by WHIP, hears the others by WHEP."""

    def __init__(self, stage: StageUnderTest, name: str, event: str = EVENT) -> None:
        self._stage = stage
        self._engine = AiortcEngine([], loopback=True)
        self.name = name
        self.event = event
        self.source: AiortcSource | None = None
        self.location = ""
        self.heard: list[Pcm] = []
        self.heard_at: list[float] = []
        self._ear: RTCPeerConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.hz = 0.0

    async def publish(self) -> None:
        """Connect and begin to send silence; `hz` says which tone."""
        source = self.source = await self._engine.source(lambda: None)
        answer = await self._stage.ask(
            "POST", f"/whip/{self.event}", self.name, source.offer, Content_Type="application/sdp"
        )
        assert answer.status == 201, answer.text
        self.location = answer.headers["Location"]
        await source.accept(answer.text)
        await until(lambda: source.connected, 10, "connected", every=0.01)
        self._tasks.append(asyncio.create_task(self._speak(source)))

    async def _speak(self, source: AiortcSource) -> None:
        begun, tick = time.monotonic(), 0
        while True:
            quiet = np.zeros(FRAME, np.int16)
            await source.send(tone(self.hz, tick) if self.hz else quiet)
            tick += 1
            await asyncio.sleep(max(0.0, begun + tick * 0.02 - time.monotonic()))

    async def listen(self) -> None:
        """Hear one's return with a plain aiortc connection."""
        ear = self._ear = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        ear.addTransceiver("audio", direction="recvonly")
        tracks: list[Any] = []
        ear.on("track", tracks.append)
        await ear.setLocalDescription(await ear.createOffer())
        answer = await self._stage.ask(
            "POST",
            f"/whep/{self.event}",
            self.name,
            ear.localDescription.sdp,
            Content_Type="application/sdp",
        )
        assert answer.status == 201, answer.text
        await ear.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        self._tasks.append(asyncio.create_task(self._hear(tracks[0])))

    async def _hear(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.heard.append(frame.to_ndarray().reshape(-1)[::2].copy())
                self.heard_at.append(time.monotonic())

    def last(self, seconds: float) -> Pcm:
        """The newest sound heard."""
        frames = self.heard[-round(seconds * 50) :]
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)

    async def mumble(self) -> None:
        """Stop sending without a word, as a dead machine would."""
        for task in self._tasks:
            task.cancel()
        if self.source is not None and self.source._end is not None:
            reports = self.source._end._reports
            if reports is not None:
                reports.cancel()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.source is not None:
            await self.source.close()
        if self._ear is not None:
            await self._ear.close()

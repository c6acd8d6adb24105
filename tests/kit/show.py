"""Somebody who speaks: `samvad speak` with a sound of the test's, in a process of its own."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.crowd import state_is
from tests.kit.site import Site
from tests.kit.sound import Samples, write_wav


@dataclass
class Voice:
    """A `samvad speak` that runs."""

    process: asyncio.subprocess.Process
    said: bytearray = field(default_factory=bytearray)
    warned: bytearray = field(default_factory=bytearray)

    @property
    def speaks(self) -> bool:
        return self.process.returncode is None

    async def over(self, within: float = 60.0) -> dict[str, Any]:
        """Wait for its end; what it reports. Raises AssertionError when it failed."""
        async with asyncio.timeout(within):
            status = await self.process.wait()
        assert status == 0, f"samvad speak exited with {status}: {self.warned.decode()}"
        told: dict[str, Any] = json.loads(self.said.decode().splitlines()[-1])
        return told


@asynccontextmanager
async def speaking(site: Site, url: str, sound: Samples, folder: Path) -> AsyncIterator[Voice]:
    """`sound` is spoken into `url` (a speaker's link) while the block runs, from now on."""
    file = write_wav(folder / f"voice-{id(sound):x}.wav", sound)
    voice = Voice(await site.start("speak", url, str(file), "--json"))

    async def keep(stream: asyncio.StreamReader | None, into: bytearray) -> None:
        assert stream is not None
        while data := await stream.read(4096):
            into.extend(data)

    reading = asyncio.gather(
        keep(voice.process.stdout, voice.said), keep(voice.process.stderr, voice.warned)
    )
    try:
        yield voice
    finally:
        if voice.speaks:
            with suppress(ProcessLookupError):
                voice.process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(10):
                    await voice.process.wait()
            except TimeoutError:
                voice.process.kill()
                await voice.process.wait()
        await reading


@asynccontextmanager
async def on_air(
    site: Site, title: str, sound: Samples, folder: Path, *words: str
) -> AsyncIterator[tuple[dict[str, Any], Voice]]:
    """A new event whose host speaks `sound`: its links and the voice, once it is live."""
    event: dict[str, Any] = await asyncio.to_thread(site.event, title, *words)
    async with speaking(site, event["studio"], sound, folder) as voice:
        await state_is(site, event["event"], "live")
        yield event, voice

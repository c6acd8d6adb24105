"""A real Firefox (Debian's firefox-esr), driven by WebDriver BiDi.

Playwright drives only a Firefox it has patched itself. Debian's speaks the W3C's WebDriver
BiDi (w3.org/TR/webdriver-bidi), of which these tests need five commands. Its fake microphone
is a steady tone of 1 kHz (media.navigator.streams.fake).
"""

import asyncio
import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.kit.ears import EARS_JS

MICROPHONE_HZ = 1000.0

_PREFS: dict[str, Any] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # Nothing may leave this machine.
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


class FirefoxError(AssertionError):
    """Firefox or the page's script refused; carries what it said."""


@dataclass
class FirefoxPage:
    """One window. Scripts see the page's globals."""

    firefox: "Firefox"
    context: str

    async def goto(self, url: str) -> None:
        # To the front: a page in the background waits for ever for its microphone.
        await self.firefox.command("browsingContext.activate", context=self.context)
        await self.firefox.command(
            "browsingContext.navigate", context=self.context, url=url, wait="complete"
        )

    async def evaluate(self, expression: str, /) -> Any:
        """The value of a JavaScript expression (awaited), as JSON carries it."""
        told = await self.firefox.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})) ?? 'null')()",
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        if told["type"] != "success":
            raise FirefoxError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    async def click(self, selector: str, within: float = 20.0) -> None:
        """Click the first visible, enabled element that matches, with real pointer events."""
        find = f"""(async () => {{
          const end = performance.now() + {within * 1000};
          while (performance.now() < end) {{
            const found = [...document.querySelectorAll({json.dumps(selector)})]
              .find((e) => e.checkVisibility() && !e.disabled);
            if (found) {{
              found.scrollIntoView({{block: "center", behavior: "instant"}});
              const box = found.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }}
            await new Promise((done) => setTimeout(done, 50));
          }}
          return null;
        }})()"""
        place = await self.evaluate(find)
        if place is None:
            raise FirefoxError(f"nothing to click: {selector}\n{await self.text()}")
        x, y = place
        await self.firefox.command(
            "input.performActions",
            context=self.context,
            actions=[
                {
                    "type": "pointer",
                    "id": "mouse",
                    "actions": [
                        {"type": "pointerMove", "x": int(x), "y": int(y)},
                        {"type": "pointerDown", "button": 0},
                        {"type": "pointerUp", "button": 0},
                    ],
                }
            ],
        )

    async def close(self) -> None:
        """Close the window, as a person does."""
        await self.firefox.command("browsingContext.close", context=self.context)

    async def text(self, selector: str = "body") -> str:
        return str(await self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))


@dataclass
class Firefox:
    """The browser, over one BiDi connection; one command at a time a waiter."""

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    _waiting: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)
    _number: int = 0

    async def command(self, method: str, within: float = 120.0, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self.socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(within):
            return await answer

    async def read(self) -> None:
        """Hand answers to those who wait, until the connection ends."""
        async for message in self.socket:
            told = json.loads(message.data)
            if told.get("method") == "log.entryAdded":
                entry = told["params"]
                if entry.get("type") == "javascript" and entry.get("level") == "error":
                    self.complaints.append(str(entry.get("text")))
            waiting = self._waiting.pop(told.get("id", -1), None)
            if waiting is None or waiting.done():
                continue
            if told["type"] == "error":
                waiting.set_exception(FirefoxError(f"{told['error']}: {told['message']}"))
            else:
                waiting.set_result(told["result"])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(FirefoxError("Firefox has gone"))

    async def page(self, url: str | None = None) -> FirefoxPage:
        made = await self.command("browsingContext.create", type="window")
        page = FirefoxPage(self, str(made["context"]))
        if url:
            await page.goto(url)
        return page


@asynccontextmanager
async def firefox() -> AsyncIterator[Firefox]:
    """A browser with a profile of its own, without a window."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "Debian's firefox-esr is not installed (tools/system-packages)"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in _PREFS.items())
        )
        process = await asyncio.create_subprocess_exec(
            program,
            *("--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0"),
            env=os.environ | {"HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(60):
                address, drain = await _address(process)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{address}/session", max_msg_size=0) as socket,
            ):
                browser = Firefox(socket)
                reading = asyncio.create_task(browser.read())
                await browser.command("session.new", capabilities={})
                await browser.command("session.subscribe", events=["log.entryAdded"])
                await browser.command(
                    "script.addPreloadScript", functionDeclaration=f"() => {{ {EARS_JS} }}"
                )
                try:
                    yield browser
                finally:
                    with suppress(FirefoxError, TimeoutError, ConnectionError):
                        await browser.command("browser.close", within=10)
                    reading.cancel()
            drain.cancel()
        finally:
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _address(process: asyncio.subprocess.Process) -> tuple[str, "asyncio.Task[None]"]:
    """Where it listens, and the task that goes on reading what it prints."""
    stderr = process.stderr
    assert stderr is not None
    async for line in stderr:
        found = re.search(rb"WebDriver BiDi listening on (ws://\S+)", line)
        if found:

            async def drain() -> None:
                async for _ in stderr:
                    pass

            return found.group(1).decode(), asyncio.create_task(drain())
    raise FirefoxError("Firefox ended before it listened")

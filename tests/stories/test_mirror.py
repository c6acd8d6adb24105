"""No gate can be reached, and who listens plays on from a static host; then back."""

import asyncio
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.kit.chromium import chromium
from tests.kit.people import listen, sees, stats
from tests.kit.ports import free_port
from tests.kit.show import on_air
from tests.kit.site import running_site
from tests.kit.sound import melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]


class Static(http.server.SimpleHTTPRequestHandler):
    """Any static host: files, and a word that other pages may read them."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def static_host(folder: Path, port: int) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    answers = functools.partial(Static, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


async def test_a_page_goes_to_the_mirror_when_no_gate_answers_and_comes_back(
    tmp_path: Path,
) -> None:
    port, files = free_port(), tmp_path / "mirror"
    mirror = f"http://127.0.0.1:{port}"
    with static_host(files, port), running_site(
        tmp_path / "data", settings={"ATTACK_MIRROR_URL": mirror}
    ) as site:  # fmt: skip
        async with (
            on_air(site, "From afar", melody(90, seed=7), tmp_path) as (event, _),
            chromium() as browser,
        ):
            putting = await site.start("edge", "mirror", event["event"], "--to", str(files))
            try:
                page = await browser.page()
                order = ["gate", "mirror"]

                async def steer(route: Route) -> None:
                    """The gate's own manifest, but it may be asked for again soon."""
                    told = {"VERSION": 1, "TTL": 5, "PATHWAY-PRIORITY": order}
                    await route.fulfill(body=json.dumps(told), content_type="application/json")

                async def nobody(route: Route) -> None:
                    await route.abort("connectionrefused")

                asked: list[str] = []
                page.on("request", lambda request: asked.append(request.url))
                await page.route("**/steering.json", steer)
                await listen(page, event["page"])
                await sees(page, 20, pathway="gate")
                await until(lambda: any(files.rglob("master.m3u8")), 40, "the mirror is empty")
                assert not any(url.startswith(mirror) for url in asked)

                await page.route(f"{site.gate}/**", nobody)
                await sees(page, 40, pathway="mirror", sound="playing")
                at = (await stats(page))["position_s"]
                await until(lambda: _beyond(page, at + 1.5), 30, "it does not go on from afar")
                assert any(url.startswith(mirror) and url.endswith(".m4s") for url in asked)

                await page.unroute(f"{site.gate}/**")
                await sees(page, 40, pathway="gate", sound="playing")
                # And it goes where the manifest says, without any need.
                order.reverse()
                await sees(page, 40, pathway="mirror", sound="playing")
                browser.no_complaints()
            finally:
                putting.terminate()
                await asyncio.wait_for(putting.wait(), 20)


async def _beyond(page: object, seconds: float) -> bool:
    told = await stats(page)  # type: ignore[arg-type]
    return bool(told["sound"] == "playing" and told["position_s"] >= seconds)

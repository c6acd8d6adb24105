"""Nonsense from the network: a clear status each time, nobody disturbed, nothing leaked."""

import asyncio
import random
import socket
import string
from pathlib import Path

import aiohttp
import pytest

from tests.kit import crowd
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]


async def test_nonsense_gets_a_status_and_leaves_no_descriptor_open(
    site: Site, folder: Path
) -> None:
    async with on_air(site, "Rude guests", melody(120, seed=41), folder) as (event, voice):
        name = event["event"]
        async with crowd.http() as web:
            master = await crowd.enter(web, site, name)
            await until(lambda: _plays(web, master), 20, "something on air")
        gates, stages = site.pids("gate"), site.pids("stage")
        before = {room: site.descriptors(room) for room in ("gate", "stage", "web")}

        await _odd_paths(site, name, master)
        await _odd_requests(site)
        await _odd_offers(site, event)

        # The same processes still serve, with as many descriptors as before.
        assert site.pids("gate") == gates, "a gate process died"
        assert site.pids("stage") == stages, "the stage died"
        for room, number in before.items():
            await until(
                lambda room=room, number=number: site.descriptors(room) <= number + 3,
                30,
                lambda room=room: f"{room} had {before}, has {site.descriptors(room)}",
            )
        async with crowd.http() as web:
            assert await crowd.seconds_on_air(web, master) > 0
        assert voice.speaks
    site.check_log()


async def _plays(web: aiohttp.ClientSession, master: str) -> bool:
    return await crowd.seconds_on_air(web, master) > 3


async def _odd_paths(site: Site, event: str, master: str) -> None:
    """Tickets, part numbers, names and paths that nobody was ever given."""
    draw = random.Random(41)
    letters = string.ascii_letters + string.digits + "-_"
    base = master.removesuffix("master.m3u8")
    index = f"{base}aac/index.m3u8"
    refused: list[tuple[str, set[int]]] = [
        # (what is asked, statuses that are a clear answer)
        (f"{index}?_HLS_msn=999999999", {400, 503}),
        (f"{index}?_HLS_msn=-1", {400}),
        (f"{index}?_HLS_msn=1e3", {400}),
        (f"{index}?_HLS_msn=99999999999999999999999", {400}),
        (f"{index}?_HLS_part=1", {400}),
        (f"{index}?_HLS_msn=0&_HLS_part=-2", {400}),
        (f"{index}?_HLS_msn=%00", {400}),
        (f"{base}flac/index.m3u8", {404}),
        (f"{base}aac/index.m3u9", {404}),
        (f"{site.gate}/live/{event}/m/{'x' * 22}.m4s", {404}),
        (f"{site.gate}/live/{event}/m/{'x' * 900}.m4s", {404, 414}),
        (f"{site.gate}/live/nosuchevent/state.json", {404}),
        (f"{site.gate}/live/{event}/replay.m4a", {404}),
        (f"{site.gate}/door/{event}", {405}),
        (f"{site.gate}/a/../../etc/passwd", {400, 404}),
        (f"{site.gate}/a/%2e%2e/secret.key", {400, 404}),
        (f"{site.gate}/e/{'x' * 300}", {404}),
        (f"{site.gate}/", {200, 302, 303, 307, 308, 404}),
    ]
    for _ in range(60):
        ticket = "".join(draw.choices(letters, k=draw.choice((1, 31, 32, 32, 32, 33, 64))))
        refused.append((f"{site.gate}/live/{event}/{ticket}/aac/index.m3u8", {403, 404}))
    async with crowd.http() as web:
        for url, wanted in refused:
            async with web.get(url, allow_redirects=False) as answer:
                await answer.read()
                assert answer.status in wanted, f"{url}: {answer.status}"
        for body in (b"{", b"[]", b'{"ticket": 7}', b"\xff\xfe", b'{"ticket": "\\u0000"}'):
            async with web.post(f"{site.gate}/door/{event}", data=body) as answer:
                assert answer.status in (200, 400), f"{body!r}: {answer.status}"
        async with web.post(f"{site.gate}/door/{event}", data=b"x" * 200_000) as answer:
            assert answer.status == 413


async def _odd_requests(site: Site) -> None:
    """Bytes that are no HTTP, to every public port: an answer of the 400s or a closed door."""
    draw = random.Random(42)
    raw = [
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # without Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /door/x HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /door/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a plain port
        *(draw.randbytes(draw.randrange(1, 400)) + b"\r\n\r\n" for _ in range(40)),
    ]
    for port in (site.ports["GATE_PORT"], site.ports["STAGE_PORT"]):
        for sent in raw:
            answer = await asyncio.to_thread(_exchange, port, sent)
            assert answer == b"" or answer.startswith(b"HTTP/1."), f"{sent[:60]!r}: {answer!r}"
            if answer:
                assert 400 <= int(answer.split()[1]) < 506, f"{sent[:60]!r}: {answer[:80]!r}"


def _exchange(port: int, sent: bytes) -> bytes:
    """What comes back until the other side closes, or falls silent for 3 s."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as line:
        try:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            got = b""
            while data := line.recv(4096):
                got += data
        except (ConnectionResetError, BrokenPipeError):
            return b""
        return got


async def _odd_offers(site: Site, event: dict[str, str]) -> None:
    """WHIP and WHEP without a token, with another's, and with everything but an offer."""
    whip = f"{site.stage}/whip/{event['event']}"
    token = event["studio"].partition("#")[2]
    good = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with crowd.http() as web:
        for url, headers, body, wanted in (
            (whip, {"Content-Type": "application/sdp"}, "v=0", {401}),
            (whip, good | {"Authorization": "Bearer wrong"}, "v=0", {401, 403}),
            (whip, good | {"Authorization": "Basic eDp5"}, "v=0", {401}),
            (f"{site.stage}/whip/nosuchevent", good, "v=0", {404}),
            (whip, good | {"Content-Type": "text/plain"}, "v=0", {415}),
            (whip, good | {"Accept": "text/html"}, "v=0", {400, 406}),
            (whip, good, "", {400, 406}),
            (whip, good, "v=0\r\n", {400, 406}),
            (whip, good, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", {400, 406}),
            (whip, good, "\0" * 500, {400, 406}),
            (whip, good, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 900, {400, 406}),
            (whip, good, "v" * 400_000, {413}),
        ):
            async with web.post(url, headers=headers, data=body) as answer:
                said = await answer.text()
                assert answer.status in wanted, f"{body[:40]!r} {headers}: {answer.status} {said}"
                told = await answer.json(content_type=None)
                assert told["error"], said
                assert len(told["says"]) > 10, "a sentence is wanted"
        for method, status in (("PUT", 405), ("PATCH", 405), ("OPTIONS", 200)):
            async with web.request(method, whip) as answer:
                assert answer.status == status, method
        async with web.delete(f"{whip}/nosuchsession", headers=good) as answer:
            assert answer.status == 404

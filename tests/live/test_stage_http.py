"""WHIP, WHEP and the room's controls over real HTTP: every status, header and refusal."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.protocol.operator import key_for
from samvad.protocol.secret import make_secret, token_hash
from samvad.stage.main import Stage
from samvad.stage.sdp import MAX_BYTES
from tests.kit.stage import (
    EVENT,
    Answer,
    StageUnderTest,
    descriptors,
    plan,
    running_stage,
    stage_settings,
)
from tests.kit.until import until

CORPUS = Path(__file__).parent.parent / "pure" / "sdp"
OFFER = (CORPUS / "chromium-publish.sdp").read_bytes().decode()
WISH = (CORPUS / "chromium-return.sdp").read_bytes().decode()
SDP = {"Content_Type": "application/sdp"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[StageUnderTest]:
    chosen = stage_settings(
        tmp_path, **{"stage.ice_servers": "turn:user:pass@turn.example.org:3478?transport=udp"}
    )
    async with running_stage(tmp_path, plan(), settings=chosen) as running:
        yield running


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[StageUnderTest]:
    async with running_stage(tmp_path, plan("ann", "bob")) as running:
        yield running


def is_refusal(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer.text
    assert answer.json["error"] == code
    assert answer.json["says"].endswith(".")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("path", "offer"), [("whip", OFFER), ("whep", WISH)])
async def test_a_session_from_begin_to_end(plain: StageUnderTest, path: str, offer: str) -> None:
    begun = await plain.ask("POST", f"/{path}/{EVENT}", "bob", offer, **SDP)
    assert begun.status == 201, begun.text
    assert begun.headers["Content-Type"] == "application/sdp"
    assert begun.text.startswith("v=0\r\n")
    assert ("a=recvonly" if path == "whip" else "a=sendonly") in begun.text
    assert "a=setup:passive" in begun.text
    assert "a=candidate:" in begun.text
    location, tag = begun.headers["Location"], begun.headers["ETag"]
    assert location.startswith(f"/{path}/{EVENT}/")
    assert tag[0] == tag[-1] == '"'
    exposed = begun.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("Location", "ETag", "Link"))
    is_refusal(await plain.ask("DELETE", location, None), 401, "no_token")
    assert (await plain.ask("GET", location, "bob")).status == 204
    ended = await plain.ask("DELETE", location, "bob", If_Match='"whatever"')
    assert (ended.status, ended.text) == (200, "")
    is_refusal(await plain.ask("DELETE", location, "bob"), 404, "no_session")


async def test_ice_servers_are_announced(stage: StageUnderTest) -> None:
    """RFC 9725, section 4.6. The server named is not asked: the answer must not wait for it."""
    options = await stage.ask("OPTIONS", f"/whip/{EVENT}", None)
    assert options.status == 200
    assert options.headers["Accept-Post"] == "application/sdp"
    assert options.headers["Link"] == (
        '<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; '
        'username="user"; credential="pass"; credential-type="password"'
    )
    preflight = await stage.ask(
        "OPTIONS",
        f"/whip/{EVENT}",
        None,
        Origin="http://example.org",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,content-type",
    )
    assert preflight.status == 200
    assert "Link" not in preflight.headers
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    for method in ("POST", "DELETE", "PATCH"):
        assert method in preflight.headers["Access-Control-Allow-Methods"]
    for name in ("Authorization", "Content-Type", "If-Match"):
        assert name in preflight.headers["Access-Control-Allow-Headers"]


async def test_what_is_refused_and_how(plain: StageUnderTest) -> None:
    whip = f"/whip/{EVENT}"
    no_token = await plain.ask("POST", whip, None, OFFER, **SDP)
    is_refusal(no_token, 401, "no_token")
    assert no_token.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = await plain.ask("POST", whip, "eve", OFFER, **SDP)
    is_refusal(wrong, 401, "bad_token")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    is_refusal(await plain.ask("POST", whip, "operator", OFFER, **SDP), 403, "not_speaker")
    is_refusal(await plain.ask("POST", "/whip/nosuchevent", "ann", OFFER, **SDP), 404, "no_event")
    is_refusal(await plain.ask("POST", "/whip/../etc", "ann", OFFER, **SDP), 404, "not_found")
    is_refusal(await plain.ask("POST", whip, "ann", OFFER), 415, "media_type")
    is_refusal(
        await plain.ask("POST", whip, "ann", OFFER, Content_Type="application/json"),
        415,
        "media_type",
    )
    is_refusal(await plain.ask("POST", whip, "ann", None, **SDP), 406, "not_acceptable")
    is_refusal(
        await plain.ask("POST", whip, "ann", OFFER, Accept="text/html", **SDP),
        406,
        "not_acceptable",
    )
    is_refusal(await plain.ask("POST", whip, "ann", "nonsense", **SDP), 400, "bad_offer")
    is_refusal(await plain.ask("POST", whip, "ann", b"\xff\xfe", **SDP), 400, "bad_offer")
    is_refusal(await plain.ask("POST", whip, "ann", WISH, **SDP), 406, "offer_unfit")
    is_refusal(await plain.ask("POST", f"/whep/{EVENT}", "ann", OFFER, **SDP), 406, "offer_unfit")
    large = OFFER + "a=x:" + "y" * MAX_BYTES + "\r\n"
    is_refusal(await plain.ask("POST", whip, "ann", large, **SDP), 413, "too_large")
    # The token is looked at before anything else is.
    is_refusal(await plain.ask("POST", whip, "eve", large, **SDP), 401, "bad_token")
    is_refusal(await plain.ask("PUT", whip, "ann", OFFER, **SDP), 405, "method")
    patched = await plain.ask("PATCH", whip, "ann", "a=ice-ufrag:x")
    is_refusal(patched, 405, "method")
    assert "PATCH" not in patched.headers["Allow"]
    is_refusal(await plain.ask("GET", "/nowhere", None), 404, "not_found")
    assert (await plain.ask("GET", whip, None)).status == 204
    assert (await plain.ask("HEAD", whip, None)).status == 204


async def test_somebody_else_s_session_is_not_one_s_own(plain: StageUnderTest) -> None:
    begun = await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP)
    location = begun.headers["Location"]
    async with running_second_speaker(plain):
        is_refusal(await plain.ask("DELETE", location, "cyd"), 403, "not_host")
        is_refusal(await plain.ask("PATCH", location, "cyd", "x"), 403, "not_host")
    is_refusal(await plain.ask("PATCH", location, "bob", "x"), 405, "method")
    assert (await plain.ask("DELETE", location, "ann")).status == 200  # the host may


class running_second_speaker:
    """A plan with one more speaker, taken up by the stage."""

    def __init__(self, stage: StageUnderTest) -> None:
        self._stage = stage

    async def __aenter__(self) -> None:
        self._stage.write(plan("ann", "bob", "cyd", revision=2))

        async def known() -> bool:
            return (await self._stage.ask("GET", f"/stage/{EVENT}/room", "cyd")).status == 200

        await until(known, 5, "the new plan")

    async def __aexit__(self, *_: object) -> None:
        return


async def test_a_second_whip_replaces_the_first_but_a_bad_one_does_not(
    plain: StageUnderTest,
) -> None:
    first = await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP)
    bad = await plain.ask("POST", f"/whip/{EVENT}", "bob", "v=0\r\nrubbish", **SDP)
    assert bad.status == 400
    assert (await plain.ask("PATCH", first.headers["Location"], "bob")).status == 405  # still there
    second = await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP)
    assert second.status == 201
    assert second.headers["ETag"] != first.headers["ETag"]
    is_refusal(await plain.ask("DELETE", first.headers["Location"], "bob"), 404, "no_session")
    assert (await plain.ask("DELETE", second.headers["Location"], "bob")).status == 200


async def test_the_room_and_who_one_is_in_it(plain: StageUnderTest) -> None:
    got = (await plain.ask("GET", f"/stage/{EVENT}/room", "bob")).json
    assert got["event"] == EVENT
    assert got["title"] == "A conversation"
    assert got["on_air"] == "first_voice"
    assert got["you"] == {"id": "bob", "name": "Bob", "role": "speaker"}
    assert got["room"]["phase"] == "off"
    assert [s["name"] for s in got["room"]["speakers"]] == ["Ann", "Bob"]
    operator = (await plain.ask("GET", f"/stage/{EVENT}/room", "operator")).json
    assert operator["you"]["role"] == "operator"
    is_refusal(await plain.ask("GET", f"/stage/{EVENT}/room", "eve"), 401, "bad_token")


async def test_the_host_s_controls(plain: StageUnderTest) -> None:
    base = f"/stage/{EVENT}"
    is_refusal(await plain.ask("POST", f"{base}/live", "bob"), 403, "not_host")
    is_refusal(await plain.ask("POST", f"{base}/end", "bob"), 403, "not_host")
    is_refusal(await plain.ask("POST", f"{base}/status", "bob", {"text": "x"}), 403, "not_host")
    is_refusal(await plain.ask("DELETE", f"{base}/speakers/ann", "bob"), 403, "not_host")
    is_refusal(
        await plain.ask("POST", f"{base}/speakers/ann/mute", "bob", {"muted": True}),
        403,
        "not_host",
    )
    is_refusal(await plain.ask("DELETE", f"{base}/speakers/eve", "ann"), 404, "no_speaker")
    for body in ("", "[]", "{", "{}", '{"muted": 1}', "[" * 5000):
        answer = await plain.ask("POST", f"{base}/speakers/bob/mute", "ann", body)
        assert answer.status in (400, 413), body
    assert (
        await plain.ask("POST", f"{base}/speakers/bob/mute", "bob", {"muted": True})
    ).status == 200
    assert (await plain.room())["speakers"][1]["muted"]
    is_refusal(
        await plain.ask("POST", f"{base}/status", "ann", {"text": "y" * 281}), 422, "too_long"
    )
    said = await plain.ask("POST", f"{base}/status", "ann", {"text": "બે મિનિટમાં શરૂ"})
    assert said.json["room"]["status"]["text"] == "બે મિનિટમાં શરૂ"
    assert (await plain.ask("DELETE", f"{base}/speakers/bob", "operator")).status == 200
    is_refusal(await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP), 403, "removed")
    is_refusal(await plain.ask("POST", f"/whep/{EVENT}", "bob", WISH, **SDP), 403, "removed")


async def test_the_host_s_orders_for_the_ladder(plain: StageUnderTest) -> None:
    path = f"/stage/{EVENT}/ladder"
    force = {"mode": "force", "rung": 3}
    is_refusal(await plain.ask("POST", path, None, force), 401, "no_token")
    is_refusal(await plain.ask("POST", path, "bob", force), 403, "not_host")
    for body in ("", "[]", "{}", '{"mode": "force"}', '{"mode": "up", "rung": 1}'):
        is_refusal(await plain.ask("POST", path, "ann", body), 400, "bad_request")
    for wrong in ('"3"', "3.0", "true", "null"):
        body = f'{{"mode": "hold", "rung": {wrong}}}'
        is_refusal(await plain.ask("POST", path, "ann", body), 400, "bad_request")
    is_refusal(await plain.ask("POST", path, "ann", {"mode": "hold", "rung": 99}), 422, "bad_rung")
    given = await plain.ask("POST", path, "ann", force)
    assert given.status == 200, given.text
    order = given.json["room"]["ladder"]
    assert order == force | {"by": "Ann", "at_ms": order["at_ms"]}
    assert (await plain.ask("OPTIONS", path, None)).status == 200
    released = await plain.ask("POST", path, "operator", {"mode": "auto"})
    assert released.json["room"]["ladder"]["mode"] == "auto"
    await until(lambda: len(plain.facts()) == 2, 3, lambda: str(plain.facts()))
    assert [(kind, data["by"]) for kind, data in plain.facts()] == [
        ("ladder", "Ann"),
        ("ladder", "Operator"),
    ]


async def test_an_operator_with_a_name_is_known_by_it(plain: StageUnderTest) -> None:
    secret = make_secret(plain.folders.secret)
    now_ms = time.time_ns() // 1_000_000
    base = f"/stage/{EVENT}"

    async def ask(key: str) -> Answer:
        headers = {"Authorization": f"Bearer {key}"}
        return await plain.ask("POST", base + "/ladder", None, {"mode": "auto"}, **headers)

    given = await ask(key_for(secret, EVENT, "Sami", now_ms))
    assert given.json["you"] == {"id": "operator", "name": "Sami", "role": "operator"}
    assert given.json["room"]["ladder"]["by"] == "Sami"
    is_refusal(await ask(key_for(secret, "event00002", "Sami", now_ms)), 401, "bad_token")
    is_refusal(await ask(key_for(secret, EVENT, "Sami", now_ms - 86_460_000)), 401, "bad_token")


async def test_a_restarted_stage_keeps_the_order(tmp_path: Path) -> None:
    async with running_stage(tmp_path) as running:
        body = {"mode": "hold", "rung": 2}
        before = (await running.ask("POST", f"/stage/{EVENT}/ladder", "ann", body)).json["room"]
    async with running_stage(tmp_path) as running:
        assert (await running.room())["ladder"] == before["ladder"]


async def test_live_once_and_end_for_good(plain: StageUnderTest) -> None:
    base = f"/stage/{EVENT}"
    assert (await plain.ask("POST", f"{base}/live", "ann")).json["room"]["phase"] == "live"
    is_refusal(await plain.ask("POST", f"{base}/live", "ann"), 409, "already")
    ended, again = await asyncio.gather(
        plain.ask("POST", f"{base}/end", "ann"), plain.ask("POST", f"{base}/end", "operator")
    )
    for answer in (ended, again):
        assert answer.status == 200
        assert answer.json["room"]["phase"] == "ended"
    assert (await plain.ask("POST", f"{base}/end", "ann")).status == 200
    is_refusal(await plain.ask("POST", f"{base}/live", "ann"), 409, "already")
    is_refusal(await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP), 409, "ended")
    is_refusal(await plain.ask("POST", f"/whep/{EVENT}", "bob", WISH, **SDP), 409, "ended")
    kinds = [kind for kind, _ in plain.facts()]
    assert kinds.count("went_live") == kinds.count("ended") == 1


async def test_the_room_as_a_stream_of_events(plain: StageUnderTest) -> None:
    headers = {"Authorization": "Bearer token-bob"}
    url = f"{plain.url}/stage/{EVENT}/room/stream"
    async with plain.http.get(url, headers=headers) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Access-Control-Allow-Origin"] == "*"

        async def following() -> dict[str, object]:
            while True:
                line = await asyncio.wait_for(stream.content.readline(), 5)
                if line.startswith(b"data: "):
                    got: dict[str, object] = json.loads(line[6:])
                    return got

        assert (await following())["you"] == {"id": "bob", "name": "Bob", "role": "speaker"}
        await plain.ask("POST", f"/stage/{EVENT}/status", "ann", {"text": "Soon"})
        room: object = None
        while not isinstance(room, dict) or room["status"] is None:  # others came meanwhile
            room = (await following())["room"]
        assert room["status"]["text"] == "Soon"
        # A plan that takes the token away also ends the stream.
        newer = plan("ann", "cyd", revision=2)
        plain.write(newer)
        while True:
            line = await asyncio.wait_for(stream.content.readline(), 5)
            if not line:
                break
            assert b'"cyd"' not in line


async def test_ends_do_not_wait_for_open_streams(tmp_path: Path) -> None:
    async with running_stage(tmp_path) as running:
        headers = {"Authorization": "Bearer token-ann"}
        stream = await running.http.get(f"{running.url}/stage/{EVENT}/room/stream", headers=headers)
        await stream.content.readline()
        before = asyncio.get_running_loop().time()
        assert running.stage is not None
        await running.stage.__aexit__(None, None, None)
        assert asyncio.get_running_loop().time() - before < 1.5
        stream.close()


async def test_a_new_plan_lets_in_and_sends_out(plain: StageUnderTest) -> None:
    begun = await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP)
    assert begun.status == 201
    first, _ = plan("ann", "bob").speakers
    plain.write(plan("ann", "dan", revision=2))

    async def swapped() -> bool:
        here = await plain.ask("GET", f"/stage/{EVENT}/room", "dan")
        gone = await plain.ask("GET", f"/stage/{EVENT}/room", "bob")
        return (here.status, gone.status) == (200, 401)

    await until(swapped, 3, "the new plan")
    is_refusal(await plain.ask("DELETE", begun.headers["Location"], "ann"), 404, "no_session")
    assert first.token_hash == token_hash("token-ann")


async def test_health_and_metrics(plain: StageUnderTest) -> None:
    await plain.ask("POST", f"/whip/{EVENT}", None, OFFER, **SDP)
    await plain.ask("POST", f"/whip/{EVENT}", "bob", OFFER, **SDP)
    await asyncio.sleep(0.2)
    async with plain.http.get(plain.admin + "/health") as got:
        health = await got.json()
    assert health["ok"] is True
    assert health["speakers"] == 1
    async with plain.http.get(plain.admin + "/metrics") as got:
        lines = (await got.text()).splitlines()
    samples = dict(x.rsplit(" ", 1) for x in lines if not x.startswith("#"))
    assert samples["samvad_stage_publications_total"] == "1"
    assert samples["samvad_stage_refused_total"] == "1"
    assert float(samples["samvad_stage_tick_late_seconds_count"]) >= 5
    bounds = [float(v) for k, v in samples.items() if "_bucket" in k]
    assert bounds == sorted(bounds)
    described = {x.split()[2] for x in lines if x.startswith("# TYPE")}
    assert all(
        k.split("{")[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        in described
        for k in samples
    )


async def test_a_busy_port_is_said_plainly(tmp_path: Path) -> None:
    async with running_stage(tmp_path / "a") as running:
        assert running.stage is not None
        port = int(running.url.rsplit(":", 1)[1])
        other = stage_settings(tmp_path / "b", **{"stage.port": port})
        before = descriptors()
        with pytest.raises(PlainError, match=str(port)) as caught:
            async with Stage(tmp_path / "b", other):
                pass
        assert "SAMVAD_STAGE_PORT" in caught.value.mend
        await until(lambda: descriptors() <= before, 3, "descriptors of the failed start")


@pytest.mark.parametrize("bad", ["stun:", "http://x", "turn:host:3478", "turn:u:p@", "x"])
async def test_a_wrong_ice_server_is_said_plainly(tmp_path: Path, bad: str) -> None:
    with pytest.raises(PlainError, match="ice_servers"):
        async with Stage(tmp_path, stage_settings(tmp_path, **{"stage.ice_servers": bad})):
            pass


RAW = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"POST /whip/event00001 HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /whip/event00001 HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /whip/event00001 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /stage/\xff\xfe/room HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /stage/%00%ff/room HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    b"POST /stage/event00001/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-ann\r\n"
    b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n" + b"\xff" * 9,
]


async def raw(stage: StageUnderTest, data: bytes) -> bytes:
    port = int(stage.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(200), 5)
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


async def test_malformed_http_is_answered_and_leaks_nothing(plain: StageUnderTest) -> None:
    await plain.room()
    before = descriptors()
    for data in RAW:
        answer = await raw(plain, data + b"\r\n\r\n")
        assert answer[:9] in (b"HTTP/1.1 ", b"HTTP/1.0 ", b""), answer
        if answer:
            assert answer[9:10] == b"4", (data, answer)
    await until(lambda: descriptors() <= before, 5, "descriptors")
    assert (await plain.ask("GET", f"/stage/{EVENT}/room")).status == 200


async def test_fuzzed_offers_over_http_leak_nothing(plain: StageUnderTest) -> None:
    lines = OFFER.encode().splitlines()
    await plain.room()
    before = descriptors()
    for seed in range(150):
        draw = random.Random(seed)
        body = [*lines]
        for _ in range(draw.randint(1, 5)):
            at = draw.randrange(len(body))
            body[at] = draw.choice(
                [b"", body[at] * 2, draw.randbytes(20), body[at][: draw.randrange(30)], b"m=audio"]
            )
        answer = await plain.ask("POST", f"/whip/{EVENT}", "bob", b"\r\n".join(body), **SDP)
        assert answer.status in (201, 400, 406), answer.text
        if answer.status == 201:
            await plain.ask("DELETE", answer.headers["Location"], "bob")
    await until(lambda: descriptors() <= before, 8, lambda: f"{descriptors()} of {before}")


async def test_a_slow_body_and_a_slow_head_are_given_up(
    plain: StageUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samvad.stage.http.BODY_S", 0.3)
    head = (
        f"POST /whip/{EVENT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-bob\r\n"
        "Content-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0\r\n"
    )
    assert (await raw(plain, head.encode())).startswith(b"HTTP/1.1 408 ")


async def test_connections_beyond_the_limit_are_cut(plain: StageUnderTest) -> None:
    assert plain.stage is not None
    keeper = plain.stage.doorkeepers[0]
    keeper._connections = 8
    port = int(plain.url.rsplit(":", 1)[1])
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
    try:
        await until(lambda: keeper.cut >= 4, 3, "cut off")
        with_answer = 0
        for reader, writer in held:
            with contextlib.suppress(ConnectionError):
                writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                with_answer += (await asyncio.wait_for(reader.read(12), 3))[:9] == b"HTTP/1.1 "
        assert 4 <= with_answer <= 8
    finally:
        for _, writer in held:
            writer.close()
    await until(lambda: not keeper._sources, 5, "all are counted out")
    assert not keeper._counts


async def test_wrong_tokens_of_a_source_do_not_lock_a_speaker_out(plain: StageUnderTest) -> None:
    path = f"/whip/{EVENT}"
    answers = [await plain.ask("POST", path, "mallory", OFFER, **SDP) for _ in range(45)]
    assert {answer.status for answer in answers} == {401, 429}
    is_refusal(answers[-1], 429, "slow_down")
    begun = await plain.ask("POST", path, "bob", OFFER, **SDP)
    assert begun.status == 201, begun.text


async def test_a_speaker_that_begins_without_end_is_slowed_down(plain: StageUnderTest) -> None:
    bad = [await plain.ask("POST", f"/whip/{EVENT}", "bob", "v=0", **SDP) for _ in range(240)]
    assert 429 in {answer.status for answer in bad}
    assert (await plain.ask("GET", f"/stage/{EVENT}/room", "bob")).status == 200
    assert (await plain.ask("POST", f"/whip/{EVENT}", "ann", OFFER, **SDP)).status == 201

"""The stage's HTTP: what all handlers share (errors, CORS, tokens), and the room's controls.

    GET    /stage/<event>/room                        the room, and who one is in it
    GET    /stage/<event>/room/stream                 the same as text/event-stream
    POST   /stage/<event>/live, /end
    POST   /stage/<event>/speakers/<id>/mute          {"muted": bool}
    DELETE /stage/<event>/speakers/<id>
    POST   /stage/<event>/status                      {"text": "…"}
    POST   /stage/<event>/ladder                      {"mode": "auto"|"hold"|"force", "rung": n}

WHIP and WHEP are in whip.py. Every refusal is JSON: {"error": code, "says": sentence}.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from samvad.protocol.client_addr import Networks, client_of, source_of
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.room import ORDERS, RoomState, as_dict
from samvad.stage.budget import Budgets
from samvad.stage.conversation import Conversation
from samvad.stage.figures import Figures
from samvad.stage.refusals import Refused
from samvad.stage.rooms import Rooms
from samvad.stage.session import Who

log = logging.getLogger("samvad.stage")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_JSON = 4096
BODY_S = 10.0
KEEP_ALIVE_S = 15.0
SEND_S = 10.0

ROOMS = web.AppKey("rooms", Rooms)
FIGURES = web.AppKey("figures", Figures)
BUDGETS = web.AppKey("budgets", Budgets)
PROXIES = web.AppKey("proxies", Networks)

STATUS = {
    "bad_request": 400,
    "bad_offer": 400,
    "no_token": 401,
    "bad_token": 401,
    "not_host": 403,
    "not_speaker": 403,
    "removed": 403,
    "no_event": 404,
    "no_speaker": 404,
    "no_session": 404,
    "not_found": 404,
    "method": 405,
    "too_slow": 408,
    "not_acceptable": 406,
    "offer_unfit": 406,
    "ended": 409,
    "cancelled": 409,
    "already": 409,
    "not_live": 409,
    "full": 409,
    "too_large": 413,
    "media_type": 415,
    "slow_down": 429,
    "too_long": 422,
    "bad_rung": 422,
    "cannot_start": 507,
    "replay_failed": 507,
    "closing": 503,
    "crowded": 503,
}
"""Status code of each error code."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, WWW-Authenticate",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, Link",
    "Access-Control-Max-Age": "86400",
}


class Refusal(Exception):
    """An error answer, raised by handlers. Not a bug: the middleware turns it into JSON."""

    def __init__(self, code: str, says: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(says)
        self.code = code
        self.says = says
        self.headers = headers or {}


def error(code: str, says: str, headers: dict[str, str] | None = None) -> web.Response:
    """The JSON form of a refusal."""
    extra = dict(headers or {})
    status = STATUS[code]
    if status == 401:
        reason = ', error="invalid_token"' if code == "bad_token" else ""
        extra["WWW-Authenticate"] = f'Bearer realm="samvad"{reason}'
    if status in (429, 503):
        extra.setdefault("Retry-After", "2")
    return web.json_response({"error": code, "says": says}, status=status, headers=extra)


@web.middleware
async def plain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """CORS on every answer, and every failure as JSON."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = error(refusal.code, refusal.says, refusal.headers)
    except web.HTTPException as problem:
        response = _from_aiohttp(problem)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        response = web.json_response(
            {"error": "internal", "says": "The stage made a mistake. It has been written down."},
            status=500,
        )
    if response.status >= 400:
        request.app[FIGURES].refused += 1
    if not response.prepared:
        response.headers.update(CORS)
    return response


def _from_aiohttp(problem: web.HTTPException) -> web.Response:
    if isinstance(problem, web.HTTPMethodNotAllowed):
        allow = {"Allow": ", ".join(sorted(problem.allowed_methods))}
        return error("method", f"{problem.method} is not possible here.", allow)
    if isinstance(problem, web.HTTPRequestEntityTooLarge):
        return error("too_large", "The request is too large.", {"Connection": "close"})
    if isinstance(problem, web.HTTPNotFound):
        return error("not_found", "There is nothing at this address.")
    if problem.status < 400:
        raise problem
    return web.json_response(
        {"error": "bad_request", "says": "The request cannot be read."}, status=problem.status
    )


def conversation_of(request: web.Request) -> Conversation:
    """The conversation of the address. Raises Refusal."""
    event = request.match_info["event"]
    found = request.app[ROOMS].find(event) if EVENT_RE.fullmatch(event) else None
    if found is None:
        raise Refusal("no_event", "There is no such event.")
    return found


def who_asks(request: web.Request, conversation: Conversation) -> Who:
    """Whose bearer token the request carries (RFC 6750, section 2.1). Raises Refusal."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refusal("no_token", "This needs the token of a speaker's link.")
    who = request.app[ROOMS].who(conversation, token)
    if who is None:
        if not request.app[BUDGETS].wrong.spend(source(request), time.monotonic()):
            says = "Too many wrong tokens came from this address."
            raise Refusal("slow_down", says, {"Connection": "close"})
        raise Refusal("bad_token", "This token is not valid for this event.")
    return who


def source(request: web.Request) -> str:
    """Whose request it is: of a declared proxy, whom it names."""
    named = ",".join(request.headers.getall("X-Forwarded-For", ()))
    return source_of(client_of(request.remote or "", named, request.app[PROXIES]))


def checked(refused: Refused | None) -> None:
    """Raise what was refused."""
    if refused is not None:
        raise Refusal(refused.code, refused.says)


async def body(request: web.Request, most: int, too_large: str) -> bytes:
    """The request's body, at most that many bytes, within BODY_S. Raises Refusal."""
    close = {"Connection": "close"}
    if (request.content_length or 0) > most:
        raise Refusal("too_large", too_large, close)
    held = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                held += chunk
                if len(held) > most:
                    raise Refusal("too_large", too_large, close)
    except TimeoutError:
        raise Refusal("too_slow", "The request took too long to arrive.", close) from None
    return held


async def _json(request: web.Request) -> dict[str, Any]:
    raw = await body(request, MAX_JSON, "The request is too large.")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal("bad_request", "The body is not JSON.") from None
    if not isinstance(data, dict):
        raise Refusal("bad_request", "The body is not a JSON object.")
    return data


def room_json(conversation: Conversation, who: Who, state: RoomState) -> dict[str, Any]:
    """What the studio shows."""
    return {
        "event": conversation.event,
        "title": conversation.session.plan.title,
        "on_air": conversation.session.plan.on_air,
        "you": {"id": who.id, "name": who.name, "role": who.role},
        "room": as_dict(state),
    }


async def room(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    return web.json_response(
        room_json(conversation, who, conversation.state), headers={"Cache-Control": "no-store"}
    )


async def room_stream(request: web.Request) -> web.StreamResponse:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    if conversation.crowded:
        raise Refusal("crowded", "Too many are watching this room.")
    response = web.StreamResponse(
        headers=CORS
        | {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(request)
    token = request.headers["Authorization"].partition(" ")[2].strip()
    watch = conversation.watch()
    try:
        waiting: asyncio.Future[RoomState] = asyncio.ensure_future(anext(watch))
        while True:
            done, _ = await asyncio.wait([waiting], timeout=KEEP_ALIVE_S)
            line = ":\n\n"
            if done:
                state = waiting.result()
                if request.app[ROOMS].who(conversation, token) is None:
                    return response  # a new plan took the token away
                text = json.dumps(room_json(conversation, who, state), ensure_ascii=False)
                line = f"data: {text}\n\n"
                waiting = asyncio.ensure_future(anext(watch))
            async with asyncio.timeout(SEND_S):
                await response.write(line.encode())
    except (ConnectionError, StopAsyncIteration, TimeoutError):
        return response
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])
        await watch.aclose()


async def live(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    checked(await conversation.go_live(who))
    return web.json_response(room_json(conversation, who, conversation.state))


async def end(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    checked(await conversation.end(who))
    return web.json_response(room_json(conversation, who, conversation.state))


async def mute(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    muted = (await _json(request)).get("muted")
    if not isinstance(muted, bool):
        raise Refusal("bad_request", 'The body is {"muted": true} or {"muted": false}.')
    checked(conversation.mute(who, request.match_info["speaker"], muted))
    return web.json_response(room_json(conversation, who, conversation.state))


async def remove(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    checked(conversation.remove(who, request.match_info["speaker"]))
    return web.json_response(room_json(conversation, who, conversation.state))


async def status(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    text = (await _json(request)).get("text")
    if not isinstance(text, str):
        raise Refusal("bad_request", 'The body is {"text": "…"}.')
    checked(conversation.say(who, text))
    return web.json_response(room_json(conversation, who, conversation.state))


async def mark(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    title = (await _json(request)).get("title")
    if not isinstance(title, str):
        raise Refusal("bad_request", 'The body is {"title": "…"}; the title may be empty.')
    checked(conversation.mark(who, title))
    return web.json_response(room_json(conversation, who, conversation.state))


async def ladder(request: web.Request) -> web.Response:
    conversation = conversation_of(request)
    who = who_asks(request, conversation)
    data = await _json(request)
    mode, rung = data.get("mode"), data.get("rung")
    if mode == "auto" and rung is None:
        rung = 0
    if mode not in ORDERS or not isinstance(rung, int) or isinstance(rung, bool):
        raise Refusal("bad_request", 'The body is {"mode": "auto", "hold" or "force", "rung": 3}.')
    checked(conversation.order(who, mode, rung))
    return web.json_response(room_json(conversation, who, conversation.state))


async def preflight(request: web.Request) -> web.Response:
    return web.Response(headers=PREFLIGHT)


def add_routes(app: web.Application) -> None:
    """The room's controls."""
    base = "/stage/{event}"
    app.router.add_get(base + "/room", room, allow_head=False)
    app.router.add_get(base + "/room/stream", room_stream, allow_head=False)
    app.router.add_post(base + "/live", live)
    app.router.add_post(base + "/end", end)
    app.router.add_post(base + "/status", status)
    app.router.add_post(base + "/mark", mark)
    app.router.add_post(base + "/ladder", ladder)
    app.router.add_post(base + "/speakers/{speaker}/mute", mute)
    app.router.add_delete(base + "/speakers/{speaker}", remove)
    for path in (
        "/mark",
        "/room",
        "/room/stream",
        "/live",
        "/end",
        "/status",
        "/ladder",
        "/speakers/{speaker}/mute",
        "/speakers/{speaker}",
    ):
        app.router.add_options(base + path, preflight)

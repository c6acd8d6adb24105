"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03): SDP in by POST, SDP out with 201.

    POST    /whip/<event>   /whep/<event>              begin; Location names the session
    DELETE  /whip/<event>/<session>   …                end it
    OPTIONS                                            CORS, Accept-Post, ICE servers
    GET                                                204: there is nothing to show
    PATCH                                              405: neither trickle nor restart

All candidates of the stage are in the answer, and a client's are learnt from its checks, so
trickling would gain nothing; on a changed network a client publishes anew, which replaces
its former session.
"""

import secrets
import time
from urllib.parse import urlsplit

from aiohttp import web

from samvad.stage.conversation import Conversation
from samvad.stage.engine import IceServer
from samvad.stage.http import BUDGETS, PREFLIGHT, Refusal, body, conversation_of, who_asks
from samvad.stage.refusals import Refused
from samvad.stage.sdp import MAX_BYTES, OfferError

SDP = "application/sdp"


class Sessions:
    """The handlers of both protocols."""

    def __init__(self, servers: list[IceServer], public_url: str) -> None:
        self._links = [server.link() for server in servers]
        self._prefix = urlsplit(public_url).path.rstrip("/")

    def add_routes(self, app: web.Application) -> None:
        for protocol in ("whip", "whep"):
            endpoint = f"/{protocol}/{{event}}"
            session = endpoint + "/{session}"
            app.router.add_post(endpoint, self.begin)
            app.router.add_delete(session, self.end)
            for path in (endpoint, session):
                app.router.add_get(path, self.nothing, allow_head=True)
                app.router.add_options(path, self.options)
                app.router.add_route("PATCH", path, self.patch)

    async def begin(self, request: web.Request) -> web.Response:
        conversation = conversation_of(request)
        who = who_asks(request, conversation)
        if not request.app[BUDGETS].begins.spend(
            f"{conversation.event} {who.id}", time.monotonic()
        ):
            raise Refusal("slow_down", "Sessions are begun too often with this token.")
        offer = await _offer(request)
        protocol = request.path.split("/", 2)[1]
        negotiate = conversation.publish if protocol == "whip" else conversation.hear
        try:
            begun = await negotiate(who, offer)
        except OfferError as problem:
            code = "bad_offer" if problem.malformed else "offer_unfit"
            raise Refusal(code, problem.says) from None
        if isinstance(begun, Refused):
            raise Refusal(begun.code, begun.says)
        session, answer = begun
        response = web.Response(status=201, body=answer.encode(), headers={"Content-Type": SDP})
        response.headers["Location"] = f"{self._prefix}/{protocol}/{conversation.event}/{session}"
        # One ICE session a resource: its tag is as unique as its name (RFC 9725, section 4.3.1).
        response.headers["ETag"] = f'"{secrets.token_hex(8)}"'
        self._announce(response)
        return response

    async def end(self, request: web.Request) -> web.Response:
        conversation, session = self._session(request)
        await conversation.delete(session)
        return web.Response(text="")

    async def nothing(self, request: web.Request) -> web.Response:
        conversation_of(request)
        return web.Response(status=204)

    async def patch(self, request: web.Request) -> web.Response:
        if "session" in request.match_info:
            self._session(request)
        raise Refusal(
            "method",
            "Trickle ICE and ICE restarts are not supported; publish anew instead.",
            {"Allow": "DELETE, GET, HEAD, OPTIONS"},
        )

    async def options(self, request: web.Request) -> web.Response:
        response = web.Response(headers=PREFLIGHT | {"Accept-Post": SDP})
        if "Access-Control-Request-Method" not in request.headers:
            self._announce(response)
        return response

    def _session(self, request: web.Request) -> tuple[Conversation, str]:
        """The session of the address, if it belongs to who asks. Raises Refusal."""
        conversation = conversation_of(request)
        who = who_asks(request, conversation)
        session = request.match_info["session"]
        owner = conversation.owner(session)
        if owner is None:
            raise Refusal("no_session", "There is no such session; it may have ended already.")
        if owner != who.id and not who.is_host:
            raise Refusal("not_host", "This session is somebody else's.")
        return conversation, session

    def _announce(self, response: web.Response) -> None:
        for link in self._links:
            response.headers.add("Link", link)


async def _offer(request: web.Request) -> str:
    """The body, if it is one that can be an offer. Raises Refusal."""
    if not request.can_read_body:
        # WHEP lets a server make the offer when the client sends none; this one does not.
        raise Refusal("not_acceptable", "The body must be an SDP offer; the stage makes none.")
    if request.content_type != SDP:
        raise Refusal("media_type", f"The body must be {SDP}.", {"Accept-Post": SDP})
    accepted = request.headers.get("Accept", "*/*").lower()
    if not any(kind in accepted for kind in (SDP, "application/*", "*/*")):
        raise Refusal("not_acceptable", f"The answer can only be {SDP}.")
    raw = await body(request, MAX_BYTES, f"An offer has at most {MAX_BYTES // 1024} kB.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("bad_offer", "The offer is not text.") from None

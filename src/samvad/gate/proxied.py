"""Answerers that stand before the site: for a proxy that speaks for many clients over one
connection, and for a connection that has asked too fast."""

from typing import TYPE_CHECKING

from samvad.base.clock import Moment
from samvad.gate.answerer import Answerer
from samvad.gate.answers import REFUSALS, VOID, Answer
from samvad.gate.http1 import Request
from samvad.gate.loop import Loop
from samvad.protocol.client_addr import client_of, source_of

if TYPE_CHECKING:
    from samvad.gate.connection import Connection
    from samvad.gate.guard import Guard


class Forwarded(Answerer):
    """Requests of a declared proxy: each is its client's, whom X-Forwarded-For names. Budgets of
    connections are the proxy's to keep; bans and blame are kept here."""

    def __init__(self, guard: "Guard", site: "Answerer", loop: Loop) -> None:
        self._guard, self._site, self._loop = guard, site, loop

    def answer(self, request: Request, token: "Connection", at: Moment) -> Answer | None:
        guard = self._guard
        peer = token.book.source
        client = client_of(peer, request.fields.forwarded_for, guard.proxies)
        if client == peer:  # the proxy for itself: a health check
            return self._site.answer(request, token, at)
        source = source_of(client)
        book = guard.books.of(source, at.now)
        book.tally.requests += 1
        guard.books.busy.add(book)
        if guard.is_banned(source, at.now) or not guard.may_ask(book, at.now):
            book.tally.turned += 1
            return REFUSALS[429]
        answer = self._site.answer(request, token, at)
        if answer is not None and 400 <= answer.status < 500:
            book.blame(answer.status)
            book.tally.gone += answer is VOID
        return answer

    def drop(self, token: "Connection") -> None:
        self._site.drop(token)


class Throttled(Answerer):
    """One more answer, and the end of the connection: who has asked too fast begins anew."""

    def answer(self, request: Request, token: "Connection", at: Moment) -> Answer:
        request.close = True
        return REFUSALS[429]

"""A site, as a connection sees it."""

from typing import TYPE_CHECKING, Protocol

from samvad.base.clock import Moment
from samvad.gate.answers import Answer
from samvad.gate.http1 import Fields, Request
from samvad.gate.insist import Insisting

if TYPE_CHECKING:
    from samvad.gate.connection import Connection


class Answerer(Protocol):
    """Each call is made in a turn of the loop, and must not wait. Who only answers
    inherits the rest."""

    def answer(self, request: Request, token: "Connection", at: Moment) -> Answer | None:
        """The answer, or None: the connection waits for `resume`."""

    def at_once(
        self, target: bytes, fields: Fields, token: "Connection", at: Moment
    ) -> Answer | None:
        """The same for a GET of which nothing but the target matters (http1.py `tail`), where that
        is less work; None: `answer` is to be asked."""
        return None

    def drop(self, token: "Connection") -> None:
        """The connection no longer waits."""
        return

    def insisting(self, request: Request) -> Insisting | None:
        """What was answered FORGED, to be known again; None: it is to be read each time."""
        return None

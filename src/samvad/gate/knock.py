"""POSTs at a door: a knock, or a word that one leaves. What they show becomes a visitor; what the
door decides becomes an answer, and is counted. Holds no clock and no socket.
"""

import functools
import hmac
from collections.abc import Hashable
from typing import TypeVar

from samvad.base.clock import Moment
from samvad.gate import door
from samvad.gate.answers import ANYWHERE, JSON, NEVER_STORED, NO_SNIFF, REFUSALS, Answer, Form
from samvad.gate.counters import INDEX, Counters
from samvad.gate.event import Event
from samvad.gate.spent import Spent
from samvad.gate.state import OVER
from samvad.gate.toll import Toll
from samvad.protocol import passes
from samvad.protocol.hls import replay_path
from samvad.protocol.passes import Lane
from samvad.protocol.plan import EventPlan
from samvad.protocol.secret import passphrase_hash

PHRASE_MAX = 200
"""Letters of a passphrase that are looked at."""
RELOAD_S = 5.0
"""A page that is closed keeps its seat for so long: it may be only loaded again."""
_VERDICT = Form(200, (JSON, NEVER_STORED, ANYWHERE, NO_SNIFF))
_LEFT = Answer(204, [NEVER_STORED, ANYWHERE])
_ADMITTED, _TOLD_TO_WAIT, _LEFT_SEAT = (
    INDEX[name] for name in ("admitted", "told_to_wait", "left")
)
_FULL_HOUSE, _CLOSED = INDEX["refused_full_house"], INDEX["refused_closed"]
_BARE, _PROOF_ASKED = INDEX["knocks_bare"], INDEX["proofs_asked"]
_PROOF_GOOD, _PROOF_BAD = INDEX["proofs_good"], INDEX["proofs_bad"]
_FOR_WANT_OF_A_SEAT = (door.Reason.FULL, door.Reason.CLOSED, door.Reason.REDUCED)

Token = TypeVar("Token", bound=Hashable)


class Knocks:
    """`secret` is the site's, for passphrases and proofs of work."""

    def __init__(self, secret: bytes, counters: Counters, spent: Spent) -> None:
        self._secret, self._count, self._spent = secret, counters.values, spent
        self._tolls: dict[str, Toll] = {}
        self.level = 0
        """How much work is asked of those who show nothing (toll.py); 0: none."""

    def answer(self, event: Event[Token], leaving: bool, body: bytes, at: Moment) -> Answer:
        """To a POST at the door of `event`; `leaving`: at its /leave."""
        plan = event.plan
        if plan is None:
            return REFUSALS[404]
        shown = door.read_shown(body)
        if shown is None:
            return REFUSALS[400]
        if leaving:
            return self._leave(event, shown, at)
        return self._knock(event, plan, shown, at)

    def _leave(self, event: Event[Token], shown: door.Shown, at: Moment) -> Answer:
        """A page is closed and says so. Whatever it shows, there is nothing more to say."""
        ticket = event.tickets.verify(shown.ticket, at.wall_ms) if shown.ticket else None
        if ticket is not None and event.situation(at.wall_ms) not in OVER:
            event.house.leave(ticket, at.now, RELOAD_S if shown.closing else 0.0)
            self._count[_LEFT_SEAT] += 1
        return _LEFT

    def _knock(self, event: Event[Token], plan: EventPlan, shown: door.Shown, at: Moment) -> Answer:
        terms = event.terms(at.wall_ms)
        if shown is door.NOTHING_SHOWN:
            self._count[_BARE] += 1
        if shown is door.NOTHING_SHOWN and not self.level:
            who = door.NOBODY
        else:
            who = self._who(event, plan, shown, at)
        verdict = event.door.decide(terms, who, at.now, at.wall_ms)
        if isinstance(verdict, door.Admit):
            self._count[_ADMITTED] += 1
            return _VERDICT.filled(door.admitted(event.name, verdict))
        if isinstance(verdict, door.Wait):
            self._count[_TOLD_TO_WAIT] += 1
            return _VERDICT.filled(door.as_json(verdict))
        if verdict.reason is door.Reason.PROOF:  # each another: not to be remembered
            self._count[_PROOF_ASKED] += 1
            return _VERDICT.filled(door.as_json(verdict))
        if verdict.reason in _FOR_WANT_OF_A_SEAT:
            self._count[_FULL_HOUSE] += 1
            event.refused += 1
        else:
            self._count[_CLOSED] += 1
        over = verdict.reason is door.Reason.ENDED
        return _refused(verdict, replay_path(event.name) if over and event.replay(at.now) else None)

    def _who(
        self, event: Event[Token], plan: EventPlan, shown: door.Shown, at: Moment
    ) -> door.Visitor:
        lane = passes.read(event.pass_key, shown.pass_, at.wall_ms) if shown.pass_ else None
        invited = lane is not None
        if shown.phrase and plan.door.passphrase_hash and not invited:
            told = passphrase_hash(self._secret, event.name, shown.phrase[:PHRASE_MAX])
            invited = hmac.compare_digest(told, plan.door.passphrase_hash)
        asked = self._ask(event.name, shown, lane, at) if self.level else ""
        if lane is None or plan.door.way != "priority":
            lane = Lane.ANYONE
        return door.Visitor(shown.ticket, shown.place, lane, invited, asked)

    def _ask(self, event: str, shown: door.Shown, lane: Lane | None, at: Moment) -> str:
        """What this visitor has to solve; "": nothing. Members, guests and who has asked for a
        reminder have a pass, and are not asked; a good ticket or place goes before it all."""
        if lane is not None:
            return ""
        toll = self._tolls.get(event)
        if toll is None:
            toll = self._tolls[event] = Toll(self._secret, event, self._spent)
        if shown.proof:
            good = toll.good(shown.proof)
            self._count[_PROOF_GOOD if good else _PROOF_BAD] += 1
            if good:
                return ""
        return toll.ask(self.level, at.wall_ms)


@functools.lru_cache(maxsize=256)
def _refused(verdict: door.Refuse, replay: str | None) -> Answer:
    """The same bytes for all who hear the same: to say no costs less than to ask."""
    return _VERDICT.filled(door.as_json(verdict, replay))

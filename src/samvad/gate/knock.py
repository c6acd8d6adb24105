"""POSTs at a door: a knock, or a word that one leaves. What they show becomes a visitor; what the
door decides becomes an answer, and is counted. Holds no clock and no socket.
"""

import hmac
from collections.abc import Hashable
from typing import TypeVar

from samvad.base.clock import Moment
from samvad.gate import door
from samvad.gate.answers import ANYWHERE, JSON, NEVER_STORED, NO_SNIFF, REFUSALS, Answer
from samvad.gate.counters import Counters
from samvad.gate.event import Event
from samvad.gate.spent import Spent
from samvad.gate.state import Situation
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
_HEADERS = (JSON, NEVER_STORED, ANYWHERE, NO_SNIFF)
_LEFT = Answer(204, [NEVER_STORED, ANYWHERE])
_OVER = (Situation.ENDED, Situation.CANCELLED)
_FOR_WANT_OF_A_SEAT = (door.Reason.FULL, door.Reason.CLOSED, door.Reason.REDUCED)

Token = TypeVar("Token", bound=Hashable)


class Knocks:
    """`secret` is the site's, for passphrases and proofs of work."""

    def __init__(self, secret: bytes, counters: Counters, spent: Spent) -> None:
        self._secret, self._counters, self._spent = secret, counters, spent
        self._tolls: dict[str, Toll] = {}
        self.level = 0
        """How much work is asked of those who show nothing (toll.py); 0: none."""

    def answer(self, event: Event[Token] | None, leaving: bool, body: bytes, at: Moment) -> Answer:
        """To a POST at the door of `event`; `leaving`: at its /leave."""
        if event is None or event.plan is None:
            return REFUSALS[404]
        shown = door.read_shown(body)
        if shown is None:
            return REFUSALS[400]
        if leaving:
            return self._leave(event, shown, at)
        return self._knock(event, event.plan, shown, at)

    def _leave(self, event: Event[Token], shown: door.Shown, at: Moment) -> Answer:
        """A page is closed and says so. Whatever it shows, there is nothing more to say."""
        ticket = event.tickets.verify(shown.ticket, at.wall_ms) if shown.ticket else None
        if ticket is not None and event.situation(at.wall_ms) not in _OVER:
            event.house.leave(ticket, at.now, RELOAD_S if shown.closing else 0.0)
            self._counters.add("left")
        return _LEFT

    def _knock(self, event: Event[Token], plan: EventPlan, shown: door.Shown, at: Moment) -> Answer:
        lane = passes.read(event.pass_key, shown.pass_, at.wall_ms) if shown.pass_ else None
        invited = lane is not None
        if shown.phrase and plan.door.passphrase_hash and not invited:
            told = passphrase_hash(self._secret, event.name, shown.phrase[:PHRASE_MAX])
            invited = hmac.compare_digest(told, plan.door.passphrase_hash)
        asked = self._ask(event.name, shown, lane, at) if self.level else ""
        if shown is door.NOTHING_SHOWN:
            self._counters.add("knocks_bare")
        if lane is None or plan.door.way != "priority":
            lane = Lane.ANYONE
        who = door.Visitor(shown.ticket, shown.place, lane, invited, asked)
        verdict = event.door(at).decide(event.terms(at.wall_ms), who, at.now, at.wall_ms)
        self._count_verdict(verdict)
        if isinstance(verdict, door.Refuse) and verdict.reason in _FOR_WANT_OF_A_SEAT:
            event.refused += 1
        over = isinstance(verdict, door.Refuse) and verdict.reason is door.Reason.ENDED
        replay = replay_path(event.name) if over and event.replay(at.now) else None
        return Answer(200, _HEADERS, (door.as_json(event.name, verdict, replay),))

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
            self._counters.add("proofs_good" if good else "proofs_bad")
            if good:
                return ""
        return toll.ask(self.level, at.wall_ms)

    def _count_verdict(self, verdict: door.Verdict) -> None:
        if isinstance(verdict, door.Admit):
            self._counters.add("admitted")
        elif isinstance(verdict, door.Wait):
            self._counters.add("told_to_wait")
        elif verdict.reason is door.Reason.PROOF:
            self._counters.add("proofs_asked")
        elif verdict.reason in _FOR_WANT_OF_A_SEAT:
            self._counters.add("refused_full_house")
        else:
            self._counters.add("refused_closed")

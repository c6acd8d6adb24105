"""All conversations of this stage: found by event, made when first needed, dropped when idle."""

import asyncio
import dataclasses
import hmac
import logging
from collections.abc import Iterator

from samvad.broadcast.broadcast import unfinished
from samvad.protocol import operator
from samvad.protocol.plan import EventPlan, PlanFolder
from samvad.protocol.room import Phase
from samvad.protocol.secret import token_for, token_hash
from samvad.stage.conversation import Conversation
from samvad.stage.jitter import JitterCounters
from samvad.stage.keeper import read_memory, remembered
from samvad.stage.session import OPERATOR, Session, Who
from samvad.stage.setting import Setting

log = logging.getLogger("samvad.stage")

POLL_S = 0.25
DROP_POLLS = 240
"""A minute."""
MAX_TOKEN = 512
REMEMBERED = 500
"""Room states of ended events that are told to gates after a restart; older ones are not."""


class Rooms:
    """Conversations by event id. `poll` keeps their plans new."""

    def __init__(self, setting: Setting) -> None:
        self._in = setting
        self._folder = PlanFolder(setting.folders.plans)
        self._open: dict[str, Conversation] = {}
        self._operator = token_for(setting.secret, "operator")

    def __iter__(self) -> Iterator[Conversation]:
        return iter(self._open.values())

    def streams(self) -> list[JitterCounters]:
        """Counters of every stream that comes in now."""
        return [x.peer.voice.jitter.counters for c in self for x in c.publishers]

    def find(self, event: str) -> Conversation | None:
        """The event's conversation, made from its plan when there is none yet."""
        known = self._open.get(event)
        if known is not None:
            return known
        plan = self._folder.read(event)
        return self._make(plan) if plan is not None else None

    def _make(self, plan: EventPlan) -> Conversation:
        conversation = self._open[plan.event] = Conversation(plan, self._in)
        return conversation

    def who(self, conversation: Conversation, token: str) -> Who | None:
        """Whose token this is, in that conversation; None: nobody's."""
        if not 0 < len(token) <= MAX_TOKEN:
            return None
        if hmac.compare_digest(token.encode(), self._operator.encode()):
            return OPERATOR
        known = conversation.session.who(token_hash(token))
        if known is not None:
            return known
        wall_ms = self._in.clock.wall_ms()
        name = operator.holder(self._in.secret, conversation.event, token, wall_ms)
        return None if name is None else dataclasses.replace(OPERATOR, name=name)

    async def resume(self) -> None:
        """Take up what a stage before this one left: recordings to go on with, states to tell."""
        open_ones = set(unfinished(self._in.folders))
        for event in remembered(self._in.folders)[-REMEMBERED:]:
            memory = read_memory(self._in.folders, event)
            plan = self._folder.read(event)
            if plan is None or memory is None or event in open_ones:
                continue
            session = Session(plan)
            try:
                session.remember(memory)
            except (KeyError, TypeError, ValueError):
                continue
            if session.phase is Phase.ENDED:
                self._in.publish(session.state())
        for event in sorted(open_ones):
            conversation = self.find(event)
            if conversation is None:
                log.error("%s: there is a recording that is not finished, but no plan", event)
                continue
            await conversation.resume()

    async def poll(self) -> None:
        """For ever: take changed plans; drop conversations that nobody needs any more."""
        rounds = 0
        while True:
            plans, complaints = await asyncio.to_thread(self._folder.changed)
            for complaint in complaints:
                log.error("%s", complaint)
            for plan in plans:
                known = self._open.get(plan.event)
                if known is not None:
                    known.replan(plan)
            rounds += 1
            if rounds % DROP_POLLS == 0:
                self.drop_idle()
            await asyncio.sleep(POLL_S)

    def drop_idle(self) -> None:
        """Forget conversations in which nothing happens; they are made anew when asked for."""
        for event in [e for e, c in self._open.items() if c.idle]:
            del self._open[event]

    async def close(self) -> None:
        await asyncio.gather(*(c.close() for c in self._open.values()))

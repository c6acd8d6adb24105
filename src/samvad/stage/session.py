"""One event's room as a state machine: who is here, who may do what, on air or not.

Nothing here does I/O or reads a clock: `wall_ms` is an argument, refusals are values, and
what must be told to others (facts for the journal, speakers to disconnect) gathers in
`facts` and `drop`, which the driver takes away.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from samvad.protocol import journal
from samvad.protocol.plan import EventPlan, PlannedSpeaker
from samvad.protocol.room import (
    ORDERS,
    LadderOrder,
    Phase,
    Replay,
    RoomSpeaker,
    RoomState,
    StatusLine,
)
from samvad.stage.refusals import (
    ALREADY,
    CANCELLED,
    ENDED,
    FULL,
    NO_SPEAKER,
    NOT_HOST,
    NOT_LIVE,
    NOT_RUNG,
    NOT_SPEAKER,
    NOT_VOICE,
    REMOVED,
    Refused,
)

STATUS_MAX = 280
MARK_MAX = 120


class Act(StrEnum):
    """What can happen to the programme."""

    GO_LIVE = "go_live"
    END = "end"


TRANSITIONS: Mapping[Phase, Mapping[Act, Phase]] = {
    Phase.OFF: {Act.GO_LIVE: Phase.LIVE, Act.END: Phase.ENDED},
    Phase.LIVE: {Act.END: Phase.ENDED},
    Phase.ENDED: {},
}


class Presence(StrEnum):
    """Where a speaker is. A removed one stays out until the plan changes."""

    AWAY = "away"
    HERE = "here"
    REMOVED = "removed"


class Move(StrEnum):
    """What can happen to a speaker."""

    JOIN = "join"
    LEAVE = "leave"
    REMOVE = "remove"
    INVITE = "invite"


MOVES: Mapping[Presence, Mapping[Move, Presence]] = {
    Presence.AWAY: {Move.JOIN: Presence.HERE, Move.REMOVE: Presence.REMOVED},
    Presence.HERE: {
        Move.JOIN: Presence.HERE,
        Move.LEAVE: Presence.AWAY,
        Move.REMOVE: Presence.REMOVED,
    },
    Presence.REMOVED: {Move.INVITE: Presence.AWAY, Move.REMOVE: Presence.REMOVED},
}


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody with a valid token. The operator of the site is a host who does not speak."""

    id: str
    name: str
    role: str

    @property
    def is_host(self) -> bool:
        return self.role in ("host", "operator")


OPERATOR = Who("operator", "Operator", "operator")


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact for the journal, as JournalWriter.append takes it."""

    kind: str
    at_ms: int
    data: Mapping[str, Any]


@dataclass(slots=True)
class Member:
    """A planned speaker and where they are."""

    planned: PlannedSpeaker
    presence: Presence = Presence.AWAY
    muted: bool = False
    speaking: bool = False
    level: float = 0.0


@dataclass(slots=True)
class Session:
    """The room of one event. Methods return None when done, or a Refused."""

    plan: EventPlan
    places: int = 12
    phase: Phase = Phase.OFF
    live_since_ms: int | None = None
    ended_ms: int | None = None
    status: StatusLine | None = None
    replay: Replay | None = None
    ladder: LadderOrder | None = None
    members: dict[str, Member] = field(default_factory=dict)
    facts: list[NewFact] = field(default_factory=list)
    drop: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.members = {s.id: Member(s) for s in self.plan.speakers}

    # who

    def who(self, token_hash: str) -> Who | None:
        """The speaker whose token has this hash (protocol/secret.py)."""
        for member in self.members.values():
            if member.planned.token_hash == token_hash:
                planned = member.planned
                return Who(planned.id, planned.name, planned.role)
        return None

    # the plan

    def replan(self, plan: EventPlan, wall_ms: int) -> None:
        """Take a newer plan: removed or re-keyed speakers are dropped, new ones are let in."""
        if plan.revision < self.plan.revision:
            return
        changed = {
            s.id: s for s in plan.speakers if s != getattr(self.members.get(s.id), "planned", None)
        }
        for gone in self.members.keys() - {s.id for s in plan.speakers}:
            self._leave(self.members[gone], wall_ms)
            self.drop.add(gone)
            del self.members[gone]
        for id_, planned in changed.items():
            known = self.members.get(id_)
            if known is None:
                self.members[id_] = Member(planned)
                continue
            if known.planned.token_hash != planned.token_hash:
                self._leave(known, wall_ms)
                self.drop.add(id_)
            known.planned = planned
        if plan.speakers != self.plan.speakers:
            for member in self.members.values():
                if Move.INVITE in MOVES[member.presence]:
                    member.presence = MOVES[member.presence][Move.INVITE]
        self.members = {s.id: self.members[s.id] for s in plan.speakers}
        self.plan = plan
        # What is withheld may be taken back, so only a programme that runs is ended by it.
        stopped = plan.withheld and self.phase is Phase.LIVE
        if plan.cancelled or plan.ended or stopped:
            self.end(wall_ms)

    # the programme

    def heard(self, id_: str, wall_ms: int) -> Refused | None:
        """A speaker's first sound was decoded, which may put the event on air."""
        member = self.members.get(id_)
        if self.plan.on_air != "first_voice" or member is None or member.muted:
            return NOT_VOICE
        if self.plan.off:
            return CANCELLED
        return None if self._act(Act.GO_LIVE, wall_ms) else ALREADY

    def go_live(self, by: Who, wall_ms: int) -> Refused | None:
        """The host's button."""
        if not by.is_host:
            return NOT_HOST
        if self.plan.off:
            return CANCELLED
        if not self._act(Act.GO_LIVE, wall_ms, by):
            return ALREADY
        return None

    def end_by(self, by: Who, wall_ms: int) -> Refused | None:
        """The host ends the event; once ended it stays so, and asking again is no error."""
        if not by.is_host:
            return NOT_HOST
        self._act(Act.END, wall_ms, by)
        return None

    def end(self, wall_ms: int) -> bool:
        """The event is over. True when it was not before."""
        return self._act(Act.END, wall_ms)

    def recorded(self, replay: Replay, wall_ms: int) -> None:
        """The finished recording lies in its place."""
        self.replay = replay
        self._fact(
            journal.RECORDING_READY, wall_ms, bytes=replay.bytes, duration_ms=replay.duration_ms
        )

    def resumed(self, wall_ms: int) -> None:
        """A restarted stage goes on with what the one before it left on air."""
        self._fact(journal.RESUMED, wall_ms)

    def incident(self, what: str, wall_ms: int) -> None:
        """Something went wrong that people should know of afterwards."""
        self._fact(journal.INCIDENT, wall_ms, what=what)

    # the speakers

    def may_join(self, by: Who) -> Refused | None:
        """May this one publish sound now?"""
        member = self.members.get(by.id)
        if member is None:
            return NOT_SPEAKER
        if self.plan.off:
            return CANCELLED
        if self.phase is Phase.ENDED:
            return ENDED
        if member.presence is Presence.REMOVED:
            return REMOVED
        here = sum(m.presence is Presence.HERE for m in self.members.values())
        if member.presence is Presence.AWAY and here >= self.places:
            return FULL
        return None

    def may_listen(self, by: Who) -> Refused | None:
        """May this one have a return (mix-minus; for the operator, the programme)?"""
        if self.plan.off:
            return CANCELLED
        if self.phase is Phase.ENDED:
            return ENDED
        member = self.members.get(by.id)
        if member is not None and member.presence is Presence.REMOVED:
            return REMOVED
        return None

    def join(self, id_: str, wall_ms: int) -> Refused | None:
        """A speaker's first packet came."""
        member = self.members.get(id_)
        if member is None:
            return NOT_SPEAKER
        planned = member.planned
        refused = self.may_join(Who(planned.id, planned.name, planned.role))
        if refused is not None:
            return refused
        if member.presence is not Presence.HERE:
            self._fact(journal.SPEAKER_JOINED, wall_ms, speaker=id_, name=planned.name)
        member.presence = MOVES[member.presence][Move.JOIN]
        return None

    def leave(self, id_: str, wall_ms: int) -> None:
        """A speaker's sound is gone."""
        member = self.members.get(id_)
        if member is not None:
            self._leave(member, wall_ms)

    def mute(self, by: Who, id_: str, muted: bool, wall_ms: int) -> Refused | None:
        """The host mutes anybody, which is a fact; a speaker oneself, which is nobody's matter."""
        if not by.is_host and by.id != id_:
            return NOT_HOST
        member = self.members.get(id_)
        if member is None:
            return NO_SPEAKER
        if by.id != id_ and member.muted != muted:
            kind = journal.SPEAKER_MUTED if muted else journal.SPEAKER_UNMUTED
            self._fact(kind, wall_ms, speaker=id_, name=member.planned.name, by=by.name)
        member.muted = muted
        if muted:
            member.speaking, member.level = False, 0.0
        return None

    def remove(self, by: Who, id_: str, wall_ms: int) -> Refused | None:
        """The host sends somebody out, until the plan's speakers change."""
        if not by.is_host:
            return NOT_HOST
        member = self.members.get(id_)
        if member is None:
            return NO_SPEAKER
        if member.presence is not Presence.REMOVED:
            name = member.planned.name
            self._fact(journal.SPEAKER_REMOVED, wall_ms, speaker=id_, name=name, by=by.name)
        self._leave(member, wall_ms)
        member.presence = MOVES[member.presence][Move.REMOVE]
        self.drop.add(id_)
        return None

    def say(self, by: Who, text: str, wall_ms: int) -> Refused | None:
        """The host's status line; an empty one takes it away."""
        if not by.is_host:
            return NOT_HOST
        text = " ".join(text.split())
        if len(text) > STATUS_MAX:
            return Refused("too_long", f"A status line has at most {STATUS_MAX} characters.")
        self.status = StatusLine(text, wall_ms) if text else None
        self._fact(journal.STATUS, wall_ms, text=text, by=by.name)
        return None

    def mark(self, by: Who, title: str, wall_ms: int) -> Refused | None:
        """The host marks that a chapter begins now."""
        if not by.is_host:
            return NOT_HOST
        if self.phase is not Phase.LIVE:
            return NOT_LIVE
        self._fact(journal.MARK, wall_ms, title=" ".join(title.split())[:MARK_MAX], by=by.name)
        return None

    def order(self, by: Who, mode: str, rung: int, wall_ms: int) -> Refused | None:
        """What the host orders of the ladder (protocol/room.py LadderOrder); `rung` counts from
        1, 0 is none. Whoever releases it names no rung."""
        if not by.is_host:
            return NOT_HOST
        if self.plan.off:
            return CANCELLED
        if self.phase is Phase.ENDED:
            return ENDED
        if mode not in ORDERS or not 0 <= rung <= len(self.plan.ladder):
            return NOT_RUNG
        rung = 0 if mode == "auto" else rung
        self.ladder = LadderOrder(mode, rung, by.name, wall_ms)
        effect = self.plan.ladder[rung - 1].effect if rung else ""
        self._fact(journal.LADDER, wall_ms, mode=mode, rung=rung, effect=effect, by=by.name)
        return None

    def levels(self, id_: str, level: float, speaking: bool) -> bool:
        """A speaker's meter. True when anything that is shown has changed."""
        member = self.members.get(id_)
        if member is None:
            return False
        if member.muted or member.presence is not Presence.HERE:
            level, speaking = 0.0, False
        changed = (member.level, member.speaking) != (level, speaking)
        member.level, member.speaking = level, speaking
        return changed

    # snapshots

    def state(self) -> RoomState:
        """The room as everybody may see it."""
        return RoomState(
            event=self.plan.event,
            phase=self.phase,
            live_since_ms=self.live_since_ms,
            ended_ms=self.ended_ms,
            speakers=tuple(
                RoomSpeaker(
                    id=id_,
                    name=m.planned.name,
                    here=m.presence is Presence.HERE,
                    muted=m.muted,
                    speaking=m.speaking,
                    level=m.level,
                )
                for id_, m in self.members.items()
            ),
            status=self.status,
            replay=self.replay,
            ladder=self.ladder,
        )

    def memory(self) -> dict[str, Any]:
        """What a restarted stage must know, as plain JSON values."""
        return {
            "phase": self.phase.value,
            "live_since_ms": self.live_since_ms,
            "ended_ms": self.ended_ms,
            "status": [self.status.text, self.status.at_ms] if self.status else None,
            "ladder": asdict(self.ladder) if self.ladder else None,
            "replay": [self.replay.bytes, self.replay.duration_ms] if self.replay else None,
            "removed": [i for i, m in self.members.items() if m.presence is Presence.REMOVED],
            "muted": [i for i, m in self.members.items() if m.muted],
        }

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Take up `memory()` of before. Raises KeyError, TypeError, ValueError on another form."""
        phase = Phase(memory["phase"])
        live_since_ms, ended_ms = memory["live_since_ms"], memory["ended_ms"]
        status = StatusLine(*memory["status"]) if memory["status"] else None
        replay = Replay(*memory["replay"]) if memory["replay"] else None
        order = memory.get("ladder")  # not known to the stages of the first version
        ladder = LadderOrder(**order) if order else None
        removed, muted = set(memory["removed"]), set(memory["muted"])
        self.phase, self.live_since_ms, self.ended_ms = phase, live_since_ms, ended_ms
        self.status, self.replay, self.ladder = status, replay, ladder
        for id_, member in self.members.items():
            if id_ in removed:
                member.presence = Presence.REMOVED
            member.muted = id_ in muted

    # inside

    def _act(self, act: Act, wall_ms: int, by: Who | None = None) -> bool:
        """`by`: whose button it was; None when nobody pressed any."""
        following = TRANSITIONS[self.phase].get(act)
        if following is None:
            return False
        was, self.phase = self.phase, following
        whose = {"by": by.name} if by else {}
        if following is Phase.LIVE:
            self.live_since_ms = wall_ms
            self._fact(journal.WENT_LIVE, wall_ms, **whose)
        elif following is Phase.ENDED:
            self.ended_ms = wall_ms
            self._fact(journal.ENDED, wall_ms, was_live=was is Phase.LIVE, **whose)
            for id_, member in self.members.items():
                self._leave(member, wall_ms)
                self.drop.add(id_)
            self.drop.add(OPERATOR.id)
        return True

    def _leave(self, member: Member, wall_ms: int) -> None:
        following = MOVES[member.presence].get(Move.LEAVE)
        if following is None:
            return
        member.presence = following
        member.speaking, member.level = False, 0.0
        self._fact(
            journal.SPEAKER_LEFT,
            wall_ms,
            speaker=member.planned.id,
            name=member.planned.name,
        )

    def _fact(self, kind: str, wall_ms: int, **data: Any) -> None:
        self.facts.append(NewFact(kind, wall_ms, data))

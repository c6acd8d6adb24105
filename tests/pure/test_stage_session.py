"""The room's rules: a host, a speaker, an outsider; on air and off."""

import dataclasses
import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from samvad.protocol import journal
from samvad.protocol.plan import EventPlan, PlannedSpeaker
from samvad.protocol.room import LadderOrder, Phase, Replay, as_dict
from samvad.stage import refusals as rules
from samvad.stage.session import MOVES, OPERATOR, TRANSITIONS, Act, Presence, Session, Who

NOW = 1_790_000_000_000
HOST = Who("ann", "Ann", "host")
SPEAKER = Who("bob", "Bob", "speaker")
STRANGER = Who("eve", "Eve", "speaker")


def plan(
    *, speakers: tuple[str, ...] = ("ann", "bob", "cyd"), revision: int = 1, **more: object
) -> EventPlan:
    return EventPlan(
        event="event00001",
        slug="event",
        revision=revision,
        title="A conversation",
        seats=10,
        speakers=tuple(
            PlannedSpeaker(s, s.title(), "host" if s == "ann" else "speaker", f"hash-{s}")
            for s in speakers
        ),
        **more,  # type: ignore[arg-type]
    )


def kinds(session: Session) -> list[str]:
    return [f.kind for f in session.facts]


def test_every_phase_and_presence_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert set(MOVES) == set(Presence)
    for phase, act in itertools.product(Phase, Act):
        session = Session(plan())
        session.phase = phase
        wanted = TRANSITIONS[phase].get(act, phase)
        if act is Act.GO_LIVE:
            session.go_live(HOST, NOW)
        else:
            session.end(NOW)
        assert session.phase is wanted


def test_first_voice_puts_it_on_air_and_only_once() -> None:
    session = Session(plan())
    assert session.heard("bob", NOW) is None
    assert (session.phase, session.live_since_ms) == (Phase.LIVE, NOW)
    assert session.heard("ann", NOW + 5) == rules.ALREADY
    assert session.live_since_ms == NOW
    assert kinds(session) == [journal.WENT_LIVE]


def test_with_the_host_s_button_no_voice_begins() -> None:
    session = Session(plan(on_air="host"))
    assert session.heard("bob", NOW) == rules.NOT_VOICE
    assert session.go_live(SPEAKER, NOW) == rules.NOT_HOST
    assert session.phase is Phase.OFF
    assert session.go_live(HOST, NOW) is None
    assert session.phase is Phase.LIVE


def test_a_muted_or_unknown_voice_begins_nothing() -> None:
    session = Session(plan())
    session.mute(SPEAKER, "bob", True, NOW)
    assert session.heard("bob", NOW) == rules.NOT_VOICE
    assert session.heard("eve", NOW) == rules.NOT_VOICE
    assert session.phase is Phase.OFF


def test_ending_sends_everybody_out_and_is_idempotent() -> None:
    session = Session(plan())
    session.join("bob", NOW)
    session.heard("bob", NOW)
    assert session.end_by(SPEAKER, NOW) == rules.NOT_HOST
    assert session.end_by(HOST, NOW + 1000) is None
    assert session.end_by(HOST, NOW + 9000) is None
    assert session.ended_ms == NOW + 1000
    assert {"ann", "bob", "cyd"} <= session.drop
    assert kinds(session).count(journal.ENDED) == 1
    assert kinds(session).count(journal.SPEAKER_LEFT) == 1
    assert session.may_join(SPEAKER) == rules.ENDED
    assert session.may_listen(SPEAKER) == rules.ENDED
    assert session.go_live(HOST, NOW + 9000) == rules.ALREADY


def test_joining_and_leaving_are_facts_and_rejoining_is_not_twice() -> None:
    session = Session(plan())
    session.join("bob", NOW)
    session.join("bob", NOW + 1)
    session.leave("bob", NOW + 2)
    session.leave("bob", NOW + 3)
    assert kinds(session) == [journal.SPEAKER_JOINED, journal.SPEAKER_LEFT]


def test_twelve_places_and_no_more() -> None:
    many = tuple(f"s{i:02}" for i in range(14))
    session = Session(plan(speakers=many), places=12)
    for name in many[:12]:
        assert session.join(name, NOW) is None
    assert session.join(many[12], NOW) == rules.FULL
    assert session.join(many[3], NOW) is None  # who is here may connect anew
    session.leave(many[0], NOW)
    assert session.join(many[12], NOW) is None


def test_who_may_mute_whom() -> None:
    session = Session(plan())
    assert session.mute(SPEAKER, "bob", True, NOW) is None
    assert session.mute(SPEAKER, "ann", True, NOW) == rules.NOT_HOST
    assert session.mute(HOST, "bob", False, NOW) is None
    assert session.mute(HOST, "eve", True, NOW) == rules.NO_SPEAKER
    assert session.mute(OPERATOR, "ann", True, NOW) is None
    assert [s.muted for s in session.state().speakers] == [True, False, False]


def test_a_muted_speaker_shows_no_level() -> None:
    session = Session(plan())
    session.join("bob", NOW)
    assert session.levels("bob", 0.5, True)
    assert not session.levels("bob", 0.5, True)
    session.mute(HOST, "bob", True, NOW)
    assert not session.levels("bob", 0.5, True)
    bob = session.state().speakers[1]
    assert (bob.level, bob.speaking, bob.here) == (0.0, False, True)


def test_a_removed_speaker_stays_out_until_the_plan_changes() -> None:
    session = Session(plan())
    session.join("bob", NOW)
    assert session.remove(SPEAKER, "ann", NOW) == rules.NOT_HOST
    assert session.remove(HOST, "bob", NOW) is None
    assert session.drop == {"bob"}
    assert session.may_join(SPEAKER) == rules.REMOVED
    assert session.may_listen(SPEAKER) == rules.REMOVED
    # A revision about something else lets nobody back in.
    session.replan(plan(revision=2, description="new words"), NOW)
    assert session.may_join(SPEAKER) == rules.REMOVED
    renamed = plan(revision=3)
    first, *others = renamed.speakers
    first = dataclasses.replace(first, name="Anna")
    session.replan(dataclasses.replace(renamed, speakers=(first, *others)), NOW)
    assert session.may_join(SPEAKER) is None


def test_a_new_plan_adds_takes_away_and_rekeys() -> None:
    session = Session(plan())
    for name in ("ann", "bob", "cyd"):
        session.join(name, NOW)
    newer = plan(speakers=("dan", "ann", "bob"), revision=2)
    rekeyed = tuple(
        dataclasses.replace(s, token_hash="other") if s.id == "bob" else s for s in newer.speakers
    )
    session.replan(dataclasses.replace(newer, speakers=rekeyed), NOW)
    assert session.drop == {"bob", "cyd"}
    assert [s.id for s in session.state().speakers] == ["dan", "ann", "bob"]
    assert [s.here for s in session.state().speakers] == [False, True, False]
    assert session.who("hash-bob") is None
    assert session.who("other") == SPEAKER
    assert session.who("hash-cyd") is None


def test_an_older_plan_is_ignored() -> None:
    session = Session(plan(revision=5))
    session.replan(plan(speakers=("ann",), revision=4), NOW)
    assert len(session.state().speakers) == 3


@pytest.mark.parametrize("how", ["ended", "cancelled"])
def test_a_plan_that_is_over_ends_the_session(how: str) -> None:
    session = Session(plan())
    session.heard("bob", NOW)
    session.replan(plan(revision=2, **{how: True}), NOW + 5)
    assert session.phase is Phase.ENDED


def test_a_chapter_is_marked_by_the_host_and_on_air() -> None:
    session = Session(plan(), places=4)
    assert session.mark(HOST, "Questions", NOW) == rules.NOT_LIVE
    session.go_live(HOST, NOW)
    assert session.mark(SPEAKER, "Questions", NOW) == rules.NOT_HOST
    assert session.mark(HOST, "  Questions  from  all ", NOW + 5) is None
    fact = session.facts[-1]
    assert (fact.kind, fact.at_ms) == (journal.MARK, NOW + 5)
    assert fact.data == {"title": "Questions from all", "by": "Ann"}


def test_the_status_line_is_the_host_s_and_short() -> None:
    session = Session(plan())
    assert session.say(SPEAKER, "hello", NOW) == rules.NOT_HOST
    refused = session.say(HOST, "x" * 281, NOW)
    assert refused is not None
    assert refused.code == "too_long"
    assert session.say(HOST, "  back\nsoon  ", NOW) is None
    assert session.status is not None
    assert session.status.text == "back soon"
    session.say(HOST, "", NOW)
    assert session.status is None


def test_the_ladder_is_the_host_s_and_has_the_plan_s_rungs() -> None:
    session = Session(plan())
    top = len(session.plan.ladder)
    assert session.order(SPEAKER, "force", 1, NOW) == rules.NOT_HOST
    for mode, rung in [("force", top + 1), ("hold", -1), ("climb", 1)]:
        assert session.order(HOST, mode, rung, NOW) == rules.NOT_RUNG
    assert session.state().ladder is None
    assert session.order(HOST, "force", top, NOW) is None
    assert session.state().ladder == LadderOrder("force", top, "Ann", NOW)
    assert session.order(OPERATOR, "hold", 0, NOW + 1) is None
    assert session.order(HOST, "auto", top, NOW + 2) is None
    assert session.state().ladder == LadderOrder("auto", 0, "Ann", NOW + 2)
    assert kinds(session) == [journal.LADDER] * 3
    assert session.facts[0].data == {"mode": "force", "rung": top, "effect": "later", "by": "Ann"}
    assert session.facts[1].data["by"] == "Operator"
    session.end(NOW + 3)
    assert session.order(HOST, "auto", 0, NOW + 4) == rules.ENDED


def test_whatever_a_host_does_is_a_fact_with_their_name() -> None:
    session = Session(plan(on_air="host"))
    session.go_live(HOST, NOW)
    session.say(HOST, "Hello", NOW)
    session.mute(HOST, "bob", True, NOW)
    session.mute(HOST, "bob", True, NOW)  # nothing new
    session.mute(HOST, "bob", False, NOW)
    session.mute(SPEAKER, "bob", True, NOW)  # one's own microphone
    session.remove(OPERATOR, "cyd", NOW)
    session.remove(HOST, "cyd", NOW)  # was out already
    session.end_by(HOST, NOW)
    session.end_by(OPERATOR, NOW)  # was over already
    assert [(f.kind, f.data.get("speaker"), f.data["by"]) for f in session.facts] == [
        (journal.WENT_LIVE, None, "Ann"),
        (journal.STATUS, None, "Ann"),
        (journal.SPEAKER_MUTED, "bob", "Ann"),
        (journal.SPEAKER_UNMUTED, "bob", "Ann"),
        (journal.SPEAKER_REMOVED, "cyd", "Operator"),
        (journal.ENDED, None, "Ann"),
    ]


def test_what_happens_by_itself_has_no_name() -> None:
    session = Session(plan())
    session.heard("bob", NOW)
    session.end(NOW)
    assert [f.kind for f in session.facts] == [journal.WENT_LIVE, journal.ENDED]
    assert all("by" not in f.data for f in session.facts)


def test_a_stranger_and_the_operator() -> None:
    session = Session(plan())
    assert session.may_join(STRANGER) == rules.NOT_SPEAKER
    assert session.may_join(OPERATOR) == rules.NOT_SPEAKER
    assert session.may_listen(OPERATOR) is None
    assert session.end_by(OPERATOR, NOW) is None


def test_memory_survives_a_restart() -> None:
    session = Session(plan())
    session.heard("bob", NOW)
    session.mute(HOST, "cyd", True, NOW)
    session.remove(HOST, "bob", NOW)
    session.say(HOST, "Welcome", NOW)
    session.order(HOST, "hold", 2, NOW)
    again = Session(plan())
    again.remember(session.memory())
    assert as_dict(again.state()) == as_dict(session.state())
    assert again.ladder == LadderOrder("hold", 2, "Ann", NOW)
    assert again.may_join(SPEAKER) == rules.REMOVED
    older = session.memory()
    del older["ladder"]  # as the first version wrote it
    again.remember(older)
    assert again.ladder is None
    session.end(NOW + 10)
    session.recorded(Replay(5, 6), NOW + 20)
    again.remember(session.memory())
    assert again.state().replay == Replay(5, 6)


@pytest.mark.parametrize("damaged", [{}, {"phase": "x"}, {"phase": "live", "live_since_ms": 1}])
def test_a_damaged_memory_changes_nothing(damaged: dict[str, object]) -> None:
    session = Session(plan())
    before = as_dict(session.state())
    with pytest.raises((KeyError, ValueError, TypeError)):
        session.remember(damaged)
    assert as_dict(session.state()) == before


WHO = st.sampled_from([HOST, SPEAKER, STRANGER, OPERATOR])
IDS = st.sampled_from(["ann", "bob", "cyd", "eve"])


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, the room stays consistent."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(plan(), places=2)
        self.now = NOW
        self.revision = 1

    def tick(self) -> int:
        self.now += 20
        return self.now

    @rule(id_=IDS)
    def join(self, id_: str) -> None:
        self.session.join(id_, self.tick())

    @rule(id_=IDS)
    def leave(self, id_: str) -> None:
        self.session.leave(id_, self.tick())

    @rule(by=WHO, id_=IDS, muted=st.booleans())
    def mute(self, by: Who, id_: str, muted: bool) -> None:
        self.session.mute(by, id_, muted, self.tick())

    @rule(by=WHO, id_=IDS)
    def remove(self, by: Who, id_: str) -> None:
        self.session.remove(by, id_, self.tick())

    @rule(by=WHO)
    def go_live(self, by: Who) -> None:
        self.session.go_live(by, self.tick())

    @rule(by=WHO, mode=st.sampled_from(["auto", "hold", "force"]), rung=st.integers(0, 9))
    def order(self, by: Who, mode: str, rung: int) -> None:
        self.session.order(by, mode, rung, self.tick())

    @rule(id_=IDS)
    def heard(self, id_: str) -> None:
        self.session.heard(id_, self.tick())

    @rule(by=WHO)
    def end(self, by: Who) -> None:
        self.session.end_by(by, self.tick())

    @rule(speakers=st.lists(st.sampled_from(["ann", "bob", "cyd", "dan"]), unique=True, min_size=1))
    def replan(self, speakers: list[str]) -> None:
        self.revision += 1
        self.session.replan(plan(speakers=tuple(speakers), revision=self.revision), self.tick())

    @rule(id_=IDS, level=st.floats(0, 1), speaking=st.booleans())
    def levels(self, id_: str, level: float, speaking: bool) -> None:
        self.session.levels(id_, level, speaking)

    @invariant()
    def consistent(self) -> None:
        session = self.session
        here = [s for s in session.state().speakers if s.here]
        assert len(here) <= 2
        assert (session.phase is Phase.ENDED) == (session.ended_ms is not None)
        assert session.phase is not Phase.LIVE or session.live_since_ms is not None
        assert not (session.phase is Phase.ENDED and here)
        assert [s.id for s in session.state().speakers] == [s.id for s in session.plan.speakers]
        for speaker in session.state().speakers:
            assert speaker.here or not speaker.speaking
        joined = kinds(session).count(journal.SPEAKER_JOINED)
        assert joined - kinds(session).count(journal.SPEAKER_LEFT) == len(here)
        assert kinds(session).count(journal.WENT_LIVE) <= 1
        assert kinds(session).count(journal.ENDED) <= 1
        again = Session(session.plan)
        again.remember(session.memory())
        assert again.phase is session.phase
        assert again.ladder == session.ladder


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase

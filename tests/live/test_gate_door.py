"""The door of one event over a real house: who comes in, who waits, who is sent away."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate import door
from samvad.gate.board import Board
from samvad.gate.calls import KEEP_S
from samvad.gate.door import Admit, Reason, Refuse, Shown, Terms, Visitor, Wait
from samvad.gate.house import House
from samvad.gate.lines import Figure
from samvad.gate.place import Places
from samvad.gate.seats import Seats
from samvad.gate.state import Situation
from samvad.protocol.passes import Lane
from samvad.protocol.ticket import Ticket, Tickets, sign, verify
from tests.kit.gates import EVENT, START_MS

KEY = bytes(32)
LIVE = Terms(Situation.LIVE)


class Evening:
    """A door, a house of so many seats, and a clock."""

    def __init__(self, folder: Path, seats: int, per_s: float = 100.0) -> None:
        self.folder, self.now = folder, 1000.0
        self.houses = [self.open(seats, spread) for spread in range(2)]
        for house in self.houses:
            house.per_s, house.doors_open = per_s, True
        self.doors = [door.Door(house, Tickets(KEY), Places(KEY)) for house in self.houses]

    def open(self, seats: int, spread: int) -> House:
        table = Seats(self.folder / "seats", seats, 300.0, spread)
        return House(table, Board(self.folder / "board"), b"secret")

    @property
    def house(self) -> House:
        return self.houses[0]

    @property
    def wall_ms(self) -> int:
        return START_MS + int(self.now * 1000)

    def pass_time(self, seconds: float) -> None:
        while seconds > 0:
            self.now += min(0.1, seconds)
            seconds -= 0.1
            for house in self.houses:
                house.tick(self.now)

    def knock(self, terms: Terms = LIVE, gate: int = 0, **who: object) -> door.Verdict:
        return self.doors[gate].decide(terms, Visitor(**who), self.now, self.wall_ms)

    def admitted(self, gate: int = 0, **who: object) -> Ticket:
        verdict = self.knock(gate=gate, **who)
        assert isinstance(verdict, Admit), verdict
        ticket = verify(KEY, verdict.ticket, self.wall_ms)
        assert ticket is not None
        return ticket

    def waits(self, terms: Terms = LIVE, gate: int = 0, **who: object) -> Wait:
        verdict = self.knock(terms, gate, **who)
        assert isinstance(verdict, Wait), verdict
        return verdict


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Evening]:
    evening = Evening(tmp_path, 2)
    yield evening
    for house in evening.houses:
        house.close()


def test_who_finds_a_seat_walks_in_and_the_next_one_waits_with_a_number(small: Evening) -> None:
    first, second = small.admitted(0), small.admitted(1)
    assert first.seat != second.seat
    third = small.waits(gate=1)
    assert (third.number, third.serving, third.ahead, third.lane) == (1, 0, 0, Lane.ANYONE)
    fourth = small.waits(gate=0)
    assert (fourth.number, fourth.ahead) == (2, 1)
    # People walked in a moment ago; that says nothing of a line in front of a full house.
    assert small.house.rate_per_s(small.now) > 0
    assert fourth.estimate_s is None
    assert small.waits(gate=0, place=fourth.place).estimate_s is None
    assert small.house.figure(Figure.JOINED) == 2


def test_a_leavers_seat_goes_to_who_is_first_in_line(small: Evening) -> None:
    held = small.admitted()
    small.admitted()
    one = small.waits(gate=1)
    two = small.waits(gate=0, place="")
    small.house.leave(held)
    small.pass_time(0.5)
    # The bucket is closed when its turn comes: who of the two is first is drawn by lot.
    again = [small.knock(place=one.place), small.knock(gate=1, place=two.place)]
    assert {type(v) for v in again} == {Admit, Wait}
    waiting = next(v for v in again if isinstance(v, Wait))
    assert (waiting.number, waiting.serving, waiting.ahead) == (2, 1, 0)
    assert waiting.final


def test_nobody_walks_past_the_line(small: Evening) -> None:
    held = [small.admitted(), small.admitted()]
    one = small.waits()
    small.house.leave(held[0])
    small.house.leave(held[1])
    late = small.waits(gate=1)
    small.pass_time(0.3)
    assert isinstance(small.knock(place=one.place), Admit)
    assert isinstance(small.knock(place=late.place), Admit)


def test_the_pace_is_kept_however_many_seats_are_free(tmp_path: Path) -> None:
    evening = Evening(tmp_path, 1000, per_s=20.0)
    verdicts = [evening.knock(gate=n % 2) for n in range(100)]
    assert sum(isinstance(v, Admit) for v in verdicts) == 10, "a burst of half a second"
    places = [v.place for v in verdicts if isinstance(v, Wait)]
    for _ in range(20):
        evening.pass_time(0.1)
        places = [p for p in places if isinstance(evening.knock(place=p), Wait)]
    assert 90 - len(places) == pytest.approx(40, abs=2)


def test_a_ticket_keeps_its_seat_and_a_forged_one_is_none(small: Evening) -> None:
    verdict = small.knock()
    assert isinstance(verdict, Admit)
    small.pass_time(0.2)
    again = small.knock(gate=1, ticket=verdict.ticket)
    assert isinstance(again, Admit)
    assert (
        verify(KEY, again.ticket, small.wall_ms)[:2]
        == verify(KEY, verdict.ticket, small.wall_ms)[:2]
    )
    small.admitted(ticket=verdict.ticket[:-1] + "A")  # the second seat
    small.waits(ticket="nonsense")


def test_a_place_is_kept_for_five_minutes_after_its_call_and_is_good_for_two(
    small: Evening,
) -> None:
    held = [small.admitted(), small.admitted()]
    places = [small.waits().place for _ in range(2)]
    for ticket in held:
        small.house.leave(ticket)
    small.pass_time(1.0)
    small.now += KEEP_S - 10
    first = small.admitted(place=places[0])
    small.house.leave(first)
    second = small.admitted(place=places[0])  # the first answer was lost on its way
    small.house.leave(second)
    third = small.knock(place=places[0])
    assert isinstance(third, Admit | Wait)
    if isinstance(third, Wait):
        assert third.place != places[0], "a place passed on to many is a new one"
    small.now += 20
    late = small.knock(place=places[1])
    assert not isinstance(late, Wait) or late.place != places[1]


def test_before_the_doors_all_are_one_bucket_and_earlier_nobody_is(small: Evening) -> None:
    opens_ms = small.wall_ms + 45 * 60_000
    early = Terms(Situation.ANNOUNCED, opens_ms)
    assert small.knock(early) == Refuse(Reason.NOT_OPEN, 30_000)
    small.now += 20 * 60
    for house in small.houses:
        house.doors_open = False
    waits = [small.waits(early, gate=n % 2) for n in range(30)]
    assert [w.number for w in waits] == list(range(1, 31))
    assert not any(w.final for w in waits)
    small.pass_time(1.0)
    assert small.waits(early, place=waits[3].place).number == 4, "nobody was called"
    for house in small.houses:
        house.doors_open = True
    small.pass_time(0.3)
    later = [small.knock(place=w.place) for w in waits]
    assert sum(isinstance(v, Admit) for v in later) == 2
    numbers = [v.number for v in later if isinstance(v, Wait)]
    assert sorted(numbers) == list(range(3, 31))
    assert numbers != sorted(numbers)
    assert Refuse(Reason.NOT_OPEN, 30_000) == small.knock(Terms(Situation.ANNOUNCED))


def test_lanes_go_before_each_other(small: Evening) -> None:
    held = small.admitted()
    small.admitted()
    anyone = small.waits()
    member = small.waits(lane=Lane.MEMBER)
    guest = small.waits(lane=Lane.GUEST)
    assert [w.number for w in (anyone, member, guest)] == [1, 1, 1]
    assert [w.ahead for w in (anyone, member, guest)] == [0, 0, 0]
    assert small.waits(place=anyone.place).ahead == 2
    small.house.leave(held)
    small.pass_time(0.3)
    small.waits(place=anyone.place)
    small.waits(place=member.place)
    small.admitted(place=guest.place)


def test_with_an_invitation_only(small: Evening) -> None:
    terms = Terms(Situation.LIVE, invited_only=True)
    assert small.knock(terms) == Refuse(Reason.INVITE)
    verdict = small.knock(terms, invited=True)
    assert isinstance(verdict, Admit)
    assert isinstance(small.knock(terms, ticket=verdict.ticket), Admit), "once in, always in"


def test_a_closed_door_keeps_the_line_and_those_inside(small: Evening) -> None:
    inside = small.knock()
    assert isinstance(inside, Admit)
    small.admitted()
    place = small.waits().place
    closed = Terms(Situation.LIVE, closed=True)
    small.house.leave(verify(KEY, inside.ticket, small.wall_ms))
    for house in small.houses:
        house.per_s = 0.0
    small.pass_time(1.0)
    assert small.knock(closed) == Refuse(Reason.CLOSED, 30_000)
    assert small.waits(closed, place=place).number == 1
    assert isinstance(small.knock(closed, ticket=inside.ticket), Admit), "the seat is still free"


def test_who_was_put_out_hears_so(small: Evening) -> None:
    first = small.knock()
    small.pass_time(2.0)
    second = small.knock()
    assert isinstance(first, Admit)
    assert isinstance(second, Admit)
    assert small.house.seats.reduce(small.now, 1) == 1
    reduced = Terms(Situation.LIVE, closed=True, reduced=True)
    assert small.knock(reduced, ticket=second.ticket) == Refuse(Reason.REDUCED, 60_000)
    assert isinstance(small.knock(reduced, ticket=first.ticket), Admit)


@pytest.mark.parametrize(
    ("situation", "reason"),
    [(Situation.CANCELLED, Reason.CANCELLED), (Situation.ENDED, Reason.ENDED)],
)
def test_when_all_is_over(small: Evening, situation: Situation, reason: Reason) -> None:
    assert small.knock(Terms(situation)) == Refuse(reason)


def test_a_gate_that_sleeps_under_the_lock_is_a_busy_door(small: Evening) -> None:
    import fcntl

    with open(small.folder / "board", "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert small.knock() == Refuse(Reason.FULL, 500)
    small.admitted()


def test_the_line_outlives_every_gate(small: Evening) -> None:
    small.admitted()
    small.admitted()
    place = small.waits().place
    for house in small.houses:
        house.close()
    small.houses = [small.open(2, 0)]
    small.doors = [door.Door(small.house, Tickets(KEY), Places(KEY))]
    small.house.per_s, small.house.doors_open = 100.0, True
    assert small.waits(place=place).number == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", Shown()),
        (b" \n", Shown()),
        (b"{}", Shown()),
        (b'{"ticket": null}', Shown()),
        (b'{"ticket": "abc", "more": 1}', Shown("abc")),
        (
            '{"place": "p", "pass": "q", "phrase": "ચા"}'.encode(),
            Shown(place="p", pass_="q", phrase="ચા"),
        ),
        (b'{"ticket": 1}', None),
        (b'{"phrase": 1}', None),
        (b'{"ticket": "\xc3\xa9"}', None),
        (b"[1]", None),
        (b"nonsense", None),
        (b"\xff\xfe", None),
        (b"[" * 4000, None),
    ],
)
def test_what_is_shown_at_the_door(body: bytes, expected: Shown | None) -> None:
    assert door.read_shown(body) == expected


@given(st.text(max_size=40))
def test_no_text_is_a_place(text: str) -> None:
    assert Places(KEY).verify(text) is None


def test_verdicts_as_the_player_reads_them() -> None:
    ticket = sign(KEY, Ticket(1, 2, 3))
    assert json.loads(door.admitted(EVENT, Admit(ticket))) == {
        "verdict": "admit",
        "ticket": ticket,
        "play": f"/live/{EVENT}/{ticket}/master.m3u8",
    }
    wait = Wait("PLACE", Lane.MEMBER, 7, 3, True, 12, 4.04, 2000)
    assert json.loads(door.as_json(wait)) == {
        "verdict": "wait",
        "number": 7,
        "serving": 3,
        "retry_after_ms": 2000,
        "place": "PLACE",
        "lane": "member",
        "final": True,
        "ahead": 12,
        "estimate_s": 4.0,
    }
    over = Refuse(Reason.ENDED)
    assert json.loads(door.as_json(over, "/live/x/replay.m4a")) == {
        "verdict": "refuse",
        "reason": "ended",
        "replay": "/live/x/replay.m4a",
        "retry_after_ms": None,
    }


def test_looks_grow_rare_with_the_wait() -> None:
    assert [door.look_again_ms(9, s) for s in (1.0, 10.0, 3600.0)] == [2_000, 5_000, 24_000]
    assert [door.look_again_ms(n, None) for n in (0, 300, 9_999)] == [2_000, 5_000, 24_000]
    assert [door.far_ms(n, moves=False) for n in (0, 3_000, 99_999)] == [2_000, 6_000, 12_000]
    assert [door.far_ms(n, moves=True) for n in (0, 3_000, 99_999)] == [2_000, 6_000, 24_000]

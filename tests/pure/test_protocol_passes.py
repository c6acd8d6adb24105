"""Passes say their lane, for one event and one time, and nobody else can make one."""

import base64

import pytest

from samvad.protocol import passes, ticket
from samvad.protocol.passes import Lane, Pass
from samvad.protocol.secret import derive

SECRET = bytes(range(32))
KEY = passes.key(SECRET, "abc1234567")
WALL_MS = 1_800_000_000_000
EXPIRES = WALL_MS // 60_000 + 10


@pytest.mark.parametrize("lane", [Lane.GUEST, Lane.REMINDER, Lane.MEMBER])
def test_pass_says_its_lane(lane: Lane) -> None:
    token = passes.sign(KEY, Pass(lane, 2**32 - 1, EXPIRES))
    assert len(token) == passes.PASS_CHARS
    assert passes.read(KEY, token, WALL_MS) is lane
    assert passes.verify(KEY, token, WALL_MS) == Pass(lane, 2**32 - 1, EXPIRES)


def test_pass_ends_with_its_minute() -> None:
    token = passes.sign(KEY, Pass(Lane.MEMBER, 7, EXPIRES))
    assert passes.read(KEY, token, EXPIRES * 60_000 - 1) is Lane.MEMBER
    assert passes.read(KEY, token, EXPIRES * 60_000) is None


def test_pass_of_another_event_or_site_is_none() -> None:
    token = passes.sign(KEY, Pass(Lane.GUEST, 7, EXPIRES))
    assert passes.read(passes.key(SECRET, "abc1234568"), token, WALL_MS) is None
    assert passes.read(passes.key(bytes(32), "abc1234567"), token, WALL_MS) is None
    assert passes.read(derive(SECRET, "ticket", "abc1234567"), token, WALL_MS) is None


def test_every_changed_bit_is_seen() -> None:
    raw = base64.urlsafe_b64decode(passes.sign(KEY, Pass(Lane.MEMBER, 7, EXPIRES)))
    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        assert passes.read(KEY, base64.urlsafe_b64encode(forged).decode(), WALL_MS) is None


@pytest.mark.parametrize("text", ["", "x", "A" * 28, "A" * 27 + "=", "é" * 28, "+" * 28, "-" * 29])
def test_what_is_no_pass_is_none(text: str) -> None:
    assert passes.read(KEY, text, WALL_MS) is None


def test_the_other_base64_alphabet_is_no_second_spelling() -> None:
    one = next(
        token
        for n in range(200)
        if {"-", "_"} & set(token := passes.sign(KEY, Pass(Lane.GUEST, n, EXPIRES)))
    )
    assert passes.read(KEY, one, WALL_MS) is Lane.GUEST
    assert passes.read(KEY, one.replace("-", "+").replace("_", "/"), WALL_MS) is None


def test_a_ticket_is_no_pass_and_anyone_gets_none() -> None:
    seat = ticket.sign(KEY, ticket.Ticket(1, 1, EXPIRES))
    assert passes.read(KEY, seat, WALL_MS) is None
    with pytest.raises(ValueError, match="no pass"):
        passes.sign(KEY, Pass(Lane.ANYONE, 1, EXPIRES))


def test_ids_stand_for_somebody_without_saying_whom() -> None:
    assert passes.id_of("speaker/a") == passes.id_of("speaker/a")
    assert passes.id_of("speaker/a") != passes.id_of("speaker/b")
    assert 0 <= passes.id_of("member/1") < 2**32

"""A ticket is believed when it is ours, for this event and in time; never otherwise."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.secret import derive
from samvad.protocol.ticket import LONGEST_MIN, TICKET_CHARS, Ticket, sign, verify

SITE = bytes(range(32))
KEY = derive(SITE, "ticket", "evening1")
NOW = 1_700_000_000_000
IN_AN_HOUR = NOW // 60_000 + 60

u32 = st.integers(0, 2**32 - 1)


@given(seat=u32, generation=u32)
def test_a_signed_ticket_is_read_back(seat: int, generation: int) -> None:
    ticket = Ticket(seat, generation, IN_AN_HOUR)
    text = sign(KEY, ticket)
    assert len(text) == TICKET_CHARS
    assert verify(KEY, text, NOW) == ticket
    assert verify(KEY, text.encode(), NOW) == ticket


@given(position=st.integers(0, 23), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, flip: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(sign(KEY, Ticket(7, 1, IN_AN_HOUR))))
    raw[position] ^= flip
    assert verify(KEY, base64.urlsafe_b64encode(raw).decode(), NOW) is None


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_garbage_is_refused_and_never_raises(garbage: str | bytes) -> None:
    assert verify(KEY, garbage, NOW) is None


def test_a_ticket_of_another_event_is_refused() -> None:
    other = derive(SITE, "ticket", "evening2")
    assert verify(KEY, sign(other, Ticket(0, 0, IN_AN_HOUR)), NOW) is None


def test_a_ticket_expires_at_its_minute() -> None:
    text = sign(KEY, Ticket(0, 0, IN_AN_HOUR))
    last = IN_AN_HOUR * 60_000 - 1
    assert verify(KEY, text, last) is not None
    assert verify(KEY, text, last + 1) is None


def test_no_ticket_is_good_for_longer_than_any_is_signed_for() -> None:
    longest = NOW // 60_000 + LONGEST_MIN
    assert verify(KEY, sign(KEY, Ticket(0, 0, longest)), NOW) is not None
    assert verify(KEY, sign(KEY, Ticket(0, 0, longest + 1)), NOW) is None


def test_keys_of_different_purposes_differ() -> None:
    purposes = ["ticket", "media", "uplink", "operator"]
    keys = {derive(SITE, p, e) for p in purposes for e in ("a", "b")}
    assert len(keys) == 8

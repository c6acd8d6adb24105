"""A forged ticket after another: what is compared in place of being read is read the same way."""

from hypothesis import example, given
from hypothesis import strategies as st

from samvad.gate.http1 import Request, take
from samvad.gate.insist import VOID_S, VOID_TIMES, Insisting, Void
from samvad.protocol.ticket import Ticket, Tickets

NOW = 1_700_000_000_000
TICKETS = Tickets(bytes(32))
GOOD = TICKETS.sign(Ticket(3, 1, NOW // 60_000 + 60)).encode()
FIELDS = b"Host: a\r\nAccept: */*\r\n\r\n"


def asked(ticket: bytes, before: bytes = b"GET ", rest: bytes = b"/aac/index.m3u8") -> bytes:
    return before + b"/live/abc123/" + ticket + rest + b" HTTP/1.1\r\n" + FIELDS


def after(data: bytes) -> Insisting | None:
    request, _ = take(data)
    assert isinstance(request, Request)
    return Insisting.after(request, TICKETS)


FORGED = after(asked(b"A" * 32))


def test_another_forged_ticket_is_refused_and_nothing_else() -> None:
    assert FORGED is not None
    assert FORGED.refuses(asked(b"B" * 32), NOW)
    assert FORGED.refuses(asked(b"too-short"), NOW)
    assert not FORGED.refuses(asked(GOOD), NOW)
    assert not FORGED.refuses(asked(b"B" * 32, rest=b"/aac/long.m3u8"), NOW)
    assert not FORGED.refuses(asked(b"B" * 32, before=b"HEAD "), NOW)
    assert not FORGED.refuses(asked(b"B" * 32)[:-1], NOW)
    assert not FORGED.refuses(asked(b"B" * 32) * 2, NOW)
    assert not FORGED.refuses(b"", NOW)


@given(st.one_of(st.binary(max_size=80), st.text("aB-_/?. \r\n%", max_size=80).map(str.encode)))
@example(b"x/aac/index.m3u8 HTTP/1.1\r\n" + FIELDS + b"GET /live/abc123/y")
@example(b"")
def test_what_it_refuses_is_one_whole_request_for_that_very_playlist(ticket: bytes) -> None:
    data = asked(ticket)
    assert FORGED is not None
    if FORGED.refuses(data, NOW):
        request, taken = take(data)
        assert isinstance(request, Request)
        assert taken == len(data)
        assert request.target.split(b"/", 4)[3] == ticket
        assert TICKETS.verify(ticket, NOW) is None


def test_what_is_not_of_the_usual_form_is_read_each_time() -> None:
    assert after(asked(b"A" * 32, before=b"HEAD ")) is None
    assert after(b"GET /live/abc123/x/y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") is None


def test_a_player_may_show_a_void_ticket_a_few_times_and_no_more() -> None:
    void = Void()
    for evening in range(10):  # it is put out, asks for sound and captions, and goes to the door
        assert not any(void.again(evening * 600.0 + n / 10) for n in range(4))
    shown = [void.again(7_000.0 + n) for n in range(8)]
    assert shown == [False] * VOID_TIMES + [True] * (8 - VOID_TIMES)
    assert not void.again(7_000.0 + VOID_S)

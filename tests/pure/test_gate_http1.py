"""The request parser against h11, against the RFC's sentences, and against bytes from anywhere.

The law of the differential tests: whatever we accept, h11 accepts and means the same by it. We
refuse more than h11 does (bare LF, obs-fold, bodies of unknown length), never less.
"""

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from samvad.gate.http1 import MAX_FIELDS, MAX_HEAD, MAX_LINE, Refused, Request, Wanted, take

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALUE = "".join(map(chr, range(0x20, 0x7F))) + "\t"


def said(line: str = "GET / HTTP/1.1", *fields: str, host: bool = True) -> bytes:
    lines = [line, *(["Host: example.org"] if host else []), *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status(data: bytes) -> int:
    outcome, taken = take(data)
    assert isinstance(outcome, Refused), outcome
    assert taken == 0
    return outcome.status


def good(data: bytes) -> Request:
    outcome, _ = take(data)
    assert isinstance(outcome, Request), outcome
    return outcome


def with_h11(data: bytes) -> h11.Request | None:
    """What h11 makes of the first request in `data`; None if it refuses or wants more."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD * 2)
    server.receive_data(data)
    try:
        event = server.next_event()
    except h11.RemoteProtocolError:
        return None
    return event if isinstance(event, h11.Request) else None


# -- the same as h11 --------------------------------------------------------------------------

methods = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "BREW", "get", "G ET"])
targets = st.text(st.sampled_from("/abz?=&%._-~ \t#é"), max_size=20).map(lambda t: "/" + t)
versions = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "http/1.1"])
names = st.text(st.sampled_from(TOKEN), min_size=1, max_size=12) | st.sampled_from(
    ["Host", "Connection", "Content-Length", "Transfer-Encoding", "Expect", "Range", "Bad Name", ""]
)
values = st.text(st.sampled_from(VALUE + "é\x00\x7f\x0b"), max_size=20) | st.sampled_from(
    ["0", "5", "05", "+5", "1e3", "5, 5", "close", "keep-alive", "chunked", "gzip", "100-continue"]
)
fields = st.tuples(names, st.sampled_from([":", ": ", " : ", ":\t"]), values).map("".join)
ends = st.sampled_from(["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n "])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = f"{draw(methods)} {draw(targets)} {draw(versions)}"
    lines = [line, *draw(st.lists(st.just("Host: a.example") | fields, max_size=6))]
    text = "".join(line + draw(ends) for line in lines) + draw(st.sampled_from(["\r\n", "\n", ""]))
    return text.encode("latin-1") + draw(st.binary(max_size=8))


@given(requests() | st.binary(max_size=200))
@example(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n")
def test_what_we_accept_h11_accepts_and_means_the_same(data: bytes) -> None:
    outcome, taken = take(data)
    if not isinstance(outcome, Request):
        return
    assert 0 < taken <= len(data)
    theirs = with_h11(data)
    assert theirs is not None
    assert theirs.method == outcome.method
    assert theirs.target == outcome.target or b"://" in theirs.target
    headers = dict(theirs.headers)
    assert outcome.fields.length == int(headers.get(b"content-length", b"0"))
    assert b"transfer-encoding" not in headers
    options = [
        option.strip()
        for name, value in theirs.headers
        if name == b"connection"
        for option in value.lower().split(b",")
    ]
    assert outcome.close == (b"close" in options or theirs.http_version == b"1.0")


ordinary_names = st.text(st.sampled_from(TOKEN), min_size=1, max_size=12).filter(
    lambda n: (
        n.lower()
        not in ("host", "content-length", "transfer-encoding", "expect", "range", "if-range")
    )
)
ordinary_values = st.text(st.sampled_from(VALUE), max_size=30).map(str.strip)


@given(
    st.sampled_from(["GET", "HEAD", "OPTIONS"]),
    st.text(st.sampled_from("/abz?=&%._-~"), max_size=40),
    st.lists(st.tuples(ordinary_names, ordinary_values), max_size=12),
    st.binary(max_size=30),
)
def test_ordinary_requests_are_accepted_and_leave_the_rest(
    method: str, target: str, headers: list[tuple[str, str]], rest: bytes
) -> None:
    data = said(f"{method} /{target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers))
    assert with_h11(data) is not None
    outcome, taken = take(data + rest)
    assert isinstance(outcome, Request)
    assert (outcome.method, outcome.target) == (method.encode(), f"/{target}".encode())
    assert taken == len(data)


@given(requests(), st.integers(1, 5))
def test_bytes_that_come_slowly_mean_the_same(data: bytes, pieces: int) -> None:
    whole, taken = take(data)
    if not isinstance(whole, Request):
        return
    for end in range(0, taken, max(1, taken // pieces)):
        early, _ = take(data[:end])
        assert isinstance(early, Wanted)


@given(requests(), requests() | st.binary(max_size=60), st.booleans())
@example(said(), said() + said(), True)
@example(said(), b"GET / HTTP/1.1\r\nX: y" + said()[14:], True)
def test_what_a_connection_remembers_changes_no_outcome(
    before: bytes, data: bytes, same_fields: bool
) -> None:
    first, _ = take(before)
    if not isinstance(first, Request) or not first.fields.usual:
        return
    if same_fields:
        data += first.fields.raw
    assert take(data, first.fields) == take(data)


@given(st.binary(max_size=300))
def test_any_bytes_have_an_outcome(data: bytes) -> None:
    outcome, taken = take(data)
    assert isinstance(outcome, Request | Refused | Wanted)
    assert 0 <= taken <= len(data)


# -- sentences of the RFCs --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 9112, 3.2: no Host, two, or one that is none.
        (said(host=False), 400),
        (said("GET / HTTP/1.1", "Host: b"), 400),
        (said("GET / HTTP/1.1", "Host: a/b", host=False), 400),
        (said("GET / HTTP/1.1", "Host: a b", host=False), 400),
        # RFC 9112, 5.1: "No whitespace is allowed between the field name and colon".
        (said("GET / HTTP/1.1", "X : y"), 400),
        (said("GET / HTTP/1.1", " X: y"), 400),
        # 5.2: obs-fold "MUST either reject the message by sending a 400".
        (said("GET / HTTP/1.1", "X: y", " z"), 400),
        # RFC 9110, 5.5: "CR, LF, and NUL" in a value are dangerous.
        (said("GET / HTTP/1.1", "X: a\0b"), 400),
        (said("GET / HTTP/1.1", "X: a\rb"), 400),
        (said("GET / HTTP/1.1", "X: a\nb"), 400),
        (said("GET / HTTP/1.1", "no colon here"), 400),
        # RFC 9112, 6: framing that could be read in two ways.
        (said("POST / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 1, 1"), 400),
        (said("POST / HTTP/1.1", "Content-Length: +1"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 1_0"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 0x1"), 400),
        (said("POST / HTTP/1.1", "Content-Length:"), 400),
        (said("POST / HTTP/1.1", "Content-Length: ²"), 400),
        (said("POST / HTTP/1.1", "Transfer-Encoding: chunked"), 411),
        (said("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"), 501),
        (said("POST / HTTP/1.0", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (said("GET / HTTP/1.1", "Content-Length: 5"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 99999"), 413),
        (said("POST / HTTP/1.1", "Content-Length: 99999999999999999999"), 400),
        (said("POST / HTTP/1.1", "Content-Length: 1", "Expect: a-pony"), 417),
        # the request line
        (said("GET /"), 400),
        (said("GET  / HTTP/1.1"), 400),
        (said("GET / HTTP/1.1 "), 400),
        (said("GET /\u00e9 HTTP/1.1"), 400),
        (said("GET x HTTP/1.1"), 400),
        (said("GET * HTTP/1.1"), 400),
        (said("GET ftp://example.org/ HTTP/1.1"), 400),
        (said("GET / http/1.1"), 400),
        (said("GET / HTTP/2.0"), 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (said("DELETE / HTTP/1.1"), 405),
        (said("CONNECT example.org:443 HTTP/1.1"), 405),
        (said("BREW / HTTP/1.1"), 501),
        (said("get / HTTP/1.1"), 501),
        # not HTTP at all
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\nHo", 400),
        (b"\0", 400),
        # sizes
        (b"GET /" + b"a" * MAX_LINE + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * MAX_LINE, 414),
        (said("GET / HTTP/1.1", "X: " + "a" * MAX_HEAD), 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD, 431),
        (said("GET / HTTP/1.1", *(f"X{i}: y" for i in range(MAX_FIELDS))), 431),
    ],
)
def test_refused(data: bytes, expected: int) -> None:
    assert status(data) == expected


def test_the_absolute_form_is_accepted() -> None:
    assert good(said("GET http://example.org:80/a?b HTTP/1.1")).target == b"/a?b"
    assert good(said("GET HTTPS://example.org HTTP/1.1")).target == b"/"


def test_options_for_the_server_as_a_whole() -> None:
    assert good(said("OPTIONS * HTTP/1.1")).target == b"*"


def test_one_empty_line_before_a_request_is_passed_over() -> None:
    data = b"\r\n" + said()
    outcome, taken = take(data)
    assert isinstance(outcome, Request)
    assert taken == len(data)
    assert status(b"\r\n\r\n" + said()) == 400


def test_http10_closes_and_needs_no_host() -> None:
    assert good(said("GET / HTTP/1.0", host=False)).close
    assert not good(said("GET / HTTP/1.1")).close
    assert good(said("GET / HTTP/1.1", "Connection: Foo", "Connection: CLOSE")).close


def test_a_later_minor_version_is_the_latest_we_know() -> None:
    assert not good(said("GET / HTTP/1.7")).close


def test_a_body_is_taken_whole() -> None:
    head = said("POST /door/x HTTP/1.1", "Content-Length: 5")
    assert take(head + b"abcd") == (Wanted.MORE, 0)
    outcome, taken = take(head + b"abcdeGET")
    assert isinstance(outcome, Request)
    assert outcome.body == b"abcde"
    assert taken == len(head) + 5


def test_a_client_that_asks_first_is_told_to_go_on_once() -> None:
    head = said("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-Continue")
    assert take(head)[0] is Wanted.CONTINUE
    assert take(head + b"a")[0] is Wanted.MORE
    assert good(head + b"ab").body == b"ab"
    # RFC 9110, 10.1.1: "MUST ignore" it in an HTTP/1.0 request.
    assert take(head.replace(b"HTTP/1.1", b"HTTP/1.0"))[0] is Wanted.MORE


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
        ("br", False),
        ("gzip;q=0, *", False),
    ],
)
def test_gzip(accepts: str, expected: bool) -> None:
    assert good(said("GET / HTTP/1.1", f"Accept-Encoding: {accepts}")).fields.gzip == expected


def test_sections_are_remembered_by_their_bytes_alone() -> None:
    one = good(said("GET /a HTTP/1.1", "Range: bytes=0-1"))
    two = good(said("GET /b HTTP/1.1", "Range: bytes=0-2"))
    again = good(said("GET /c HTTP/1.1", "Range: bytes=0-1"))
    assert one.fields.range == again.fields.range == b"bytes=0-1"
    assert two.fields.range == b"bytes=0-2"
    # The version is no part of the section: HTTP/1.0 does not inherit what 1.1 needed.
    assert status(b"GET / HTTP/1.1\r\nX: y\r\n\r\n") == 400
    assert good(b"GET / HTTP/1.0\r\nX: y\r\n\r\n").close
    assert status(b"GET / HTTP/1.1\r\nX: y\r\n\r\n") == 400


def test_a_knock_is_remembered_by_its_whole_head_and_has_its_own_body() -> None:
    head = said("POST http://example.org/door/y HTTP/1.1", "Content-Length: 2")
    first, second = good(head + b"ab"), good(head + b"cd")
    first.close = True  # as for one who has asked too fast
    assert (second.target, second.body, second.close) == (b"/door/y", b"cd", False)
    assert second.fields is first.fields
    assert good(head + b"ef").close is False
    assert take(head + b"e")[0] is Wanted.MORE
    assert good(head.replace(b"HTTP/1.1", b"HTTP/1.0") + b"ab").close
    assert status(head.replace(b"th: 2", b"th: 9999") + b"ab") == 413
    assert status(head.replace(b"POST", b"BREW") + b"ab") == 501

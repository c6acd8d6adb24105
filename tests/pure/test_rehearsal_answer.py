"""Answers as the generator reads them, held against h11's writer."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.rehearsal.answer import BadAnswer, Chunks, Heads, read_head


def _written(body: list[bytes], headers: list[tuple[str, str]], status: int = 200) -> bytes:
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.next_event()
    server.next_event()
    out = server.send(h11.Response(status_code=status, headers=headers)) or b""
    for piece in body:
        out += server.send(h11.Data(piece)) or b""
    return out + (server.send(h11.EndOfMessage()) or b"")


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.data())
def test_chunked_bodies_of_h11_in_any_pieces(body: list[bytes], data: st.DataObject) -> None:
    wire = _written(body, [("Transfer-Encoding", "chunked")])
    at = wire.find(b"\r\n\r\n") + 4
    head = read_head(wire[:at])
    assert head.chunked
    assert head.length is None
    assert not head.close
    chunks, rest, done = Chunks(keep=True), wire[at:], False
    while rest:
        assert not done
        size = data.draw(st.integers(1, len(rest)))
        done = chunks.feed(rest[:size])
        rest = rest[size:]
    assert done
    assert chunks.body == b"".join(body)


@given(st.binary(max_size=300))
def test_lengths_of_h11(body: bytes) -> None:
    wire = _written([body], [("Content-Length", str(len(body))), ("Retry-After", "7")], 503)
    at = wire.find(b"\r\n\r\n") + 4
    head = Heads().read(wire[:at])
    assert (head.status, head.length, head.retry_after_s) == (503, len(body), 7.0)
    assert wire[at:] == body


def _head(*lines: str, version: str = "1.1", status: int = 200) -> bytes:
    return "\r\n".join([f"HTTP/{version} {status} Fine", *lines, "", ""]).encode()


def test_what_ends_an_answer() -> None:
    # RFC 9112, 6.3: without a length the body ends with the connection.
    assert read_head(_head()).length is None
    assert read_head(_head()).close
    assert read_head(_head(status=204)).length == 0
    assert read_head(_head("Content-Length: 9", status=304)).length == 0
    # Transfer-Encoding overrides Content-Length.
    assert read_head(_head("content-length: 5", "transfer-encoding: Chunked")).chunked
    assert read_head(_head("Content-Length: 5", "Connection: Close")).close
    assert read_head(_head("Content-Length: 5", version="1.0")).close
    assert not read_head(_head("Content-Length: 5", "Connection: keep-alive", version="1.0")).close
    assert read_head(_head("Content-Encoding: gzip", "Content-Length: 5")).gzip


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        _head("Content-Length: -1"),
        _head("Content-Length: 1", "Content-Length: 2"),
        _head("no colon"),
        _head(status=999),
    ],
)
def test_what_is_no_answer(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        Heads().read(head)


@pytest.mark.parametrize(
    "body", [b"5\r\nabcdefg\r\n", b"x\r\n", b"0\r\n\r\nmore", b"\r\n", b"1" * 2000]
)
def test_broken_chunks(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        Chunks(keep=False).feed(body)


def test_trailers_are_passed_over() -> None:
    assert Chunks(keep=True).feed(b"1;x=y\r\na\r\n0\r\nExpires: never\r\n\r\n")

"""HTTP as browsers, caches and players use it, at a real gate process."""

import contextlib
import http.client
import time

import pytest

from samvad.protocol.playlist_reader import read_media
from tests.kit.gate_evening import Evening, play_of, resolve
from tests.kit.gates import EVENT, fetch, read_all

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


def _media_path(evening: Evening) -> str:
    base = play_of(evening.gates).rpartition("/")[0] + "/aac/"
    return resolve(base, read_media(evening.gates.get(base + "index.m3u8").text).segments[-1].uri)


def test_keep_alive_and_head(evening: Evening) -> None:
    path = _media_path(evening)
    connection = http.client.HTTPConnection("127.0.0.1", evening.gates.port, timeout=10)
    connection.request("GET", path)
    whole = connection.getresponse()
    body = whole.read()
    sock = connection.sock
    for _ in range(5):
        connection.request("HEAD", path)
        head = connection.getresponse()
        assert head.read() == b""
        assert head.headers["Content-Length"] == str(len(body))
        assert head.headers["ETag"] == whole.headers["ETag"]
    assert connection.sock is sock
    connection.close()


def test_ranges_and_conditions_on_media(evening: Evening) -> None:
    path = _media_path(evening)
    whole = evening.gates.get(path)
    tag = whole.headers["ETag"]
    part = evening.gates.get(path, Range="bytes=4990-5009")
    assert (part.status, part.body) == (206, whole.body[4990:5010])
    assert part.headers["Content-Range"] == f"bytes 4990-5009/{len(whole.body)}"
    assert evening.gates.get(path, Range="bytes=-5").body == whole.body[-5:]
    assert evening.gates.get(path, Range="bytes=999999-").status == 416
    assert evening.gates.get(path, Range="bytes=0-1,5-6").body == whole.body
    assert evening.gates.get(path, If_None_Match=tag).status == 304
    assert evening.gates.get(path, Range="bytes=0-1", If_Range='"other"').body == whole.body
    assert evening.gates.get(path, Range="bytes=0-1", If_Range=tag).status == 206


def test_pipelined_requests_are_answered_in_order(evening: Evening) -> None:
    path = _media_path(evening)
    asked = [path, "/absent", f"/live/{EVENT}/state.json", path] * 20
    sent = "".join(f"GET {p} HTTP/1.1\r\nHost: a\r\n\r\n" for p in asked)
    sent += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    got = evening.gates.raw(sent.encode())
    statuses = []
    while got:
        head, _, rest = got.partition(b"\r\n\r\n")
        statuses.append(int(head.split()[1]))
        lengths = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line
        ]
        got = rest[lengths[0] :]
    assert statuses == [200, 404, 200, 200] * 20 + [404]


def test_a_request_in_pieces_and_a_client_that_asks_first(evening: Evening) -> None:
    body = b'{"ticket": ""}'
    head = f"POST /door/{EVENT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n".encode()
    with evening.gates.connect() as sock:
        for byte in head:
            sock.send(bytes([byte]))
        sock.sendall(b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b'"verdict":"admit"' in read_all(sock)


def test_http10_and_a_client_that_sends_and_closes_its_side(evening: Evening) -> None:
    path = _media_path(evening)
    got = evening.gates.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode(), end=True)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close" in got.partition(b"\r\n\r\n")[0]
    assert len(got.partition(b"\r\n\r\n")[2]) == 15_000


def test_other_methods(evening: Evening) -> None:
    url = evening.gates.url
    preflight = fetch(f"{url}/door/{EVENT}", "OPTIONS")
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Length" not in preflight.headers
    assert fetch(f"{url}/door/{EVENT}", "GET").status == 405
    assert fetch(f"{url}{_media_path(evening)}", "POST", body=b"x").status == 405
    assert fetch(f"{url}/e/a-talk", "DELETE").status == 405
    assert fetch(f"{url}/e/a-talk", "BREW").status == 501
    assert fetch(f"{url}/door/{EVENT}", "POST", body=b"[").status == 400
    assert fetch(f"{url}/door/{EVENT}", "POST", body=b"x" * 9999).status == 413
    assert fetch(f"{url}/door/nosuchevent", "POST", body=b"").status == 404


def test_a_slow_head_is_told_and_closed(evening: Evening) -> None:
    began = time.monotonic()
    with evening.gates.connect() as sock:
        sock.sendall(b"GET / HT")
        got = read_all(sock)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < time.monotonic() - began < 6


def test_drops_of_a_head_do_not_prolong_it(evening: Evening) -> None:
    began = time.monotonic()
    with evening.gates.connect() as sock:
        sock.settimeout(0.2)
        answer = b""
        while not answer and time.monotonic() - began < 10:
            sock.sendall(b"X")
            with contextlib.suppress(TimeoutError):
                answer = sock.recv(100)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 6


def test_every_date_is_now(evening: Evening) -> None:
    from email.utils import parsedate_to_datetime

    date = parsedate_to_datetime(evening.gates.get("/absent").headers["Date"])
    assert abs(date.timestamp() - time.time()) < 3


def test_metrics_and_health(evening: Evening) -> None:
    assert evening.gates.admin("/health").json["ok"] is True
    text = evening.gates.admin("/metrics").text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.split(" ")) == 2
    assert evening.gates.counter("requests") > 10
    assert evening.gates.admin("/live").status == 404
    # The admin port serves nothing of the crowd's, and the crowd's nothing of its.
    assert evening.gates.get("/metrics").status == 404

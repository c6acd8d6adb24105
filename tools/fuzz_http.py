#!/usr/bin/env python
"""Fuzz what reads strangers' bytes in the gate: requests, PROXY headers, knocks.

    tools/fuzz_http.py --for 3600            an hour; exits 1 at the first finding
    tools/fuzz_http.py --replay FILE         one input again, with its traceback

With `pip install atheris` (libFuzzer) the search is guided by coverage; without it by a mutator of
our own over the corpus of tests/live/corpus. A finding is an exception, an answer that breaks a
rule below, or a request that h11 reads differently: two readers that disagree are how requests
are smuggled. What is found is written to build/fuzz/.
"""

import argparse
import hashlib
import os
import random
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/live/corpus/http"
OUT = ROOT / "build/fuzz"
sys.path.insert(0, str(ROOT / "src"))

import h11  # noqa: E402

from samvad.gate.connection import READ  # noqa: E402
from samvad.gate.door import read_shown  # noqa: E402
from samvad.gate.http1 import MAX_BODY, Refused, Request, Wanted, take  # noqa: E402
from samvad.gate.insist import Insisting  # noqa: E402
from samvad.protocol.client_addr import Networks, client_of  # noqa: E402
from samvad.protocol.proxy_header import NoHeader, read  # noqa: E402
from samvad.protocol.ticket import Tickets  # noqa: E402

PROXIES = Networks("10.0.0.0/8")
FORGED = (
    b"GET /live/tejgnin9iy/%b/low/index.m3u8 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n"
    b"User-Agent: b\r\n\r\n" % (b"A" * 32)
)
OBJECT = b"/o/" + b"A" * 22 + b".m4s"
TICKETS, NOW_MS = Tickets(b"fuzz" * 8), 1_800_000_000_000


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever a reader lets through."""
    known = None
    at = 0
    for _ in range(8):
        request, taken = take(data[at:], known)
        assert 0 <= taken <= len(data) - at
        if not isinstance(request, Request):
            assert isinstance(request, Refused | Wanted)
            assert taken == 0
            break
        assert taken > 0
        assert request.target.startswith(b"/") or request.target == b"*"
        assert len(request.body) <= MAX_BODY
        assert request.method == b"POST" or not request.body
        again, same = take(data[at:])
        assert (again, same) == (request, taken), "what is remembered changes what is read"
        _agrees(data[at : at + taken], request)
        client_of("10.0.0.1", request.fields.forwarded_for, PROXIES)
        read_shown(request.body)
        _may_be_answered_at_once(request)
        known = request.fields if request.fields.usual else None
        at += taken
    _is_refused_rightly(data)
    told = read(data)
    assert told in tuple(NoHeader) or 16 <= told.taken <= len(data)


def _may_be_answered_at_once(request: Request) -> None:
    """Where only the target is compared, the rest having been read before, the whole is one request
    for that target, and says what was said before. So much is compared as one read brings."""
    data = b"GET " + OBJECT + request.fields.tail
    if not request.fields.tail or len(data) > READ:
        return
    again, taken = take(data)
    assert isinstance(again, Request), "the same fields are refused beside another target"
    assert (taken, again.target, again.fields.raw) == (len(data), OBJECT, request.fields.raw)


def _is_refused_rightly(data: bytes) -> None:
    """What passes for one more forged ticket is one whole request, the same but for its ticket."""
    first, taken = take(FORGED)
    assert isinstance(first, Request)
    assert taken == len(FORGED)
    insisting = Insisting.after(first, TICKETS)
    assert insisting is not None
    if not insisting.refuses(data, NOW_MS):
        return
    again, taken = take(data)
    assert isinstance(again, Request)
    assert taken == len(data)
    assert (again.method, again.body, again.fields.raw) == (b"GET", b"", first.fields.raw)
    pieces, same = again.target.split(b"/"), first.target.split(b"/")
    assert pieces[:3] + pieces[4:] == same[:3] + same[4:]
    assert TICKETS.verify(pieces[3], NOW_MS) is None


def _agrees(data: bytes, request: Request) -> None:
    """h11 reads the same request, of the same length."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    reader.receive_data(data.removeprefix(b"\r\n"))
    body = b""
    try:
        head = reader.next_event()
        if not isinstance(head, h11.Request):
            return
        while isinstance(event := reader.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError:
        return  # h11 is stricter here: nobody is deceived
    assert head.method == request.method
    assert isinstance(event, h11.EndOfMessage), "h11 waits for more"
    assert body == request.body
    assert not reader.trailing_data[0], "h11 sees a second request"


WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\x0b", b"\x85", b"GET ", b"POST "),
    *(b"Content-Length: 4", b"Transfer-Encoding: chunked", b"Host: a", b"Connection: close"),
    *(b"Expect: 100-continue", b"Range: bytes=0-", b"X-Forwarded-For: 1.2.3.4", b"0\r\n\r\n"),
    *(b"%00", b"HTTP/1.1"),
    b"\r\n\r\n\0\r\nQUIT\n",
)  # fmt: skip


def mutated(dice: random.Random, corpus: list[bytes]) -> bytes:
    data = bytearray(dice.choice(corpus))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0:
                data[at:at] = dice.choice(WORDS)
            case 1:
                del data[at : at + dice.randint(1, 12)]
            case 2 if data:
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            case 3:
                other = dice.choice(corpus)
                start = dice.randrange(len(other) + 1)
                data[at:at] = other[start : start + dice.randint(1, 200)]
            case 4:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case _:
                data += data[at : at + dice.randint(1, 60)]
    return bytes(data[:20_000])


def own(seconds: float, seed: int) -> int:
    corpus = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    corpus += [FORGED] * (len(corpus) // 4)
    dice, began, tried = random.Random(seed), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        for _ in range(500):
            data = mutated(dice, corpus)
            tried += 1
            try:
                check(data)
            except Exception:
                return found(data)
    print(f"{tried:,} inputs in {time.monotonic() - began:.0f} s (seed {seed}): nothing found")
    return 0


def found(data: bytes) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    traceback.print_exc()
    print(f"Found: {path}")
    return 1


def guided(seconds: float) -> int:
    """libFuzzer, through atheris."""
    import atheris

    with atheris.instrument_imports():
        for name in ("samvad.gate.http1", "samvad.gate.door", "samvad.protocol.proxy_header"):
            sys.modules.pop(name, None)
        import samvad.gate.http1 as fresh

        globals().update(take=fresh.take, Request=fresh.Request)
        globals().update(Refused=fresh.Refused, Wanted=fresh.Wanted)
    OUT.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={int(seconds)}", "-max_len=20000", f"-artifact_prefix={OUT}/"]
    grown = OUT / "corpus"
    grown.mkdir(exist_ok=True)
    (grown / "forged").write_bytes(FORGED)
    atheris.Setup([sys.argv[0], *options, str(grown), str(CORPUS)], check)
    atheris.Fuzz()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--for", dest="seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--own", action="store_true", help="Without atheris, even if it is there.")
    parser.add_argument("--replay", type=Path)
    wanted = parser.parse_args()
    if wanted.replay:
        check(wanted.replay.read_bytes())
        return 0
    if not wanted.own:
        try:
            return guided(wanted.seconds)
        except ImportError:
            print("atheris is not installed; going on with a mutator of our own")
    return own(wanted.seconds, wanted.seed)


if __name__ == "__main__":
    sys.exit(main())

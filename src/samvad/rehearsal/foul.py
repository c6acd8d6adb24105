"""Requests that nobody honest sends: for the attacks "malformed", "bombs" and "slow-read". Pure."""

from random import Random

_CRLF = b"\r\n"


def foul(kind: str, path: str, tail: bytes, dice: Random) -> bytes:
    """What is sent in one write. `tail`: what follows a path (habit.tail_of)."""
    target = path.encode()
    if kind == "slow-read":
        return (b"GET " + target + tail) * 64
    if kind == "malformed":
        return dice.choice(_MALFORMED)(target, tail)
    return b"".join(dice.choice(_BOMBS)(target, tail, dice) for _ in range(100))


def _lengths(target: bytes, tail: bytes) -> bytes:
    fields = b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}"
    return b"POST " + target + tail[:-2] + fields


def _both(target: bytes, tail: bytes) -> bytes:
    fields = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    return b"POST " + target + tail[:-2] + fields


def _bare_feed(target: bytes, tail: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\nHost: a\n\n"


def _long(target: bytes, tail: bytes) -> bytes:
    return b"GET " + target + tail[:-2] + b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n"


def _nul(target: bytes, tail: bytes) -> bytes:
    return b"GET " + target + b"\0" + tail


_MALFORMED = (_lengths, _both, _bare_feed, _long, _nul)


def _no_cache(target: bytes, tail: bytes, dice: Random) -> bytes:
    return b"GET " + target + b"?%x" % dice.getrandbits(64) + tail


def _ranges(target: bytes, tail: bytes, dice: Random) -> bytes:
    many = b",".join(b"%d-%d" % (n, n + 1) for n in range(0, 400, 2))
    return b"GET " + target + tail[:-2] + b"Range: bytes=" + many + b"\r\n\r\n"


def _absent(target: bytes, tail: bytes, dice: Random) -> bytes:
    return b"GET /live/%x/state.json" % dice.getrandbits(64) + tail


_BOMBS = (_no_cache, _ranges, _absent)

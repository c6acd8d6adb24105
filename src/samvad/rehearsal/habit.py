"""How the light listeners of a crowd behave: the same for all of a shard, read only. Pure."""

from dataclasses import dataclass
from enum import StrEnum

BROWSER = (
    ("Connection", "keep-alive"),
    ("sec-ch-ua-platform", '"Linux"'),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36",
    ),
    ("sec-ch-ua", '"Chromium";v="142", "Not A(Brand";v="99"'),
    ("DNT", "1"),
    ("sec-ch-ua-mobile", "?0"),
    ("Accept", "*/*"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Dest", "empty"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en-US;q=0.9,en;q=0.8"),
)
"""What Chromium sends with a fetch, in its order; Host and Referer are added."""


class Start(StrEnum):
    """Where a visit begins."""

    PAGE = "page"
    DOOR = "door"
    PLAY = "play"


class Leave(StrEnum):
    """How a connection is left: orderly, with a reset, or without a word."""

    CLOSE = "close"
    RESET = "reset"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Habit:
    """`path`: of the page, the door or the playlist, as `start` says. `tail` ends a request.

    `low`: use LL-HLS where it is offered. `lean`: name the next segments itself, as our page
    does on the lower rungs; with `long` the long ones. `rendition`: what the chosen variant's
    codecs begin with. `reload_s`: a fixed pace of playlists; 0: as RFC 8216, 6.3.4 says.
    `state_every_s`:
    of state.json, with up to a quarter more; 0: never. Beside names, on a line of its own, a look
    at it is held by the gate until there is news. `assets`: fetch what the page needs.
    `lines`: connections of one listener at most. `door_only`: leaves once it is let in, or
    refused. `says_leave`: tells the door that its seat is free, as a page that is closed does.
    """

    start: Start
    path: bytes
    tail: bytes
    state: bytes = b""
    low: bool = False
    lean: bool = False
    long: bool = False
    rendition: bytes = b"mp4a"
    reload_s: float = 0.0
    state_every_s: float = 5.0
    assets: bool = False
    lines: int = 2
    door_only: bool = False
    says_leave: bool = False


def tail_of(host: str, path: str) -> bytes:
    """The end of a request line and the header section that a browser sends to `host`."""
    lines = [("Host", host), *BROWSER, ("Referer", f"http://{host}{path}")]
    text = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return text.encode("latin-1")

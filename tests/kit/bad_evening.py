"""A small event of one's own making, page to media, with one fault planted in it.

It is no Samvad: what a rehearsal finds here it finds by the public surface alone.
"""

import json
import time
from dataclasses import dataclass, field

from tests.kit.bad_servers import BadServer, Reply, live_playlist, ok

EVENT = "abcdef1234"
PAGE = (
    f'<script type="application/json" id="config">{{"event": "{EVENT}"}}</script>'
    '<link rel="stylesheet" href="/a/x.css">'
).encode()
MASTER = b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\naac/index.m3u8\n'
FAULTS = (
    *("none", "stands still", "drops segments", "stale playlist", "oversells", "lies"),
    *("leaks", "waiting page fails", "renumbers"),
)
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass
class BadEvening:
    """`seats` people get in at once (all, when it oversells); the others wait `wait_s` at a
    place in line, and then it lets them in."""

    fault: str = "none"
    seats: int = 1000
    wait_s: float = 3.0
    fails_for_s: float = 1e9
    still_every_s: float = 6.0
    still_s: float = 2.0
    began: float = field(default_factory=time.monotonic)
    doors_in_s: float = 0.0
    _in: int = 0
    _joined: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.fault in FAULTS
        self.server = BadServer(self.answer, leaks=self.fault == "leaks")
        self.page = f"http://127.0.0.1:{self.server.port}/e/x"

    def close(self) -> None:
        self.server.close()

    def answer(self, number: int, path: str) -> Reply:
        at = time.monotonic() - self.began
        if self.fault == "stands still" and "state.json" not in path:
            # An odd part of the evening, so that it is not the rhythm of the playlists.
            into = at % self.still_every_s
            if into < self.still_s:
                time.sleep(self.still_s - into)
        path = path.partition("?")[0]
        if path.startswith("/e/"):
            return ok(PAGE)
        if path == f"/door/{EVENT}":
            return self._door(number)
        if path.endswith("serving.json"):
            return self._serving()
        if path.endswith("master.m3u8"):
            return ok(MASTER)
        if path.endswith("index.m3u8"):
            frozen = self.fault == "stale playlist" and at > 4.0
            return ok(live_playlist(time.monotonic() - 4.0 if frozen else self.began))
        if path.endswith("state.json"):
            counts = {"listening": 0, "admitted": self._in, "seats": self.seats}
            said = {"state": "live", "counts": counts, "now_ms": round(at * 1000)}
            said |= {"doors_ms": round(self.doors_in_s * 1000)} if self.doors_in_s else {}
            return ok(json.dumps(said).encode())
        if path.endswith(".ts"):
            drops = self.fault == "drops segments" and number % 33 == 0
            return GONE if drops else ok(b"x" * 500)
        return ok(b"")

    def _door(self, number: int) -> Reply:
        try:
            shown = json.loads(self.server.bodies.get(number, b"{}"))
        except ValueError:
            return BAD
        place = int(shown.get("place", 0))
        if place and time.monotonic() - self._joined[place] >= self.wait_s:
            return self._admit()
        if not place and (self._in < self.seats or self.fault == "oversells"):
            return self._admit()
        if not place:
            place = len(self._joined) + 1
            self._joined[place] = time.monotonic()
        said = {
            "verdict": "wait",
            "number": place + (number if self.fault == "renumbers" else 0),
            "serving": None if self.fault == "renumbers" else 0,
            "retry_after_ms": 500,
            "place": str(place),
            "final": True,
            "estimate_s": 600.0 if self.fault == "lies" else self.wait_s,
        }
        return ok(json.dumps(said).encode())

    def _admit(self) -> Reply:
        self._in += 1
        ticket = f"{self._in:032d}"
        play = f"/live/{EVENT}/{ticket}/master.m3u8"
        return ok(json.dumps({"verdict": "admit", "ticket": ticket, "play": play}).encode())

    def _serving(self) -> Reply:
        # From the first who had to wait on: a busy machine may take its time until then.
        since = time.monotonic() - min(self._joined.values(), default=time.monotonic())
        if self.fault == "waiting page fails" and since < self.fails_for_s:
            return BUSY
        now = time.monotonic()
        called = sum(now - since >= self.wait_s for since in list(self._joined.values()))
        said = {
            "serving": called,
            "closed_upto": {"anyone": len(self._joined)},
            "rate_per_s": 1.0,
            "poll_ms": [300, 600],
            "state": "live",
        }
        return ok(json.dumps(said).encode())

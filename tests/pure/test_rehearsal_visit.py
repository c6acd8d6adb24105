"""One light listener against a gate in virtual time: what it asks for, when, and what it counts."""

import heapq
import itertools
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from samvad.protocol.playlist import Form, Window, WindowPart, WindowSegment, render_media
from samvad.rehearsal.answer import Head
from samvad.rehearsal.habit import Habit, Start, tail_of
from samvad.rehearsal.library import Library
from samvad.rehearsal.sound import NEVER
from samvad.rehearsal.tally import DOOR, MEDIA, PLAYLIST, STATE, Tally
from samvad.rehearsal.visit import GONE, Asks, Visit

SEGMENT_S, PART_S = 1.92, 0.64
EV = "abcdef1234"
TICKET = "T" * 32
HTML = (
    '<link rel="stylesheet" href="/a/x.css"><script src="/a/event.js"></script>'
    f'<script type="application/json" id="config">{{"event": "{EV}"}}</script>'
).encode()
MASTER = b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\naac/index.m3u8\n'
ADMIT = {"verdict": "admit", "ticket": TICKET, "play": f"/live/{EV}/{TICKET}/master.m3u8"}

Answered = tuple[int, bytes] | None


class Gate:
    """On air since time 0; `answer` gives status and body, or None: after `held` seconds."""

    def __init__(self) -> None:
        self.door: list[dict[str, Any]] = [ADMIT]
        self.form = Form.PLAIN
        self.ends_at = NEVER
        self.statuses: dict[str, list[int]] = {}
        """The next statuses of paths that hold this text, before they are answered well."""

    def parts_at(self, now: float) -> int:
        return int(min(now, self.ends_at) / PART_S + 1e-6)

    def playlist(self, now: float) -> bytes:
        count, ended = self.parts_at(now), now >= self.ends_at
        segments = []
        for msn in range(max(0, count // 3 - 31), -(-count // 3)):
            parts = min(3, count - msn * 3)
            listed = tuple(WindowPart(f"p{msn}-{n}", 30_720) for n in range(parts))
            segments.append(
                WindowSegment(
                    msn, f"s{msn}", "init", 1_000_000 + msn * 1920, 0, listed, parts == 3 or ended
                )
            )
        return render_media(Window(tuple(segments), 0, "hint", (), ended), self.form).encode()

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, bytes, float]:
        """Status, body, and when it is complete at the earliest."""
        for part, statuses in self.statuses.items():
            if part in path and statuses:
                return statuses.pop(0), b"", now
        if method == "POST":
            said = self.door.pop(0) if len(self.door) > 1 else self.door[0]
            return 200, json.dumps(said).encode(), now
        if "/e/" in path:
            return 200, HTML, now
        if "master" in path:
            return 200, MASTER, now
        if "_HLS_msn" in path:
            query = dict(p.split("=") for p in path.partition("?")[2].split("&"))
            wanted = int(query["_HLS_msn"]) * 3 + int(query["_HLS_part"]) + 1
            at = max(now, min(wanted * PART_S, self.ends_at))
            return 200, self.playlist(at), at
        if "index" in path:
            return 200, self.playlist(now), now
        if path.endswith("event.js"):
            return 200, b'import "./chunk.js"', now
        return 200, b"x", now


class Play:
    """A visit and its gate. `asked`: (time, line, method, path, body) of each request."""

    def __init__(
        self,
        gate: Gate,
        *,
        comes_at: float = 100.0,
        takes: Callable[[float, str], float] = lambda now, path: 0.01,
        drop_at: float = NEVER,
        leave_at: float = NEVER,
        tires_at: float = NEVER,
        **habit: Any,
    ) -> None:
        self.gate, self.takes = gate, takes
        about: dict[str, Any] = {
            "start": Start.PAGE,
            "path": b"/e/talk",
            "tail": tail_of("site", "/e/talk"),
            "state_every_s": 0,
        }
        self.tally = Tally()
        self.visit = Visit(
            Habit(**(about | habit)),
            Library(),
            self.tally,
            comes_at,
            chance=Random(1),
            drop_at=drop_at,
            leave_at=leave_at,
            away_s=4.0,
            tires_at=tires_at,
        )
        self.now = comes_at
        self.asked: list[tuple[float, int, str, str, bytes]] = []
        self.let_go: list[float] = []
        self._coming: list[tuple[float, int, int, int, bytes]] = []
        self._number = itertools.count()
        self._busy: set[int] = set()
        self._late: dict[int, str] = {}
        self.breaks: list[str] = []

    def _ask(self, asks: Asks | None) -> None:
        if asks is None:
            self.let_go.append(self.now)
            self._coming.clear()
            self._busy.clear()
            return
        for line, request, keep in asks:
            assert line not in self._busy, "a second request on a busy line"
            self._busy.add(line)
            head, _, body = request.partition(b"\r\n\r\n")
            method, path, version = head.split(b"\r\n")[0].decode().split(" ")
            assert version == "HTTP/1.1"
            self.asked.append((round(self.now, 6), line, method, path, body))
            status, answer, at = self.gate.answer(method, path, body, self.now)
            if keep:
                assert path.rpartition(".")[2] != "m4s"
            at += self.takes(self.now, path)
            number = next(self._number)
            heapq.heappush(self._coming, (at, number, line, status, answer if keep else b""))

    def until(self, end: float) -> "Play":
        while True:
            answer_at = self._coming[0][0] if self._coming else NEVER
            at = min(answer_at, max(self.visit.due, self.now))
            if at > end:
                self.now = end
                self.visit.sound.look(end)
                return self
            self.now = at
            if answer_at <= at:
                _, _, line, status, body = heapq.heappop(self._coming)
                self._busy.discard(line)
                if self.breaks:
                    self._ask(self.visit.broke(line, self.breaks.pop(0), at))
                else:
                    self._ask(self.visit.answered(line, Head(status, len(body)), body, at))
            else:
                assert self.visit.due <= at
                self._ask(self.visit.wake(at))

    def paths(self, part: str = "") -> list[str]:
        return [path for _, _, _, path, _ in self.asked if part in path]

    def times(self, part: str) -> list[float]:
        return [at for at, _, _, path, _ in self.asked if part in path]

    def media(self) -> list[str]:
        return [p.rpartition("/")[2].removesuffix(".m4s") for p in self.paths(".m4s")]


def test_the_way_of_a_plain_listener() -> None:
    play = Play(Gate(), comes_at=100.0).until(140.0)
    base = f"/live/{EV}/{TICKET}"
    assert play.paths()[:6] == [
        "/e/talk",
        f"/door/{EV}",
        f"{base}/master.m3u8",
        f"{base}/aac/index.m3u8",
        f"/live/{EV}/m/init.mp4",
        f"/live/{EV}/m/s48.m4s",
    ]
    # At 100.03 s 52 segments are whole; it joins 6 s before the edge.
    newest = int(140 / SEGMENT_S) - 1
    assert play.media() in (
        [f"s{n}" for n in range(48, newest + 1)],
        [f"s{n}" for n in range(48, newest)],
    )
    assert len(play.paths("init")) == 1
    tally = play.tally
    assert (tally.arrived, tally.admitted, tally.playing_now, tally.here_now) == (1, 1, 1, 1)
    assert (tally.stalls, tally.late, tally.jumps, tally.errors) == (0, 0, 0, {})
    assert tally.first_sound.percentile(1) == pytest.approx(0.06, abs=0.003)
    assert {line for _, line, *_ in play.asked} == {0}


def test_reloads_keep_the_target_duration_from_their_intended_moments() -> None:
    play = Play(Gate()).until(140.0)
    reloads = play.times("index")
    steps = {round(b - a, 3) for a, b in itertools.pairwise(reloads)}
    # 2 s after a playlist with something new; 1 s when there was nothing.
    assert steps <= {2.0, 1.0}
    fixed = Play(Gate(), reload_s=1.92).until(140.0)
    assert {round(b - a, 3) for a, b in itertools.pairwise(fixed.times("index"))} == {1.92}


def test_a_slow_answer_counts_from_the_moment_it_was_to_be_asked_for() -> None:
    """Between 110 and 119 s nothing is answered: the reloads that were due then are late too,
    though only one of them could be asked."""

    def takes(now: float, path: str) -> float:
        return max(0.01, 119 - now) if now >= 110 else 0.01

    play = Play(Gate(), reload_s=2.0, takes=takes).until(130.0)
    slow = play.tally.took[PLAYLIST]
    # Due at 110.03, 112.03, 114.03 and 116.03.
    assert slow.over(8.5) == 1
    assert slow.over(6.5) == 2
    assert slow.over(4.5) == 3
    assert slow.over(2.5) == 4
    assert play.tally.late >= 4
    # The buffer it joined with was 7.68 s, less what the edge had moved on.
    assert play.tally.stalls == 1
    assert 0 < play.tally.stalled_s < 9
    assert play.tally.jumps == 0
    media = [int(m[1:]) for m in play.media()]
    assert media == list(range(media[0], media[-1] + 1))


def test_a_stall_is_noticed_while_it_lasts() -> None:
    gate = Gate()
    play = Play(gate, takes=lambda now, path: 1000.0 if now > 110 else 0.01).until(125.0)
    assert play.tally.stalls == play.tally.stalled_now == 1
    assert play.tally.playing_now == 0
    play.visit.end(125.0)
    assert play.tally.errors in ({"playlist unanswered": 1}, {"media unanswered": 1})
    assert play.tally.late == 1


def test_a_low_latency_listener_takes_parts_as_they_come() -> None:
    gate = Gate()
    gate.form = Form.LOW
    play = Play(gate, low=True, state_every_s=5).until(120.0)
    parts = play.media()
    newest = gate.parts_at(119.9)
    # PART-HOLD-BACK is three parts.
    first = gate.parts_at(100.04) - 3
    assert parts == [f"p{n // 3}-{n % 3}" for n in range(first, newest)]
    reloads = play.paths("_HLS_msn")
    assert reloads == [
        f"/live/{EV}/{TICKET}/aac/index.m3u8?_HLS_msn={n // 3}&_HLS_part={n % 3}"
        for n in range(gate.parts_at(100.04), newest + 1)
    ]
    lines = {"_HLS_msn": set(), "m4s": set(), "state": set()}
    for _, line, _, path, _ in play.asked:
        for what, found in lines.items():
            if what in path:
                found.add(line)
    assert lines["_HLS_msn"] == {0}
    assert lines["m4s"] == {1}
    assert 1 in lines["state"]
    assert (play.tally.stalls, play.tally.late, play.tally.errors) == (0, 0, {})


def test_low_latency_falls_back_when_the_gate_does() -> None:
    gate = Gate()
    gate.form = Form.LOW
    play = Play(gate, low=True).until(110.0)
    gate.form = Form.PLAIN
    play.until(130.0)
    segments = [int(m[1:]) for m in play.media() if m.startswith("s")]
    assert segments == list(range(segments[0], segments[-1] + 1))
    assert play.tally.jumps == 0
    assert play.visit._stream is not None
    assert play.visit._stream.blocking is False
    gate.form = Form.LOW
    play.until(150.0)
    assert play.visit._stream.blocking is True


def test_state_is_polled_with_jitter() -> None:
    play = Play(Gate(), state_every_s=5.0).until(200.0)
    steps = [b - a for a, b in itertools.pairwise(play.times("state.json"))]
    assert len(steps) >= 14
    assert all(4.9 < step < 6.4 for step in steps)
    assert len({round(s, 2) for s in steps}) > 5
    assert play.tally.took[STATE].total == len(steps) + 1


def test_the_line_and_the_full_house() -> None:
    gate = Gate()
    gate.door = [
        {"verdict": "wait", "number": 7, "retry_after_ms": 1500},
        {"verdict": "refuse", "reason": "full", "replay": None, "retry_after_ms": 5000},
        ADMIT,
    ]
    play = Play(gate).until(115.0)
    assert play.times("/door/") == pytest.approx([100.01, 101.52, 106.53])
    assert (play.tally.waited, play.tally.refused, play.tally.admitted) == (1, 1, 1)
    assert play.tally.refusals == {"full": 1}
    assert play.tally.playing_now == 1


def test_a_refusal_for_good() -> None:
    gate = Gate()
    gate.door = [{"verdict": "refuse", "reason": "ended", "replay": None, "retry_after_ms": None}]
    play = Play(gate).until(200.0)
    assert play.visit.step == GONE
    assert play.visit.due == NEVER
    assert (play.tally.left, play.tally.here_now, len(play.let_go)) == (1, 0, 1)


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        {"verdict": "admit"},
        {"verdict": "party"},
        {"verdict": "wait", "retry_after_ms": "x"},
    ],
)
def test_a_door_that_talks_nonsense_is_asked_again_later(said: Any) -> None:
    gate = Gate()
    gate.door = [said, ADMIT]
    play = Play(gate).until(110.0)
    first, second = play.times("/door/")
    assert 0.2 <= second - first <= 0.5
    assert play.tally.errors == {"door unreadable": 1}
    assert play.tally.playing_now == 1


@pytest.mark.parametrize(
    ("status", "shown"), [(403, b"{}"), (410, b'{"ticket":"%b"}' % TICKET.encode())]
)
def test_a_seat_that_is_gone_leads_back_to_the_door(status: int, shown: bytes) -> None:
    gate = Gate()
    play = Play(gate).until(105.0)
    gate.statuses = {"index": [status]}
    play.until(120.0)
    knocks = [body for _, _, method, _, body in play.asked if method == "POST"]
    assert knocks == [b"{}", shown]
    assert play.tally.errors == {f"playlist {status}": 1}
    assert play.tally.admitted == 2
    assert play.tally.stalls == 0  # what lay in the buffer was enough
    assert play.tally.playing_now == 1


def test_not_on_air_yet_is_no_error_before_the_first_sound() -> None:
    gate = Gate()
    gate.statuses = {"master": [503, 503]}
    play = Play(gate).until(110.0)
    assert play.tally.not_yet == 2
    assert play.tally.errors == {}
    gate.statuses = {"index": [503]}
    play.until(120.0)
    assert play.tally.errors == {"playlist 503": 1}


def test_media_that_is_missing_is_an_error_and_a_jump() -> None:
    gate = Gate()
    gate.statuses = {"s50.m4s": [404]}
    play = Play(gate).until(130.0)
    assert play.tally.errors == {"media 404": 1}
    assert play.tally.jumps == 1
    assert play.media().count("s50") == 1


def test_broken_connections_are_tried_again_with_growing_waits() -> None:
    play = Play(Gate())
    play.breaks = ["refused"] * 5
    play.until(150.0)
    waits = [b - a - 0.01 for a, b in itertools.pairwise(play.times("/e/talk"))]
    assert len(waits) == 5
    for wait, most in zip(waits, [0.4, 0.8, 1.6, 3.2, 6.0], strict=True):
        assert most / 2 - 0.001 <= wait <= most + 0.001
    assert play.tally.errors == {"page refused": 5}
    assert play.tally.playing_now == 1


def test_media_and_playlists_come_back_after_a_break() -> None:
    play = Play(Gate()).until(106.0)
    play.breaks = ["reset", "reset"]
    play.until(130.0)
    assert sum(play.tally.errors.values()) == 2
    media = [int(m[1:]) for m in play.media()]
    assert sorted(set(media)) == list(range(min(media), max(media) + 1))
    assert (play.tally.jumps, play.tally.stalls, play.tally.playing_now) == (0, 0, 1)


def test_cut_off_and_back_with_the_ticket() -> None:
    play = Play(Gate(), drop_at=110.0, leave_at=130.0).until(112.0)
    assert play.let_go == [110.0]
    assert (play.tally.dropped, play.tally.here_now, play.tally.playing_now) == (1, 0, 0)
    play.until(125.0)
    assert (play.tally.came_back, play.tally.here_now, play.tally.playing_now) == (1, 1, 1)
    assert play.times("/door/")[1] == pytest.approx(114.0)
    assert TICKET.encode() in [body for *_, body in play.asked if body][1]
    assert play.tally.stalls == 0  # its own silence is not the server's
    play.until(200.0)
    assert (play.tally.left, play.tally.here_now, play.tally.playing_now) == (1, 0, 0)
    assert play.let_go == [110.0, 130.0]
    assert max(at for at, *_ in play.asked) < 130


def test_the_end_of_the_stream_is_heard_out() -> None:
    gate = Gate()
    gate.ends_at = 120.0
    play = Play(gate).until(200.0)
    assert play.visit.step == GONE
    (left,) = play.let_go
    # It is some six seconds behind: the last sample plays after the end.
    assert 120 < left < 130
    assert (play.tally.stalls, play.tally.left) == (0, 1)


def test_a_playlist_that_goes_back_is_counted_and_not_followed() -> None:
    gate = Gate()
    play = Play(gate).until(110.0)
    old = gate.playlist(90.0)
    gate.playlist = lambda now: old  # type: ignore[method-assign]
    play.until(112.5)
    assert play.tally.went_back >= 1
    media = play.media()
    assert len(set(media)) == len(media)


def test_unreadable_playlists_are_errors() -> None:
    gate = Gate()
    play = Play(gate).until(110.0)
    gate.playlist = lambda now: b"<html>"  # type: ignore[method-assign]
    play.until(113.0)
    assert play.tally.errors["playlist unreadable"] >= 1


def test_the_page_as_a_browser_gets_it() -> None:
    play = Play(Gate(), assets=True, lines=3).until(110.0)
    fetched = play.paths("/a/")
    assert sorted(fetched) == ["/a/chunk.js", "/a/event.js", "/a/x.css"]
    assert play.times("/door/")[0] >= max(play.times("/a/"))
    assert {line for _, line, _, path, _ in play.asked if "/a/" in path} == {0, 1}
    assert play.tally.playing_now == 1


def test_who_only_knocks() -> None:
    play = Play(Gate(), start=Start.DOOR, path=f"/door/{EV}".encode(), door_only=True).until(101.0)
    assert play.paths() == [f"/door/{EV}"]
    assert play.visit.step == GONE
    assert play.tally.took[DOOR].total == play.tally.admitted == play.tally.left == 1


def test_a_playlist_of_ones_own() -> None:
    play = Play(Gate(), start=Start.PLAY, path=b"/hls/index.m3u8").until(110.0)
    assert play.paths()[0] == "/hls/index.m3u8"
    assert play.paths("m4s")
    assert play.tally.took[MEDIA].total >= 4


def test_who_falls_behind_for_long_gives_up_old_pieces_not_its_memory() -> None:
    gate = Gate()
    gate.form = Form.LOW

    def takes(now: float, path: str) -> float:
        return 100.0 if "m4s" in path and now > 110 else 0.01

    play = Play(gate, low=True, takes=takes).until(209.0)
    assert play.visit._stream is not None
    assert len(play.visit._stream._wanted) <= 64
    assert play.tally.jumps > 0
    assert play.tally.stalls == 1


def test_what_was_under_way_when_the_seat_went_is_not_taken_for_something_new() -> None:
    gate = Gate()
    gate.form = Form.LOW

    def takes(now: float, path: str) -> float:
        return 1.5 if "m4s" in path and 110 < now < 111 else 0.01

    play = Play(gate, low=True, takes=takes).until(110.5)
    gate.statuses = {"_HLS": [410]}
    play.until(130.0)
    assert play.tally.errors == {"reload 410": 1}
    assert play.tally.playing_now == 1
    assert play.tally.segments == play.tally.took[MEDIA].total
    assert play.tally.media_s == pytest.approx(play.tally.segments * PART_S)


def test_a_change_of_form_in_mid_fetch_fetches_nothing_twice() -> None:
    gate = Gate()
    gate.form = Form.LOW

    def takes(now: float, path: str) -> float:
        return 0.5 if "m4s" in path else 0.01

    play = Play(gate, low=True, takes=takes)
    for at in range(105, 160, 5):
        gate.form = Form.PLAIN if gate.form is Form.LOW else Form.LOW
        play.until(float(at))
    media = play.media()
    assert len(media) == len(set(media))
    assert play.tally.jumps == 0

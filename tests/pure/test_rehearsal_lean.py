"""A light listener that names what comes next: what it asks for, when, and what it costs."""

import json

import pytest

from samvad.gate import lean
from samvad.rehearsal.lean import SPREAD, read_names
from samvad.rehearsal.tally import HELD, LEAN, MEDIA
from samvad.rehearsal.visit import HELD_S
from tests.pure.test_rehearsal_visit import EV, SEGMENT_S, TICKET, Gate, Play

LENGTHS = {"s": SEGMENT_S, "l": 3 * SEGMENT_S, "p": 6 * SEGMENT_S}


class LeanGate(Gate):
    """Tells names; segments that are not whole are held until they are. `run`: of the encoder."""

    run = 0
    began_at = 0

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, bytes, float]:
        broken = any(part in path and statuses for part, statuses in self.statuses.items())
        if path.endswith("lean.json") and not broken:
            parts = self.parts_at(now)
            ready = min(parts // 3, lean.BACK)
            said = lean.as_json(
                first=parts // 3 - ready,
                at_ms=0,
                ready=ready,
                parts=parts % 3,
                discontinuity=self.run,
                init="init",
                segment=lambda n: f"r{self.run}s{n}",
                long=lambda n: f"r{self.run}l{n}",
                pair=lambda n: f"r{self.run}p{n}",
            )
            return 200, said, now
        if path.endswith(".m4s") and not broken:
            name = path.rpartition("/")[2].removesuffix(".m4s")
            run, kind, number = name[:2], name[2], int(name[3:])
            if run != f"r{self.run}":
                return 404, b"", now
            whole = (number + 1) * LENGTHS[kind]
            assert whole - now < 2.0, "asked for long before it is there"
            return 200, b"x", max(now, whole)
        return super().answer(method, path, body, now)


@pytest.mark.parametrize(
    ("long", "kind", "begins", "first"), [(False, "s", [], 48), (True, "p", ["r0l13"], 7)]
)
def test_one_request_for_a_segment_and_one_a_minute(
    long: bool, kind: str, begins: list[str], first: int
) -> None:
    length_s = LENGTHS[kind]
    play = Play(LeanGate(), comes_at=100.0, lean=True, long=long).until(400.0)
    names = play.media()
    same = len(names) - len(begins)
    assert names == begins + [f"r0{kind}{n}" for n in range(first, first + same)]
    assert same == pytest.approx(300 / length_s, abs=4)
    assert not play.paths("index.m3u8")
    assert play.paths("lean.json")[0] == f"/live/{EV}/{TICKET}/aac/lean.json"
    assert 300 / lean.AGAIN_S <= len(play.paths("lean.json")) <= 300 / (0.75 * lean.AGAIN_S) + 1
    tally = play.tally
    assert (tally.stalls, tally.late, tally.jumps, tally.errors) == (0, 0, 0, {})
    assert tally.took[LEAN].total == len(play.paths("lean.json"))
    assert tally.took[MEDIA].total in (len(names), len(names) - 1)
    # Each at the same distance behind its end: up to its phase, and by what a part hides.
    behind = [
        at - (int(name[3:]) + 1) * length_s
        for at, name in list(zip(play.times(".m4s"), names, strict=True))[6:]
    ]
    assert max(behind) - min(behind) < 0.7
    assert min(behind) > -0.01
    assert max(behind) < SPREAD * length_s + 0.7


def test_when_the_encoder_begins_anew_it_reads_new_names() -> None:
    gate = LeanGate()
    play = Play(gate, comes_at=100.0, lean=True).until(130.0)
    gate.run = 1
    play.until(160.0)
    assert play.media()[-1].startswith("r1")
    assert play.tally.jumps == 1
    assert play.tally.errors == {"media 404": 1}


def test_without_names_it_asks_again_and_with_a_lost_seat_it_goes_to_the_door() -> None:
    gate = LeanGate()
    gate.statuses = {"lean.json": [503, 503]}
    play = Play(gate, comes_at=100.0, lean=True).until(110.0)
    assert len(play.paths("lean.json")) == 3
    assert play.tally.not_yet == 2
    assert play.tally.playing_now == 1
    gate.statuses = {"lean.json": [410]}
    play.until(200.0)
    assert len(play.paths("/door/")) == 2
    assert play.tally.playing_now == 1
    assert play.tally.errors == {"lean 410": 1}


class HoldingGate(LeanGate):
    """Its state.json has a mark, and a look that names it is held until `word_at`, or for 30 s."""

    word_at = 200.0

    def mark(self, now: float) -> str:
        return "b2" if now >= self.word_at else "a1"

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, bytes, float]:
        if "state.json" not in path or any("state" in part for part in self.statuses):
            return super().answer(method, path, body, now)
        at = now
        if path.endswith("?after=" + self.mark(now)):
            at = min(now + 30.0, self.word_at if now < self.word_at else now + 30.0)
        return 200, f'{{"state":"live","mark":"{self.mark(at)}"}}'.encode(), at


def test_beside_its_media_one_look_is_held_for_news() -> None:
    play = Play(HoldingGate(), lean=True, long=True, state_every_s=30.0).until(400.0)
    looks = [(at, line, path) for at, line, _, path, _ in play.asked if "state.json" in path]
    assert {line for _, line, _ in looks} == {1}
    assert {line for _, line, _, path, _ in play.asked if "state.json" not in path} == {0}
    marks = [path.partition("?after=")[2] for *_, path in looks]
    assert marks[0] == ""
    assert set(marks[1:]) == {"a1", "b2"}
    assert marks[1:] == sorted(marks[1:])
    # The word came at 200: it was heard at once, and the next look was not before a pause.
    told = next(at for at, _, path in looks if path.endswith("b2"))
    assert 200.0 < told <= 203.1
    assert 8 <= len(looks) <= 13
    assert play.tally.took[HELD].total in (len(looks) - 1, len(looks) - 2)
    assert (play.tally.late, play.tally.stalls, play.tally.errors) == (0, 0, {})
    assert play.visit.held_s(1) == HELD_S
    assert play.visit.held_s(0) == 0.0


def test_a_look_that_breaks_is_made_anew_and_media_go_on() -> None:
    gate = HoldingGate()
    gate.statuses = {"state.json": [503]}
    play = Play(gate, lean=True, state_every_s=5.0).until(130.0)
    gate.statuses = {}
    play.until(200.0)
    assert play.tally.errors == {"state 503": 1}
    assert len(play.paths("state.json?after=a1")) >= 1
    assert play.tally.stalls == 0


def test_names_are_read_with_care() -> None:
    good = {
        "discontinuity": 0,
        "init": "i",
        "at_ms": 0,
        "ready": 1,
        "parts": 0,
        "plain": {"first": 3, "names": ["a"]},
        "long": {"first": 1, "names": ["b"]},
        "pair": {"first": 0, "names": []},
        "again_s": 45,
    }
    read = read_names(json.dumps(good).encode())
    assert (read.init, read.plain, read.long) == (
        b"../../m/i.mp4",
        (b"../../m/a.m4s",),
        (b"../../m/b.m4s",),
    )
    for bad in (b"", b"[]", b"{}", json.dumps(good | {"plain": []}).encode(), b"[" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
            read_names(bad)

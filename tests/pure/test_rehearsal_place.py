"""A light listener in line, in virtual time: its number, its looks at serving.json, its turn."""

import itertools
import json
from typing import Any

import pytest

from samvad.rehearsal.habit import Start
from samvad.rehearsal.numbers import MOST, Numbers
from samvad.rehearsal.place import read_place, read_serving
from samvad.rehearsal.tally import LEAVE, SERVING, Tally
from samvad.rehearsal.verdict import Said, read_verdict
from samvad.rehearsal.visit import GONE, IN_LINE
from tests.pure.test_rehearsal_visit import ADMIT, EV, TICKET, Gate, Play

PATH = f"/door/{EV}/serving.json"
WAIT = {
    "verdict": "wait",
    "number": 50,
    "final": True,
    "place": "PLACE",
    "lane": "anyone",
    "ahead": 40,
    "estimate_s": 4,
    "serving": 10,
    "retry_after_ms": 1000,
}


class Line(Gate):
    """Calls `rate` numbers a second from time 100 on; who shows a called place comes in."""

    def __init__(self, rate: float = 10.0) -> None:
        super().__init__()
        self.rate, self.door = rate, [WAIT]
        self.closed_upto, self.back, self.state = 1000, 0, "live"

    def number(self, now: float) -> int:
        return int((now - 100) * self.rate) - self.back

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, bytes, float]:
        known = any(part in path and left for part, left in self.statuses.items())
        if path == PATH and not known:
            said = {
                "state": self.state,
                "serving": self.number(now),
                "lanes": {"anyone": self.number(now)},
                "closed_upto": {"anyone": self.closed_upto},
                "rate_per_s": self.rate,
                "poll_ms": [1000, 8000],
            }
            return 200, json.dumps(said).encode(), now
        shown = json.loads(body).get("place") if body else None
        if method == "POST" and shown and not known and self.number(now) >= 50:
            return 200, json.dumps(ADMIT).encode(), now
        return super().answer(method, path, body, now)


def shown(play: Play) -> list[Any]:
    return [json.loads(body).get("place") for _, _, m, _, body in play.asked if m == "POST"]


def test_it_waits_looks_and_comes_in_when_it_is_called() -> None:
    play = Play(Line(), state_every_s=5.0).until(125.0)
    tally = play.tally
    assert shown(play) == [None, "PLACE"]
    looks, knocks = play.times("serving.json"), play.times("/door/")
    assert 3 <= len(looks) <= 7
    assert all(0.7 < b - a < 1.3 for a, b in itertools.pairwise(looks))
    assert 105.0 <= knocks[-1] <= 106.5
    assert not [at for at in play.times("state.json") if at < knocks[-1]]
    assert (tally.queued, tally.waited, tally.admitted, tally.moved_up) == (1, 1, 1, 1)
    assert (tally.in_line_now, tally.playing_now, tally.out_of_order) == (0, 1, 0)
    assert tally.numbers["anyone"].given == 1
    assert 50 in tally.numbers["anyone"]
    assert 5 <= tally.in_line.percentile(0.5) <= 6.5
    assert tally.took[SERVING].total == len(looks)
    assert tally.errors == {}


def test_it_waits_for_the_line_to_reach_its_turn_or_a_part_of_the_way() -> None:
    """The same as frontend/test/line.test.ts."""

    def until(number: int, rate: float, final: bool = True, mark: str = "a1") -> bytes:
        said = {
            "serving": 10,
            "lanes": {"guest": 3, "anyone": 10},
            "closed_upto": {"anyone": 60},
            "rate_per_s": rate,
            "mark": mark,
        }
        place = read_place(WAIT | {"number": number, "final": final}, b"/door/e")
        return place.until(read_serving(json.dumps(said).encode()))

    assert until(2_011, 6.0) == b"?after=a1&until=3.%d" % (10 + 2_001 * 3 // 4)
    assert until(70, 6.0) == b"?after=a1&until=3.70"
    assert until(90, 6.0) == b"?after=a1&until=3.30"
    assert until(12, 0.0) == b"?after=a1&until=3.11"
    assert until(2_000, 0.0, final=False) == b"?after=a1&until=3.22"
    assert until(70, 6.0, mark="") == b""


class Holding(Line):
    """Holds the looks that name a number until the line is there, or for 44 s."""

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, bytes, float]:
        path, _, query = path.partition("?")
        at = now
        if query:
            number = int(query.rpartition(".")[2])
            at = max(now, min(100 + number / self.rate, now + 44.0))
        status, said, _ = super().answer(method, path, body, at)
        if path == PATH:
            said = json.dumps(json.loads(said) | {"mark": "a1"}).encode()
        return status, said, at


def test_a_gate_that_holds_looks_is_asked_seldom_and_its_call_is_heard_at_once() -> None:
    line = Holding(rate=0.5)
    play = Play(line).until(260.0)
    looks = play.times("serving.json")
    assert len(looks) <= 12, "100 s in line"
    came = play.times("/door/")[-1]
    assert 200.0 <= came <= 200.2, "number 50 is called at 200"
    assert play.tally.admitted == 1
    assert play.tally.late == 0


def test_one_far_back_looks_seldom() -> None:
    line = Line(rate=0.5)
    line.door = [WAIT | {"number": 5_000, "ahead": 5_000}]
    play = Play(line).until(160.0)
    looks = play.times("serving.json")
    assert play.visit.step == IN_LINE
    assert play.tally.in_line_now == 1
    far = [b - a for a, b in itertools.pairwise(looks)]
    assert len(far) >= 4
    assert all(5.9 < step < 10.1 for step in far)


def test_a_number_that_is_not_final_is_asked_for_again_once_it_is() -> None:
    line = Line()
    line.door = [WAIT | {"final": False, "number": 9}, WAIT]
    line.closed_upto = 0
    play = Play(line).until(103.0)
    assert play.tally.numbers == {}
    assert len(shown(play)) == 1
    line.closed_upto = 1000
    play.until(125.0)
    assert shown(play) == [None, "PLACE", "PLACE"]
    assert play.tally.queued == play.tally.moved_up == 1
    assert 50 in play.tally.numbers["anyone"]
    assert 9 not in play.tally.numbers["anyone"]
    assert play.tally.renumbered == 0


def test_a_final_number_that_changes_is_noted() -> None:
    line = Line()
    line.door = [WAIT | {"number": 20}, WAIT]
    play = Play(line).until(125.0)
    assert play.tally.renumbered == 1
    assert play.tally.moved_up == 1


def test_a_line_that_goes_back_is_noted() -> None:
    line = Line()
    one = Play(line).until(110.0)
    library = one.visit._library
    good = read_serving(json.dumps({"serving": 60, "lanes": {"anyone": 60}}).encode())
    bad = read_serving(json.dumps({"serving": 49, "lanes": {"anyone": 49}}).encode())
    assert library.went_back(good, 109.0) == 0
    assert library.went_back(bad, 109.0) == 1
    assert library.went_back(bad, 101.0) == 0  # a serving.json from before it came in


def test_who_was_called_and_did_not_come_joins_anew() -> None:
    line = Line(rate=0.0)
    line.door = [WAIT, {"verdict": "refuse", "reason": "gone", "retry_after_ms": 2000}, WAIT]
    line.state = "ended"  # so that it knocks
    play = Play(line).until(110.0)
    assert shown(play)[:3] == [None, "PLACE", None]
    assert play.tally.refusals == {"gone": 1}
    assert play.tally.queued == 2
    assert play.tally.in_line_now == 1


@pytest.mark.parametrize("reason", ["closed", "full"])
def test_a_closed_door_keeps_the_place(reason: str) -> None:
    line = Line(rate=0.0)
    line.door = [WAIT, {"verdict": "refuse", "reason": reason, "retry_after_ms": 2000}, WAIT]
    line.state = "ended"
    play = Play(line).until(106.0)
    assert shown(play)[:3] == [None, "PLACE", "PLACE"]
    assert (play.tally.queued, play.tally.in_line_now) == (1, 1)


def test_serving_that_fails_is_looked_at_again() -> None:
    line = Line()
    line.statuses = {"serving.json": [503, 404]}
    play = Play(line).until(125.0)
    assert play.tally.errors == {"serving 503": 1, "serving 404": 1}
    assert play.tally.moved_up == 1


def test_a_dropped_one_comes_back_to_its_place() -> None:
    play = Play(Line(), drop_at=102.5).until(104.0)
    assert play.tally.in_line_now == 0
    play.until(125.0)
    assert shown(play) == [None, "PLACE"]
    assert (play.tally.queued, play.tally.moved_up, play.tally.in_line_now) == (1, 1, 0)


def test_leaving_the_line_for_good() -> None:
    play = Play(Line(rate=0.0), leave_at=104.0, says_leave=True).until(110.0)
    assert play.visit.step == GONE
    assert play.tally.in_line_now == 0
    assert "leave" not in "".join(play.paths("/door/"))  # it held no seat


def test_a_leaver_says_so_and_only_then_goes() -> None:
    play = Play(Gate(), tires_at=120.0, says_leave=True).until(130.0)
    said = [(at, path, body) for at, _, _, path, body in play.asked if path.endswith("/leave")]
    assert [(path, json.loads(body)) for _, path, body in said] == [
        (f"/door/{EV}/leave", {"ticket": TICKET})
    ]
    assert said[0][0] == pytest.approx(120.0, abs=0.1)
    assert play.let_go == pytest.approx([said[0][0] + 0.01], abs=0.01)
    assert play.tally.took[LEAVE].total == play.tally.left == 1
    assert play.tally.playing_now == play.tally.here_now == 0


def test_a_leaver_does_not_wait_for_ever_to_be_heard() -> None:
    gate = Gate()
    play = Play(
        gate,
        tires_at=120.0,
        says_leave=True,
        takes=lambda now, path: 60.0 if "leave" in path else 0.01,
    ).until(130.0)
    assert play.visit.step == GONE
    assert play.let_go == pytest.approx([123.0], abs=0.1)


def test_who_does_not_play_does_not_tire() -> None:
    play = Play(Line(rate=0.0), tires_at=104.0).until(120.0)
    assert play.visit.step == IN_LINE
    assert play.tally.left == 0


def test_at_the_door_alone_one_waits_too() -> None:
    play = Play(Line(), start=Start.DOOR, path=f"/door/{EV}".encode(), door_only=True)
    play.until(125.0)
    assert play.tally.moved_up == play.tally.left == 1
    assert play.paths("/live/") == []


def test_a_place_may_leave_out_what_has_a_default() -> None:
    place = read_place({"number": 3}, b"/door/e")
    assert (place.lane, place.final, place.serving, place.again_s) == ("anyone", True, b"", 5.0)
    line = read_place({"number": 3, "serving": 0}, b"/door/e")
    assert line.serving == b"/door/e/serving.json"


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"serving": "x"}', b'{"serving": 1, "poll_ms": 3}', b"\xff"]
)
def test_what_is_no_serving(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"no serving|Expecting|decode|invalid literal"):
        read_serving(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"verdict": "maybe"}', b'{"verdict": "admit"}', b'{"verdict": "wait"}', b"1"],
)
def test_what_is_no_verdict(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"no verdict"):
        read_verdict(text, b"/door/e")


def test_a_refusal_without_a_time_is_for_good() -> None:
    verdict = read_verdict(b'{"verdict": "refuse", "reason": "ended"}', b"/door/e")
    assert (verdict.said, verdict.again_s, verdict.reason) == (Said.REFUSE, None, "ended")


# -- numbers -----------------------------------------------------------------------------------


def test_numbers_of_shards_add_up() -> None:
    one, two = Tally(), Tally()
    for number in range(100, 200, 2):
        one.number("anyone", number)
        two.number("anyone", number + 1)
    two.number("guest", 5)
    assert one.numbers["anyone"].missing == 49
    both = Tally.from_json(one.as_json())
    both.merge(Tally.from_json(two.as_json()))
    line = both.numbers["anyone"]
    assert (line.first, line.last, line.given, line.twice, line.missing) == (100, 199, 100, 0, 0)
    assert both.numbers["guest"].given == 1
    assert two.numbers["anyone"].given == 50


def test_numbers_given_twice_or_left_out_are_seen() -> None:
    one, two = Numbers(), Numbers()
    for number in (1, 2, 4, 4):
        one.add(number)
    two.add(2)
    two.add(-1)
    two.add(MOST)
    assert (one.twice, one.missing) == (1, 1)
    one.merge(two)
    assert (one.given, one.twice, one.missing, one.beyond) == (5, 2, 1, 2)
    assert Numbers().first is None
    assert Numbers().missing == 0


@pytest.mark.parametrize("packed", ["!", "eJx="])
def test_numbers_of_another_form(packed: str) -> None:
    with pytest.raises(ValueError, match="no numbers"):
        Numbers.from_json([1, 0, 0, packed])

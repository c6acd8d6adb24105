"""Looks that are held, at a site without sockets: until one's turn, and until there is news."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samvad.base.clock import Moment
from samvad.base.folders import Folders
from samvad.base.settings import GateSettings
from samvad.gate import http1
from samvad.gate.answers import REFUSALS, Answer
from samvad.gate.assets import Assets
from samvad.gate.counters import Counters
from samvad.gate.http1 import Request
from samvad.gate.news import LISTENERS_LEAST_S, UNTIL_S
from samvad.gate.site import Site
from samvad.protocol.plan import DoorPlan
from samvad.protocol.room import Phase, RoomState, StatusLine
from tests.kit.gates import EVENT, Programme, a_plan

SECRET = b"s" * 32
WALL_MS = 1_795_000_000_000
SERVING, STATE = f"/door/{EVENT}/serving.json", f"/live/{EVENT}/state.json"


class House:
    """One seat, an event on air, and whoever asks: askers are named."""

    def __init__(self, folder: Path, crowd: int) -> None:
        """`crowd`: more listeners than this, and it is plain HLS."""
        folders = Folders(folder)
        folders.make()
        self.site: Site[str] = Site(
            secret=SECRET,
            settings=replace(GateSettings(), machine="here", low_latency_listeners=crowd),
            folders=folders,
            assets=Assets(folder),
            counters=Counters(folder / "counters"),
            index=0,
        )
        self.at = Moment(1_000.0, WALL_MS)
        self.site.register.set_plan(a_plan(seats=1, door=DoorPlan(joins_per_s=1000)))
        self.room = RoomState(EVENT, Phase.LIVE, WALL_MS)
        self.site.hear(self.room, self.at.now)
        programme = Programme(SECRET)
        for message in (*programme.inits(), *programme.segments(6)):
            self.site.hear(message, self.at.now)
        self.pass_s(0.1)

    def pass_s(self, seconds: float) -> dict[str, Any]:
        """Time goes on in ticks; what who was told meanwhile."""
        told: dict[str, Any] = {}
        self.calm: set[str] = set()
        """Those of them who are in no hurry."""
        for _ in range(max(1, round(seconds * 10))):
            self.at = Moment(self.at.now + 0.1, self.at.wall_ms + 100)
            self.site.register.tick(self.at)
            both = self.site.tell(self.at)
            self.calm |= {who for who, _ in both.calm}
            told |= {who: self._read(answer) for who, answer in (*both.hurried, *both.calm)}
        return told

    def _read(self, answer: Answer) -> Any:
        return json.loads(answer.body[0])

    def _ask(self, who: str, head: str, body: str = "") -> Answer | None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        request, _ = http1.take(f"{head} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}".encode())
        assert isinstance(request, Request)
        return self.site.answer(request, who, self.at)

    def get(self, path: str, who: str = "") -> Any:
        """The document; None: held."""
        answer = self._ask(who, f"GET {path}")
        return None if answer is None else self._read(answer)

    def knock(self, **shown: str) -> Any:
        answer = self._ask("", f"POST /door/{EVENT}", json.dumps(shown))
        assert answer is not None
        return self._read(answer)

    def leave(self, ticket: str) -> None:
        self._ask("", f"POST /door/{EVENT}/leave", json.dumps({"ticket": ticket}))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, 100)


def test_whose_turn_comes_is_told_and_nobody_else(house: House) -> None:
    inside = house.knock()
    assert inside["verdict"] == "admit"
    places = [house.knock() for _ in range(5)]
    assert [place["number"] for place in places] == [1, 2, 3, 4, 5]
    seen = house.get(SERVING)
    assert seen["serving"] == 0
    for number in (1, 5):
        assert (
            house.get(f"{SERVING}?after={seen['mark']}&until=3.{number}", f"no. {number}") is None
        )
    assert house.pass_s(5) == {}
    house.leave(inside["ticket"])
    told = house.pass_s(1)
    assert list(told) == ["no. 1"]
    assert not house.calm, "they will knock at once"
    assert told["no. 1"]["serving"] == 1
    # It is there already: at once.
    again = house.get(f"{SERVING}?after={seen['mark']}&until=3.1", "no. 1")
    assert again["serving"] == 1
    assert list(house.pass_s(UNTIL_S * 1.25 + 2)) == ["no. 5"]
    assert house.calm == {"no. 5"}


def test_the_hosts_word_is_told_to_all_at_once(house: House) -> None:
    house.knock()
    seen = house.get(SERVING)
    house.get(f"{SERVING}?after={seen['mark']}&until=3.9", "held")
    house.get(f"{SERVING}?after={seen['mark']}", "older page")
    assert house.get(f"{SERVING}?after=0", "has seen nothing") is not None
    house.site.drop("held")
    assert house.get(f"{SERVING}?after={seen['mark']}&until=3.9", "held anew") is None
    house.site.hear(replace(house.room, status=StatusLine("Soon.", WALL_MS)), house.at.now)
    told = house.pass_s(0.2)
    assert sorted(told) == ["held anew", "older page"]
    assert {one["status"]["text"] for one in told.values()} == {"Soon."}
    assert all(one["mark"] != seen["mark"] for one in told.values())


def test_a_listener_of_a_big_crowd_holds_one_look_for_state_and_news(tmp_path: Path) -> None:
    house = House(tmp_path, 0)
    seen = house.get(STATE)
    assert (seen["latency"], seen["mark"]) == ("plain", house.get(SERVING)["mark"])
    assert house.get(f"{STATE}?after={seen['mark']}", "listens") is None
    assert house.pass_s(LISTENERS_LEAST_S * 0.7) == {}
    told = house.pass_s(LISTENERS_LEAST_S * 0.6 + 1)
    assert told["listens"]["latency"] == "plain"
    assert not house.calm, "sound is fetched over the same connection"
    assert house.get(f"{STATE}?after={seen['mark']}", "listens") is None
    house.site.hear(replace(house.room, phase=Phase.ENDED, ended_ms=WALL_MS), house.at.now)
    assert house.pass_s(0.2)["listens"]["state"] == "ended"
    assert house.get(f"{STATE}?after={seen['mark']}", "listens")["state"] == "ended"


def test_by_parts_nothing_is_held(house: House) -> None:
    seen = house.get(STATE)
    assert seen["latency"] == "low"
    assert house.get(f"{STATE}?after={seen['mark']}", "listens") is not None


def test_paths_that_are_known_answer_as_they_did_at_first(house: House) -> None:
    for _ in range(2):
        assert house._ask("", f"GET /door/{EVENT}") is REFUSALS[405]
        assert house._ask("", f"GET /door/{EVENT}/leave") is REFUSALS[405]
        assert house._ask("", f"POST {SERVING}") is REFUSALS[405]
        assert house._ask("", f"POST /door/{EVENT}", "[]") is REFUSALS[400]
        assert house._ask("", "POST /door/nosuchone1", "{}") is REFUSALS[404]
        assert house.get(SERVING)["state"] == "live"
        assert house.get(STATE)["state"] == "live"

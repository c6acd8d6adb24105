"""Stops in the sound that listeners' pages tell of: who is heard, and how often."""

import json
from pathlib import Path

import pytest

from samvad.gate.counters import INDEX
from tests.kit.gates import EVENT
from tests.live.test_gate_held import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, 100)


def tell(house: House, **told: object) -> int:
    answer = house._ask("", f"POST /door/{EVENT}/stalls", json.dumps(told))
    assert answer is not None
    return answer.status


def counted(house: House) -> list[int]:
    values = house.site._counters.values
    return [values[INDEX[name]] for name in ("stalled", "stalls", "stalled_ms")]


def test_a_seat_is_heard_once_a_minute(house: House) -> None:
    ticket = house.knock()["ticket"]
    assert tell(house, ticket=ticket, stalls=2, stalled_ms=700) == 204
    assert tell(house, ticket=ticket, stalls=2, stalled_ms=700) == 204
    assert counted(house) == [1, 2, 700]
    house.pass_s(60)
    # Nobody's sound stops more often, or for longer, in a minute.
    assert tell(house, ticket=ticket, stalls=10**9, stalled_ms=10**12) == 204
    assert counted(house) == [2, 62, 60_700]


def test_who_has_no_seat_is_not_heard(house: House) -> None:
    ticket = house.knock()["ticket"]
    assert tell(house, ticket="A" * 32, stalls=1, stalled_ms=1) == 403
    for nonsense in ({}, {"ticket": ticket}, {"ticket": ticket, "stalls": True, "stalled_ms": 1}):
        assert tell(house, **nonsense) == 400
    place = house.knock()["place"]
    house.leave(ticket)
    house.pass_s(2)
    assert house.knock(place=place)["verdict"] == "admit"  # the seat is somebody else's now
    assert tell(house, ticket=ticket, stalls=1, stalled_ms=1) == 410
    assert counted(house) == [0, 0, 0]

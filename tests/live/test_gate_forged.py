"""Forged tickets one after another over one connection, and a good one behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.gate.answerer import Answerer
from samvad.gate.connection import Connection
from samvad.gate.counters import INDEX
from tests.kit.clock import FakeClock
from tests.kit.gates import EVENT
from tests.kit.one_connection import OneConnection
from tests.live.test_gate_held import WALL_MS, House

COUNTED = ("requests", "tickets_forged", "answers_4xx", "answers_2xx")


class Rig(OneConnection):
    """A house with one connection to it."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder, 100)
        clock = FakeClock(1_000.0, WALL_MS)
        site: Answerer = self.house.site  # type: ignore[assignment]
        super().__init__(folder / "of-server", clock, "203.0.113.9", site)

    def show(self, *tickets: str) -> bytes:
        for ticket in tickets:
            path = f"/live/{EVENT}/{ticket}/aac/index.m3u8"
            self.peer.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        self.loop.turn()
        self.loop.turn()
        return self.peer.recv(1 << 16)


def what_is_read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is read as a request from now on."""
    read: list[bytes] = []
    serve = Connection._serve

    def noted(connection: Connection, data: bytes) -> None:
        read.append(data)
        serve(connection, data)

    monkeypatch.setattr(Connection, "_serve", noted)
    return read


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_each_is_refused_and_counted_as_if_it_were_the_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rig.show("A" * 32)
    assert first.startswith(b"HTTP/1.1 403 ")
    read = what_is_read(monkeypatch)
    for ticket in ("B" * 32, "short", "C" * 43):
        assert rig.show(ticket) == first
    assert read == []  # nothing of it was read as a request
    assert rig.connection.book.tally.forged == 4
    assert rig.connection.asked == 4
    here = rig.counters.values
    assert here[INDEX["requests"]] == here[INDEX["answers_4xx"]] == 4
    forged = rig.house.site._counters.values[INDEX["tickets_forged"]]
    assert forged + here[INDEX["tickets_forged"]] == 4
    # Two at a time, and what else there is, are read as ever.
    assert rig.show("B" * 32, "C" * 32).count(b"HTTP/1.1 403 ") == 2
    assert len(read) == 1


def test_a_listener_who_comes_back_with_a_good_ticket_is_heard(rig: Rig) -> None:
    ticket = rig.house.knock()["ticket"]
    for _ in range(3):
        assert b" 403 " in rig.show("A" * 32)
    assert rig.show(ticket).startswith(b"HTTP/1.1 200 ")
    assert b" 403 " in rig.show("A" * 32)

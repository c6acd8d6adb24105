"""Gate processes under attack, from addresses of the loopback network: what is seen, what is done,
and that those who listen notice nothing. Small here; bench/attack.py is the same at scale."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samvad.gate import posture
from samvad.gate.detect import State
from samvad.protocol import incident_order
from samvad.protocol.incident import Cause, Incident, judge, sums, together
from samvad.protocol.journal import INCIDENT, read_from
from samvad.protocol.room import Phase, RoomState
from samvad.rehearsal.attack import DEFAULTS
from samvad.rehearsal.attacker import Attacker
from samvad.rehearsal.target import Target
from tests.kit.gates import EVENT, START_MS, Gates, Programme, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

pytestmark = pytest.mark.slow


GOOD, FORGED, MALFORMED, SLOW = 3_000, 1_500, 500, 40
"""A planted mix: acts of each kind. What the test itself asks for is some dozens more."""


class Evening:
    """Two gate processes on air."""

    def __init__(self, gates: Gates) -> None:
        self.gates = gates
        gates.plans.write(a_plan(seats=2_000))
        self.stage, self.programme = StageDouble(gates.folders), Programme(gates.secret)
        self.stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *self.programme.inits())
        self.stage.say(*self.programme.segments(5))
        state = f"/live/{EVENT}/state.json"
        until_now(lambda: all(gates.get(state).status == 200 for _ in range(12)), 20, "no event")
        play = gates.knock()["play"]
        until_now(lambda: all(gates.get(play).status == 200 for _ in range(10)), 20, "no sound")

    @property
    def posture(self) -> posture.Posture:
        return posture.read(posture.posture_path(self.gates.folders.run))

    def get(self, source: str, path: str, method: str = "GET", body: bytes = b"") -> bytes:
        """One request from an address of one's own, over a connection of its own."""
        with socket.create_connection(
            ("127.0.0.1", self.gates.port), timeout=10, source_address=(source, 0)
        ) as sock:
            about = f"Content-Length: {len(body)}\r\n" if body else ""
            said = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{about}\r\n"
            sock.sendall(said.encode() + body)
            got = b""
            while data := sock.recv(65536):
                got += data
        return got

    def ask(self, source: str, path: str, times: int, wanted: bytes) -> None:
        """The same again and again over one connection; each answer is `wanted`."""
        asked = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        with socket.create_connection(
            ("127.0.0.1", self.gates.port), timeout=30, source_address=(source, 0)
        ) as sock:
            reads = sock.makefile("rb")
            for _ in range(times):
                sock.sendall(asked)
                line, length = reads.readline(), 0
                assert wanted in line, line
                while (field := reads.readline()).strip():
                    name, _, value = field.lower().partition(b":")
                    length = int(value) if name == b"content-length" else length
                reads.read(length)

    def halves(self, source: str) -> socket.socket:
        """A request that is begun and not gone on with."""
        sock = socket.create_connection(
            ("127.0.0.1", self.gates.port), timeout=30, source_address=(source, 0)
        )
        sock.sendall(b"GET /e/a-talk HTTP/1.1\r\nHost: a\r\nX-a: ")
        return sock

    def closed(self) -> list[Incident]:
        """Records that are closed, from the gates' journals."""
        facts = [
            (fact.at_ms, fact.data)
            for path in self.gates.folders.journal.glob("gate-*.jsonl")
            for fact, _ in read_from(path, 0)
            if fact.kind == INCIDENT
        ]
        facts.sort(key=lambda one: one[0])
        return [one for one in together(facts, EVENT) if one.to_ms is not None]

    def attack(self, kind: str, seconds: float, number: int, **changes: object) -> Attacker:
        """In a thread; it ends by itself."""
        attack = replace(DEFAULTS[kind], to_s=seconds, **changes)  # type: ignore[arg-type]
        target = Target("127.0.0.1", self.gates.port, f"127.0.0.1:{self.gates.port}")
        attacker = Attacker(attack, target, "/e/a-talk", f"/door/{EVENT}", number)
        thread = threading.Thread(
            target=attacker.run, args=(time.monotonic(), lambda: True), daemon=True
        )
        thread.start()
        return attacker


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    with running_gates(tmp_path, 2, {"SAMVAD_GATE_HEAD_TIMEOUT_S": "5"}) as gates:
        evening = Evening(gates)
        yield evening
        evening.stage.close()
        assert gates.counter("crashes") == 0, gates.log.read_text()[-3000:]


def test_a_mix_of_attacks_is_seen_named_and_banned_and_a_listener_plays_on(
    evening: Evening,
) -> None:
    gates = evening.gates
    admitted = json.loads(
        evening.get("127.1.1.1", f"/door/{EVENT}", "POST", b"{}").partition(b"\r\n\r\n")[2]
    )
    base = admitted["play"].rpartition("/")[0]
    for number, (kind, per_s) in enumerate(
        {"bad-tickets": 300.0, "malformed": 100.0, "door": 200.0}.items()
    ):
        evening.attack(kind, 60.0, number, per_s=per_s, sources=4)
    heard = 0

    def found() -> bool:
        nonlocal heard
        answer = evening.get("127.1.1.1", f"{base}/aac/index.m3u8")
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
        heard += 1
        return evening.posture.state is State.ATTACK and gates.counter("bans") >= 8

    until_now(found, 40, lambda: f"{evening.posture} {gates.counter('bans')}")
    assert heard
    assert {"tickets", "malformed"} <= {kind.value for kind in evening.posture.kinds}
    # The door asks newcomers for work now, and not who has a seat.
    until_now(
        lambda: b'"reason":"proof"' in evening.get("127.1.1.2", f"/door/{EVENT}", "POST", b"{}"),
        20,
        "the door asks for nothing",
    )
    shown = json.dumps({"ticket": admitted["ticket"]}).encode()
    assert b'"verdict":"admit"' in evening.get("127.1.1.1", f"/door/{EVENT}", "POST", shown)
    # It is written down for the event.
    journals = gates.folders.journal
    until_now(
        lambda: any('"opened"' in p.read_text() for p in journals.glob("gate-*.jsonl")),
        20,
        "no incident",
    )


def test_connections_that_only_hold_on_are_an_attack(evening: Evening) -> None:
    evening.attack("slowloris", 60.0, 0, connections=400, per_s=400.0, sources=400)
    until_now(lambda: evening.posture.state is State.ATTACK, 40, lambda: str(evening.posture))
    assert [kind.value for kind in evening.posture.kinds] == ["slow"]


def test_hundreds_behind_one_address_are_no_attack(evening: Evening) -> None:
    gates = evening.gates
    admitted = 0
    for _ in range(300):
        assert b" 200 " in evening.get("127.2.2.2", "/e/a-talk")
        knock = evening.get("127.2.2.2", f"/door/{EVENT}", "POST", b"{}")
        if b'"verdict":"admit"' in knock:
            play = json.loads(knock.partition(b"\r\n\r\n")[2])["play"]
            assert b" 200 " in evening.get("127.2.2.2", play)
            admitted += 1
    assert admitted
    looks = gates.counter("deep")
    until_now(lambda: gates.counter("bans") == 0, 5, str(looks))
    assert evening.posture.state is not State.ATTACK
    assert gates.counter("refused_by_source") == gates.counter("refused_banned") == 0


def test_a_planted_mix_is_named_in_the_record_with_its_shares(tmp_path: Path) -> None:
    """Counts alone: however long it takes. Bans are off, for what is banned is not counted as what
    it was, and an operator opens the record, so that it has the whole of it."""
    env = {"SAMVAD_ATTACK_BANS": "false", "SAMVAD_GATE_HEAD_TIMEOUT_S": "1"}
    with running_gates(tmp_path, 2, env) as gates:
        evening = Evening(gates)
        try:
            play = gates.knock()["play"].replace("master", "aac/index")
            incident_order.write(gates.folders.run, True, "a test")
            until_now(lambda: bool(evening.posture.incident), 20, "no record is open")
            slow = [evening.halves(f"127.7.0.{n % 250 + 1}") for n in range(SLOW)]
            for n in range(GOOD // 50):
                evening.ask(f"127.4.0.{n % 250 + 1}", play, 50, b" 200 ")
            for n in range(FORGED // 50):
                forged = f"/live/{EVENT}/{n:032}/aac/index.m3u8"
                evening.ask(f"127.5.0.{n % 5 + 1}", forged, 50, b" 403 ")
            for n in range(MALFORMED):
                evening.ask(f"127.6.0.{n % 5 + 1}", "/e/a\0talk", 1, b" 400 ")
            for sock in slow:
                sock.settimeout(30)
                assert sock.recv(100).startswith(b"HTTP/1.1 408 ")
                sock.close()
            # Each process tells the others once a second what it has counted.
            counted = {"tickets_forged": FORGED, "malformed": MALFORMED, "timeouts_head": SLOW}
            until_now(
                lambda: all(gates.counter(name) == many for name, many in counted.items()),
                20,
                lambda: str({name: gates.counter(name) for name in counted}),
            )
            incident_order.write(gates.folders.run, False, "a test")
            (incident,) = until_now(evening.closed, 30, "the record is not closed")
        finally:
            evening.stage.close()
    found = sums(minute.kinds for minute in incident.minutes)
    planted = {"tickets": FORGED, "malformed": MALFORMED, "slow": SLOW}
    assert {kind: found.get(kind) for kind in planted} == pytest.approx(planted, rel=0.1)
    assert sum(found.values()) <= sum(planted.values()) * 1.1, found
    assert sum(minute.good for minute in incident.minutes) == pytest.approx(GOOD, rel=0.1)
    verdict = judge(incident.minutes)
    assert verdict.cause is Cause.BOTH
    harm = FORGED + MALFORMED + SLOW
    assert verdict.share == pytest.approx(harm / (GOOD + harm), rel=0.1)
    told = [numbers["kind"] for code, numbers in verdict.evidence if code == "kind"]
    assert told == ["tickets", "malformed", "slow"]

"""The console's figures: for the host and the staff, from every gate machine that answers."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from samvad.base.settings import load
from samvad.events import gate_client, intake
from samvad.events.models import Fact
from samvad.protocol import journal
from samvad.protocol.figures import FIGURES
from samvad.protocol.journal import JournalWriter
from tests.kit.ports import free_ports

pytestmark = pytest.mark.django_db


class Machine:
    """The admin port of a gate machine: `listening` in each of three seconds."""

    def __init__(self, listening: int) -> None:
        self.asked: list[str] = []
        self.body: bytes | None = None
        self.status = 200
        self.wait_s = 0.0
        self.now_ms = int(time.time()) * 1000
        machine = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                machine.asked.append(self.path)
                time.sleep(machine.wait_s)
                body = machine.body or machine.told(listening)
                self.send_response(machine.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def told(self, listening: int) -> bytes:
        at_ms = [self.now_ms - 2000 + 1000 * n for n in range(3)]
        columns: dict[str, Any] = {about.name: [None] * 3 for about in FIGURES}
        columns["listening"] = [listening] * 3
        gates = {"alive": 2, "of": 2}
        return json.dumps(
            {"now_ms": self.now_ms, "gates": gates, "at_ms": at_ms, "figures": columns}
        ).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def asks(settings, folders):
    """Point the site at gate machines."""

    def point(*addresses: str) -> None:
        settings.SAMVAD = load(folders.data, {"web.gates": " ".join(addresses)}, env={})

    return point


@pytest.fixture
def machines(asks) -> Iterator[list[Machine]]:
    """Two; the site asks the first."""
    made = [Machine(100), Machine(20)]
    asks(made[0].address)
    yield made
    for machine in made:
        machine.close()


def path_of(event: Any) -> str:
    return f"/console/{event.pk}/figures.json"


def bearer(speaker):
    return {"HTTP_AUTHORIZATION": f"Bearer {speaker.token}"}


def test_the_host_s_key_the_owner_and_the_staff_are_let_in(
    client, as_owner, as_staff, event, machines
):
    path = path_of(event)
    host = event.speakers.get(role="host")
    for answer in (client.get(path, **bearer(host)), as_owner.get(path), as_staff.get(path)):
        assert answer.status_code == 200
        assert answer.json()["figures"]["listening"] == [100, 100, 100]
        assert answer.json()["gates"] == {"alive": 2, "of": 2}
        assert answer.json()["silent"] == []
        assert "no-store" in answer.headers["Cache-Control"]


def test_nobody_else_is(client, as_other, as_owner, event, machines):
    path = path_of(event)
    speaker = event.speakers.filter(role="speaker").first()
    refused = client.get(path)
    assert (refused.status_code, refused.json()["error"]) == (401, "no_token")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    for answer in (
        client.get(path, **bearer(speaker)),  # a team-mate may speak, not operate
        client.get(path, HTTP_AUTHORIZATION="Bearer ગલત"),
        as_other.get(path),
        as_owner.get(path, **bearer(speaker)),  # a key that is shown is the one that counts
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "not_host")
    for reader in (as_owner, client):
        headers = bearer(speaker) if reader is client else {}
        gone = reader.get("/console/nothing000/figures.json", **headers)
        assert (gone.status_code, gone.json()["error"]) == (404, "no_event")
    assert client.post(path).status_code == 405
    assert machines[0].asked == []


def test_machines_are_added_up_and_the_silent_are_named(as_owner, event, machines, asks):
    path = path_of(event)
    one, other = machines
    asks(one.address, other.address)
    assert as_owner.get(path).json()["figures"]["listening"] == [120, 120, 120]
    (dead,) = (f"127.0.0.1:{port}" for port in free_ports(1))
    other.body = b'{"figures": "of another kind"}'
    asks(one.address, dead, other.address)
    told = as_owner.get(path).json()
    assert told["figures"]["listening"] == [100, 100, 100]
    assert told["silent"] == [dead, other.address]


def test_only_what_is_new_is_asked_for_and_given(as_owner, event, machines):
    path = path_of(event)
    since = machines[0].now_ms - 1000
    told = as_owner.get(f"{path}?since={since}").json()
    assert told["at_ms"] == [machines[0].now_ms]
    assert machines[0].asked == [f"/events/{event.pk}.json?since={since - 3000}"]
    for wrong in ("-1", "x", "1.5", "1" * 16, "١"):
        assert as_owner.get(path, {"since": wrong}).status_code == 400, wrong


def test_when_no_gate_answers_it_says_so(as_owner, event, machines, asks, monkeypatch):
    def says() -> str:
        answer = as_owner.get(path_of(event))
        assert (answer.status_code, answer.json()["error"]) == (503, "gates_silent")
        return answer.json()["says"]

    (port,) = free_ports(1)
    asks(f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in says()
    asks(machines[0].address)
    for status, body in ((404, b""), (200, b"<html>"), (200, b"[]")):
        machines[0].status, machines[0].body = status, body
        assert machines[0].address in says()
    machines[0].status, machines[0].body, machines[0].wait_s = 200, None, 0.5
    monkeypatch.setattr(gate_client, "TIMEOUT_S", 0.1)
    assert "in time" in says()


def test_the_log_tells_who_did_what_and_only_what_is_new(as_owner, client, event, folders):
    writer = JournalWriter(folders.journal, "stage")
    writer.append(event.pk, journal.STATUS, 1_790_000_000_123, text="Soon", by="Asha Patel")
    writer.append(event.pk, journal.COUNTS, 1_790_000_000_200, listening=5)
    writer.append("event00002", journal.STATUS, 1_790_000_000_300, text="Elsewhere", by="Bo")
    intake.take_all(folders.journal)
    path = f"/console/{event.pk}/log.json"
    (first,) = as_owner.get(path).json()["entries"]
    assert first == {
        "id": first["id"],
        "at_ms": 1_790_000_000_123,
        "kind": "status",
        "by": "Asha Patel",
        "data": {"text": "Soon", "by": "Asha Patel"},
    }
    # One that is older but comes up later is not missed.
    gate = JournalWriter(folders.journal, "gate-0")
    gate.append(event.pk, journal.RUNG, 1_790_000_000_000, n=2, effect="long", by="load")
    intake.take_all(folders.journal)
    (late,) = as_owner.get(path, {"after": first["id"]}).json()["entries"]
    assert (late["kind"], late["data"]["n"], late["by"]) == ("rung", 2, "")
    assert as_owner.get(path, {"after": late["id"]}).json() == {"entries": []}
    assert as_owner.get(path, {"after": "x"}).status_code == 400
    assert client.get(path).status_code == 401
    speaker = event.speakers.filter(role="speaker").first()
    assert client.get(path, **bearer(speaker)).status_code == 403
    assert client.get("/console/nothing000/log.json", **bearer(speaker)).status_code == 404


def test_of_a_long_log_the_newest_are_given(as_owner, event):
    facts = [
        Fact(writer="stage", seq=n, event=event.pk, kind=journal.STATUS, at=event.created_at)
        for n in range(1, 251)
    ]
    Fact.objects.bulk_create(facts)
    entries = as_owner.get(f"/console/{event.pk}/log.json").json()["entries"]
    assert [entries[0]["id"], entries[-1]["id"]] == [facts[50].pk, facts[-1].pk]


def test_the_gate_of_this_machine_is_asked_unless_others_are_named(folders):
    assert load(folders.data, {"gate.admin_port": 7001}, env={}).gate_admins() == (
        "127.0.0.1:7001",
    )
    for wrong in ("127.0.0.1", "x:y", "http://a:1", "a:1/b", "u@a:1", "a:0", "a:99999"):
        with pytest.raises(Exception, match="gates"):
            load(folders.data, {"web.gates": wrong}, env={})
    assert load(folders.data, {"web.gates": "a:1  [::1]:2"}, env={}).gate_admins() == (
        "a:1",
        "[::1]:2",
    )


def test_the_page_tells_its_script_where_and_of_which_rungs(client, event):
    config = client.get(f"/console/{event.pk}").context["config"]
    assert config["figures"] == f"/console/{event.pk}/figures.json"
    assert config["ladder"][0]["effect"] == "plain"
    assert config["ladder"][0]["over"]["cpu"] == 0.6

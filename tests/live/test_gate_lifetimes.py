"""Real gate processes from the announcement to the recording, and what goes wrong on the way."""

import json
import os
import signal
import socket
import struct
import time
from pathlib import Path

import pytest

from samvad.protocol.journal import COUNTS, read_from
from samvad.protocol.playlist_reader import read_media
from samvad.protocol.room import Phase, Replay, RoomState
from samvad.protocol.uplink import Forget
from tests.kit.gate_evening import Evening, play_of
from tests.kit.gates import EVENT, START_MS, Gates, a_plan, read_all, running_gates
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


def test_a_stage_that_comes_back_goes_on_under_the_same_urls(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        base = play_of(gates).rpartition("/")[0]
        before = read_media(gates.get(f"{base}/aac/index.m3u8").text)
        evening.stage.close()
        assert gates.get(f"{base}/aac/index.m3u8").status == 200  # what it has, it keeps
        evening.programme.restart()
        evening.stage.open()  # sends its window again, then what is new
        evening.stage.say(*evening.programme.segments(2))
        until_now(lambda: evening.newest() == evening.programme.msn, 10, "no new segments")
        after = read_media(gates.get(f"{base}/aac/index.m3u8").text)
        assert [s.uri for s in after.segments[:10]] == [s.uri for s in before.segments]
        assert [s.discontinuity for s in after.segments] == [0] * 10 + [1] * 2
        evening.stage.close()


def test_a_killed_gate_comes_back_with_window_and_seats(tmp_path: Path) -> None:
    with running_gates(tmp_path, 2) as gates:
        evening = Evening(gates)
        play = play_of(gates)
        for index, process in enumerate(list(gates.processes)):
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            assert gates.get(play).status == 200  # the other one serves
            gates.start(index)
            gates.processes.remove(process)
            gates.wait_healthy()
            evening.on_air()
        assert gates.get(play).status == 200
        # The same listener, with the same seat.
        ticket = play.split("/")[3]
        again = gates.knock(ticket=ticket)
        assert again["ticket"][:10] == ticket[:10]
        evening.stage.close()


def test_seats_are_shared_by_all_processes(tmp_path: Path) -> None:
    with running_gates(tmp_path, 3) as gates:
        gates.plans.write(a_plan(seats=7))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        time.sleep(0.5)  # all three have read the plan: they look every 0.25 s
        verdicts = [gates.knock() for _ in range(30)]
        assert sum(v["verdict"] == "admit" for v in verdicts) == 7
        waiting = [v for v in verdicts if v["verdict"] == "wait"]
        assert [v["number"] for v in waiting] == list(range(1, 24))
        assert all(v["retry_after_ms"] > 0 for v in waiting)
        served = gates.get(f"/door/{EVENT}/serving.json")
        assert served.headers["Cache-Control"] == "public, max-age=1"
        assert (served.json["serving"], served.json["waiting"]) == (0, 23)
        # Who leaves says so, and the first in line is called.
        tickets = [v["ticket"] for v in verdicts if v["verdict"] == "admit"]
        assert gates.leave(tickets[0]) == 204
        until_now(
            lambda: gates.get(f"/door/{EVENT}/serving.json").json["serving"] == 1, 5, "not called"
        )
        again = [gates.knock(place=v["place"]) for v in waiting]
        assert [v["verdict"] for v in again].count("admit") == 1
        assert sorted(v["number"] for v in again if "number" in v) == list(range(2, 24))
        assert gates.get(f"/live/{EVENT}/state.json").json["counts"]["seats"] == 7
        until_now(
            lambda: (
                gates.get(f"/live/{EVENT}/state.json").json["counts"]
                == {
                    "listening": 0,
                    "admitted": 7,
                    "seats": 7,
                    "in_line": 22,
                    "refused": 0,
                    "peak": 0,
                    "joined": 8,
                }
            ),
            5,
            lambda: gates.get(f"/live/{EVENT}/state.json").text,
        )
        # On the door, but not on air.
        play = [v["play"] for v in verdicts if v["verdict"] == "admit"][1]
        silent = gates.get(play)
        assert (silent.status, silent.headers["Retry-After"]) == (503, "1")


def test_doors_open_at_their_time(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        doors_ms = int(time.time() * 1000) + 1500
        gates.plans.write(a_plan(doors_ms=doors_ms, starts_ms=doors_ms + 900_000))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        early = gates.knock()
        assert (early["verdict"], early["number"], early["final"]) == ("wait", 1, False)
        assert gates.get(f"/live/{EVENT}/state.json").json["state"] == "announced"
        assert gates.get(f"/door/{EVENT}/serving.json").json["door"] == "early"
        until_now(
            lambda: gates.knock(place=early["place"])["verdict"] == "admit",
            5,
            "the doors stay shut",
        )
        assert int(time.time() * 1000) >= doors_ms


def test_a_seat_nobody_uses_goes_to_somebody_else(tmp_path: Path) -> None:
    with running_gates(tmp_path, env={"SAMVAD_GATE_SEAT_HOLD_S": "5"}) as gates:
        evening = Evening(gates, seats=1)
        line = Waiting(gates)
        first = until_now(line.admitted, 15, "no seat comes free")
        line = Waiting(gates)
        assert not line.admitted()
        second = until_now(line.admitted, 15, "the seat does not come free")
        assert gates.get(first).status == 410
        assert gates.get(second).status == 200
        evening.stage.close()


class Waiting:
    """One who knocks until there is a seat, and keeps the place."""

    def __init__(self, gates: Gates) -> None:
        self._gates, self._place = gates, ""

    def admitted(self) -> str:
        """What to play; "" as long as there is no seat."""
        said = self._gates.knock(place=self._place)
        self._place = said.get("place", "")
        return str(said.get("play", ""))


def _mp4(duration_s: int, size: int) -> bytes:
    mvhd = struct.pack(">IIIII", 0, 1, 2, 1000, duration_s * 1000) + bytes(80)
    mvhd = struct.pack(">I4s", 8 + len(mvhd), b"mvhd") + mvhd
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0)
    head += struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    return head + struct.pack(">I4s", size, b"mdat") + os.urandom(size - 8)


def test_the_end_and_the_recording(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        base = play_of(gates).rpartition("/")[0]
        ended = RoomState(EVENT, Phase.ENDED, START_MS, START_MS + 60_000)
        evening.stage.say(ended)
        until_now(lambda: read_media(gates.get(f"{base}/aac/index.m3u8").text).ended, 5, "no end")
        assert gates.get(f"/live/{EVENT}/state.json").json["replay"] is None
        assert gates.knock() == {
            "verdict": "refuse",
            "reason": "ended",
            "replay": None,
            "retry_after_ms": None,
        }
        path = gates.folders.replay(EVENT)
        path.parent.mkdir(parents=True)
        recording = _mp4(90, 5_000_000)
        path.write_bytes(recording)
        evening.stage.say(
            RoomState(EVENT, Phase.ENDED, START_MS, START_MS + 60_000, replay=Replay(1, 1))
        )
        said = until_now(
            lambda: gates.get(f"/live/{EVENT}/state.json").json["replay"], 5, "no recording"
        )
        url = f"/live/{EVENT}/replay.m4a"
        assert said == {"url": url, "bytes": len(recording), "duration_ms": 90_000}
        assert gates.knock()["replay"] == url
        whole = gates.get(url)
        assert whole.body == recording
        part = gates.get(url, Range="bytes=1000000-3999999")
        assert (part.status, part.body) == (206, recording[1_000_000:4_000_000])
        assert gates.get(url, If_None_Match=whole.headers["ETag"]).status == 304
        # The window is forgotten some time after the end; the page and the recording stay.
        evening.stage.say(Forget(EVENT))
        until_now(lambda: gates.get(f"{base}/aac/index.m3u8").status == 410, 5, "still there")
        assert gates.get("/e/a-talk").status == 200
        evening.stage.close()


def test_a_gate_started_after_the_end_knows_it(tmp_path: Path) -> None:
    gates_folder = tmp_path / "recordings" / EVENT
    gates_folder.mkdir(parents=True)
    (gates_folder / "replay.m4a").write_bytes(_mp4(7, 1000))
    with running_gates(tmp_path) as gates:
        gates.plans.write(a_plan(ended=True))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        state = gates.get(f"/live/{EVENT}/state.json").json
        assert (state["state"], state["replay"]["duration_ms"]) == ("ended", 7_000)
        assert gates.knock()["reason"] == "ended"


def test_a_crowd_beyond_the_limit_gets_plain_hls(tmp_path: Path) -> None:
    with running_gates(tmp_path, env={"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "3"}) as gates:
        evening = Evening(gates)
        plays = [play_of(gates) for _ in range(4)]

        def latency() -> object:
            for play in plays:
                gates.get(play)
            return gates.get(f"/live/{EVENT}/state.json").json["latency"] == "plain"

        until_now(latency, 10, "it stays low", every=0.3)
        text = gates.get(f"{plays[0].rpartition('/')[0]}/aac/index.m3u8").text
        assert "EXT-X-PART" not in text
        assert len(read_media(text).segments) == 10
        evening.stage.close()


def test_sigterm_finishes_what_is_being_sent(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        path = gates.folders.replay(EVENT)
        path.parent.mkdir(parents=True)
        path.write_bytes(_mp4(9, 8_000_000))
        idle = gates.connect()
        idle.sendall(b"GET /absent HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 404")
        base = play_of(gates).rpartition("/")[0]
        msn, part = read_media(gates.get(f"{base}/aac/index.m3u8").text).next_part
        waiting = gates.connect()
        query = f"_HLS_msn={msn}&_HLS_part={part}"
        waiting.sendall(f"GET {base}/aac/index.m3u8?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        reading = gates.connect()
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        reading.sendall(
            f"GET /live/{EVENT}/replay.m4a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".encode()
        )
        got = reading.recv(1000)
        until_now(lambda: gates.counter("waiting") == 1, 5, "nobody waits")
        gates.processes[0].send_signal(signal.SIGTERM)
        assert idle.recv(1000) == b""
        assert read_all(waiting).startswith(b"HTTP/1.1 503 ")
        got += read_all(reading)
        assert len(got.partition(b"\r\n\r\n")[2]) == path.stat().st_size
        assert gates.processes[0].wait(10) == 0
        with pytest.raises(ConnectionRefusedError):
            gates.connect()
        for sock in (idle, waiting, reading):
            sock.close()
        evening.stage.close()


def test_counts_are_written_down_while_on_air(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        evening = Evening(gates)
        journal = tmp_path / "journal" / "gate-0.jsonl"
        facts = until_now(
            lambda: [f for f, _ in read_from(journal, 0) if f.kind == COUNTS], 25, "no counts"
        )
        assert facts[0].event == EVENT
        told = {"listening", "admitted", "seats", "in_line", "refused", "peak", "joined"}
        assert set(facts[0].data) == told
        assert facts[0].data["admitted"] >= 1
        evening.stage.close()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        from samvad.base.errors import PlainError
        from samvad.gate.server import listen

        with pytest.raises(PlainError) as caught:
            listen("127.0.0.1", port, "[gate] port")
        assert str(port) in caught.value.says
        assert "[gate] port" in caught.value.mend


def test_a_damaged_plan_leaves_what_there_is(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        gates.plans.write(a_plan())
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")
        (gates.folders.plans / f"{EVENT}.json").write_text(json.dumps({"schema": 1}))
        until_now(lambda: gates.counter("plan_complaints") == 1, 5, "nobody complains")
        assert gates.get("/e/a-talk").status == 200

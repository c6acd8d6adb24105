"""Under attack: what a refusal costs, what good listeners feel, how soon it is seen and stopped.

    python -m bench.attack [--listeners 300] [--seconds 12] [--kinds bad-tickets,flood,…]

The gate and nginx (`secure_link`, `limit_req`, `limit_conn`) stand side by side, one process each
on one core; listeners and attackers share the other one. Both get the same attacks from the same
program (rehearsal/attacker.py), one after the other. Times are from the first hostile packet.
All load is on the loopback network, from some thousands of its addresses. At the end three honest
herds come to the gate: they must not be banned.
"""

import argparse
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.attack_listeners import Felt, Listeners
from bench.gate import cpu_ns
from bench.gate_load import load, once
from bench.gate_nginx import Nginx, running_nginx
from samvad.gate import posture
from samvad.gate.detect import State
from samvad.protocol.room import Phase, RoomState
from samvad.rehearsal.attack import DEFAULTS, Attack, order
from tests.kit.gates import EVENT, START_MS, Gates, Programme, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

OUT = Path("build/bench/attack.json")
EVERY_S = 1.92
ATTACKS = {
    "bad-tickets": replace(DEFAULTS["bad-tickets"], per_s=20_000.0, connections=64, sources=50),
    "flood": replace(DEFAULTS["flood"], per_s=6_000.0, connections=2_000, sources=2_000),
    "slowloris": replace(DEFAULTS["slowloris"], per_s=1_000.0, connections=4_000, sources=4_000),
    "slow-body": replace(DEFAULTS["slow-body"], per_s=1_000.0, connections=4_000, sources=4_000),
    "slow-read": replace(DEFAULTS["slow-read"], per_s=500.0, connections=2_000, sources=2_000),
    "malformed": replace(DEFAULTS["malformed"], per_s=3_000.0, connections=500, sources=500),
    "bombs": replace(DEFAULTS["bombs"], per_s=100.0, connections=50, sources=50),
    "replay": replace(DEFAULTS["replay"], per_s=3_000.0, connections=64, sources=50),
    "door": replace(DEFAULTS["door"], per_s=2_000.0, connections=1_000, sources=10_000),
    "churn": replace(DEFAULTS["churn"], per_s=500.0, connections=200, sources=2_000),
}
LIMITS = """
    limit_req_zone $binary_remote_addr zone=req:16m rate=50r/s;
    limit_conn_zone $binary_remote_addr zone=conn:16m;
    limit_req_status 429; limit_conn_status 429;
    limit_req zone=req burst=500 nodelay;
    limit_conn conn 2000;
    client_header_timeout 10s; client_body_timeout 10s; send_timeout 30s;
    reset_timedout_connection on;
"""


@contextmanager
def gate(folder: Path, bans: bool = True) -> Iterator[tuple[Gates, list[str]]]:
    """One gate process on air, with tickets for listeners to be knocked for."""
    env = {"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0", "SAMVAD_ATTACK_BANS": str(bans).lower()}
    with running_gates(folder, 1, env) as gates:
        page = "<!doctype html><title>A talk</title>" + "<p>Hello, and welcome.</p>" * 1_500
        gates.plans.write(a_plan(seats=30_000, pages={"en": page}))
        stage, programme = StageDouble(gates.folders), Programme(gates.secret)
        stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
        stage.say(*programme.segments(10))
        try:
            play = str(until_now(lambda: gates.knock().get("play"), 20, "no door"))
            until_now(lambda: gates.get(play).status == 200, 20, "no sound")
            yield gates, [play]
        finally:
            stage.close()


def tickets(gates: Gates, count: int) -> list[str]:
    """A playlist's path for each listener."""
    paths: list[str] = []
    give_up = time.monotonic() + 120
    while len(paths) < count and time.monotonic() < give_up:
        said = gates.knock()
        if said.get("verdict") == "admit":
            paths.append(str(said["play"]).replace("master", "aac/index"))
        else:
            time.sleep(0.05)
    return paths


def attacked(port: int, attack: Attack, door: str) -> "subprocess.Popen[str]":
    """An attacker's process, begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "samvad.rehearsal.attacker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(order(attack, f"http://127.0.0.1:{port}/e/a-talk", "", door, 0) + "\n")
    process.stdin.flush()
    process.stdout.readline()
    process.stdin.write(repr(time.monotonic()) + "\n")
    process.stdin.flush()
    return process


def ended(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the attacker got."""
    assert process.stdin is not None
    said, _ = process.communicate(timeout=60)
    told = [json.loads(line) for line in said.splitlines() if '"spoils"' in line]
    return dict(told[-1]["spoils"]) if told else {}


def under_attack(kind: str, seconds: float, listeners: int, core: int) -> dict[str, Any]:
    """The same attack on both; what listeners felt."""
    attack = replace(ATTACKS[kind], to_s=seconds)
    result: dict[str, Any] = {"kind": kind, "asked": {"per_s": attack.per_s}}
    with tempfile.TemporaryDirectory() as folder:
        with gate(Path(folder) / "gate") as (gates, _):
            os.sched_setaffinity(gates.processes[0].pid, {core})
            crowd = Listeners(gates.port, tickets(gates, listeners), EVERY_S)
            crowd.run(4.0)
            began = time.monotonic()
            attacker = attacked(gates.port, attack, f"/door/{EVENT}")
            seen = _Seen(gates, began)
            felt = Felt()
            while time.monotonic() - began < seconds:
                part = crowd.run(0.5)
                felt.asked, felt.good = felt.asked + part.asked, felt.good + part.good
                felt.lost += part.lost
                felt.took_ms += part.took_ms
                seen.look()
            result["gate"] = _told(felt) | seen.told | {"spoils": ended(attacker)}
            crowd.close()
        if kind not in ("door", "churn", "replay"):  # nginx has no door
            with running_nginx(Path(folder) / "nginx", tuned=False, more=LIMITS) as nginx:
                result["nginx"] = _on_nginx(nginx, attack, listeners, seconds, core)
    return result


def _on_nginx(
    nginx: Nginx, attack: Attack, listeners: int, seconds: float, core: int
) -> dict[str, Any]:
    os.sched_setaffinity(nginx.worker, {core})
    path = nginx.file("p", 2_000)
    crowd = Listeners(nginx.port, [path] * listeners, EVERY_S)
    crowd.run(4.0)
    attacker = attacked(nginx.port, attack, f"/door/{EVENT}")
    felt = crowd.run(seconds)
    crowd.close()
    return _told(felt) | {"spoils": ended(attacker)}


class _Seen:
    """When the gate saw the attack, and when it first banned somebody."""

    def __init__(self, gates: Gates, began: float) -> None:
        self._gates, self._began = gates, began
        self.told: dict[str, Any] = {"seen_s": None, "banned_s": None, "kinds": []}

    def look(self) -> None:
        after = round(time.monotonic() - self._began, 1)
        now = posture.read(posture.posture_path(self._gates.folders.run))
        if now.state is State.ATTACK:
            if self.told["seen_s"] is None:
                self.told["seen_s"] = after
            self.told["kinds"] = [kind.value for kind in now.kinds]
        bans = self._gates.counter("bans")
        if self.told["banned_s"] is None and bans:
            self.told["banned_s"] = after
        self.told["bans"] = bans


def _told(felt: Felt) -> dict[str, Any]:
    return {
        "success": round(felt.success, 5),
        "p50_ms": round(felt.percentile(0.5), 1),
        "p99_ms": round(felt.percentile(0.99), 1),
        "lost": felt.lost,
        "asked": felt.asked,
    }


def refusals(core: int) -> list[dict[str, Any]]:
    """CPU of one refusal, the gate's and nginx's, in turn."""
    rows = []
    paths = {
        "forged ticket (403)": (
            f"/live/{EVENT}/{'A' * 32}/master.m3u8", "/live/p?ticket=A&expires=1",
        ),
        "no such path (404)": ("/nothing", "/nothing"),
    }  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        gate(Path(folder) / "gate", bans=False) as (gates, _),
        running_nginx(Path(folder) / "nginx", tuned=False) as nginx,
    ):
        pids = {"gate": gates.processes[0].pid, "nginx": nginx.worker}
        ports = {"gate": gates.port, "nginx": nginx.port}
        for pid in pids.values():
            os.sched_setaffinity(pid, {core})
        for name, (ours, theirs) in paths.items():
            costs: dict[str, list[float]] = {"gate": [], "nginx": []}
            for _ in range(4):
                for who, path in (("gate", ours), ("nginx", theirs)):
                    pid = pids[who]
                    run = load(ports[who], path, 32, 0.6, partial(cpu_ns, pid))
                    costs[who].append(run.spent / run.requests / 1000)
            once(gates.port, ours)
            rows.append(
                {"refusal": name}
                | {f"{who}_us": round(statistics.median(c), 1) for who, c in costs.items()}
            )
    return rows


def herds() -> dict[str, Any]:
    """Honest herds: many behind one address, many who come again, all at once. Bans are counted."""
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, gate(Path(folder) / "gate") as (gates, _):
        for name, sources in (("behind one address", 1), ("from everywhere", 5_000)):
            visits = 0
            for _ in range(2):  # the second time as after a network cut
                visits += _herd(gates, 2_500, sources)
            told[name] = {"visits": visits, "bans": gates.counter("bans")}
    return told


def _herd(gates: Gates, count: int, sources: int) -> int:
    """People who read the page, knock, and listen once they are in; a connection each."""
    epoll = select.epoll()
    left: dict[int, tuple[socket.socket, list[bytes]]] = {}
    steps = [
        b"GET /e/a-talk HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /door/%s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % EVENT.encode(),
        b"GET /live/%s/state.json HTTP/1.1\r\nHost: a\r\n\r\n" % EVENT.encode(),
    ]
    done = 0
    for number in range(count):
        n = number % sources
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)
        sock.bind((f"127.{60 + n // 50_000}.{n // 250 % 200}.{n % 250 + 1}", 0))
        sock.connect(("127.0.0.1", gates.port))
        sock.setblocking(False)
        sock.send(steps[0])
        epoll.register(sock.fileno(), select.EPOLLIN)
        left[sock.fileno()] = sock, steps[1:]
        if number % 50 == 0:
            done += _turn(epoll, left)
    give_up = time.monotonic() + 60
    while left and time.monotonic() < give_up:
        done += _turn(epoll, left)
    for sock, _ in left.values():
        sock.close()
    epoll.close()
    return done


def _turn(epoll: select.epoll, left: dict[int, tuple[socket.socket, list[bytes]]]) -> int:
    done = 0
    for fd, _ in epoll.poll(0.01, 256):
        sock, steps = left[fd]
        try:
            alive = bool(sock.recv(262_144))
        except OSError:
            alive = False
        if alive and steps:
            sock.send(steps[0])
            left[fd] = sock, steps[1:]
        else:
            done += alive
            del left[fd]
            sock.close()
    return done


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.attack")
    parser.add_argument("--listeners", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--kinds", default=",".join(ATTACKS))
    wanted = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    costs = refusals(cores[0])
    print(f"{'refusal':28}{'gate µs':>9}{'nginx µs':>10}")
    for row in costs:
        print(f"{row['refusal']:28}{row['gate_us']:>9}{row['nginx_us']:>10}")
    print(f"\n{'attack':14}{'':7}{'success':>9}{'p50 ms':>8}{'p99 ms':>8}{'lost':>6}  seen, banned")
    results = []
    for kind in wanted.kinds.split(","):
        result = under_attack(kind, wanted.seconds, wanted.listeners, cores[0])
        results.append(result)
        for who in ("gate", "nginx"):
            told = result.get(who)
            if told:
                seen = f"{told['seen_s']} s, {told['banned_s']} s" if who == "gate" else ""
                print(
                    f"{kind:14}{who:7}{told['success']:>9.2%}{told['p50_ms']:>8}"
                    f"{told['p99_ms']:>8}{told['lost']:>6}  {seen}",
                    flush=True,
                )
    honest = herds()
    for name, told in honest.items():
        print(f"honest herd {name}: {told['visits']} visits, {told['bans']} bans")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    about = {"refusals": costs, "attacks": results, "herds": honest}
    OUT.write_text(json.dumps(about, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Under attack: what a refusal costs, what good listeners feel, how soon it is seen and stopped.

    python -m bench.attack [--listeners 300] [--seconds 10] [--rounds 1] [--kinds flood,door,…]

The gate (two processes), the same with a fence, and nginx with two workers (`secure_link`,
`limit_req`, `limit_conn`) stand side by side, one after the other on one core; listeners and
attackers share the other one, and the listeners' processes go first there. All get the same
attacks from the same program (rehearsal/attacker.py); nginx answers a knock with a constant. False
positives are `refused`, what good listeners were answered in place of what they asked for, and
`banned`, sources of theirs. Times are from the first hostile packet. All load is
on the loopback network of a namespace that the bench makes for itself (as root; else on this
machine's own, and without a fence). At the end honest herds come to the gate: they must not be
banned. 20,000 listeners, all kinds and 10 seconds each take a quarter of an hour.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import attack_servers as servers
from bench.attack_herds import herds
from bench.attack_listeners import Crowd, Felt
from bench.attack_servers import Attacked
from bench.cores import alone, kept
from bench.gate import cpu_ns
from bench.gate_load import load
from bench.gate_nginx import running_nginx
from samvad.gate import posture
from samvad.gate.bans import Bans
from samvad.gate.detect import State
from samvad.rehearsal.attack import DEFAULTS, FIRST_SOURCE, Attack, order
from tests.kit.gates import EVENT, running_gates

OUT = Path("build/bench/attack.json")
EVERY_S = 1.92
LEAN_S = 5.76
"""How often a listener fetches where the crowd is large (gate/lean.py)."""
LARGE = 2_000
SETTLE_S, CALM_S = 8.0, 6.0
ALL = "all"


def _strong(kind: str, per_s: float, connections: int, sources: int) -> Attack:
    return replace(DEFAULTS[kind], per_s=per_s, connections=connections, sources=sources)


ATTACKS: dict[str, list[Attack]] = {
    "bad-tickets": [_strong("bad-tickets", 20_000.0, 64, 50)] * 2,
    "flood": [_strong("flood", 13_000.0, 2_000, 2_000)],
    "slowloris": [_strong("slowloris", 3_000.0, 9_000, 9_000)],
    "slow-body": [_strong("slow-body", 3_000.0, 9_000, 9_000)],
    "slow-read": [_strong("slow-read", 500.0, 9_000, 9_000)],
    "malformed": [_strong("malformed", 3_000.0, 500, 500)],
    "bombs": [_strong("bombs", 100.0, 50, 50)],
    "replay": [_strong("replay", 3_000.0, 64, 50)],
    "door": [_strong("door", 2_000.0, 1_000, 10_000)],
    "churn": [_strong("churn", 500.0, 200, 2_000)],
    ALL: [
        _strong("bad-tickets", 3_000.0, 64, 50),
        _strong("flood", 1_000.0, 500, 2_000),
        _strong("slowloris", 500.0, 1_500, 1_500),
        _strong("slow-body", 500.0, 1_500, 1_500),
        _strong("slow-read", 200.0, 1_500, 1_500),
        _strong("malformed", 500.0, 200, 200),
        _strong("door", 500.0, 500, 5_000),
    ],
}
SIDES: dict[str, Callable[[Path, int, int], AbstractContextManager[Attacked]]] = {
    "gate": servers.gate,
    "fenced": servers.fenced_gate,
    "nginx": servers.nginx,
}


def attacked(port: int, attack: Attack, number: int) -> "subprocess.Popen[str]":
    """An attacker's process, ready to begin."""
    process = subprocess.Popen(
        ["nice", "-n", "19", sys.executable, "-m", "samvad.rehearsal.attacker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    url = f"http://127.0.0.1:{port}/e/a-talk"
    process.stdin.write(order(attack, url, "", f"/door/{EVENT}", number) + "\n")
    process.stdin.flush()
    process.stdout.readline()
    return process


def ended(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the attacker got."""
    said, _ = process.communicate(timeout=60)
    told = [json.loads(line) for line in said.splitlines() if '"spoils"' in line]
    return dict(told[-1]["spoils"]) if told else {}


def under_attack(kind: str, side: str, seconds: float, listeners: int, core: int) -> dict[str, Any]:
    """One attack on one of them; what listeners felt, and when it was seen."""
    every_s = LEAN_S if listeners > LARGE else EVERY_S
    with (
        tempfile.TemporaryDirectory() as folder,
        SIDES[side](Path(folder) / side, listeners, core) as server,
    ):
        Path(folder).chmod(0o755)
        crowd = Crowd(server.port, server.paths, every_s)
        crowd.run(SETTLE_S)
        calm = crowd.run(CALM_S)
        attackers = [
            attacked(server.port, replace(one, to_s=seconds), n)
            for n, one in enumerate(ATTACKS[kind])
        ]
        began = time.monotonic()
        for attacker in attackers:
            assert attacker.stdin is not None
            attacker.stdin.write(f"{began!r}\n")
            attacker.stdin.flush()
        seen = _Seen(server, began)
        halves = []
        for until in (seconds / 2, seconds):
            crowd.begin(began + until - time.monotonic())
            while time.monotonic() - began < until:
                seen.look()
                time.sleep(0.1)
            halves.append(crowd.felt())
        felt, later = Felt(), halves[-1]
        for half in halves:
            felt.add(half)
        spoils = [ended(attacker) for attacker in attackers]
        told = _told(felt) | seen.told
        told |= {"calm_p99_ms": _p99_ms(calm), "later_p99_ms": _p99_ms(later)}
        told |= {"spoils": spoils, "good_banned": _good_banned(server)}
        if server.fenced is not None:
            told |= {"fenced": server.fenced.count, "packets_dropped": server.fenced.dropped()}
        crowd.close()
    return told


class _Seen:
    """When the gate saw the attack, first banned somebody, and first had somebody fenced."""

    def __init__(self, server: Attacked, began: float) -> None:
        self._server, self._began = server, began
        self._counted_at = 0.0
        self.told: dict[str, Any] = {"seen_s": None, "banned_s": None, "fenced_s": None}

    def look(self) -> None:
        gates, told = self._server.gates, self.told
        if gates is None:
            return
        now = time.monotonic()
        after = round(now - self._began, 1)
        state = posture.read(posture.posture_path(gates.folders.run))
        if state.state is State.ATTACK:
            told["seen_s"] = told["seen_s"] or after
            told["kinds"] = [kind.value for kind in state.kinds]
        if now - self._counted_at > 0.5:
            self._counted_at = now
            told["bans"] = gates.counter("bans")
            if told["bans"]:
                told["banned_s"] = told["banned_s"] or after
        fence = self._server.fenced
        if fence is not None and fence.first is not None:
            told["fenced_s"] = round(fence.first - self._began, 1)


def _good_banned(server: Attacked) -> int | None:
    """Sources that are banned and are none of the attackers'; None: nobody bans."""
    if server.gates is None:
        return None
    bans = Bans(server.gates.folders.run / "attack" / "bans")
    bans.look(time.monotonic())
    banned = sum(int(source.split(".")[1]) < FIRST_SOURCE for source in bans.now)
    bans.close()
    return banned


def _p99_ms(felt: Felt) -> float:
    return round(felt.percentile(0.99), 1)


def _told(felt: Felt) -> dict[str, Any]:
    return {
        "success": round(felt.success, 5),
        "p50_ms": round(felt.percentile(0.5), 1),
        "p99_ms": _p99_ms(felt),
        "late": felt.late,
        "lost": felt.lost,
        "refused": felt.refused,
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
    env = {"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0", "SAMVAD_ATTACK_BANS": "false"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gates(Path(folder) / "gate", 1, env) as gates,
        running_nginx(Path(folder) / "nginx", tuned=False) as nginx,
    ):
        servers.on_air(gates).close()
        pids = {"gate": gates.processes[0].pid, "nginx": nginx.worker}
        ports = {"gate": gates.port, "nginx": nginx.port}
        for pid in pids.values():
            alone(pid, core)
        for name, (ours, theirs) in paths.items():
            costs: dict[str, list[float]] = {"gate": [], "nginx": []}
            for _ in range(6):
                for who, path in (("gate", ours), ("nginx", theirs)):
                    run = load(ports[who], path, 32, 0.6, partial(cpu_ns, pids[who]))
                    costs[who].append(run.spent / run.requests / 1000)
            rows.append(
                {"refusal": name}
                | {f"{who}_us": round(statistics.median(c), 1) for who, c in costs.items()}
            )
    return rows


def show(results: list[dict[str, Any]]) -> None:
    """A row for each kind and side: medians of its rounds, their worst success, latest times, and
    all that was lost. At the end of a row is the p99 of each round."""
    print(
        f"\n{'attack':13}{'':8}{'success':>9}{'p50 ms':>8}{'calm p99':>9}{'p99 ms':>8}"
        f"{'2nd half':>9}{'late':>6}{'lost':>6}{'refused':>8}{'banned':>7}"
        f"{'seen s':>8}{'ban s':>7}{'fence s':>8}  p99 of each round; named"
    )
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for told in results:
        rows.setdefault((told["kind"], told["side"]), []).append(told)
    for (kind, side), rounds in rows.items():
        named = sorted({name for told in rounds for name in told.get("kinds", ())})
        print(
            f"{kind:13}{side:8}{min(told['success'] for told in rounds):>9.2%}"
            f"{_median(rounds, 'p50_ms'):>8}{_median(rounds, 'calm_p99_ms'):>9}"
            f"{_median(rounds, 'p99_ms'):>8}{_median(rounds, 'later_p99_ms'):>9}"
            f"{_total(rounds, 'late'):>6}{_total(rounds, 'lost'):>6}{_total(rounds, 'refused'):>8}"
            f"{_worst(rounds, 'good_banned'):>7}{_worst(rounds, 'seen_s'):>8}"
            f"{_worst(rounds, 'banned_s'):>7}{_worst(rounds, 'fenced_s'):>8}"
            f"  {', '.join(str(told['p99_ms']) for told in rounds)}; {' '.join(named)}"
        )


def _total(rounds: list[dict[str, Any]], name: str) -> int:
    return sum(int(told[name]) for told in rounds)


def _median(rounds: list[dict[str, Any]], name: str) -> float:
    return round(float(statistics.median(told[name] for told in rounds)), 1)


def _worst(rounds: list[dict[str, Any]], name: str) -> object:
    """The largest; "-": it was in no round."""
    return max((told[name] for told in rounds if told[name] is not None), default="-")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.attack")
    parser.add_argument("--listeners", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(ATTACKS))
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--herd", type=int, default=0, help="0: as many as listeners")
    wanted = parser.parse_args()
    alone = servers.INSIDE in os.environ
    if os.geteuid() == 0 and not alone and shutil.which("unshare") and shutil.which("nft"):
        again = [sys.executable, "-m", "bench.attack", *sys.argv[1:]]
        inside = 'ip link set lo up && exec "$@"'
        os.environ[servers.INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", inside, "sh", *again])
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    sides = [s for s in wanted.sides.split(",") if s != "fenced" or alone]
    costs = refusals(cores[0])
    print(f"{'refusal':28}{'gate µs':>9}{'nginx µs':>10}")
    for row in costs:
        print(f"{row['refusal']:28}{row['gate_us']:>9}{row['nginx_us']:>10}", flush=True)
    results: list[dict[str, Any]] = []
    OUT.parent.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {"listeners": wanted.listeners, "refusals": costs, "attacks": results}
    kinds = [kind for _ in range(wanted.rounds) for kind in wanted.kinds.split(",")]
    for kind in kinds:
        for side in sides:
            with kept(cores[0]):
                told = under_attack(kind, side, wanted.seconds, wanted.listeners, cores[0])
            results.append({"kind": kind, "side": side} | told)
            print(f"{kind}, {side}: {told['success']:.2%}, {told['p99_ms']} ms", flush=True)
            OUT.write_text(json.dumps(about, indent=1))
    about["herds"] = herds(wanted.herd or wanted.listeners, cores[0])
    show(results)
    for name, herd in about["herds"].items():
        print(f"honest herd, {name}: {herd}")
    OUT.write_text(json.dumps(about, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Attacks by programs that are not ours, while good listeners play: slowhttptest (slow headers,
slow bodies, slow readers) and wrk (a flood of new connections), both from Debian.

They come from 127.0.0.1, so here no address is allowed for: what holds is what holds for anybody.
"""

import json
import shutil
import subprocess
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

from bench.attack import EVERY_S
from bench.attack_listeners import Listeners
from samvad.gate import posture
from samvad.protocol.room import Phase, RoomState
from tests.kit.gates import EVENT, START_MS, Programme, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

OUT = Path("build/bench/attack_others.json")
SECONDS = 12
SLOW = ("slowhttptest", "-c", "1500", "-i", "5", "-r", "500", "-l", str(SECONDS), "-u")
TOOLS = {
    "slow headers": (*SLOW, "{url}", "-H"),
    "slow bodies": (*SLOW, "{door}", "-B", "-s", "4000", "-t", "POST"),
    "slow readers": (*SLOW, "{url}", "-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32"),
    "flood": (
        *("wrk", "-c", "200", "-t", "1", "-d", f"{SECONDS}s"), "-H", "Connection: close", "{url}",
    ),
}  # fmt: skip
ENV = {
    "SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0",
    "SAMVAD_ATTACK_ALLOW": "127.99.99.99",
    "SAMVAD_GATE_CONNECTIONS": "1200",
}


def tickets(port: int, count: int) -> list[str]:
    """A playlist's path for each listener, each knocked for from an address of its own."""
    paths: list[str] = []
    for number in range(10 * count):
        source = (f"127.20.{number // 250}.{number % 250 + 1}", 0)
        asked = HTTPConnection("127.0.0.1", port, timeout=10, source_address=source)
        asked.request("POST", f"/door/{EVENT}", "{}")
        said = json.loads(asked.getresponse().read())
        asked.close()
        if said.get("verdict") == "admit":
            paths.append(str(said["play"]).replace("master", "aac/index"))
            if len(paths) == count:
                break
        else:
            time.sleep(0.1)
    return paths


def run(name: str, command: tuple[str, ...]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder, running_gates(Path(folder), 1, ENV) as gates:
        page = "<!doctype html><title>A talk</title>" + "<p>Hello, and welcome.</p>" * 1_500
        gates.plans.write(a_plan(seats=1_000, pages={"en": page}))
        stage, programme = StageDouble(gates.folders), Programme(gates.secret)
        stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
        stage.say(*programme.segments(10))
        play = str(until_now(lambda: gates.knock().get("play"), 20, "no door"))
        until_now(lambda: gates.get(play).status == 200, 20, "no sound")
        crowd = Listeners(gates.port, tickets(gates.port, 100), EVERY_S)
        crowd.run(3.0)
        urls = {"url": f"{gates.url}/e/a-talk", "door": f"{gates.url}/door/{EVENT}"}
        words = [word.format(**urls) for word in command]
        tool = threading.Thread(
            target=lambda: subprocess.run(words, capture_output=True, check=False, timeout=60)
        )
        tool.start()
        felt = crowd.run(float(SECONDS))
        now = posture.read(posture.posture_path(gates.folders.run))
        counted = {
            name: gates.counter(name)
            for name in ("evicted", "timeouts_head", "timeouts_send", "bans", "refused_banned")
        }
        tool.join(60)
        crowd.close()
        stage.close()
    told = {"attack": name, "success": round(felt.success, 4), "lost": felt.lost}
    p99 = round(felt.percentile(0.99), 1)
    return told | {"p99_ms": p99, "state": now.state.value, "reason": now.reason} | counted


def main() -> int:
    rows = []
    for name, command in TOOLS.items():
        if shutil.which(command[0]) is None:
            print(f"{name}: {command[0]} is not installed")
            continue
        rows.append(run(name, command))
        print(json.dumps(rows[-1]), flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

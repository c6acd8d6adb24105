"""What the stage costs: CPU with 1, 2, 6 and 12 speakers, and how late its 20 ms ticks begin.

The stage and its speakers are separate processes on separate cores (with one core only, they
share it and the figures say so). CPU is the stage's own, from /proc/<pid>/stat, everything
included: WebRTC, mixing, both encoders, recording. The last row puts `samvad web`, asked for
pages as fast as it answers, on the stage's core.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from samvad.base.folders import Folders
from samvad.protocol.plan import EventPlan, PlanFolder, PlannedSpeaker
from samvad.protocol.secret import make_secret, token_hash
from tests.kit.ports import free_ports

OUT = Path("build/bench/stage.json")
SECONDS = 10.0
SETTLE_S = 2.0
SPEAKERS = (1, 2, 6, 12)
TARGET_CPU_PERCENT = 60.0
TARGET_LATE_P99_MS = 20.0
HEALTHY_LATE_MS = 60.0
"""Speakers later than this are no load as intended; the row says so."""

CORES = sorted(os.sched_getaffinity(0))
STAGE_CORE, OTHER_CORE = CORES[0], CORES[-1]


def pinned(core: int, *command: str) -> list[str]:
    """The command, on one core (taskset of util-linux)."""
    return ["taskset", "--cpu-list", str(core), *command]


def cpu_s(pid: int) -> float:
    """User and system time of a process with all its threads (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def waited(url: str, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while True:
        with suppress(OSError):
            fetched(url)
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing answers at {url}")
        time.sleep(0.1)


@contextmanager
def process(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def histogram(metrics: str) -> dict[float, float]:
    """Upper bound in ms: ticks at or below it."""
    found = re.findall(r'tick_late_seconds_bucket\{le="([^"]+)"\} (\S+)', metrics)
    return {float(bound) * 1000: float(count) for bound, count in found}


def quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """The quantile of what came between, straight within its bucket."""
    total = after[float("inf")] - before[float("inf")]
    low = counted = 0.0
    for bound in sorted(after):
        here = after[bound] - before[bound]
        if here >= share * total:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (share * total - counted) / max(1.0, here - counted)
        low, counted = bound, here
    return low


def measure(speakers: int, load: str = "") -> dict[str, Any]:
    """One row: a fresh stage, that many speakers with returns, SECONDS of talk."""
    public, admin, web = free_ports(3)
    event = "benchstage"
    tokens = [f"token-{i}" for i in range(speakers)]
    with tempfile.TemporaryDirectory() as data:
        folders = Folders(Path(data))
        folders.make()
        make_secret(folders.secret)
        planned = tuple(
            PlannedSpeaker(f"s{i}", f"Speaker {i}", "speaker" if i else "host", token_hash(t))
            for i, t in enumerate(tokens)
        )
        PlanFolder(folders.plans).write(EventPlan(event, event, 1, "Bench", 10, speakers=planned))
        env = os.environ | {
            "SAMVAD_DATA": data,
            "SAMVAD_STAGE_PORT": str(public),
            "SAMVAD_STAGE_ADMIN_PORT": str(admin),
            "SAMVAD_WEB_PORT": str(web),
            "SAMVAD_LOG_LEVEL": "ERROR",
        }
        command = pinned(STAGE_CORE, sys.executable, "-m", "samvad", "stage")
        with process(command, env) as stage, loaded(load, web, env) as rate:
            waited(f"http://127.0.0.1:{admin}/health")
            talk = subprocess.Popen(
                pinned(
                    OTHER_CORE,
                    *(sys.executable, "-m", "bench.stage_speakers", f"http://127.0.0.1:{public}"),
                    *(event, str(SETTLE_S + SECONDS + 1), *tokens),
                ),
                stdout=subprocess.PIPE,
                text=True,
            )
            assert talk.stdout is not None
            if talk.stdout.readline().strip() != "connected":
                raise SystemExit("the speakers could not connect: is this machine busy?")
            time.sleep(SETTLE_S)
            metrics = f"http://127.0.0.1:{admin}/metrics"
            before, cpu, at = histogram(fetched(metrics)), cpu_s(stage.pid), time.monotonic()
            answered = rate()
            time.sleep(SECONDS)
            after, used = histogram(fetched(metrics)), cpu_s(stage.pid) - cpu
            took = time.monotonic() - at
            pages = (rate() - answered) / took
            said = json.loads(talk.stdout.read())
            talk.wait()
    row = {
        "speakers": speakers,
        "load": load,
        "cpu_percent": round(100 * used / took, 1),
        "late_p50_ms": round(quantile(before, after, 0.5), 2),
        "late_p99_ms": round(quantile(before, after, 0.99), 2),
        "returned": said["returned"],
        "speakers_late_p99_ms": said["late_p99_ms"],
        "generator_healthy": said["late_p99_ms"] < HEALTHY_LATE_MS,
    }
    return row | ({"pages_per_s": round(pages)} if load == "web" else {})


@contextmanager
def loaded(load: str, port: int, env: dict[str, str]) -> Iterator[Callable[[], int]]:
    """Something that wants the stage's core; yields a count of what it got done."""
    if not load:
        yield lambda: 0
        return
    if load == "spin":
        with process(pinned(STAGE_CORE, sys.executable, "-c", "while True: pass"), env):
            yield lambda: 0
        return
    with process(pinned(STAGE_CORE, sys.executable, "-m", "samvad", "web"), env):
        waited(f"http://127.0.0.1:{port}/")
        done, stop = [0], threading.Event()

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            while not stop.is_set():
                with suppress(OSError, http.client.HTTPException):
                    connection.request("GET", "/")
                    connection.getresponse().read()
                    done[0] += 1

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield lambda: done[0]
        finally:
            stop.set()


def main() -> int:
    """Measure, print the table, write build/bench/stage.json. 0 when the targets are kept."""
    os.sched_setaffinity(0, {OTHER_CORE})
    rows = [measure(n) for n in SPEAKERS]
    for load in ("web", "spin"):
        rows.append(measure(12, load))
    print(f"{'speakers':>8} {'beside it':>10} {'CPU %':>6} {'late p50':>9} {'p99 ms':>7} returns")
    for row in rows:
        print(
            f"{row['speakers']:>8} {row['load'] or '-':>10} {row['cpu_percent']:>6}"
            f" {row['late_p50_ms']:>9} {row['late_p99_ms']:>7} {row['returned']:.1%}"
            + ("" if row["generator_healthy"] else "  (the speakers themselves were late)")
        )
    kept = {
        "cpu": rows[3]["cpu_percent"] < TARGET_CPU_PERCENT,
        "late": all(
            r["late_p99_ms"] < TARGET_LATE_P99_MS for r in rows if r["load"] in ("", "web")
        ),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(
        json.dumps(
            {
                "rows": rows,
                "targets": {
                    "cpu_percent": TARGET_CPU_PERCENT,
                    "late_p99_ms": TARGET_LATE_P99_MS,
                },
                "kept": kept,
                "shared_core": STAGE_CORE == OTHER_CORE,
            },
            indent=1,
        )
    )
    print(f"targets: {'kept' if all(kept.values()) else 'missed'} {kept}; {OUT}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

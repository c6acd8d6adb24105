"""`make rehearse`: the night, small, against a site of its own on this machine; three minutes.

Starts `samvad up` on free ports with a data folder of its own, lets a voice speak, rehearses,
and ends it all. Exit status: the rehearsal's. Results in build/rehearsal/.

    python tools/rehearse.py [--listeners N] [--seats N] [--for S] [--scenario NAME] [-- options
    of samvad rehearse]
"""

import argparse
import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave
from array import array
from pathlib import Path

OUT = Path("build/rehearsal")
UP_S = 120.0
ON_AIR_S = 30.0
NAMES = ("WEB_PORT", "GATE_PORT", "STAGE_PORT", "GATE_ADMIN_PORT", "STAGE_ADMIN_PORT")


def main() -> int:
    parser = argparse.ArgumentParser(description="The night, small, against a site of its own.")
    parser.add_argument("--listeners", type=int, default=300)
    parser.add_argument("--seats", type=int, default=250)
    parser.add_argument("--joins", type=int, default=0, help="the door's, a second; 0: careful")
    parser.add_argument("--for", dest="for_s", type=float, default=90.0)
    parser.add_argument("--scenario", default="night")
    parser.add_argument("--gates", type=int, default=1)
    parser.add_argument("--certify", action="store_true", help="make a certificate of it")
    parser.add_argument("more", nargs="*", help="options of samvad rehearse, behind --")
    asked = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        return run(asked, Path(folder))


def run(asked: argparse.Namespace, folder: Path) -> int:
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    env = {k: v for k, v in os.environ.items() if not k.startswith("SAMVAD_")}
    env |= {f"SAMVAD_{name}": str(port) for name, port in ports.items()}
    env |= {"SAMVAD_DATA": str(folder / "data"), "SAMVAD_GATE_PROCESSES": str(asked.gates)}
    samvad = [sys.executable, "-m", "samvad"]
    running: list[subprocess.Popen[bytes]] = []

    def start(*words: str, out: Path | None = None) -> "subprocess.Popen[bytes]":
        with open(out or os.devnull, "wb") as told, open(OUT / f"{words[0]}.log", "wb") as log:
            process = subprocess.Popen(
                [*samvad, *words], env=env, stdout=told, stderr=log, start_new_session=True
            )
        running.append(process)
        return process

    try:
        said = folder / "up.json"
        up = start("up", "--json", "--no-demo", out=said)
        wait(lambda: "\n" in said.read_text(), up, UP_S, "samvad up")
        made = subprocess.run(
            [
                *(*samvad, "event", "create", "--title", "A rehearsal", "--json"),
                *("--seats", str(asked.seats), "--joins-per-s", str(asked.joins)),
            ],
            env=env,
            check=True,
            capture_output=True,
        )
        event = json.loads(made.stdout)
        voice = voice_for(folder / "voice.wav", asked.for_s + 60)
        speaker = start("speak", event["studio"], str(voice))
        state = f"http://127.0.0.1:{ports['GATE_PORT']}/live/{event['event']}/state.json"
        wait(lambda: b'"live"' in get(state), speaker, ON_AIR_S, "the voice")
        result = OUT / "result.json"
        done = subprocess.run(
            [
                *(*samvad, "rehearse", event["page"], "--scenario", asked.scenario),
                *("--listeners", str(asked.listeners), "--for", f"{asked.for_s:g}s"),
                *("--stage", f"http://127.0.0.1:{ports['STAGE_PORT']}"),
                *("--metrics", f"http://127.0.0.1:{ports['GATE_ADMIN_PORT']}/metrics"),
                *("--json", str(result), "--report", str(OUT / "report.html"), *asked.more),
            ],
            env=env,
            check=False,
        )
        print(f"The report: {OUT / 'report.html'}")
        if asked.certify and done.returncode == 0:
            subprocess.run([*samvad, "rehearse", "certify", str(result)], env=env, check=True)
        return done.returncode
    finally:
        for process in reversed(running):
            end(process)


def voice_for(path: Path, seconds: float) -> Path:
    """Something like speech: a tone that rises and falls in level, mono, 16 bit, 48 kHz."""
    rate = 48_000
    second = array(
        "h",
        (
            round(
                8000 * math.sin(2 * math.pi * 220 * n / rate) * abs(math.sin(math.pi * n / 12000))
            )
            for n in range(rate)
        ),
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for _ in range(math.ceil(seconds)):
            file.writeframes(second.tobytes())
    return path


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


def get(url: str) -> bytes:
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            body: bytes = answer.read()
            return body
    except OSError:
        return b""


def wait(done: "object", process: "subprocess.Popen[bytes]", within_s: float, what: str) -> None:
    assert callable(done)
    give_up = time.monotonic() + within_s
    while not done():
        if process.poll() is not None or time.monotonic() > give_up:
            raise SystemExit(f"{what} did not start; see {OUT}/*.log")
        time.sleep(0.2)


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())

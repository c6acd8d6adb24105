"""What a request costs: the gate beside nginx, both with tickets, in the same minutes.

The server has one core, the load the other. Each round measures every row on every server,
one right after the other, in changing order; the figures are medians over the rounds, and a
ratio is the median of the rounds' ratios: what disturbs the machine disturbs all.

CPU is the server's own, from /proc/<pid>/schedstat (nanoseconds), kernel work included.

    playlist    the gate checks a ticket (keyed BLAKE2b, remembered by its bytes once it was
                good), its time and its seat, and keeps the seat; nginx verifies a secure_link
                (MD5) and sends a file of the same size
    media       the gate's names are unguessable, nginx verifies as above
    refused     a forged ticket

nginx stands there twice, see gate_nginx.py; the target is about the first.
"""

import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cores import alone
from bench.gate_load import load, once
from bench.gate_nginx import Nginx, running_nginx
from samvad.protocol.playlist_reader import read_media
from samvad.protocol.room import Phase, RoomState
from tests.kit.gates import START_MS, Gates, Programme, StageDouble, a_plan, fetch, running_gates
from tests.kit.until import until_now

OUT = Path("build/bench/gate.json")
ROUNDS = 4
SECONDS = 0.8
CONNECTIONS = 64
TARGET_RATIO = 1.0
SEGMENTS = {"1 kB": 7, "16 kB": 152, "48 kB": 465}
"""Short segments, as many as make a plain playlist of about that size."""


@dataclass(frozen=True)
class Row:
    """One kind of request. `paths` by server."""

    name: str
    size: str
    body: int
    paths: tuple[str, str, str]


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int


GATE, NGINX, TUNED = "gate", "nginx", "nginx, tuned"
NAMES = (GATE, NGINX, TUNED)


def cpu_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def event_of(size: str) -> str:
    return "bench" + size.replace(" ", "").lower()


def put_on_air(gates: Gates, stage: StageDouble) -> dict[str, str]:
    """An event for each size; gives each one's playlist path, ticket included."""
    plays = {}
    for place, (size, segments) in enumerate(SEGMENTS.items()):
        event = event_of(size)
        gates.plans.write(a_plan(event=event, slug=f"bench-{place}", seats=10))
        programme = Programme(gates.secret, event, renditions=("aac",))
        body = int(size.split()[0]) * 1000
        stage.say(RoomState(event, Phase.LIVE, START_MS), *programme.inits())
        for _ in range(segments):
            stage.say(*programme.next(size=body, last=True))

        def admitted(event: str = event) -> str:
            return str(gates.knock(event).get("play", ""))

        play = until_now(admitted, 10, f"no seat at {event}")
        plays[size] = play.replace("master", "aac/index")

        def whole(path: str = plays[size], segments: int = segments) -> bool:
            reply = gates.get(path)
            return reply.status == 200 and len(read_media(reply.text).segments) == segments

        until_now(whole, 20, f"{event} is not whole")
    return plays


def rows(gates: Gates, nginxes: list[Nginx], plays: dict[str, str]) -> list[Row]:
    def row(name: str, size: str, path: str) -> Row:
        _, _, body = once(gates.port, path)
        if name == "refused":
            forged = "/live/p?ticket=AAAAAAAAAAAAAAAAAAAAAA&expires=1"
            return Row(name, size, body, (path, forged, forged))
        one, two = (nginx.file(f"{name}{body}", body) for nginx in nginxes)
        return Row(name, size, body, (path, one, two))

    made = [row("playlist", size, play) for size, play in plays.items()]
    for size, play in plays.items():
        uri = read_media(gates.get(play).text).segments[-1].uri
        made.append(row("media", size, f"/live/{event_of(size)}/m/{uri.rpartition('/')[2]}"))
    play = next(iter(plays.values()))
    made.append(row("refused", "", play.replace(play.split("/")[3], "A" * 32)))
    for one in made:
        expected = 403 if one.name == "refused" else 200
        ports = (gates.port, *(nginx.port for nginx in nginxes))
        for port, path in zip(ports, one.paths, strict=True):
            status, _, _ = once(port, path)
            if status != expected:
                raise AssertionError(f"{one.name} {one.size}: {status} from port {port}")
    return made


def measure(server: Server, path: str) -> tuple[float, float]:
    """(CPU in µs a request, requests a second) of one run."""
    run = load(server.port, path, CONNECTIONS, SECONDS, lambda: cpu_ns(server.pid))
    return run.spent / run.requests / 1000, run.per_second


@contextmanager
def servers() -> Iterator[tuple[Gates, list[Nginx], StageDouble]]:
    env = {
        "SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0",
        "SAMVAD_GATE_WINDOW_S": "600",
        "SAMVAD_ATTACK_TICKET_RATE": "0",  # one ticket stands for all who listen
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gates(Path(folder) / "gate", 1, env) as gates,
        running_nginx(Path(folder) / "nginx", tuned=False) as nginx,
        running_nginx(Path(folder) / "tuned", tuned=True) as tuned,
    ):
        stage = StageDouble(gates.folders)
        try:
            yield gates, [nginx, tuned], stage
        finally:
            stage.close()


def main() -> int:
    cores = sorted(os.sched_getaffinity(0))
    with servers() as (gates, nginxes, stage):
        plays = put_on_air(gates, stage)
        pids = [gates.processes[0].pid, *(nginx.worker for nginx in nginxes)]
        ports = [gates.port, *(nginx.port for nginx in nginxes)]
        all_servers = [Server(*about) for about in zip(NAMES, ports, pids, strict=True)]
        for server in all_servers:
            alone(server.pid, cores[0])
        os.sched_setaffinity(0, {cores[-1]})
        until_now(lambda: _is_plain(gates), 10, "the gate still serves LL-HLS")
        figures: Figures = {
            row: {name: [] for name in NAMES} for row in rows(gates, nginxes, plays)
        }
        for round_ in range(ROUNDS):
            for row, by_server in figures.items():
                for place in range(len(all_servers)):
                    server = all_servers[(place + round_) % len(all_servers)]
                    path = row.paths[NAMES.index(server.name)]
                    by_server[server.name].append(measure(server, path))
        os.sched_setaffinity(0, set(cores))
    return report(figures)


def _is_plain(gates: Gates) -> bool:
    states = [fetch(f"{gates.url}/live/{event_of(size)}/state.json").json for size in SEGMENTS]
    return all(state["latency"] == "plain" for state in states)


Figures = dict[Row, dict[str, list[tuple[float, float]]]]


def ratio(by_server: dict[str, list[tuple[float, float]]], other: str) -> float:
    """The gate's CPU in terms of another server's."""
    pairs = zip(by_server[GATE], by_server[other], strict=True)
    return statistics.median(gate / theirs for (gate, _), (theirs, _) in pairs)


def report(figures: Figures) -> int:
    """Print the table, write the JSON; 0 always: the machine may be busy with other things."""
    said: list[dict[str, Any]] = []
    print(f"{'':23}{'µs of CPU a request':^30}{'requests/s/core':^18}{'gate to nginx':^16}")
    print(
        f"{'':10}{'size':>6}{'bytes':>7}{'gate':>8}{'nginx':>8}{'tuned':>8}"
        f"{'gate':>12}{'nginx':>10}{'nginx':>10}{'tuned':>8}"
    )
    for row, by_server in figures.items():
        cpu = {name: statistics.median(c for c, _ in by_server[name]) for name in NAMES}
        to = {name: ratio(by_server, name) for name in (NGINX, TUNED)}
        print(
            f"{row.name:10}{row.size:>6}{row.body:>7}"
            f"{cpu[GATE]:>8.1f}{cpu[NGINX]:>8.1f}{cpu[TUNED]:>8.1f}"
            f"{1e6 / cpu[GATE]:>12.0f}{1e6 / cpu[NGINX]:>10.0f}{to[NGINX]:>10.2f}{to[TUNED]:>8.2f}"
        )
        said.append(
            {
                "request": row.name,
                "size": row.size,
                "bytes": row.body,
                "cpu_us": cpu,
                "requests_per_core_s": {name: 1e6 / value for name, value in cpu.items()},
                "ratio_to": to,
                "runs": {
                    name: [{"cpu_us": c, "requests_per_s": r} for c, r in by_server[name]]
                    for name in NAMES
                },
            }
        )
    tickets = [entry["ratio_to"][NGINX] for entry in said if entry["request"] == "playlist"]
    kept = max(tickets) <= TARGET_RATIO
    print(f"Target with tickets: at most {TARGET_RATIO} of nginx. Worst: {max(tickets):.2f}.")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    about = {"rows": said, "worst_ratio_with_tickets": max(tickets), "kept": kept}
    OUT.write_text(json.dumps(about, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""What is attacked: two gate processes on one core, with or without a fence, or nginx.

The fence of the bench is not `samvad fence`: that one never fences a loopback address, and here all
are. It makes the same table (gate/fence.py `setup`) and obeys the same datagrams, in the network
namespace that the bench has made for itself.
"""

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cores import alone
from bench.gate_nginx import Limits, running_nginx
from samvad.base.settings_attack import AttackSettings
from samvad.gate.fence import MESSAGE_MAX, TABLE, read, setup
from samvad.gate.seats import Seats
from samvad.protocol.room import Phase, RoomState
from samvad.protocol.secret import derive
from samvad.protocol.ticket import Ticket, Tickets
from tests.kit.gates import EVENT, START_MS, Gates, Programme, StageDouble, a_plan, running_gates
from tests.kit.until import until_now

GATES = 2
"""A process has 20,000 descriptors: listeners and attackers do not fit into one."""
SEATS = 30_000
TICKET_RATE = AttackSettings().ticket_rate
"""As everywhere but at the gates of tests, where one ticket stands for whoever looks."""
PAGE = "<!doctype html><title>A talk</title>" + "<p>Hello, and welcome.</p>" * 1_500
LIMITS = Limits(
    """
    limit_req_zone $binary_remote_addr zone=req:16m rate=50r/s;
    limit_conn_zone $binary_remote_addr zone=conn:16m;
    limit_req_zone $arg_ticket zone=ticket:16m rate=60r/s;
    limit_req_status 429; limit_conn_status 429;
    limit_req zone=req burst=500 nodelay;
    limit_conn conn 2000;
    client_header_timeout 10s; client_body_timeout 10s; send_timeout 30s;
    reset_timedout_connection on;
    """,
    "limit_req zone=req burst=500 nodelay; limit_req zone=ticket burst=60 nodelay;",
)
"""What an operator who has thought of attacks writes into nginx.conf. A ticket may ask as often as
at a gate."""


@dataclass
class Attacked:
    """`paths`: what good listeners fetch, one for each. `gates`: None for nginx."""

    port: int
    paths: list[str]
    gates: Gates | None = None
    fenced: "Fenced | None" = None


@contextmanager
def gate(folder: Path, listeners: int, core: int, bans: bool = True) -> Iterator[Attacked]:
    """On air, with a seat for each listener."""
    env = {"SAMVAD_GATE_LOW_LATENCY_LISTENERS": "0", "SAMVAD_ATTACK_BANS": str(bans).lower()}
    env |= {"SAMVAD_GATE_CONNECTIONS": "30000", "SAMVAD_ATTACK_TICKET_RATE": str(TICKET_RATE)}
    with running_gates(folder, GATES, env) as gates:
        for process in gates.processes:
            alone(process.pid, core)
        stage = on_air(gates)
        try:
            yield Attacked(gates.port, _seats(gates, listeners), gates)
        finally:
            stage.close()


def on_air(gates: Gates) -> StageDouble:
    """A conversation with a page, seats and some seconds of sound."""
    gates.plans.write(a_plan(seats=SEATS, pages={"en": PAGE}))
    stage, programme = StageDouble(gates.folders), Programme(gates.secret)
    stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
    stage.say(*programme.segments(10))
    play = str(until_now(lambda: gates.knock().get("play"), 30, "no door"))
    for _ in range(12):
        until_now(lambda: gates.get(play).status == 200, 30, "no sound")
    return stage


def _seats(gates: Gates, count: int) -> list[str]:
    """Seats taken at the table itself: to knock for each would take longer than the bench."""
    signer = Tickets(derive(gates.secret, "ticket", EVENT))
    table = Seats(gates.folders.run / "seats" / EVENT, SEATS, 300.0)
    expires_min = int(time.time() // 60) + 120
    paths = []
    for _ in range(count):
        claimed = table.claim(time.monotonic())
        assert isinstance(claimed, tuple), claimed
        ticket = signer.sign(Ticket(*claimed, expires_min))
        paths.append(f"/live/{EVENT}/{ticket}/aac/index.m3u8")
    table.close()
    return paths


class Fenced:
    """A table as `samvad fence` makes it, and a socket at which gates ask."""

    def __init__(self, path: Path, port: int, most: int = 16_384) -> None:
        self.first: float | None = None
        self.count = 0
        self._nft = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, text=True)
        self._say(setup([port], most))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        until_now(lambda: TABLE in _nft("list", "tables"), 20, "no table")
        threading.Thread(target=self._obey, daemon=True).start()

    def _say(self, lines: list[str]) -> None:
        assert self._nft.stdin is not None
        self._nft.stdin.write("".join(f"{line}\n" for line in lines))
        self._nft.stdin.flush()

    def _obey(self) -> None:
        known: set[str] = set()
        while True:
            try:
                asks = read(self._socket.recv(MESSAGE_MAX))
            except OSError:
                return
            new = [ask for ask in asks if ask.source not in known]
            known |= {ask.source for ask in new}
            if new:
                elements = ", ".join(f"{a.source} timeout {max(1, round(a.seconds))}s" for a in new)
                self._say([f"add element inet {TABLE} v4 {{ {elements} }}"])
                self.count += len(new)
                self.first = self.first or time.monotonic()

    def dropped(self) -> int:
        """Packets that the kernel has thrown away."""
        told = _nft("list", "chain", "inet", TABLE, "in")
        return sum(map(int, re.findall(r"counter packets (\d+)", told)))

    def close(self) -> None:
        self._socket.close()
        assert self._nft.stdin is not None
        self._nft.stdin.close()
        self._nft.wait(10)


def _nft(*words: str) -> str:
    return subprocess.run(["nft", *words], capture_output=True, text=True, check=False).stdout


@contextmanager
def fenced_gate(folder: Path, listeners: int, core: int) -> Iterator[Attacked]:
    with gate(folder, listeners, core) as attacked:
        assert attacked.gates is not None
        fence = Fenced(attacked.gates.folders.run / "fence.sock", attacked.port)
        attacked.fenced = fence
        try:
            yield attacked
        finally:
            fence.close()


@contextmanager
def nginx(folder: Path, listeners: int, core: int) -> Iterator[Attacked]:
    with running_nginx(folder, False, LIMITS, GATES) as server:
        for worker in server.workers:
            alone(worker, core)
        server.page("a-talk", PAGE)
        play = server.file("p", 2_000)
        server.door({"verdict": "admit", "ticket": "A" * 32, "play": play})
        paths = [server.ticket("p", number + 1) for number in range(listeners)]
        yield Attacked(server.port, paths)


INSIDE = "SAMVAD_BENCH_NAMESPACE"
"""Set in the environment of a bench that runs in a network namespace of its own: there nothing else
is hit, and a fence may be set up."""

"""A gate's server with one connection to it, turned by hand."""

import socket
from pathlib import Path

from samvad.base.settings import GateSettings
from samvad.gate.answerer import Answerer
from samvad.gate.counters import Counters
from samvad.gate.loop import Loop
from samvad.gate.server import Server
from tests.kit.clock import FakeClock


class OneConnection:
    def __init__(self, counters: Path, clock: FakeClock, address: str, site: Answerer) -> None:
        self.clock = clock
        self.loop = Loop(clock)
        self.counters = Counters(counters)
        self.server = Server(self.loop, GateSettings(), self.counters, connections=10)
        self.peer, ours = socket.socketpair()
        self.peer.setblocking(False)
        self.server.take(ours, address, site)
        (self.connection,) = self.server._all()
        self.loop.every(0.0, lambda: None)  # so that a turn never sleeps

    def close(self) -> None:
        self.server.close()
        self.loop.close()
        self.peer.close()

"""A real nginx with the configuration that `samvad edge nginx` writes, in front of real gates."""

import datetime as dt
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from samvad.base.params import replace
from samvad.base.settings import GateSettings, PublicSettings, Settings
from samvad.gate.edge_nginx import Edge, render
from samvad.protocol import proxy_header
from samvad.protocol.playlist_reader import read_media
from samvad.protocol.room import Phase, RoomState
from tests.kit.gates import EVENT, START_MS, Gates, Programme, StageDouble, a_plan, running_gates
from tests.kit.ports import free_ports
from tests.kit.until import until_now

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="there is no nginx")]


def certify(folder: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


class EdgeOf:
    """nginx before `gates`."""

    def __init__(self, folder: Path, gates: Gates, proxy_protocol: bool = False) -> None:
        self.port, other, third = free_ports(3)
        self.proxy_protocol = proxy_protocol
        settings = replace(
            Settings(),
            public=replace(
                PublicSettings(),
                gate_url=f"https://localhost:{self.port}",
                web_url=f"https://localhost:{other}",
                stage_url=f"https://localhost:{third}",
            ),
            gate=replace(GateSettings(), port=gates.port),
        )
        certificate, key = certify(folder)
        user = pwd.getpwuid(os.getuid()).pw_name
        text = render(
            settings,
            Edge(
                certificate, key, str(folder / "cache"), str(folder / "pid"),
                proxy_protocol, ("127.0.0.1",), user,
            ),
        )  # fmt: skip
        text = text.replace("listen [::]:", "listen [::1]:")  # containers may have no IPv6 beyond
        text = text.replace("worker_processes auto", "daemon off; worker_processes 1")
        path = folder / "nginx.conf"
        path.write_text(text)
        self.log = folder / "nginx.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(NGINX), "-c", str(path), "-p", str(folder)],
                stdout=log,
                stderr=log,
            )
        until_now(self._listens, 20, lambda: self.log.read_text()[-2000:])

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def connect(self, header: bytes = b"", alpn: tuple[str, ...] = ("http/1.1",)) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(list(alpn))
        sock = socket.create_connection(("127.0.0.1", self.port), 10)
        if self.proxy_protocol:
            sock.sendall(header or proxy_header.write("203.0.113.9", 1, "127.0.0.1", self.port))
        return context.wrap_socket(sock, server_hostname="localhost")

    def get(self, path: str, *fields: str, method: str = "GET", header: bytes = b"") -> bytes:
        said = "".join(f"{field}\r\n" for field in fields)
        with self.connect(header) as sock:
            sock.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"{said}\r\n".encode()
            )
            got = b""
            while data := sock.recv(65536):
                got += data
        return got

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    env = {"SAMVAD_PUBLIC_PROXIES": "127.0.0.1", "SAMVAD_ATTACK_ALLOW": "10.9.9.9"}
    with running_gates(tmp_path_factory.mktemp("gates"), 1, env) as gates:
        gates.plans.write(a_plan(seats=100))
        stage, programme = StageDouble(gates.folders), Programme(gates.secret)
        stage.say(RoomState(EVENT, Phase.LIVE, START_MS), *programme.inits())
        stage.say(*programme.segments(5))
        gates.stage, gates.programme = stage, programme  # type: ignore[attr-defined]
        play = until_now(lambda: gates.knock().get("play"), 20, "no door")
        until_now(lambda: gates.get(play).status == 200, 20, "no sound")
        yield gates
        stage.close()
        assert gates.counter("crashes") == 0, gates.log.read_text()[-3000:]


@pytest.fixture
def edge(tmp_path: Path, gates: Gates) -> Iterator[EdgeOf]:
    edge = EdgeOf(tmp_path, gates)
    yield edge
    edge.stop()


def test_a_listeners_way_through_the_edge(edge: EdgeOf, gates: Gates) -> None:
    with edge.connect(alpn=("h2", "http/1.1")) as sock:
        assert (sock.version(), sock.selected_alpn_protocol()) == ("TLSv1.3", "h2")
    assert b" 200 " in edge.get("/e/a-talk")
    ticket = gates.knock()["ticket"]
    answer = edge.get(f"/live/{EVENT}/{ticket}/aac/index.m3u8")
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:300]
    media = read_media(answer.partition(b"\r\n\r\n")[2].decode())
    before = gates.counter("requests")
    for _ in range(5):
        part = edge.get(f"/live/{EVENT}/m/{media.parts[-1].uri.rpartition('/')[2]}")
        assert part.startswith(b"HTTP/1.1 200 "), part[:300]
        # A roundabout way to the same name puts nothing else into the cache.
        name = media.parts[-2].uri.rpartition("/")[2]
        assert edge.get(f"/live/{EVENT}/x/../m/{name}").startswith(b"HTTP/1.1 200 ")
    assert gates.counter("requests") - before <= 3  # the rest is the edge's cache
    # A forged ticket is asked for once at the gate, and remembered.
    forged = "A" * 32
    before = gates.counter("tickets_forged")
    for _ in range(5):
        assert b" 410 " in edge.get(f"/live/{EVENT}/{forged}/aac/index.m3u8")
    assert gates.counter("tickets_forged") - before == 1
    assert b" 403 " in edge.get("/e/a-talk", method="DELETE")


def test_a_blocking_reload_of_many_is_one_and_comes_when_its_part_does(
    edge: EdgeOf, gates: Gates
) -> None:
    tickets = [gates.knock()["ticket"] for _ in range(4)]
    path = f"/live/{EVENT}/{{}}/aac/index.m3u8"
    first = edge.get(path.format(tickets[0])).partition(b"\r\n\r\n")[2].decode()
    msn, part = read_media(first).next_part
    answers: list[tuple[float, bytes]] = []

    def ask(ticket: str) -> None:
        got = edge.get(f"{path.format(ticket)}?_HLS_msn={msn}&_HLS_part={part}")
        answers.append((time.monotonic(), got))

    threads = [threading.Thread(target=ask, args=(ticket,)) for ticket in tickets]
    for thread in threads:
        thread.start()
    until_now(lambda: gates.counter("waiting") > 0, 20, "nobody waits")
    said = time.monotonic()
    gates.stage.say(*gates.programme.next())  # type: ignore[attr-defined]
    for thread in threads:
        thread.join(20)
    assert len(answers) == 4
    assert all(got.startswith(b"HTTP/1.1 200 ") and at >= said for at, got in answers)


def test_what_a_client_writes_of_its_address_changes_nothing(edge: EdgeOf, gates: Gates) -> None:
    sight = gates.folders.run / "attack"
    for n in range(30):
        edge.get("/e/a-talk", f"X-Forwarded-For: 198.51.100.{n}")
    until_now(sight.exists, 20, "no folder")
    assert not any("198.51.100" in p.read_text() for p in sight.glob("*.json"))


def test_when_no_gate_answers_a_page_asks_for_patience(tmp_path: Path, gates: Gates) -> None:
    class Nobody:
        port = free_ports(1)[0]

    edge = EdgeOf(tmp_path, Nobody())  # type: ignore[arg-type]
    try:
        answer = edge.get("/e/a-talk", "Accept-Language: hi").decode()
        assert answer.startswith("HTTP/1.1 503 ")
        assert "Retry-After: 5" in answer
        assert "एक पल" in answer
        assert "One moment" in edge.get("/e/a-talk").decode()
    finally:
        edge.stop()


def test_behind_a_balancer_the_proxy_header_says_who_comes(tmp_path: Path, gates: Gates) -> None:
    edge = EdgeOf(tmp_path, gates, proxy_protocol=True)
    try:
        bad = f"/live/{EVENT}/{'B' * 31}%d/aac/index.m3u8"
        header = proxy_header.write("203.0.113.77", 4711, "127.0.0.1", edge.port)
        for n in range(60):
            edge.get(bad.replace("%d", "abcdefghij"[n % 10]) + f"?{n}", header=header)
        assert b" 200 " in edge.get("/e/a-talk")
    finally:
        edge.stop()

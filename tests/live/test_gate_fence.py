"""The fence in a network namespace of its own: a banned source reaches nothing, the others do, and
nothing is left behind, however it ends. Needs root."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.gate.fence import Ask, write
from tests.kit.ports import free_port
from tests.kit.until import until_now

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0
        or not shutil.which("nft", path=PATH)
        or not shutil.which("ip", path=PATH),
        reason="a network namespace needs root, nft and ip",
    ),
]


def run(*words: str) -> str:
    env = os.environ | {"PATH": PATH}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


class Space:
    """Two namespaces joined by a cable: here 10.77.0.1 with a server, there 10.77.0.2 and .3."""

    def __init__(self) -> None:
        self.here, self.there = f"svh{os.getpid()}", f"svt{os.getpid()}"
        for name in (self.here, self.there):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        cable = ("va", "netns", self.here, "type", "veth", "peer", "vb", "netns", self.there)
        run("ip", "link", "add", *cable)
        for name, cable, addresses in (
            (self.here, "va", ("10.77.0.1/24",)),
            (self.there, "vb", ("10.77.0.2/24", "10.77.0.3/24")),
        ):
            for address in addresses:
                run("ip", "-n", name, "addr", "add", address, "dev", cable)
            run("ip", "-n", name, "link", "set", cable, "up")

    def rules(self) -> str:
        return run("ip", "netns", "exec", self.here, "nft", "list", "ruleset")

    def start(self, *words: str, where: str = "") -> "subprocess.Popen[str]":
        inside = ["ip", "netns", "exec", where or self.here, *words]
        return subprocess.Popen(
            inside, env=os.environ | {"PATH": PATH}, stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def reaches(self, source: str, port: int) -> bool:
        """Whether somebody there, from that address, gets through."""
        code = (
            f"import socket; socket.create_connection(('10.77.0.1', {port}), 1.5, "
            f"('{source}', 0)).close()"
        )
        return self.start(sys.executable, "-c", code, where=self.there).wait(20) == 0

    def remove(self) -> None:
        for name in (self.here, self.there):
            run("ip", "netns", "del", name)


@pytest.fixture
def space() -> Iterator[Space]:
    space = Space()
    yield space
    space.remove()


def test_a_fenced_source_reaches_nothing_and_nothing_is_left_behind(
    space: Space, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "run").mkdir()
    (tmp_path / "samvad.toml").write_text(
        f'[gate]\nport = {port}\n[attack]\nallow = "127.0.0.1 10.77.0.3"\n'
    )
    tmp_path.chmod(0o755)
    server = space.start(
        sys.executable, "-c",
        f"import socket; s = socket.create_server(('10.77.0.1', {port}))\n"
        "while True: s.accept()[0].close()",
    )  # fmt: skip
    command = (sys.executable, "-m", "samvad", "fence", "--data", str(tmp_path))
    helper = space.start(*command)
    path = tmp_path / "run" / "fence.sock"
    try:
        until_now(lambda: "samvad_fence" in space.rules(), 20, "no table")
        until_now(lambda: space.reaches("10.77.0.2", port), 20, "the server is not reached")
        asks = [Ask("10.77.0.2", 60), Ask("10.77.0.3", 60), Ask("10.77.0.1", 60)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gate:
            gate.sendto(write(asks), str(path))
        until_now(lambda: "10.77.0.2 timeout" in space.rules(), 20, "it is not fenced")
        assert not space.reaches("10.77.0.2", port)
        assert space.reaches("10.77.0.3", port)  # allowed
        # It has given up all rights but one.
        status = Path(f"/proc/{_pid_of(helper)}/status").read_text()
        assert "CapEff:\t0000000000001000" in status
        assert "Uid:\t0" not in status
        os.kill(_pid_of(helper), signal.SIGTERM)
        helper.wait(20)
        until_now(lambda: "samvad_fence" not in space.rules(), 20, "rules are left behind")
        assert space.reaches("10.77.0.2", port)
        # Not even SIGKILL leaves any.
        helper = space.start(*command)
        until_now(lambda: "samvad_fence" in space.rules(), 20, "no table again")
        os.kill(_pid_of(helper), signal.SIGKILL)
        helper.wait(20)
        until_now(lambda: "samvad_fence" not in space.rules(), 20, "a killed fence leaves rules")
    finally:
        for process in (server, helper):
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def _pid_of(process: "subprocess.Popen[str]") -> int:
    """`ip netns exec` and setpriv become what they start: the number stays."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        if any(b"fence" in word for word in command) and b"setpriv" not in command:
            return process.pid
        time.sleep(0.05)
    raise AssertionError("the helper is gone")


def test_a_dry_run_fences_nobody(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "samvad", "fence", "--dry-run", "--data", str(tmp_path)]
    (tmp_path / "run").mkdir()
    path, log = tmp_path / "run" / "fence.sock", tmp_path / "log"
    with log.open("wb") as said:
        helper = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        until_now(lambda: "the fence stands" in log.read_text(), 40, log.read_text)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gate:
            gate.sendto(write([Ask("127.0.0.1", 60), Ask("203.0.113.9", 60)]), str(path))
        until_now(lambda: "203.0.113.9 timeout 60s" in log.read_text(), 40, log.read_text)
    finally:
        helper.send_signal(signal.SIGTERM)
        helper.wait(20)
    assert "127.0.0.1" not in log.read_text()
    assert not path.exists()

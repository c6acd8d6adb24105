"""The real web and worker processes: start, serve, end, and live through what goes wrong."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.protocol.journal import ENDED, WENT_LIVE, JournalWriter
from samvad.protocol.plan import PlanFolder
from tests.kit.ports import free_port
from tests.kit.until import until_now

pytestmark = pytest.mark.slow

RUN = """
import sys
from pathlib import Path
from samvad.base import log, settings
from samvad.base.errors import PlainError
import importlib
log.set_up()
data = Path(sys.argv[2])
room = importlib.import_module("samvad.web." + sys.argv[1])
try:
    sys.exit(room.main(data, settings.load(data)))
except PlainError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
"""

FIRST_RUN = """
import json, sys
from pathlib import Path
from samvad.base import settings
from samvad.web.first_run import first_run
data = Path(sys.argv[1])
print(json.dumps(first_run(data, settings.load(data))))
"""


class Processes:
    """Rooms of one site, ended by their own ids."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.started: list[subprocess.Popen[bytes]] = []

    def env(self) -> dict[str, str]:
        return os.environ | {"SAMVAD_WEB_PORT": str(self.port)}

    def start(self, room: str) -> "subprocess.Popen[bytes]":
        log = open(self.data.parent / f"{room}-{len(self.started)}.log", "wb")  # noqa: SIM115
        with log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, room, str(self.data)],
                env=self.env(),
                stderr=log,
                stdout=log,
            )
        self.started.append(process)
        return process

    def log(self, number: int) -> str:
        found = next(self.data.parent.glob(f"*-{number}.log"))
        return found.read_text()

    def first_run(self) -> dict:
        done = subprocess.run(
            [sys.executable, "-c", FIRST_RUN, str(self.data)],
            env=self.env(),
            capture_output=True,
            check=True,
            timeout=60,
        )
        return json.loads(done.stdout)

    def get(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as got:
                return got.status
        except OSError:
            return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path / "data")
    yield processes
    for process in processes.started:
        process.kill()
        process.wait()


def ended(process: "subprocess.Popen[bytes]", within: float = 20) -> int:
    return process.wait(within)


def test_a_first_start_and_a_second(site):
    first = site.first_run()
    assert first["created"]
    assert first["handle"] == "host"
    assert first["password"]
    assert PlanFolder(site.data / "plans").read(first["event"]["event"]) is not None
    again = site.first_run()
    assert again["created"] is False
    assert again["password"] is None
    assert again["event"] == first["event"]
    assert (site.data / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_web_serves_and_ends_cleanly(site, sign):
    web = site.start("serve")
    until_now(lambda: site.get("/healthz") == 200, 40, lambda: site.log(0))
    keeps = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    keeps.request("GET", "/")  # a connection that stays open must not keep web from ending
    assert keeps.getresponse().status == 200
    web.send_signal(sign)
    assert ended(web) == 0, site.log(0)
    keeps.close()
    assert "Traceback" not in site.log(0)


def test_a_taken_port_is_named_with_its_setting(site):
    site.start("serve")
    until_now(lambda: site.get("/healthz") == 200, 40, lambda: site.log(0))
    second = site.start("serve")
    assert ended(second, 40) == 1
    said = site.log(1)
    assert f"Port {site.port} is taken" in said
    assert "SAMVAD_WEB_PORT" in said
    assert "Traceback" not in said


def test_four_that_start_at_once_migrate_once(site):
    rooms = [site.start("worker") for _ in range(3)] + [site.start("serve")]
    until_now(lambda: site.get("/healthz") == 200, 60, lambda: site.log(3))
    for number in range(3):
        until_now(lambda n=number: "worker is running" in site.log(n), 60)
    for process in rooms:
        process.terminate()
    assert [ended(process) for process in rooms] == [0, 0, 0, 0]


def test_a_worker_killed_anywhere_catches_up(site):
    event = site.first_run()["event"]["event"]
    plans = PlanFolder(site.data / "plans")
    stage = JournalWriter(site.data / "journal", "stage")
    worker = site.start("worker")
    until_now(lambda: "worker is running" in site.log(0), 40)
    stage.append(event, WENT_LIVE, 1_800_000_000_000)
    worker.kill()
    worker.wait()
    stage.append(event, ENDED, 1_800_000_060_000)
    stage.close()
    site.start("worker")
    until_now(lambda: plans.read(event).ended, 40, lambda: site.log(1))


def test_a_locked_database_holds_the_worker_up_and_no_more(site):
    event = site.first_run()["event"]["event"]
    plans = PlanFolder(site.data / "plans")
    site.start("worker")
    until_now(lambda: "worker is running" in site.log(0), 40)
    locker = sqlite3.connect(site.data / "web/samvad.sqlite3", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    stage = JournalWriter(site.data / "journal", "stage")
    stage.append(event, ENDED, 1_800_000_060_000)
    stage.close()
    with pytest.raises(AssertionError):
        until_now(lambda: plans.read(event).ended, 2)
    locker.execute("ROLLBACK")
    locker.close()
    until_now(lambda: plans.read(event).ended, 40, lambda: site.log(0))


def test_a_data_folder_that_cannot_be_made_is_said_in_words(site):
    site.data.parent.mkdir(exist_ok=True)
    site.data.write_text("a file")
    for room in ("serve", "worker"):
        process = site.start(room)
        assert ended(process, 40) == 1
    for number in range(2):
        assert "Traceback" not in site.log(number)
        assert str(site.data) in site.log(number)

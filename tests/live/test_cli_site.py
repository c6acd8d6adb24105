"""Which site a command is about, and who holds a port."""

import os
import socket
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.cli.holders import holder_of
from samvad.cli.site import find, leave_word, only_one, running_site


@pytest.fixture(autouse=True)
def _no_settings_of_the_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("SAMVAD_")]:
        monkeypatch.delenv(name)


def ports(data: Path, **asked: int) -> dict[str, int]:
    return find(str(data), {k.replace("_", ".", 1): v for k, v in asked.items()}).ports()


def test_admin_ports_follow_their_public_ports(tmp_path: Path) -> None:
    assert ports(tmp_path) == {
        "web.port": 8000,
        "gate.port": 8001,
        "gate.admin_port": 8011,
        "stage.port": 8002,
        "stage.admin_port": 8012,
    }
    moved = ports(tmp_path, web_port=9100, gate_port=9101, stage_port=9102)
    assert (moved["gate.admin_port"], moved["stage.admin_port"]) == (9111, 9112)
    assert ports(tmp_path, gate_port=65_530)["gate.admin_port"] == 65_520


def test_an_admin_port_that_was_named_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ports(tmp_path, gate_port=9101, gate_admin_port=7000)["gate.admin_port"] == 7000
    (tmp_path / "samvad.toml").write_text("[gate]\nadmin_port = 7001\n")
    assert ports(tmp_path, gate_port=9101)["gate.admin_port"] == 7001
    monkeypatch.setenv("SAMVAD_GATE_ADMIN_PORT", "7002")
    assert ports(tmp_path, gate_port=9101)["gate.admin_port"] == 7002


def test_a_running_site_is_found_with_its_ports_and_only_while_it_runs(tmp_path: Path) -> None:
    started = find(str(tmp_path), {"web.port": 9100})
    started.folders.make()
    assert running_site(tmp_path) is None
    with only_one(started.folders):
        leave_word(started)
        assert find(str(tmp_path), {}).settings.web.port == 9100
        assert find(str(tmp_path), {"web.port": 9200}).settings.web.port == 9200
    assert find(str(tmp_path), {}).settings.web.port == 8000, "it does not run any more"


def test_the_folder_is_held_by_one(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make()
    with (
        only_one(folders),
        pytest.raises(PlainError, match=f"already runs on .* \\(process {os.getpid()}\\)"),
        only_one(folders),
    ):
        pass
    with only_one(folders):
        pass  # free again


def test_a_damaged_word_of_a_running_site_is_passed_over(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make()
    with only_one(folders):
        (folders.run / "up.json").write_text("{")
        assert running_site(tmp_path) is None


def test_who_listens_on_a_port() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        port = mine.getsockname()[1]
        assert holder_of(port) is None, "bound is not listening"
        mine.listen()
        holder = holder_of(port)
    assert holder is not None
    assert f"(process {os.getpid()})" in holder


def test_where_there_is_no_proc_nobody_is_named(tmp_path: Path) -> None:
    assert holder_of(80, tmp_path) is None

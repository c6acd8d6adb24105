"""The commands as a person types them, without a running site."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samvad.cli.root import COMMANDS
from tests.kit.ports import free_ports

pytestmark = pytest.mark.slow

PORTS = ("WEB_PORT", "GATE_PORT", "GATE_ADMIN_PORT", "STAGE_PORT", "STAGE_ADMIN_PORT")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment of its own: data folder, ports, no settings of the outside."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SAMVAD_", "DJANGO_"))}
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    told = {f"SAMVAD_{name}": str(port) for name, port in ports.items()}
    return kept | told | {"SAMVAD_DATA": str(tmp_path / "data")}


def samvad(
    *words: str, env: dict[str, str], cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "samvad", *words],
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_help_lists_every_command_and_each_has_its_own(env: dict[str, str]) -> None:
    every = samvad("--help", env=env)
    assert every.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in every.stdout
    for words in (
        *([name] for name in COMMANDS),
        *(["event", name] for name in ("create", "list", "show", "end")),
        *(["user", name] for name in ("create", "suspend", "reinstate")),
        *(["audit", name] for name in ("verify", "show")),
        *(["incident", name] for name in ("open", "close", "show")),
        *(["edge", name] for name in ("nginx", "mirror")),
    ):
        about = samvad(*words, "--help", env=env)
        assert about.returncode == 0, words
        assert about.stdout.startswith(f"Usage: samvad {' '.join(words)}")
        # Groups, and what works on sites elsewhere, know no data folder.
        if words not in (
            [name] for name in ("audit", "edge", "event", "incident", "rehearse", "user")
        ):
            assert "--data DIR" in about.stdout, words


def test_a_command_line_that_cannot_be_understood_is_status_2(env: dict[str, str]) -> None:
    for words in (["fly"], ["event", "create"], ["listen"], ["up", "--web-port", "many"]):
        done = samvad(*words, env=env)
        assert done.returncode == 2, words
        assert "Error: " in done.stderr


def test_a_wrong_setting_stops_a_command_with_its_name_and_bounds(env: dict[str, str]) -> None:
    done = samvad("event", "list", env=env | {"SAMVAD_GATE_PORT": "0"})
    assert done.returncode == 1
    assert "gate.port (from SAMVAD_GATE_PORT) is '0'" in done.stderr
    assert "1 to 65535" in done.stderr


def test_events_are_made_shown_and_listed_while_nothing_runs(env: dict[str, str]) -> None:
    words = ["--title", "Rivers", "--speaker", "Asha", "--speaker", "બકુલ", "--seats", "7"]
    made = samvad("event", "create", *words, "--json", env=env)
    assert made.returncode == 0, made.stderr
    links: dict[str, Any] = json.loads(made.stdout)
    gate = f"http://127.0.0.1:{env['SAMVAD_GATE_PORT']}"
    stage = f"http://127.0.0.1:{env['SAMVAD_STAGE_PORT']}"
    web = f"http://127.0.0.1:{env['SAMVAD_WEB_PORT']}"
    assert links["page"] == f"{gate}/e/rivers"
    assert links["studio"].startswith(f"{web}/studio/{links['event']}#")
    assert links["console"].startswith(f"{web}/console/{links['event']}")
    assert [s["name"] for s in links["speakers"]] == ["Asha", "બકુલ"]
    for speaker in links["speakers"]:
        assert speaker["whip"] == f"{stage}/whip/{links['event']}"
        assert speaker["whep"] == f"{stage}/whep/{links['event']}"
        assert speaker["link"].endswith("#" + speaker["token"])
    assert "did not confirm" in made.stderr, "the site does not run, and that is said"

    shown = json.loads(samvad("event", "show", links["event"], "--json", env=env).stdout)
    assert shown["state"] == "doors"
    assert shown["replay"] is None
    assert shown["page"] == links["page"]
    by_slug = json.loads(samvad("event", "show", "rivers", "--json", env=env).stdout)
    assert by_slug["event"] == links["event"]
    listed = json.loads(samvad("event", "list", "--json", env=env).stdout)
    assert [e["event"] for e in listed] == [links["event"]]
    assert "Rivers" in samvad("event", "list", env=env).stdout


def test_starts_are_read_with_their_zone(env: dict[str, str]) -> None:
    def starts(*words: str) -> str:
        done = samvad("event", "create", "--title", "Later", *words, "--json", env=env)
        assert done.returncode == 0, done.stderr
        event = json.loads(done.stdout)["event"]
        return str(json.loads(samvad("event", "show", event, "--json", env=env).stdout)["starts"])

    assert starts("--starts", "2030-08-12T20:00", "--zone", "Asia/Kolkata").startswith(
        "2030-08-12T14:30:00"
    )
    assert starts("--starts", "2030-08-12T20:00-04:00").startswith("2030-08-13T00:00:00")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["event", "show", "nosuchevent"], "There is no event 'nosuchevent'."),
        (["event", "end", "nosuchevent"], "There is no event 'nosuchevent'."),
        (["event", "create", "--title", " "], "The conversation has no title."),
        (["event", "create", "--title", "T", "--starts", "tomorrow"], "'tomorrow' is not a time."),
        (["event", "create", "--title", "T", "--zone", "Mars/Base"], "is not a time zone."),
        (["event", "create", "--title", "T", "--host", "nobody"], "There is no account 'nobody'."),
        (["user", "create", "Not A Handle"], "The account 'Not A Handle' cannot be made."),
        (["listen", "http://127.0.0.1:1/e/x", "--for", "1"], "cannot be reached."),
        (["speak", "http://127.0.0.1:1/whip/x", "/no/such/file", "--token", "t"], "/no/such/file"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    env: dict[str, str], words: list[str], says: str
) -> None:
    done = samvad(*words, env=env)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stdout == ""


def test_an_account_gets_a_token_that_is_not_kept(env: dict[str, str]) -> None:
    done = samvad("user", "create", "ravi", "--json", env=env)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["handle"] == "ravi"
    assert made["profile"].endswith("ravi")
    data = Path(env["SAMVAD_DATA"])
    kept = b"".join(p.read_bytes() for p in data.rglob("*") if p.is_file())
    assert made["token"].encode() not in kept
    again = samvad("user", "create", "ravi", env=env)
    assert again.returncode == 1
    assert "'ravi' cannot be made" in again.stderr


def test_the_settings_in_force_are_shown(env: dict[str, str]) -> None:
    shown = json.loads(samvad("settings", "--json", env=env).stdout)
    assert str(shown["gate"]["port"]) == env["SAMVAD_GATE_PORT"]
    lines = samvad("settings", env=env).stdout.splitlines()
    assert ["gate.port", env["SAMVAD_GATE_PORT"]] in [line.split() for line in lines]
    assert samvad("settings", "--toml", env=env).stdout.startswith("# Samvad's settings.")


# doctor


def doctor(env: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    done = samvad("doctor", "--json", *words, env=env)
    told = json.loads(done.stdout)
    assert set(told) == {"ok", "checks"}
    assert told["ok"] is (done.returncode == 0)
    assert told["ok"] is all(c["ok"] for c in told["checks"])
    for check in told["checks"]:
        assert set(check) == {"name", "ok", "says", "mend"}
        assert bool(check["mend"]) is not check["ok"], "a mend for what is wrong, and only there"
    return done.returncode, {c["name"]: c for c in told["checks"]}


def test_doctor_finds_nothing_wrong_here(env: dict[str, str]) -> None:
    status, found = doctor(env)
    assert status == 0, [c for c in found.values() if not c["ok"]]
    assert {"data folder", "disk", "open files", "clock", "codec AAC", "codec Opus"} <= set(found)
    assert not Path(env["SAMVAD_DATA"]).exists(), "looking changes nothing"


@pytest.fixture
def listening(env: dict[str, str]) -> Iterator[int]:
    """Something else listens on the gate's port."""
    port = int(env["SAMVAD_GATE_PORT"])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield port


def test_doctor_names_who_holds_a_port(env: dict[str, str], listening: int) -> None:
    status, found = doctor(env)
    check = found[f"port {listening}"]
    assert status == 1
    assert "wanted for gate.port, is in use" in check["says"]
    assert f"(process {os.getpid()})" in check["says"]
    assert "--gate-port" in check["mend"]


def test_doctor_says_that_microphones_want_https(env: dict[str, str]) -> None:
    status, found = doctor(env | {"SAMVAD_PUBLIC_WEB_URL": "http://talk.example.org"})
    assert status == 1
    assert "plain http" in found["microphones"]["says"]
    status, found = doctor(
        env
        | {
            "SAMVAD_PUBLIC_WEB_URL": "https://talk.example.org",
            "SAMVAD_PUBLIC_STAGE_URL": "https://stage.example.org",
        }
    )
    assert found["microphones"]["ok"]


def test_doctor_sees_a_key_that_others_can_read(env: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "data" / "secret.key"
    key.parent.mkdir()
    key.write_text("00" * 32)
    key.chmod(0o644)
    _, found = doctor(env)
    assert found["secret key"]["mend"] == f"chmod 600 {key}"
    key.write_text("nonsense")
    _, found = doctor(env)
    assert "cannot be read" in found["secret key"]["says"]


def test_doctor_minds_the_disk(env: dict[str, str]) -> None:
    status, found = doctor(env | {"SAMVAD_STAGE_FREE_DISK_MB": "1000000"})
    if found["disk"]["ok"]:
        pytest.skip("this disk has a terabyte to spare")
    assert status == 1
    assert "stage.free_disk_mb" in found["disk"]["mend"]


# up, where it must refuse


def test_up_refuses_a_busy_port_and_says_which(env: dict[str, str], listening: int) -> None:
    done = samvad("up", "--no-demo", env=env)
    assert done.returncode == 1
    assert f"Port {listening}, wanted for gate.port, is in use" in done.stderr
    assert "Choose another with --gate-port" in done.stderr


def test_up_refuses_one_port_for_two(env: dict[str, str]) -> None:
    done = samvad("up", "--no-demo", "--stage-port", env["SAMVAD_WEB_PORT"], env=env)
    assert done.returncode == 1
    assert "is given to web.port and to stage.port" in done.stderr


def test_up_refuses_a_full_disk(env: dict[str, str]) -> None:
    done = samvad("up", "--no-demo", env=env | {"SAMVAD_STAGE_FREE_DISK_MB": "1000000"})
    if "MB left" not in done.stderr:
        pytest.skip("this disk has a terabyte to spare")
    assert done.returncode == 1


def test_up_refuses_a_data_folder_that_cannot_be(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = samvad("up", "--data", str(tmp_path / "file" / "data"), env=env)
    assert done.returncode == 1
    assert "Nothing can be written to" in done.stderr
    assert "--data" in done.stderr


def test_up_refuses_an_address_that_is_not_of_this_machine(env: dict[str, str]) -> None:
    done = samvad("up", "--no-demo", env=env | {"SAMVAD_PUBLIC_HOST": "192.0.2.1"})
    assert done.returncode == 1
    assert "192.0.2.1 is not an address of this machine" in done.stderr


def test_up_refuses_a_broken_settings_file(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "samvad.toml").write_text("[gate\n")
    done = samvad("up", env=env)
    assert done.returncode == 1
    assert "is not valid TOML" in done.stderr

"""`samvad up` as a person uses it: links, a second one refused, deaths made good, a clean end."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from samvad.cli.site import running_site as up_here
from tests.kit.ports import free_ports
from tests.kit.site import Site, running_site
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli_up")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def run(site: Site, *words: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        site.command(*words),
        capture_output=True,
        text=True,
        env=site.env | changed,
        check=False,
        timeout=60,
    )


def test_it_says_where_everything_is(site: Site) -> None:
    assert site.links == {"web": site.web, "gate": site.gate, "stage": site.stage}
    with urllib.request.urlopen(f"{site.web}/healthz", timeout=5) as answer:
        assert answer.status == 200


def test_it_leaves_a_commented_settings_file_and_a_key_for_itself_alone(site: Site) -> None:
    assert "# port = 8001" in (site.data / "samvad.toml").read_text()
    assert (site.data / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_second_one_on_the_same_folder_is_refused(site: Site) -> None:
    ports = [str(port) for port in free_ports(3)]
    words = [
        w for o, p in zip(("web", "gate", "stage"), ports, strict=True) for w in (f"--{o}-port", p)
    ]
    done = run(site, "up", *words)
    assert done.returncode == 1
    assert f"Samvad already runs on {site.data} (process {site.up.pid})." in done.stderr


def test_another_site_on_the_same_ports_is_refused(site: Site, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "samvad", "up", "--data", str(tmp_path / "other")],
        capture_output=True,
        text=True,
        env=site.env,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert re.search(r"Port \d+, wanted for web\.port, is in use, held by .*samvad", done.stderr)


def test_a_new_event_is_known_everywhere_when_create_returns(site: Site) -> None:
    done = run(site, "event", "create", "--title", "Known at once", "--json")
    assert done.returncode == 0
    assert "did not confirm" not in done.stderr
    links = json.loads(done.stdout)
    for _ in range(10):
        with urllib.request.urlopen(links["page"], timeout=5) as answer:
            assert "Known at once" in answer.read().decode()


def test_other_commands_find_its_ports_by_the_data_folder(site: Site, tmp_path: Path) -> None:
    """`up` got its ports from elsewhere; another window knows only the folder."""
    bare = {k: v for k, v in site.env.items() if not k.startswith("SAMVAD_")}
    done = subprocess.run(
        site.command("event", "create", "--title", "From another window", "--json"),
        capture_output=True,
        text=True,
        env=bare,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["page"].startswith(site.gate + "/e/")
    told = up_here(site.data)
    assert told is not None
    assert told["SAMVAD_WEB_PORT"] == str(site.ports["WEB_PORT"])
    assert up_here(tmp_path) is None


def test_doctor_looks_whether_the_processes_answer_and_not_at_their_ports(site: Site) -> None:
    found = {c["name"]: c for c in json.loads(run(site, "doctor", "--json").stdout)["checks"]}
    for name in ("web", "stage", "gate"):
        assert found[name]["ok"], found[name]
    assert not [c for c in found.values() if "in use" in c["says"]]


@pytest.mark.parametrize("name", ["web", "worker", "gate", "stage"])
def test_what_dies_is_started_again_and_that_is_said(site: Site, name: str) -> None:
    before = site.kill(name)
    until_now(
        lambda: len(site.pids(name)) == len(before) and not set(site.pids(name)) & set(before),
        20,
        site.tail,
    )
    assert re.search(rf"up +\| {name}\S* was ended by SIGKILL\. It starts again in", site.log())
    probe = {
        "web": f"{site.web}/healthz",
        "gate": f"{site.gate_admin}/health",
        "stage": f"{site.stage_admin}/health",
    }.get(name)
    if probe is not None:
        until_now(lambda: _ok(probe), 20, site.tail)


def _ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def start(data: Path, env: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    ports = free_ports(5)
    names = ("--web-port", "--gate-port", "--stage-port", "--gate-admin-port", "--stage-admin-port")
    asked = [word for name, port in zip(names, ports, strict=True) for word in (name, str(port))]
    command = ["-m", "samvad", "up", "--data", str(data), *asked, *words]
    out = open(data.parent / "out", "w")  # noqa: SIM115
    log = open(data.parent / "log", "w")  # noqa: SIM115
    with out, log:
        return subprocess.Popen(
            [sys.executable, *command], stdout=out, stderr=log, text=True, env=env
        )


@pytest.fixture
def env() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("SAMVAD_", "DJANGO_"))}


def test_a_person_sees_the_links_and_what_to_do_next(tmp_path: Path, env: dict[str, str]) -> None:
    up = start(tmp_path / "data", env)
    try:
        until_now(lambda: "Ctrl-C ends" in (tmp_path / "out").read_text() or up.poll(), 90)
        said = (tmp_path / "out").read_text()
        links = dict(re.findall(r"(Speak|Listen|Console) +(http\S+)", said))
        assert set(links) == {"Speak", "Listen", "Console"}, (tmp_path / "log").read_text()
        assert "/studio/" in links["Speak"]
        assert "#" in links["Speak"]
        assert re.search(r"as host with the password \S{10,}", said)
        with urllib.request.urlopen(links["Listen"], timeout=5) as answer:
            assert answer.status == 200
    finally:
        up.send_signal(signal.SIGTERM)
        status = up.wait(30)
    assert status == 0
    assert "Everything has ended." in (tmp_path / "log").read_text()


def test_killed_without_warning_it_takes_everything_along(
    tmp_path: Path, env: dict[str, str]
) -> None:
    up = start(tmp_path / "data", env, "--json", "--no-demo")
    try:
        until_now(lambda: "\n" in (tmp_path / "out").read_text() or up.poll(), 90)
        children = [int(p) for p in _children_of(up.pid)]
        assert len(children) == 5, (tmp_path / "log").read_text()
    finally:
        up.kill()
        up.wait(10)
    until_now(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 10)


def _children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

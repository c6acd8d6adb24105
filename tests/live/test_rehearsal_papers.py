"""Permissions that a gate serves and a rehearsal keeps to; certificates by the command line."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.base.settings import load as load_settings
from samvad.cli.plan import plan
from samvad.cli.rehearse import rehearse
from samvad.protocol import certificate as certificates
from samvad.protocol.certificate import CertificateError, outdated
from samvad.protocol.permission import PATH
from samvad.protocol.plan import PlanFolder
from samvad.protocol.proven import certificate_of, here, mark
from samvad.protocol.secret import make_secret
from samvad.protocol.signing import public_key
from samvad.rehearsal.attack import Attack
from samvad.rehearsal.attacker import _check
from samvad.rehearsal.conductor import Rehearsal
from samvad.rehearsal.herd import Herd
from samvad.rehearsal.permit import fetch, is_here, permission_in, permits
from samvad.rehearsal.scenario import load
from samvad.rehearsal.target import target_of
from samvad.rehearsal.trial import Trial
from tests.kit.gates import EVENT, Gates, a_plan, running_gates
from tests.pure.test_rehearsal_promise import a_result

ELSEWHERE = "http://192.0.2.1:8001/e/a-talk"
"""An address for documentation (RFC 5737): nobody is there."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """A site's folder with one event."""
    for name in ("SAMVAD_DATA", "SAMVAD_GATE_PORT"):
        monkeypatch.delenv(name, raising=False)
    folders = Folders(tmp_path / "data")
    folders.make()
    make_secret(folders.secret)
    PlanFolder(folders.plans).write(a_plan())
    return folders


def run(command: Any, *words: str, data: Folders) -> str:
    done = CliRunner().invoke(command, [*words, "--data", str(data.data)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with running_gates(tmp_path_factory.mktemp("papers")) as found:
        found.plans.write(a_plan())
        yield found


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_a_gate_serves_the_permission_and_a_rehearsal_keeps_to_it(gates: Gates) -> None:
    page = f"{gates.url}/e/a-talk"
    assert gates.get(PATH).status == 404
    with pytest.raises(PlainError, match="gives no permission"):
        fetch(page, "a key")
    origin = f"127.0.0.1:{gates.port}"
    told = run(
        rehearse,
        *("permit", EVENT, "--listeners", "100", "--per-second", "20", "--for", "60s"),
        *("--origin", origin, "--attack", "flood", "--attack-per-second", "50"),
        data=gates.folders,
    )
    key = told.split()[-1]
    assert key == public_key(gates.secret, EVENT)
    from tests.kit.until import until_now

    until_now(lambda: gates.get(PATH).status == 200, 10)
    permit = fetch(page, key)
    assert permission_in(permit).listeners == 100
    with pytest.raises(PlainError, match="another key"):
        permission_in(fetch(page, public_key(b"o" * 32, EVENT)))
    trial = Trial(page, 100, 10.0, 30.0, permit=permit)
    assert permits(trial)
    for beyond in (
        replace(trial, listeners=101),
        replace(trial, arrive_s=2.0),
        replace(trial, for_s=61.0),
        replace(trial, url=ELSEWHERE),
    ):
        with pytest.raises(PlainError, match="goes beyond"):
            Herd(beyond)
    flood = Attack("flood", 0.0, 10.0, 50.0, 10)
    _check(flood, page, permit)
    for attack in (replace(flood, per_s=51.0), replace(flood, kind="slowloris")):
        with pytest.raises(PlainError, match="goes beyond"):
            _check(attack, page, permit)
    run(
        rehearse,
        *("permit", EVENT, "--listeners", "1", "--per-second", "1", "--for", "1s", "--withdraw"),
        data=gates.folders,
    )
    until_now(lambda: gates.get(PATH).status == 404, 10)


def test_without_a_permission_load_goes_to_this_machine_alone() -> None:
    assert is_here("http://127.0.0.1:1/")
    assert not is_here(ELSEWHERE)
    with pytest.raises(PlainError, match=r"no key of its event was given \(--key\)"):
        Rehearsal(load("steady"), ELSEWHERE).run(lambda row: None)
    with pytest.raises(PlainError, match="not this machine"):
        target_of(ELSEWHERE)
    with pytest.raises(PlainError, match="damaged"):
        Herd(Trial(ELSEWHERE, 1, 1.0, 2.0, permit="{}"))
    forged = json.dumps({"key": "k", "text": '{"permissions": [{"key": "k"}]}'})
    with pytest.raises(PlainError, match="no permission"):
        Herd(Trial(ELSEWHERE, 1, 1.0, 2.0, permit=forged))


def test_a_kept_rehearsal_becomes_a_certificate_and_the_plan_uses_it(
    data: Folders, tmp_path: Path
) -> None:
    from samvad import __version__

    result = tmp_path / "out.json"
    kept = a_result() | {"version": __version__, "proven": {"seats": 4000, "joins_per_s": 200.0}}
    result.write_text(json.dumps(kept))
    before = run(plan, "--listeners", "30k", data=data)
    assert "No rehearsal has proven anything" in before
    told = run(rehearse, "certify", str(result), data=data)
    assert "3,000 (75% of 4,000)" in told
    key = public_key(make_secret(data.secret), "")
    found = certificates.read(data.certificate("").read_bytes(), key)
    assert (found.seats, found.joins_per_s, found.scenario) == (3000, 150.0, "night")
    after = run(plan, "--listeners", "30k", "--arrive", "5m", data=data)
    assert "Counted by the certificate" in after
    assert "Gates" in after
    # One event's own.
    run(rehearse, "certify", str(result), "--event", EVENT, "--margin", "0.5", data=data)
    own = certificates.read(
        data.certificate(EVENT).read_bytes(), public_key(make_secret(data.secret), EVENT)
    )
    assert own.seats == 2000
    secret = make_secret(data.secret)
    held = certificate_of(data, secret, "fedcba4321")  # has none of its own
    assert held is not None
    assert held.seats == 3000
    assert outdated(held, here(asdict(load_settings(data.data).gate))) == []
    held = certificate_of(data, secret, EVENT)
    assert held is not None
    assert held.seats == 2000
    before_mark = mark(data, EVENT)
    data.certificate(EVENT).write_text("{}")
    assert mark(data, EVENT) != before_mark
    with pytest.raises(CertificateError):
        certificate_of(data, secret, EVENT)
    # Another gate's settings: it says nothing of this site any more.
    (data.data / "samvad.toml").write_text("[gate]\nwindow_s = 30.0\n")
    assert "outdated" in run(plan, "--listeners", "30k", data=data)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "broken"},
        {"partial": True},
        {"generator": {"healthy": False}},
        {"version": "another"},
        {"proven": None},
    ],
)
def test_nothing_else_becomes_a_certificate(
    data: Folders, tmp_path: Path, change: dict[str, Any]
) -> None:
    from samvad import __version__

    result = tmp_path / "out.json"
    result.write_text(json.dumps(a_result() | {"version": __version__} | change))
    with pytest.raises(PlainError):
        run(rehearse, "certify", str(result), data=data)
    assert not data.certificate("").exists()


def test_compare_says_what_is_worse_by_its_exit_status(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.json", tmp_path / "b.json"
    good.write_text(json.dumps(a_result()))
    bad.write_text(json.dumps(a_result(failed=50)))
    assert CliRunner().invoke(rehearse, ["compare", str(good), str(good)]).exit_code == 0
    told = CliRunner().invoke(rehearse, ["compare", str(good), str(bad)], standalone_mode=False)
    assert told.return_value == 1
    assert "worse" in told.output

"""Settings: what is declared once is checked everywhere."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.base.params import SettingError, as_markdown, as_toml, build, param, read_toml
from samvad.base.settings import Settings, data_folder, load


@dataclass(frozen=True)
class Gate:
    """What the crowd talks to."""

    port: int = param(8001, "Port of the crowd.", unit="port", low=1, high=65535)
    hold_s: float = param(60.0, "How long.", unit="seconds", low=5)
    open: bool = param(True, "Whether.")
    level: str = param("INFO", "How much.", choices=("INFO", "DEBUG"))
    name: str = param("", 'Free text with a "quote" in its default\'s neighbour.')


@dataclass(frozen=True)
class All:
    gate: Gate = field(default_factory=Gate)


def made(toml: dict[str, Any] | None = None, env: dict[str, str] | None = None, **over: Any) -> All:
    return build(All, {"gate": toml or {}}, env or {}, {f"gate.{k}": v for k, v in over.items()})


def test_without_anything_the_defaults_hold() -> None:
    assert made() == All()


def test_the_environment_wins_over_the_file_and_the_command_line_over_both() -> None:
    assert made({"port": 1}).gate.port == 1
    assert made({"port": 1}, {"SAMVAD_GATE_PORT": "2"}).gate.port == 2
    assert made({"port": 1}, {"SAMVAD_GATE_PORT": "2"}, port=3).gate.port == 3


def test_an_override_of_none_is_none() -> None:
    assert made({"port": 7}, port=None).gate.port == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", 65536),
        ("port", "http"),
        ("port", 80.5),
        ("port", True),
        ("port", [80]),
        ("hold_s", 4.9),
        ("hold_s", float("nan")),
        ("hold_s", "soon"),
        ("hold_s", False),
        ("open", 2),
        ("open", "perhaps"),
        ("level", "LOUD"),
        ("level", 3),
        ("name", 3),
        ("name", {"a": 1}),
    ],
)
def test_what_does_not_fit_is_refused_by_name_with_what_would(name: str, value: Any) -> None:
    with pytest.raises(SettingError) as caught:
        made({name: value})
    assert f"gate.{name}" in caught.value.says
    assert caught.value.mend.startswith("It takes ")


def test_the_bounds_and_the_unit_stand_in_the_mend() -> None:
    with pytest.raises(SettingError, match=r"a whole number \(1 to 65535, port\)"):
        made({"port": 0})
    with pytest.raises(SettingError, match=r"one of INFO, DEBUG"):
        made({"level": "LOUD"})
    with pytest.raises(SettingError, match="at least 5, seconds"):
        made({"hold_s": 1})


def test_a_wrong_variable_is_named_as_such() -> None:
    with pytest.raises(SettingError, match=r"gate\.port \(from SAMVAD_GATE_PORT\) is 'x'"):
        made({}, {"SAMVAD_GATE_PORT": "x"})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), (" Yes ", True)])
def test_truth_in_the_environment(text: str, value: bool) -> None:
    assert made({}, {"SAMVAD_GATE_OPEN": text}).gate.open is value


def test_a_misspelt_setting_is_refused_and_its_neighbours_named() -> None:
    with pytest.raises(SettingError, match=r"There is no setting gate\.prot\.") as caught:
        made({"prot": 80})
    assert "gate.port" in caught.value.mend


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(SettingError, match=r"There is no setting gaet\.port"):
        build(All, {"gaet": {"port": 1}}, {})


@given(
    st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.lists(st.integers())
)
def test_any_value_is_taken_as_it_should_be_or_refused(value: Any) -> None:
    try:
        port = made({"port": value}).gate.port
    except SettingError:
        return
    assert type(port) is int
    assert 1 <= port <= 65535


def test_the_file_that_is_written_is_all_comments_and_its_lines_are_the_defaults() -> None:
    sections = {section.name for section in fields(Settings)}
    assert tomllib.loads(as_toml(Settings)) == {name: {} for name in sections}
    bare = "\n".join(
        line[2:] if " = " in line and line.startswith("# ") else line
        for line in as_toml(Settings).splitlines()
        if not line.startswith("# Environment")
    )
    assert build(Settings, tomllib.loads(bare), {}) == Settings()


def test_the_reference_names_every_setting_with_its_variable() -> None:
    page = as_markdown(All)
    assert (
        "| `port` | `8001` | port, 1 to 65535 | `SAMVAD_GATE_PORT` | Port of the crowd. |" in page
    )
    assert "What the crowd talks to." in page


def test_a_file_that_is_not_there_has_no_sections(tmp_path: Path) -> None:
    assert read_toml(tmp_path / "none.toml") == {}


@pytest.mark.parametrize("text", ["[gate", "port = 1\n", "[gate]\nport = 1\nport = 2\n"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "samvad.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=str(path)):
        read_toml(path)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samvad.toml"
    path.write_bytes(b"\xff\xfe[gate]")
    with pytest.raises(SettingError, match="cannot be read"):
        read_toml(path)
    with pytest.raises(SettingError, match="cannot be read"):
        read_toml(tmp_path)


def test_a_section_that_is_no_section_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samvad.toml"
    path.write_text("gate = 3\n")
    with pytest.raises(SettingError, match="outside a section"):
        read_toml(path)


def test_a_site_reads_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "samvad.toml").write_text("[gate]\nport = 9001\n")
    settings = load(tmp_path, env={})
    assert settings.gate.port == 9001
    assert settings.gate_url() == "http://127.0.0.1:9001"
    assert settings.web_url() == "http://127.0.0.1:8000"


def test_public_addresses_win_over_host_and_port(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        env={"SAMVAD_PUBLIC_GATE_URL": "https://live.example.org", "SAMVAD_PUBLIC_HOST": "0.0.0.0"},
    )
    assert settings.gate_url() == "https://live.example.org"
    assert settings.stage_url() == "http://127.0.0.1:8002", "a wildcard is no address to go to"


def test_which_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_folder(None, {}) == tmp_path / "data"
    assert data_folder(None, {"SAMVAD_DATA": "/srv/samvad"}) == Path("/srv/samvad")
    assert data_folder("here", {"SAMVAD_DATA": "/srv/samvad"}) == tmp_path / "here"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SAMVAD_PUBLIC_WEB_URL", "example.org"),
        ("SAMVAD_PUBLIC_WEB_URL", "ftp://example.org"),
        ("SAMVAD_PUBLIC_GATE_URL", "https://"),
        ("SAMVAD_PUBLIC_GATE_URL", "https://example.org:port"),
        ("SAMVAD_PUBLIC_STAGE_URL", "https://example.org/?a=b"),
        ("SAMVAD_PUBLIC_HOST", "localhost"),
        ("SAMVAD_PUBLIC_HOST", ""),
        ("SAMVAD_PUBLIC_HOST", "256.0.0.1"),
        ("SAMVAD_WEB_ZONE", "Asia/Atlantis"),
        ("SAMVAD_WEB_ZONE", "../../etc/passwd"),
    ],
)
def test_text_of_the_wrong_form_is_refused(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        load(tmp_path, env={variable: value})


def test_a_final_slash_of_an_address_does_no_harm(tmp_path: Path) -> None:
    settings = load(tmp_path, env={"SAMVAD_PUBLIC_WEB_URL": "https://example.org/talk/"})
    assert settings.web_url() == "https://example.org/talk"


def test_an_ipv6_address_stands_in_brackets(tmp_path: Path) -> None:
    assert load(tmp_path, env={"SAMVAD_PUBLIC_HOST": "::1"}).web_url() == "http://[::1]:8000"

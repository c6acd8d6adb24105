"""The code keeps the rules of the house: layers, pure modules, sizes, words."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SRC, files, imports, module_name, module_path, texts

MOST_LINES = {"src": 500, "frontend": 500, "bench": 500, "tools": 500, "tests": 700}

PURE = (
    "base.params",
    "base.settings",
    "broadcast.cmaf",
    "broadcast.packager",
    "cli.supervise",
    "events.lifecycle",
    "gate.door",
    "gate.http1",
    "gate.reload",
    "gate.state",
    "protocol.hls",
    "protocol.media",
    "protocol.playlist",
    "protocol.playlist_reader",
    "protocol.room",
    "protocol.ticket",
    "protocol.uplink",
    "rehearsal.listener_clock",
    "rehearsal.listener_follow",
    "protocol.loudness",
    "stage.jitter",
    "stage.mixer",
    "stage.session",
)
"""Modules that must be pure whatever their docstring says; those that say it are added."""

FORBIDDEN = frozenset(
    {"asyncio", "socket", "time", "select", "threading", "subprocess", "aiortc", "av", "aiohttp"}
)
_SAYS_PURE = re.compile(r"\bPure[.:;,(]|\bPure but\b|\(pure\)")


def pure_modules() -> list[str]:
    said = {
        module_name(path)
        for path in SRC.rglob("*.py")
        if _SAYS_PURE.search(ast.get_docstring(ast.parse(path.read_text())) or "")
    }
    return sorted(said | {f"samvad.{name}" for name in PURE})


def reached_from(module: str) -> dict[str, str]:
    """Every module of ours that importing `module` runs, with the one that imports it."""
    found, waiting = {module: module}, [module]
    while waiting:
        here = waiting.pop()
        path = module_path(here)
        for name in imports(path) if path else ():
            if name.startswith("samvad.") and module_path(name) and name not in found:
                found[name] = here
                waiting.append(name)
    return found


@pytest.mark.parametrize("module", pure_modules())
def test_pure_modules_reach_no_clock_no_loop_and_no_socket(module: str) -> None:
    assert module_path(module), f"there is no {module}"
    for name, by in reached_from(module).items():
        path = module_path(name)
        assert path is not None
        wrong = {i.split(".")[0] for i in imports(path)} & FORBIDDEN
        assert not wrong, f"{module} reaches {wrong} by {name} (imported by {by})"


@pytest.mark.slow
def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_no_file_is_too_long() -> None:
    long = {}
    for path, text in texts(".py", ".ts", ".css", ".mjs"):
        inside = path.relative_to(ROOT)
        if text.count("\n") > MOST_LINES.get(inside.parts[0], 0):
            long[str(inside)] = text.count("\n")
    assert not long


def test_names_say_what_things_are() -> None:
    vague = re.compile(r"(Manager|Helper|Utils?)$|^(utils?|helpers?|misc|common)$", re.IGNORECASE)
    found = [str(p.relative_to(ROOT)) for p in files() if vague.search(p.stem)]
    for path, text in texts(".py"):
        classes = [n.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ClassDef)]
        found += [f"{path.relative_to(ROOT)}: {name}" for name in classes if vague.search(name)]
    assert not found


def test_nothing_is_left_to_do_in_the_code() -> None:
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    endings = (".py", ".ts", ".css", ".html", ".md", ".mjs", ".toml", ".yml")
    found = [str(p.relative_to(ROOT)) for p, text in texts(*endings) if mark.search(text)]
    assert not found


def test_no_path_of_anybodys_machine_stands_in_a_file() -> None:
    machine = re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+|Us" + r"ers/\w+)/")
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture, a font, compiled texts
        found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in machine.finditer(text)]
    assert not found


def test_tests_that_start_servers_are_marked_slow() -> None:
    starts = re.compile(r"subprocess\.Popen\(|create_subprocess_exec\(|with running_site\(")
    wrong = []
    for path, text in texts(".py"):
        inside = path.relative_to(ROOT).parts
        if inside[0] == "tests" and path.name.startswith("test_") and starts.search(text):
            marked = "pytest.mark.slow" in text or inside[1] == "stories"
            wrong += [] if marked else [str(path.relative_to(ROOT))]
    assert not wrong


def test_every_test_file_is_named_after_its_room() -> None:
    rooms = {p.name for p in SRC.iterdir() if p.is_dir()} | {"house", "kit"}
    for path in files():
        inside = path.relative_to(ROOT).parts
        if inside[0] == "tests" and inside[1] in ("pure", "live", "db") and "test_" in path.name:
            assert path.name.split("_")[1] in rooms, inside

"""The repository as the house rules see it: its own files, and what Python modules import."""

import ast
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "samvad"
_BUILT = {".venv", "build", "data", "node_modules", "assets", "__pycache__", ".git", "dist"}


@lru_cache
def files() -> tuple[Path, ...]:
    """Every file of ours: what git knows; without git, all but what is built."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        found = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for p in ROOT.rglob("*") if not _BUILT & set(p.relative_to(ROOT).parts)]
    return tuple(sorted(p for p in found if p.is_file()))


def texts(*endings: str) -> Iterator[tuple[Path, str]]:
    """(path, content) of each file of ours with one of these endings."""
    for path in files():
        if path.suffix in endings:
            yield path, path.read_text(encoding="utf-8")


def module_name(path: Path) -> str:
    """src/samvad/gate/door.py → samvad.gate.door"""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_path(name: str) -> Path | None:
    """The file of a module of ours; None for a name that is none."""
    place = SRC.parent / Path(*name.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


@lru_cache
def imports(path: Path) -> frozenset[str]:
    """Full names of the modules a file imports at run time (not under TYPE_CHECKING)."""
    found: set[str] = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not guarded:
            yield node
            yield from _running(node)


@lru_cache
def names_in(path: Path) -> frozenset[str]:
    """What a module defines: `function`, `Class`, `Class.method`, `CONSTANT`, `Class.field`."""
    found: set[str] = set()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign):
                found.update(prefix + t.id for t in node.targets if isinstance(t, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(prefix + node.target.id)
            elif isinstance(node, ast.If | ast.Try):
                walk(node.body, prefix)

    walk(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return frozenset(found)

"""What the documents say is so: names exist, links lead somewhere, generated pages are current."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from samvad.cli.root import COMMANDS, HIDDEN
from tests.house.tree import ROOT, SRC, files, module_path, names_in

DOCUMENTS = [p for p in files() if p.suffix == ".md" and "reference" not in p.parts]
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"[\w.*-]+(?:/[\w.*<>-]+)*/?")
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_ENDINGS = (".py", ".ts", ".json", ".mjs", ".css", ".html", ".md", ".toml", ".txt", ".po")


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_documents_are_there() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/tour.md"):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_links_lead_to_files(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (document.parent / target).exists(), target


def found(path: str) -> list[Path]:
    """Files that `path` may mean: from the root, below src/samvad, below frontend/src."""
    bases = (ROOT, SRC, ROOT / "frontend", ROOT / "frontend" / "src")
    every = [p for base in bases for p in base.glob(path.rstrip("/"))]
    if "/" not in path:
        every += list((ROOT / "frontend" / "src").rglob(path))
    return every


TOUR_LIKE = [
    p for p in DOCUMENTS if p.parent.name == "adr" or p.name in ("tour.md", "CONTRIBUTING.md")
]


@pytest.mark.parametrize("document", TOUR_LIKE, ids=_id)
def test_paths_and_names_exist(document: Path) -> None:
    """`room/file.py` is a file; a `name` right after it is defined there; a `Class.method`
    elsewhere is defined somewhere."""
    text = _FENCE.sub("", document.read_text())
    missing: list[str] = []
    everything = frozenset[str]().union(*(names_in(p) for p in SRC.rglob("*.py")))
    before: Path | None = None
    end = 0
    for match in _CODE.finditer(text):
        code, gap = match[1], text[end : match.start()]
        end = match.end()
        beside = before if gap.strip() == "" else None
        before = None
        if _PATH.fullmatch(code) and code.endswith(_ENDINGS) and not code.startswith("samvad."):
            files_meant = found(code)
            if "<" in code or not ("/" in code or code.endswith((".py", ".ts"))):
                continue  # a file of the data folder, or a pattern
            if not files_meant:
                missing.append(code)
            elif code.endswith(".py"):
                before = files_meant[0]
        elif re.fullmatch(r"samvad(\.\w+)+", code) and code != "samvad.toml":
            if not dotted(code):
                missing.append(code)
        elif _NAME.fullmatch(code):
            known = names_in(beside) if beside is not None else everything
            a_class = code[0].isupper() and "." in code  # else it may be a file, a box, a field
            if (beside is not None or a_class) and code not in known:
                missing.append(f"{code} in {beside}" if beside else code)
    assert not missing


def dotted(name: str) -> bool:
    """`samvad.room.file.Name.method`: some first part is a module, the rest is defined in it."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        path = module_path(".".join(parts[:cut]))
        if path is not None:
            rest = ".".join(parts[cut:])
            return not rest or rest in names_in(path)
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=_id)
def test_commands_and_targets_exist(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = " \n".join(_CODE.findall(_FENCE.sub("", text)) + _FENCE.findall(text))
    for target in re.findall(r"(?<![\w-])make ([a-z]+)(?![\w/])", shown):
        assert target in targets, f"make {target}"
    for command in re.findall(r"(?:^|[\s;(])samvad ([a-z][a-z-]+)(?![\w/.])", shown):
        assert command in COMMANDS or command in HIDDEN, f"samvad {command}"


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings.md", "counters.md", "states.md"])
def test_the_reference_is_what_the_code_declares(page: str) -> None:
    made = reference().PAGES[page]()
    kept = (ROOT / "docs" / "reference" / page).read_text()
    assert kept == made, "run `make reference`"


def test_every_dependency_has_its_line_and_its_use() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text().lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = [re.split(r"[^\w-]", d)[0] for d in project["dependencies"]]
    dev = [re.split(r"[^\w-]", d)[0] for d in project["optional-dependencies"]["dev"]]
    for name in run + dev:
        assert name in page, f"{name} is not in docs/dependencies.md"
    imported = {
        "django-allauth": "allauth",
        "django-ninja": "ninja",
        "http-ece": "http_ece",
        "pillow": "PIL",
    }
    unseen = {"tzdata", "setuptools", "argon2-cffi"}  # data, the build, named to Django
    code = "\n".join(p.read_text() for p in SRC.rglob("*.py"))
    for name in set(run) - unseen:
        module = imported.get(name, name)
        assert re.search(rf"^\s*(?:import|from) {module}\b", code, re.MULTILINE), (
            f"{name} is not used"
        )
    front = json.loads((ROOT / "frontend" / "package.json").read_text())
    for name in [*front.get("dependencies", {}), *front.get("devDependencies", {})]:
        short = name.removeprefix("@fontsource/noto-sans").lower() or "noto-sans"
        assert short in page, f"{name} is not in docs/dependencies.md"


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_locked_packages_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-{1,2}(?!-?hash=)\w", text, re.MULTILINE), "an option of pip's"
    entries = text.replace("\\\n", " ").strip().splitlines()
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+==[^\s;]+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_locked_front_end_packages_have_hashes_and_no_addresses() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text())
    assert len(lock["packages"]) > 5
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        if name:
            assert package["integrity"].startswith("sha512-"), name


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.split("\n")[0].strip() == "GNU AFFERO GENERAL PUBLIC LICENSE"
    assert text.split("\n")[1].strip() == "Version 3, 19 November 2007"
    for section in range(18):
        assert re.search(rf"^  {section}\. ", text, re.MULTILINE), f"section {section}"
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"[{version}]" in changelog or "## Unreleased" in changelog
    assert f'__version__ = "{version}"' in (SRC / "__init__.py").read_text()

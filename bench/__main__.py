"""Run every module of this folder that has a `main`, each in a process of its own."""

import ast
import subprocess
import sys
from pathlib import Path


def modules() -> list[str]:
    """Names of the benches, in order."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        has_main = any(isinstance(n, ast.FunctionDef) and n.name == "main" for n in tree.body)
        if has_main and not path.stem.startswith("_"):
            found.append(path.stem)
    return found


def run(wanted: list[str]) -> int:
    known = modules()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"There is no bench {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 2
    failed = []
    for name in wanted or known:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

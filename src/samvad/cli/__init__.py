"""The command line, and the composition root: the only room that may import every other.

One file a command (or group); they are listed in `cli/root.py` and imported only when asked
for, so that a gate process never pays for Django.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `samvad ARGUMENTS…` (default: sys.argv) and return the exit status."""
    from samvad.cli.root import run

    return run(arguments)

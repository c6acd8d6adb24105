"""The site on PostgreSQL: the tests of tests/db once more, with the other database."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.kit.postgresql import postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


def test_all_that_is_true_on_sqlite_is_true_on_postgresql() -> None:
    # Not in pytest's folder: the server is another user's, who cannot enter that.
    with tempfile.TemporaryDirectory() as folder, postgresql(Path(folder), "fsync=off") as url:
        told = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/db"],
            cwd=ROOT,
            env={**os.environ, "SAMVAD_WEB_DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert told.returncode == 0, told.stdout[-8000:]

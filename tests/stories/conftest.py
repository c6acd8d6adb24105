"""Stories: the whole site as real processes, seen from outside.

All of them run in one worker one after the other (`xdist_group`): what they measure in real
time must not be spoilt by each other. (Beside stories that only look at pages, on two cores, one
that compares sounds failed.)
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.kit.site import Site, running_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all stories of a worker that kill nothing; each makes events of its own."""
    with running_site(tmp_path_factory.mktemp("site") / "data") as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A story that fails shows what the site said."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Site):
                report.sections.append((f"log of {name}", value.tail(80)))
    return report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a story puts its sounds."""
    return tmp_path

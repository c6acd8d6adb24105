"""Stories: the whole site as real processes, seen from outside.

Each is of one of two groups (`xdist_group`), and two workers take one each. "sound": what is heard
is compared with what was said, so these run one after the other. "pages": what is seen. They mostly
wait, and so do the others; one of each at a time leaves the machine room.
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

"""Stories: the whole site as real processes, seen from outside.

All of them run in one worker one after the other (`xdist_group`): what they measure in real
time must not be spoilt by each other.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.kit.pulse import Pulse
from tests.kit.site import Site, running_site

ATTEMPTS = 3
"""A story is told so often at most, and only while the machine keeps it from being heard."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all stories that kill nothing; each makes events of its own."""
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A story that fails while the machine was held up is told again, and that is said."""
    with Pulse() as pulse:
        try:
            return (yield)
        except Exception as error:
            wrong = error
    for attempt in range(2, ATTEMPTS + 1):
        if not pulse.faint:
            raise wrong
        first = f"{pulse}: {wrong}"
        item.add_report_section("call", f"attempt {attempt - 1}", first)
        print(f"told once more, for {first}")
        with Pulse() as pulse:
            try:
                item.runtest()
            except Exception as error:
                wrong = error
            else:
                return None
    raise wrong


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a story puts its sounds."""
    return tmp_path

"""For all tests: Django, with the settings of tests/kit/web_settings.py; Hypothesis without
deadlines, for a busy machine is no failing test.

A test with real processes, sound and browsers in real time can fail because the machine stood
still. It is run again, from its fixtures on, and pytest lists it under "RERUN" with what was
wrong at first: something to look at, as it may be a race of ours. Quick tests get one chance.
"""

import os
from collections.abc import Iterator

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.kit.web_settings"

import django
import pytest
from hypothesis import settings

settings.register_profile("samvad", deadline=None)
settings.load_profile("samvad")

django.setup()  # pytest-django takes over from here: no database without its mark


RERUNS = 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS))


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """A command that a test calls makes its process one of its site (cli/site.py `enter`); the
    next test is of another."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)

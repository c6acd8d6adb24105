"""What several files of tests at real processes begin with."""

from collections.abc import Iterator

import pytest

from tests.kit.gate_evening import Evening, gate_on_air


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """One evening for all tests of a file, which have it as it is."""
    with gate_on_air(tmp_path_factory.mktemp("evening")) as evening:
        yield evening

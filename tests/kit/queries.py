"""No page asks the database too often."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

MOST = 12


@contextmanager
def few_queries(most: int = MOST) -> Iterator[None]:
    """What happens inside takes at most `most` queries (the session's and the reader's among
    them). Says which there were."""
    with CaptureQueriesContext(connection) as seen:
        yield
    asked = [
        q["sql"] for q in seen.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))
    ]
    assert len(asked) <= most, f"{len(asked)} queries:\n" + "\n".join(asked)

"""What the light listeners of a shard have read: each different document once. Pure, bounded.

A crowd gets the same bytes; to read them again for each listener would make the generator the
limit. A server that sends everybody something else is still read right, only at more cost.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from samvad.rehearsal.first_visit import Page, imports, read_first_visit
from samvad.rehearsal.glance import Glance, NoPlaylist, read_glance, read_variants, unzip
from samvad.rehearsal.lean import Names, read_names
from samvad.rehearsal.place import Serving, read_serving

_KEPT = 64
_MARK = re.compile(rb'"mark":"([0-9a-f]{1,16})"')

T = TypeVar("T")


class Library:
    """`page`: the event's page, once somebody has read it."""

    def __init__(self) -> None:
        self.page: Page | None = None
        self._pages: dict[bytes, Page | None] = {}
        self._glances: dict[bytes, Glance] = {}
        self._masters: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}
        self._imports: dict[bytes, tuple[bytes, ...]] = {}
        self._servings: dict[bytes, Serving] = {}
        self._names: dict[bytes, Names] = {}
        self._marks: dict[bytes, bytes] = {}
        self._let_in: dict[str, tuple[int, float]] = {}

    def read_page(self, path: bytes, body: bytes, gzip: bool) -> Page | None:
        """The event's page that was at `path`, or None."""
        try:
            page = _remembered(
                self._pages, body, lambda: read_first_visit(path, unzip(body) if gzip else body)
            )
        except NoPlaylist:
            return None
        if page is not None:
            self.page = page
        return page

    def glance(self, body: bytes, gzip: bool) -> Glance:
        """A media playlist. Raises NoPlaylist."""
        known = self._glances.get(body)
        if known is not None:
            return known
        return _remembered(self._glances, body, lambda: read_glance(unzip(body) if gzip else body))

    def variants(self, body: bytes, gzip: bool) -> tuple[tuple[bytes, bytes], ...] | None:
        """(codecs, URI) of a multivariant playlist; None when it is a media playlist."""
        try:
            return _remembered(
                self._masters, body, lambda: read_variants(unzip(body) if gzip else body)
            )
        except NoPlaylist:
            return None

    def names(self, body: bytes, gzip: bool) -> Names:
        """A lean.json. Raises ValueError (NoPlaylist is one)."""
        return _remembered(self._names, body, lambda: read_names(unzip(body) if gzip else body))

    def serving(self, body: bytes, gzip: bool) -> Serving:
        """A serving.json. Raises ValueError (NoPlaylist is one)."""
        return _remembered(
            self._servings, body, lambda: read_serving(unzip(body) if gzip else body)
        )

    def mark(self, body: bytes, gzip: bool) -> bytes:
        """The mark of a state.json; b"" when it has none."""

        def read() -> bytes:
            found = _MARK.search(unzip(body) if gzip else body)
            return found[1] if found is not None else b""

        return _remembered(self._marks, body, read)

    def let_in(self, lane: str, number: int, now: float) -> None:
        """Somebody with this number has come in."""
        if number > self._let_in.get(lane, (-1, 0.0))[0]:
            self._let_in[lane] = number, now

    def went_back(self, serving: Serving, before: float) -> int:
        """Lanes that have not reached a number with which somebody came in before `before`."""
        return sum(
            serving.lanes.get(lane, -1) < number
            for lane, (number, at) in self._let_in.items()
            if at < before
        )

    def knows(self, path: bytes) -> bool:
        """Whether the script at `path` has been read."""
        return path in self._imports

    def read_asset(self, path: bytes, body: bytes, gzip: bool) -> None:
        """Remember what it imports."""
        if len(self._imports) < 1024:
            try:
                self._imports[path] = imports(path, unzip(body) if gzip else body)
            except NoPlaylist:
                self._imports[path] = ()

    def imports(self, path: bytes) -> tuple[bytes, ...]:
        return self._imports.get(path, ())


def _remembered(known: dict[bytes, T], body: bytes, read: Callable[[], T]) -> T:
    if body not in known:
        made = read()
        while len(known) >= _KEPT:
            del known[next(iter(known))]
        known[body] = made
    return known[body]

"""The files of a page, fetched over several connections, each found in the ones before. Pure."""

from samvad.rehearsal.library import Library


class Errands:
    """Of one visit. `begin` with what the page names."""

    __slots__ = ("_files", "_library", "_loading", "_next")

    def __init__(self, library: Library) -> None:
        self._library = library
        self._files: list[bytes] = []
        self._loading: list[int] = []
        self._next = 0

    def begin(self, files: tuple[bytes, ...], lines: int) -> None:
        self._files, self._loading, self._next = list(files), [0] * lines, 0

    def next(self, line: int) -> tuple[bytes, bool] | None:
        """What to fetch on `line`, and whether its body is wanted: a script is read once for
        all, because what it imports is wanted too. None: nothing that is known of."""
        if self._next >= len(self._files):
            return None
        path = self._files[self._next]
        self._loading[line] = self._next
        self._next += 1
        return path, path.endswith(b".js") and not self._library.knows(path)

    def read(self, line: int, body: bytes, gzip: bool) -> None:
        """What was fetched on `line` is here; `body` if it was wanted."""
        path = self._files[self._loading[line]]
        if body:
            self._library.read_asset(path, body, gzip)
        self._files += [f for f in self._library.imports(path) if f not in self._files]

    def done(self) -> None:
        self._files, self._loading = [], []

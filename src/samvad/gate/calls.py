"""Those who were called and those who came: how many more to expect, and how fast it goes. Pure.

Nobody is remembered, only, for each second in which something happened, how many were called,
how many of those have come, how many got a seat, and how far each lane had come. Cells are
somebody else's, as in line.py: a list, or memory that all gates of a machine share; whoever
calls a method that writes holds their lock. `now` is monotonic seconds.
"""

from collections.abc import MutableSequence

from samvad.protocol.passes import Lane

KEEP_S = 300
"""A place is kept so long after it was called: a phone has dropped, a battery was changed."""
APPEAR_S = 16
"""Whoever was called longer ago and has not come is taken for absent, and the next one called.
Pages that are near their turn look every two seconds, all at least every fifteen."""
MEASURE_S = 60
"""Over so many seconds the rate of admission is measured."""
LEAST_CALLED = 3
_CAUTION = 50
"""So many imagined calls, all of which were answered: the first few say little."""
_MEMORY = 5_000
"""Of so many calls the share of those who come is remembered: the crowd changes its mind."""

_BEGAN, _CALLED, _CAME, _SETTLED, _COUNT, _RING = range(6)
_SECOND, _HOW_MANY, _HOW_MANY_CAME, _ADMITTED, _UPTO = range(5)
_ROW = _UPTO + len(Lane)
ROWS = 512
"""More seconds than KEEP_S."""
CELLS = _RING + ROWS * _ROW
"""Unsigned 64-bit cells; all zero is a line in which nobody was called yet."""


class Calls:
    """The last minutes of a line, and the share of those called that come."""

    def __init__(self, cells: MutableSequence[int]) -> None:
        if len(cells) != CELLS:
            raise ValueError(f"calls need {CELLS} cells, not {len(cells)}")
        self._cells = cells

    def _row(self, nth: int) -> int:
        return _RING + nth % ROWS * _ROW

    def _now(self, now: float) -> int:
        """The row of this second, made if there is none."""
        cells, count = self._cells, self._cells[_COUNT]
        second = int(now) + 1  # 0 is an empty row
        last = self._row(count - 1)
        if count and cells[last] >= second:
            return last
        self._settle(second)
        row = self._row(count)
        for lane in Lane:
            cells[row + _UPTO + lane] = cells[last + _UPTO + lane] if count else 0
        cells[row + _HOW_MANY] = cells[row + _HOW_MANY_CAME] = cells[row + _ADMITTED] = 0
        cells[row + _SECOND] = second
        cells[_COUNT] = count + 1
        if not cells[_BEGAN]:
            cells[_BEGAN] = second
            cells[_CALLED] = cells[_CAME] = _CAUTION
        return row

    def _settle(self, second: int) -> None:
        """Learn from the seconds whose callees are all here or absent."""
        cells = self._cells
        nth = max(cells[_SETTLED], cells[_COUNT] - ROWS + 1)
        while nth < cells[_COUNT]:
            row = self._row(nth)
            if cells[row] >= second - APPEAR_S:
                break
            cells[_CALLED] += cells[row + _HOW_MANY]
            cells[_CAME] += cells[row + _HOW_MANY_CAME]
            if cells[_CALLED] > _MEMORY:
                cells[_CAME] = cells[_CAME] * _MEMORY // cells[_CALLED]
                cells[_CALLED] = _MEMORY
            nth += 1
        cells[_SETTLED] = nth

    def called(self, now: float, lane: Lane, count: int, upto: int) -> None:
        """So many of `lane` may come in from now on, all with a number below `upto`."""
        row = self._now(now)
        self._cells[row + _HOW_MANY] += count
        self._cells[row + _UPTO + lane] = upto

    def called_at(self, lane: Lane, number: int, now: float) -> int | None:
        """The second in which `number` was called; None: not yet, or longer than KEEP_S ago."""
        cells, count = self._cells, self._cells[_COUNT]
        low, high = max(0, count - ROWS + 1), count
        while low < high:  # the first row that has reached beyond the number
            middle = (low + high) // 2
            if cells[self._row(middle) + _UPTO + lane] > number:
                high = middle
            else:
                low = middle + 1
        if low == count:
            return None
        second = cells[self._row(low)] - 1
        return second if now - second <= KEEP_S else None

    def came(self, called_at: int, count: int = 1) -> None:
        """So many of those called then have come, whether there was a seat at once or not."""
        cells = self._cells
        for nth in range(cells[_COUNT] - 1, max(cells[_SETTLED], cells[_COUNT] - ROWS) - 1, -1):
            row = self._row(nth)
            if cells[row] <= called_at + 1:
                if cells[row] == called_at + 1:
                    most = cells[row + _HOW_MANY]
                    cells[row + _HOW_MANY_CAME] = min(most, cells[row + _HOW_MANY_CAME] + count)
                return  # else they were taken for absent already

    def admitted(self, now: float, count: int = 1) -> None:
        """So many have got a seat, in whatever way."""
        self._cells[self._now(now) + _ADMITTED] += count

    @property
    def shows(self) -> float:
        """The share (0 to 1) of those called that comes."""
        return self._cells[_CAME] / self._cells[_CALLED] if self._cells[_CALLED] else 1.0

    def _since(self, now: float, seconds: int) -> list[int]:
        """Rows not older than so many seconds, newest first."""
        cells, rows = self._cells, []
        for nth in range(cells[_COUNT] - 1, max(-1, cells[_COUNT] - ROWS), -1):
            row = self._row(nth)
            if cells[row] <= int(now) + 1 - seconds:
                break
            rows.append(row)
        return rows

    def expected(self, now: float) -> float:
        """How many of those called are still to come."""
        cells, shows = self._cells, self.shows
        return sum(
            max(0.0, cells[row + _HOW_MANY] * shows - cells[row + _HOW_MANY_CAME])
            for row in self._since(now, APPEAR_S)
        )

    def moves_per_s(self, now: float, over_s: int) -> float:
        """How fast the line itself moves: those called a second who come, over `over_s`.
        0.0 when they are too few to tell a pace from them."""
        called = sum(self._cells[row + _HOW_MANY] for row in self._since(now, over_s))
        return called * self.shows / over_s if called >= LEAST_CALLED else 0.0

    def moved_before(self, now: float, over_s: int) -> bool:
        """Whether somebody was called in the `over_s` seconds before the last `over_s`."""
        recent = self._since(now, over_s)
        earlier = self._since(now, 2 * over_s)[len(recent) :]
        return any(self._cells[row + _HOW_MANY] for row in earlier)

    def per_s(self, now: float) -> float:
        """Admissions a second, measured over the last minute; 0.0 before the first."""
        cells = self._cells
        if not cells[_BEGAN]:
            return 0.0
        over = min(float(MEASURE_S), max(1.0, now + 1 - cells[_BEGAN]))
        return sum(cells[row + _ADMITTED] for row in self._since(now, MEASURE_S)) / over

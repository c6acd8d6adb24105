"""Where connections come from, a book for each source: how many are open, how many of them have
proven to be listeners, and what they did lately. Pure; `now` is monotonic seconds.

A source is an address or a /64 (protocol/client_addr.py). It may be a whole school, so a proven
listener weighs an eighth of somebody who has proven nothing, and judgement (behaviour.py) is on
what a source's connections do, not on how many they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

BOOKS = 65_536
"""Sources known at a time; what comes beyond is counted in one book, which is never blamed."""
PROVEN_WEIGHS = 8
"""So many proven listeners weigh as much as one connection that has proven nothing."""
BURST_S = 10.0
TIGHT = 8
"""Under attack, budgets of sources are divided by this."""
STEP = 500
"""Books closed in one step of a new window."""


class Rank(IntEnum):
    """What a connection has proven. Where sockets run short, those of the lowest go first."""

    NEW = 0
    DEEP = 1
    """It asks for what only a page that was read asks for: a door's and a listener's objects."""
    PROVEN = 2
    """It has shown a good ticket, or knows the name of a media object, which cannot be guessed."""


class Entry(Enum):
    """What becomes of a new connection."""

    IN = "let in"
    TOO_MANY = "its source holds all it may"
    TOO_FAST = "its source opens more a second than it may"
    BANNED = "its source is banned"


@dataclass(slots=True)
class Tally:
    """What a source's connections did since the window began.

    `bad`: refused for their form. `forged`: tickets; `gone`: tickets that are void, shown again and
    again (insist.py). `missing`: paths that do not exist. `slow`: requests not complete in time.
    `unread`: connections closed because their reader was too slow. `mute`: connections that went,
    or were closed, without one request. `shallow`: that went at once after requests of which none
    was beyond the page. `bare`: that went at once after nothing but
    knocks. `deep`: that came to a door's or a listener's objects. `turned`: refused by a budget.
    """

    accepts: int = 0
    requests: int = 0
    bad: int = 0
    forged: int = 0
    gone: int = 0
    missing: int = 0
    slow: int = 0
    unread: int = 0
    mute: int = 0
    shallow: int = 0
    bare: int = 0
    deep: int = 0
    turned: int = 0

    @property
    def harm(self) -> int:
        """Acts that may be blamed, of all kinds together."""
        once = self.bad + self.forged + self.gone + self.missing + self.slow + self.unread
        return once + self.mute + self.shallow + self.bare + self.turned


class Book:
    """One source. `proven` of its `open` connections have shown a good ticket, `far` have come to a
    door at least; `caught` counts the times it was blamed within the last windows."""

    __slots__ = (
        "at",
        "blocked",
        "busy",
        "caught",
        "charged",
        "counted",
        "far",
        "kind",
        "known",
        "left",
        "open",
        "proven",
        "source",
        "tally",
    )

    def __init__(self, source: str, left: float, now: float, busy: "set[Book]") -> None:
        self.source, self.busy = source, busy
        self.open = self.proven = self.far = self.caught = 0
        self.left, self.at = left, now
        self.blocked = False
        """New connections that have proven nothing are not taken, but for a few."""
        self.kind: str | None = None
        """What it was blamed for (behaviour.py), while it is `caught`."""
        self.charged = self.counted = 0
        """Acts of this window that were put down as harm, in all and in a counter."""
        self.known = False
        """It has been counted as a newcomer."""
        self.tally = Tally()

    def forged(self) -> None:
        """The same as `blame(403)`."""
        self.busy.add(self)
        self.tally.forged += 1

    def blame(self, status: int) -> None:
        """An answer that laid it to the client."""
        tally = self.tally
        self.busy.add(self)
        if status == 403:
            tally.forged += 1
        elif status == 404:
            tally.missing += 1
        elif status == 408:
            tally.slow += 1
        elif status not in (410, 416, 429):
            tally.bad += 1


class Books:
    """`most`: connections a source may hold; `per_s`: that it may open a second, over BURST_S."""

    def __init__(self, most: int, per_s: int) -> None:
        self._most, self._per_s = most, float(per_s)
        self._books: dict[str, Book] = {}
        self.busy: set[Book] = set()
        """Those of which something was written since they were judged."""
        self.calm: set[Book] = set()
        """Those of which something was written in this window that asks for no judge, or was
        judged already."""
        self._others = Book("", self._per_s * BURST_S, 0.0, self.busy)
        self.tight = False
        """An attack is seen: budgets are an eighth."""

    def __len__(self) -> int:
        return len(self._books)

    def of(self, source: str, now: float) -> Book:
        book = self._books.get(source)
        if book is None:
            if len(self._books) >= BOOKS:
                return self._others
            book = self._books[source] = Book(source, self._per_s * BURST_S, now, self.busy)
        return book

    def enter(self, book: Book, now: float) -> Entry:
        """A new connection of the source; IN: it is counted as open from now on."""
        tally = book.tally
        tally.accepts += 1
        self.busy.add(book)
        if book is not self._others:
            part = TIGHT if self.tight else 1
            weight = book.open - book.proven + book.proven // PROVEN_WEIGHS
            # What holds while it is blocked is for the one honest neighbour behind its address.
            if weight >= (max(1, self._most // 64) if book.blocked else self._most):
                tally.turned += 1
                return Entry.TOO_MANY
            most = self._per_s * BURST_S
            book.left = min(most, book.left + (now - book.at) * self._per_s / part)
            book.at = now
            if part > 1:
                book.left = min(book.left, most / part)
            if book.left < 1.0:
                tally.turned += 1
                return Entry.TOO_FAST
            book.left -= 1.0
        book.open += 1
        return Entry.IN

    def gone(self, book: Book) -> None:
        book.open -= 1
        self.busy.add(book)

    def find(self, source: str) -> Book | None:
        """The book of a source of which connections are open, or were in this window."""
        return self._books.get(source)

    def to_judge(self) -> list[Book]:
        """Those of which something was written since the last call, and those that are blamed: of
        all others a judge would say what was said before."""
        fresh = self.busy.copy()
        self.busy.clear()
        asked = [book for book in self.calm if book.kind is not None and book not in fresh]
        asked += [book for book in fresh if book is not self._others]
        self.calm |= fresh
        return asked

    def turn(self) -> Iterator[None]:
        """A new window: tallies begin anew, and books of whom nothing is left are closed. In
        steps, for they may be many."""
        busy = self.calm | self.busy
        self.busy.clear()
        self.calm.clear()
        for number, book in enumerate(busy):
            if number % STEP == STEP - 1:
                yield
            book.tally = Tally()
            book.charged = book.counted = 0
            if book.caught:
                book.caught -= 1
                self.busy.add(book)  # it is looked at again, whether it comes or not
            else:
                book.blocked, book.kind = False, None
                if not book.open:
                    self._books.pop(book.source, None)

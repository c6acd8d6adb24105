"""A light listener that names the next objects itself, as our page does on the lower rungs. Pure.

It reads lean.json (gate/lean.py) each minute or so, and asks for each segment when it is whole,
and later by a part of its length that is the listener's own (event/listing.ts).
"""

import json
from dataclasses import dataclass
from random import Random

from samvad.rehearsal.glance import Piece
from samvad.rehearsal.habit import Habit
from samvad.rehearsal.sound import NEVER
from samvad.rehearsal.stream import Stream, Want
from samvad.rehearsal.tally import LEAN, Tally

PART_S, SEGMENT_S, PER_LONG, PER_PAIR = 0.64, 1.92, 3, 6
AGAIN_S = 0.5
"""After a name that was not there, names are read anew."""
SPREAD = 0.8
"""The crowd's requests are spread over so much of a segment's time."""
BEGIN, BEGIN_LONG = 4, 4
"""So many whole segments from the edge it begins; with long ones more than two pairs, for a pair is
asked for up to 0.8 of its length after it is whole."""


@dataclass(frozen=True, slots=True)
class Names:
    """A lean.json: names of segments from `first` on, `ready` of which are whole."""

    init: bytes
    first: int
    ready: int
    parts: int
    plain: tuple[bytes, ...]
    long_first: int
    long: tuple[bytes, ...]
    pair_first: int
    pair: tuple[bytes, ...]
    again_s: float


def read_names(text: bytes) -> Names:
    """Raises ValueError when it is none."""
    try:
        said = json.loads(text)
        plain, long, pair = said["plain"], said["long"], said["pair"]
        return Names(
            init=_path(said["init"], "mp4"),
            first=int(plain["first"]),
            ready=int(said["ready"]),
            parts=int(said["parts"]),
            plain=tuple(_path(name, "m4s") for name in plain["names"]),
            long_first=int(long["first"]),
            long=tuple(_path(name, "m4s") for name in long["names"]),
            pair_first=int(pair["first"]),
            pair=tuple(_path(name, "m4s") for name in pair["names"]),
            again_s=float(said["again_s"]),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _path(name: object, ending: str) -> bytes:
    return f"../../m/{name}.{ending}".encode()


class LeanStream(Stream):
    """Follows the names at `path` (lean.json). `phase` (0 to 1) is the listener's own; `long`:
    takes long segments, and pairs of them where one begins."""

    __slots__ = ("_came", "_long", "_names", "_number", "_phase", "_since")

    def __init__(self, path: bytes, long: bool, phase: float, reload_at: float) -> None:
        super().__init__(path, False, reload_at)
        self._long, self._phase = long, phase * SPREAD
        self._names: Names | None = None
        self._came = 0.0
        self._number = -1
        """The gate's number of the segment that comes next; -1: it has not begun."""
        self._since = 0.0

    def playlist(self) -> Want:
        self.reload_at = NEVER
        return LEAN, self._path

    def learn(self, names: Names, now: float, chance: Random, tally: Tally) -> None:
        """lean.json is here."""
        self._names, self._came = names, now
        self.reload_at = now + names.again_s * (0.75 + chance.random() / 4)
        if self._number < 0 or self._number < names.first:
            tally.jumps += self._number >= 0
            self._number = names.first + max(0, names.ready - BEGIN)
            if self._long:
                whole = (names.first + names.ready) // PER_LONG - BEGIN_LONG
                self._number = max(names.long_first, whole) * PER_LONG
        self._plan()

    def missed(self, now: float) -> None:
        """A name was not there: the encoder has begun anew, or the gate has."""
        self.had_piece()
        self._names, self._number = None, -1
        self._wanted, self._next = (), 0
        self.next_at, self.reload_at = NEVER, now + AGAIN_S

    def _coming(self) -> tuple[Piece, int, float] | None:
        """The next piece, how many segments it is, and when it is to be asked for."""
        names, number = self._names, self._number
        if names is None:
            return None
        sizes = [(1, names.first, names.plain)]
        if self._long:
            sizes += [
                (PER_LONG, names.long_first, names.long),
                (PER_PAIR, names.pair_first, names.pair),
            ]
        for count, first, of in reversed(sizes):  # the largest that begins here
            place = number // count - first
            if number % count == 0 and 0 <= place < len(of):
                break
        else:
            return None
        length_s = count * SEGMENT_S
        ahead = number + count - names.first - names.ready
        whole_at = self._came + ahead * SEGMENT_S - names.parts * PART_S
        piece = Piece(of[place], names.init, length_s)
        return piece, count, whole_at + self._phase * length_s

    def _plan(self) -> None:
        coming = self._coming()
        self.next_at = NEVER if coming is None else coming[2]
        if coming is None and self._names is not None:
            self.reload_at = min(self.reload_at, self._came + 1.0)

    def advance(self, now: float) -> None:
        """Want what is due."""
        while self.next_at <= now:
            coming = self._coming()
            assert coming is not None
            piece, count, self._since = coming
            self._wanted, self._next = (*self._wanted[self._next :], piece), 0
            self._number += count
            self._plan()

    def meant_at(self, now: float) -> float:
        """When the piece that is wanted now was to be asked for. What it begins with was whole
        long before: that is asked for now."""
        return max(self._since, self._came) if self._next == len(self._wanted) - 1 else now


def lean_stream(path: bytes, habit: Habit, chance: Random, now: float) -> LeanStream | None:
    """Beside the playlist at `path`, for a listener of this habit; None when it reads playlists."""
    if not habit.lean:
        return None
    beside = path.rpartition(b"/")[0] + b"/lean.json"
    return LeanStream(beside, habit.long, chance.random(), now)

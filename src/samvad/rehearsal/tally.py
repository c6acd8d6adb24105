"""What a crowd of light listeners counts: sums, errors by kind, latencies. Pure; mergeable.

Everything is a sum over listeners, so the tallies of many processes add up. Counts only grow;
gauges (the `*_now`) go up and down. Latencies count from the *intended* moment of a request
(open load: a slow server cannot make its own figures better by being asked less), and a
request that failed counts with the time it took to fail.
"""

from collections.abc import Mapping
from typing import Any, Final

from samvad.rehearsal.histogram import Histogram
from samvad.rehearsal.numbers import Numbers

KINDS = (
    *("page", "asset", "door", "master", "playlist", "reload", "init", "media", "state"),
    *("serving", "lean", "leave", "stream", "held"),
)
"""What is asked for. "reload": a blocking one (LL-HLS), whose time is mostly meant. "held": a look
at serving.json or state.json that waits for news, likewise. "stream":
an endless answer (Icecast); its times are how far it is behind its own best pace."""
PAGE, ASSET, DOOR, MASTER, PLAYLIST, RELOAD, INIT, MEDIA, STATE = range(9)
SERVING, LEAN, LEAVE, STREAM, HELD = range(9, len(KINDS))
MEANT = (RELOAD, HELD)
"""Kinds whose answers are held back on purpose."""

HONEST_S, HONEST_SHARE, HONEST_LESS = 10.0, 0.5, 50.0
MOST_WAITS = 500


def is_honest(said_s: float, real_s: float) -> bool:
    """Whether what the door said of a wait was true: within HONEST_S, or not less than half of
    what it was. That it went faster is pardoned up to fifty times: that everybody leaves at once
    no door can know."""
    if abs(real_s - said_s) <= HONEST_S:
        return True
    least, most = HONEST_SHARE * real_s, HONEST_LESS * real_s
    return least <= said_s <= most


LATE_S = 1.0
"""A request is late when its answer is complete only later than this."""

_NUMBERS = {
    "arrived": "Visits begun.",
    "admitted": "Verdicts: come in (re-joins too).",
    "came_in": "Visits let in for the first time.",
    "waited": "Verdicts: wait.",
    "refused": "Verdicts: no.",
    "turned_away_now": "Gauge: visits that were refused and have neither a seat nor a place.",
    "queued": "Visits told to wait, each time they join the line.",
    "in_line_now": "Gauge: visits that wait in line.",
    "moved_up": "Visits let in after they had waited in line.",
    "renumbered": "Final numbers that became others.",
    "out_of_order": "Let in though their number was not called, or serving.json went back.",
    "not_yet": "Playlists answered 503 before the first sound: not on air yet.",
    "playing_now": "Gauge: listeners who hear something now.",
    "stalled_now": "Gauge: listeners whose sound has stopped in the middle.",
    "here_now": "Gauge: visits that are neither gone nor away.",
    "stalled_listeners": "Visits whose sound has stopped in the middle, once or more.",
    "honest": "Waits in line that were about as long as the door had said.",
    "misled": "Waits in line that were much shorter or longer than the door had said.",
    "stalls": "A segment was not completely there when it was to be played.",
    "stalled_s": "Seconds of silence in the middle, of stalls that are over.",
    "listened_s": "Seconds of listeners playing: playing_now over time.",
    "late": "Answers complete more than a second after their intended moment.",
    "segments": "Media objects complete (segments, or parts).",
    "media_s": "Seconds of media in them.",
    "jumps": "Media lost to a listener for good: it fell out of the playlist.",
    "stale": "Playlists that had stood still for more than three Target Durations.",
    "went_back": "Playlists older than the one before.",
    "dropped": "Listeners cut off, who are to come back.",
    "came_back": "Listeners who set out again.",
    "left": "Visits that are over, at their own time or the stream's end.",
    "unfinished": "Gauge: visits cut short by the end of the trial.",
    "connects": "Connections begun.",
    "reconnects": "Connections that the server had closed when they were to be used again.",
    "bytes": "Bytes received.",
}
NUMBERS: Final = tuple(_NUMBERS)


class Tally:
    """`first_sound`: from the intended arrival to the first media that can be played. `in_line`:
    from the first "wait" to being let in. `numbers`: final ones, by lane. `waits`: (said, real)
    seconds of some of those who were let in from the line, at most MOST_WAITS."""

    __slots__ = (
        *(*NUMBERS, "errors", "first_sound", "in_line", "numbers", "refusals", "took", "waits"),
    )

    arrived: int
    admitted: int
    came_in: int
    waited: int
    refused: int
    turned_away_now: int
    queued: int
    in_line_now: int
    moved_up: int
    renumbered: int
    out_of_order: int
    not_yet: int
    playing_now: int
    stalled_now: int
    here_now: int
    stalled_listeners: int
    honest: int
    misled: int
    stalls: int
    stalled_s: float
    listened_s: float
    late: int
    segments: int
    media_s: float
    jumps: int
    stale: int
    went_back: int
    dropped: int
    came_back: int
    left: int
    unfinished: int
    connects: int
    reconnects: int
    bytes: int

    def __init__(self) -> None:
        for name in NUMBERS:
            setattr(self, name, 0)
        self.errors: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.took = [Histogram() for _ in KINDS]
        self.first_sound, self.in_line = Histogram(), Histogram()
        self.numbers: dict[str, Numbers] = {}
        self.waits: list[tuple[float, float]] = []

    def answered(self, kind: int, seconds: float) -> None:
        """An answer is complete, or will never be, `seconds` after its intended moment."""
        self.took[kind].add(seconds)
        if seconds > LATE_S and kind not in MEANT:
            self.late += 1

    def failed(self, kind: str) -> None:
        self.errors[kind] = self.errors.get(kind, 0) + 1

    def number(self, lane: str, number: int) -> None:
        """A final number of the line was told."""
        self.numbers.setdefault(lane, Numbers()).add(number)

    def waited_for(self, said_s: float, real_s: float) -> None:
        """The door had said `said_s`; it was (or is by now) `real_s`."""
        honest = is_honest(said_s, real_s)
        self.honest += honest
        self.misled += not honest
        if len(self.waits) < MOST_WAITS:
            self.waits.append((round(said_s, 2), round(real_s, 2)))
        elif not honest:  # what is wrong is looked for
            self.waits[self.misled % MOST_WAITS] = (round(said_s, 2), round(real_s, 2))

    def refuse(self, reason: str) -> None:
        self.refused += 1
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def merge(self, other: "Tally") -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.errors, other.errors), (self.refusals, other.refusals)):
            for kind, count in theirs.items():
                mine[kind] = mine.get(kind, 0) + count
        for here, there in zip(self.took, other.took, strict=True):
            here.merge(there)
        self.first_sound.merge(other.first_sound)
        self.in_line.merge(other.in_line)
        for lane, numbers in other.numbers.items():
            self.numbers.setdefault(lane, Numbers()).merge(numbers)
        self.waits = (self.waits + other.waits)[:MOST_WAITS]

    def since(self, before: "Tally") -> "Tally":
        """What was counted after `before`, an earlier state of this one; gauges and the line's
        numbers as now."""
        late = Tally()
        for name in NUMBERS:
            now = getattr(self, name)
            gauge = name.endswith("_now") or name == "unfinished"
            setattr(late, name, now if gauge else now - getattr(before, name))
        late.errors = _more(self.errors, before.errors)
        late.refusals = _more(self.refusals, before.refusals)
        late.took = [a.since(b) for a, b in zip(self.took, before.took, strict=True)]
        late.first_sound = self.first_sound.since(before.first_sound)
        late.in_line = self.in_line.since(before.in_line)
        late.numbers, late.waits = self.numbers, self.waits
        return late

    def of(self, *kinds: int) -> Histogram:
        """The latencies of some kinds together."""
        together = Histogram()
        for kind in kinds:
            together.merge(self.took[kind])
        return together

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in NUMBERS},
            "errors": self.errors,
            "refusals": self.refusals,
            "took": [h.as_json() for h in self.took],
            "first_sound": self.first_sound.as_json(),
            "in_line": self.in_line.as_json(),
            "numbers": {lane: n.as_json() for lane, n in self.numbers.items()},
            "waits": self.waits,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tally":
        """The inverse of `as_json`. Raises KeyError or ValueError on another form."""
        made = cls()
        for name in NUMBERS:
            setattr(made, name, data[name])
        made.errors, made.refusals = dict(data["errors"]), dict(data["refusals"])
        made.took = [Histogram.from_json(h) for h in data["took"]]
        if len(made.took) != len(KINDS):
            raise ValueError(f"{len(made.took)} kinds of request")
        made.first_sound = Histogram.from_json(data["first_sound"])
        made.in_line = Histogram.from_json(data["in_line"])
        made.numbers = {lane: Numbers.from_json(n) for lane, n in data["numbers"].items()}
        made.waits = [(float(said), float(real)) for said, real in data["waits"][:MOST_WAITS]]
        return made


def _more(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    grown = {kind: count - before.get(kind, 0) for kind, count in now.items()}
    return {kind: count for kind, count in grown.items() if count}

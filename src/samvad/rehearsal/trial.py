"""What one trial is to do: plain data that goes to every shard, bounded before anything runs."""

import dataclasses
import json
import resource
from dataclasses import dataclass

from samvad.base.errors import PlainError
from samvad.rehearsal.habit import Leave, Start
from samvad.rehearsal.pacer import Shape

MOST_LISTENERS = 1_000_000
MOST_SECONDS = 4 * 3600.0
MOST_LINES = 6
"""Chromium's connections to one HTTP/1.1 origin."""
OTHER_FILES = 64
SOURCES = 250 * 250 * 250
"""Of 127.0.0.0/8, without what ends in 0 or looks like a broadcast."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`listeners` arrive in `arrive_s` seconds by `shape`; all is over after `for_s`.

    `lean`, `long`: as our page on the lower rungs (lean.py); with more than one of `lines` the
    second holds the look at state.json, as in a browser.
    `url`: of the page, of the door or of a playlist, as `start` says. `plays`: a file with a
    playlist path a line, one for each listener (Start.PLAY with a ticket each). `state`: the
    path of state.json when there is no page to tell it. `drop_share` of the listeners are cut
    off once between `drop_from_s` and `drop_to_s`, by `leave`, and come back after `away_s`.
    `stay_s`: each listener leaves so long after its arrival (0: stays). `leave_share` of those
    who play leave for good between `leave_from_s` and `leave_to_s`. `per_source`:
    listeners behind one source address. `timeout_s`: patience with one answer. `start_at`:
    CLOCK_MONOTONIC seconds of the beginning, the same for all shards. `waves`: (listeners,
    from, over) in seconds, instead of `arrive_s`. `permit`: the permission document of a target
    that is not this machine.
    """

    url: str
    listeners: int
    arrive_s: float
    for_s: float
    shape: Shape = Shape.POISSON
    start: Start = Start.PAGE
    seed: int = 1
    plays: str = ""
    state: str = ""
    low: bool = False
    lean: bool = False
    long: bool = False
    rendition: str = "mp4a"
    reload_s: float = 0.0
    state_every_s: float = 5.0
    assets: bool = False
    lines: int = 2
    door_only: bool = False
    drop_share: float = 0.0
    drop_from_s: float = 0.0
    drop_to_s: float = 0.0
    away_s: float = 3.0
    leave: Leave = Leave.RESET
    stay_s: float = 0.0
    leave_share: float = 0.0
    leave_from_s: float = 0.0
    leave_to_s: float = 0.0
    says_leave: bool = False
    per_source: int = 4
    timeout_s: float = 20.0
    waves: tuple[tuple[int, float, float], ...] = ()
    permit: str = ""
    shard: int = 0
    shards: int = 1
    start_at: float = 0.0

    def check(self) -> None:
        """Raises PlainError for what is out of bounds."""
        if not 1 <= self.listeners <= MOST_LISTENERS:
            raise PlainError(
                f"{self.listeners} listeners are not between 1 and {MOST_LISTENERS}.",
                "Give a number within these bounds.",
            )
        if not 0 < self.for_s <= MOST_SECONDS or not 0 <= self.arrive_s <= self.for_s:
            raise PlainError(
                f"A trial of {self.for_s:g} s with arrivals over {self.arrive_s:g} s is out of "
                f"bounds (at most {MOST_SECONDS:g} s; arrivals within it).",
                "Give shorter times.",
            )
        if self.waves and (
            sum(count for count, _, _ in self.waves) != self.listeners
            or any(from_s < 0 or from_s + over_s > self.for_s for _, from_s, over_s in self.waves)
        ):
            raise PlainError("The waves of arrivals are not those of all listeners, in time.")
        if not 1 <= self.lines <= MOST_LINES or not 1 <= self.per_source <= 512:
            raise PlainError(
                f"{self.lines} connections of one listener, {self.per_source} listeners of one "
                "address: that is no crowd.",
                f"Give 1 to {MOST_LINES} connections and 1 to 512 listeners.",
            )
        if not 0 <= self.shard < self.shards <= 1024:
            raise PlainError(f"Shard {self.shard} of {self.shards} does not exist.")
        room = files_of_a_process() - OTHER_FILES
        if self.mine * self.files_each > room:
            raise PlainError(
                f"A process may open {room} connections here; {self.mine} listeners with "
                f"{self.files_each} each do not fit.",
                f"Use at least {shards_for(self)} processes.",
            )

    @property
    def mine(self) -> int:
        """Listeners of this shard."""
        return (self.listeners - self.shard + self.shards - 1) // self.shards

    @property
    def files_each(self) -> int:
        """Connections a listener may hold at a time; one more when it leaves one silently."""
        busy = self.lines if self.low or self.lean or self.assets else 1
        return busy + (busy if self.leave is Leave.SILENT and self.drop_share else 0)

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Trial":
        """The inverse of `as_json`. Raises ValueError or TypeError on another form."""
        data = json.loads(text)
        return cls(
            **data
            | {
                "shape": Shape(data["shape"]),
                "start": Start(data["start"]),
                "leave": Leave(data["leave"]),
                "waves": tuple((int(n), float(f), float(o)) for n, f, o in data["waves"]),
            }
        )


def files_of_a_process() -> int:
    """Descriptors a process may open here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if hard == resource.RLIM_INFINITY else hard


def shards_for(trial: Trial) -> int:
    """How many processes hold the trial's connections, with a little to spare."""
    room = (files_of_a_process() - OTHER_FILES) * 95 // 100
    return max(1, -(-trial.listeners * trial.files_each // room))


def source_of(listener: int, per_source: int) -> str:
    """The loopback address of a listener: `per_source` of them share one."""
    number = listener // per_source % SOURCES
    high, rest = divmod(number, 250 * 250)
    middle, low = divmod(rest, 250)
    return f"127.{1 + high}.{1 + middle}.{1 + low}"

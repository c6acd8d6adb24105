"""EventPlan: all that stage and gates need to know of an event, as one versioned file.

`web` writes `plans/<event>.json` by replacing it whole; `stage` and `gate` take the newest
revision and keep what they have when `web` is gone. Times are Unix milliseconds, UTC.
"""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samvad.protocol import ladder
from samvad.protocol.hls import EVENT_RE
from samvad.protocol.ladder import DEFAULT_LADDER, EFFECTS, LANGUAGES, Rung

__all__ = [
    "DEFAULT_LADDER",
    "EFFECTS",
    "LANGUAGES",
    "PROMISE_MIN",
    "SCHEMA",
    "WAYS",
    "DoorPlan",
    "EventPlan",
    "PlanError",
    "PlanFolder",
    "PlannedSpeaker",
    "Rung",
    "dumps",
    "loads",
]

SCHEMA = 1
WAYS = ("first_come", "shuffled", "priority", "invite")
PROMISE_MAX_MIN = 7 * 24 * 60
JOINS_MAX_PER_S = 1_000_000
PROMISE_MIN = 10
"""The recording is promised for so many minutes after the end, unless the plan says."""


class PlanError(ValueError):
    """A plan file that this version cannot use; says which part."""


@dataclass(frozen=True, slots=True)
class PlannedSpeaker:
    """One who may speak. `role` is "host" or "speaker"; the token itself is not in the plan."""

    id: str
    name: str
    role: str
    token_hash: str


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """How listeners come in.

    `way`: "shuffled" (all who come before the doors open are one bucket, in random order),
    "first_come" (order of arrival, by the minute), "priority" (guests, those who set a reminder,
    members, anyone, in this order), "invite" (with a signed pass or the passphrase only).
    `joins_per_s` 0: what the gates' setting says. `passphrase_hash` is
    protocol/secret.py `passphrase_hash`, or "" when a passphrase opens nothing.
    """

    way: str = "shuffled"
    joins_per_s: int = 0
    passphrase_hash: str = ""


@dataclass(frozen=True, slots=True)
class EventPlan:
    """A snapshot. `revision` grows with each change; a lower one is ignored.

    `starts_ms` None: doors are open at once. `on_air` says what begins the programme:
    "first_voice" (the first packet of any speaker) or "host" (the host's button).
    `ended` is set once the event is over, `cancelled` when it will not take place. `withheld`:
    nothing of it is served or may begin, and what is on air ends; it may be taken back.
    `pages` holds the event page's complete HTML by language. `floor`: so many listeners are
    kept when the ladder reduces them (0: none was declared). `promise_min`: the recording is
    promised for so many minutes after the end (0: PROMISE_MIN).
    """

    event: str
    slug: str
    revision: int
    title: str
    seats: int
    description: str = ""
    starts_ms: int | None = None
    doors_ms: int | None = None
    zone: str = "UTC"
    on_air: str = "first_voice"
    ended: bool = False
    cancelled: bool = False
    withheld: bool = False
    speakers: tuple[PlannedSpeaker, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)
    door: DoorPlan = field(default_factory=DoorPlan)
    ladder: tuple[Rung, ...] = DEFAULT_LADDER
    floor: int = 0
    promise_min: int = 0

    @property
    def off(self) -> bool:
        """Nobody may go in or speak, for good or for now."""
        return self.cancelled or self.withheld

    def doors_open(self, wall_ms: int) -> bool:
        return not (self.ended or self.off) and (self.doors_ms is None or wall_ms >= self.doors_ms)


def dumps(plan: EventPlan) -> str:
    return json.dumps({"schema": SCHEMA} | dataclasses.asdict(plan), ensure_ascii=False)


def loads(text: str | bytes) -> EventPlan:
    """Read a plan. Unknown keys of a newer minor version are ignored. Raises PlanError."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise PlanError(f"not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise PlanError(f"not a plan of schema {SCHEMA}")
    known = {f.name: f for f in dataclasses.fields(EventPlan)}
    values = {k: v for k, v in data.items() if k in known}
    try:
        values["speakers"] = tuple(
            PlannedSpeaker(
                id=str(s["id"]),
                name=str(s["name"]),
                role=str(s["role"]),
                token_hash=str(s["token_hash"]),
            )
            for s in values.get("speakers", ())
        )
        if "door" in values:
            values["door"] = _door(values["door"])
        if "ladder" in values:
            values["ladder"] = ladder.read(values["ladder"])
        plan = EventPlan(**values)
    except ladder.LadderError as error:
        raise PlanError(f"ladder: {error}") from None
    except (TypeError, KeyError) as error:
        raise PlanError(f"a field is missing or of the wrong form: {error}") from None
    _check(plan)
    return plan


def _door(data: Any) -> DoorPlan:
    known = {f.name for f in dataclasses.fields(DoorPlan)}
    door = DoorPlan(**{k: v for k, v in dict(data).items() if k in known})
    joins = door.joins_per_s
    if door.way not in WAYS:
        raise PlanError(f"door.way is none of {', '.join(WAYS)}")
    if isinstance(joins, bool) or not isinstance(joins, int) or not 0 <= joins <= JOINS_MAX_PER_S:
        raise PlanError(f"door.joins_per_s is not from 0 to {JOINS_MAX_PER_S}")
    if not isinstance(door.passphrase_hash, str):
        raise PlanError("door.passphrase_hash is not text")
    return door


_TYPES: dict[str, Any] = {
    "event": str,
    "slug": str,
    "revision": int,
    "title": str,
    "seats": int,
    "description": str,
    "starts_ms": (int, type(None)),
    "doors_ms": (int, type(None)),
    "zone": str,
    "on_air": str,
    "ended": bool,
    "cancelled": bool,
    "withheld": bool,
    "pages": dict,
    "floor": int,
    "promise_min": int,
}


def _check(plan: EventPlan) -> None:
    for name, kind in _TYPES.items():
        value = getattr(plan, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise PlanError(f"{name} is of the wrong type")
    if not EVENT_RE.fullmatch(plan.event):
        raise PlanError("event is not an event id")
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", plan.slug):
        raise PlanError("slug is not a slug")
    if plan.seats < 0:
        raise PlanError("seats is negative")
    if plan.floor < 0:
        raise PlanError("floor is negative")
    if not 0 <= plan.promise_min <= PROMISE_MAX_MIN:
        raise PlanError(f"promise_min is not from 0 to {PROMISE_MAX_MIN}")
    if plan.on_air not in ("first_voice", "host"):
        raise PlanError("on_air is neither first_voice nor host")
    if not all(isinstance(v, str) for v in plan.pages.values()):
        raise PlanError("pages holds something that is not text")


class PlanFolder:
    """The folder of plans. A writer replaces files whole; a reader polls and never fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}

    def write(self, plan: EventPlan) -> None:
        """Make `plan` the event's newest. Raises OSError when the disk does not take it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{plan.event}.json"
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        with open(draft, "w", encoding="utf-8") as out:
            out.write(dumps(plan))
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)

    def read(self, event: str) -> EventPlan | None:
        """One event's plan as it is on disk now; None if there is none or it cannot be used."""
        if not EVENT_RE.fullmatch(event):
            return None
        try:
            return loads((self._folder / f"{event}.json").read_bytes())
        except (OSError, PlanError):
            return None

    def changed(self) -> tuple[list[EventPlan], list[str]]:
        """Plans written since the last call (all of them, the first time), and complaints.

        A file that cannot be used yields a complaint once and leaves what the caller has.
        """
        plans: list[EventPlan] = []
        complaints: list[str] = []
        try:
            entries = list(os.scandir(self._folder))
        except FileNotFoundError:
            return [], []
        except OSError as error:
            return [], [f"plans cannot be listed: {error}"]
        for entry in entries:
            if not entry.name.endswith(".json"):
                continue
            try:
                stat = entry.stat()
                mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if self._seen.get(entry.name) == mark:
                    continue
                self._seen[entry.name] = mark
                plans.append(loads(Path(entry.path).read_bytes()))
            except (OSError, PlanError) as error:
                complaints.append(f"plan {entry.name}: {error}")
        return plans, complaints

"""A wall-clock time in a zone, as people write it, and the moment it means. Pure.

Twice a year most clocks skip an hour or repeat one (PEP 495): a skipped time is no time at
all, a repeated one is two. Neither is guessed here.
"""

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Exact:
    """The one moment meant. `at` is aware, in the zone."""

    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Clocks jump over this time; `instead` is as long after the jump as it was meant to be."""

    instead: dt.datetime


@dataclass(frozen=True, slots=True)
class Twice:
    """Clocks show this time twice: `first` before they are set back, `second` after."""

    first: dt.datetime
    second: dt.datetime


def resolve(local: dt.datetime, zone: str) -> Exact | Gap | Twice:
    """What the naive time `local` means in `zone`. Raises ZoneInfoNotFoundError."""
    tz = zoneinfo.ZoneInfo(zone)
    first, second = (local.replace(tzinfo=tz, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return Exact(first)
    round_trip = first.astimezone(dt.UTC).astimezone(tz)
    if round_trip.replace(tzinfo=None) != local:
        return Gap(instead=round_trip)
    return Twice(first, second)


def exists(zone: str) -> bool:
    """Whether `zone` is an IANA name that can be used."""
    return zone in zoneinfo.available_timezones()


@lru_cache(maxsize=1)
def offered() -> tuple[str, ...]:
    """Zones to choose from: UTC and every Region/City, sorted; no aliases of old times."""
    regions = (
        "Africa",
        "America",
        "Antarctica",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    names = zoneinfo.available_timezones()
    return ("UTC", *sorted(n for n in names if n.split("/")[0] in regions and "/" in n))


def info(zone: str) -> zoneinfo.ZoneInfo:
    """The rules of `zone`. Raises ZoneInfoNotFoundError."""
    return zoneinfo.ZoneInfo(zone)


def unix_ms(at: dt.datetime) -> int:
    """An aware time as Unix milliseconds."""
    return round(at.timestamp() * 1000)


def from_ms(at_ms: int, zone: str = "UTC") -> dt.datetime:
    """Unix milliseconds as an aware time in `zone`."""
    return dt.datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(zone))

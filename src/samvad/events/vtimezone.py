"""VTIMEZONE components (RFC 5545, section 3.6.5) of IANA zones. Pure.

A program that does not know a zone's name works with these alone. icalendar 7 makes them from
1970 on with onsets in the wrong offset (the RFC wants that from before the change), and dateutil
misreads them; so they are made here, for the years that are spoken of, as a yearly rule where
there is one and as dates where there is none.
"""

import datetime as dt
import zoneinfo
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Change:
    """`onset` is naive, on the clock from before the change."""

    onset: dt.datetime
    before: dt.timedelta
    after: dt.timedelta
    name: str
    summer: bool


def vtimezone(zone: zoneinfo.ZoneInfo, first: int, last: int) -> Timezone:
    """The rules of `zone` that hold from the year `first` to the end of the year `last`."""
    made = Timezone()
    made.add("tzid", zone.key)
    # A year earlier, so that what holds on the first day has begun somewhere.
    changes = list(_changes(zone, first - 1, last + 1))
    begin = dt.datetime(first - 1, 1, 1, tzinfo=dt.UTC).astimezone(zone)
    made.add_component(_constant(begin))
    kinds: dict[tuple[dt.timedelta, dt.timedelta, str, bool], list[dt.datetime]]
    kinds = defaultdict(list)
    for change in changes:
        key = (change.before, change.after, change.name, change.summer)
        kinds[key].append(change.onset)
    for (before, after, name, summer), onsets in kinds.items():
        part = TimezoneDaylight() if summer else TimezoneStandard()
        part.add("dtstart", onsets[0])
        part.add("tzname", name)
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        rule = _rule(onsets) if len(onsets) == last - first + 3 else None
        if rule is not None:
            part["rrule"] = vRecur(rule)
        else:
            for onset in onsets[1:]:
                part.add("rdate", onset)
        made.add_component(part)
    return made


def _constant(begin: dt.datetime) -> TimezoneStandard:
    """What holds before the first change that is told."""
    part = TimezoneStandard()
    part.add("dtstart", begin.replace(tzinfo=None))
    part.add("tzname", begin.tzname() or "")
    part.add("tzoffsetfrom", begin.utcoffset())
    part.add("tzoffsetto", begin.utcoffset())
    # A date of its own, as some programs look for rules only: the day it begins.
    part.add("rdate", begin.replace(tzinfo=None))
    return part


def _changes(zone: zoneinfo.ZoneInfo, first: int, last: int) -> Iterator[_Change]:
    """Every change of the clock from `first` to the end of `last`, to the minute."""
    at = dt.datetime(first, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(last + 1, 1, 1, tzinfo=dt.UTC)
    step = dt.timedelta(days=1)
    while at < end:
        if _offset(zone, at) != _offset(zone, at + step):
            low, high = at, at + step
            while high - low > _MINUTE:
                middle = low + (high - low) / 2
                middle = middle.replace(second=0, microsecond=0)
                if middle in (low, high):
                    break
                if _offset(zone, middle) == _offset(zone, low):
                    low = middle
                else:
                    high = middle
            before, local = _offset(zone, low), high.astimezone(zone)
            yield _Change(
                onset=(high + before).replace(tzinfo=None),
                before=before,
                after=_offset(zone, high),
                name=local.tzname() or "",
                summer=bool(local.dst()),
            )
        at += step


def _offset(zone: zoneinfo.ZoneInfo, at: dt.datetime) -> dt.timedelta:
    return at.astimezone(zone).utcoffset() or dt.timedelta()


def _rule(onsets: list[dt.datetime]) -> dict[str, object] | None:
    """The yearly rule that gives exactly these, one a year; None when there is none."""
    months, times = {one.month for one in onsets}, {one.time() for one in onsets}
    days = {one.weekday() for one in onsets}
    if len(months) != 1 or len(times) != 1 or len(days) != 1:
        return None
    nth = {(one.day - 1) // 7 + 1 for one in onsets}
    from_end = {(one + dt.timedelta(days=7)).month != one.month for one in onsets}
    which = -1 if from_end == {True} else nth.pop() if len(nth) == 1 else None
    if which is None:
        return None
    day = _DAYS[days.pop()]
    return {"freq": "YEARLY", "bymonth": months.pop(), "byday": f"{which}{day}"}

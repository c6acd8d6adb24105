"""Moments, lengths and numbers in words, by the language's own rules (CLDR, through Babel).

Django has no Gujarati formats and few Hindi ones, and shows no time zones in words.
"""

import datetime as dt
import zoneinfo
from functools import lru_cache

from babel.core import Locale, get_global
from babel.dates import (
    format_date,
    format_time,
    format_timedelta,
    get_timezone_gmt,
    get_timezone_name,
)
from babel.lists import format_list
from babel.numbers import format_decimal
from django.utils.translation import gettext


def moment(at: dt.datetime, zone: str, lang: str) -> str:
    """`at` on the wall of `zone`: "Mon 12 Aug 2024, 8:00 pm Eastern Daylight Time"."""
    local = at.astimezone(zoneinfo.ZoneInfo(zone))
    day = format_date(local, "EEE d MMM y", locale=lang)
    return f"{day}, {clock(local, lang, zone)}"


def zone_name(at: dt.datetime, zone: str, lang: str) -> str:
    """What the zone is called at that moment ("India Standard Time"), else its distance."""
    if zone == "UTC":
        return "UTC"
    local = at.astimezone(zoneinfo.ZoneInfo(zone))
    old = _cldr_name(zone)
    if old != zone:
        names = Locale.parse(lang).meta_zones.get(get_global("meta_zones")[old], {})
        kind = "daylight" if local.dst() else "standard"
        return names.get("long", {}).get(kind) or get_timezone_gmt(local, locale=lang)
    return get_timezone_name(local, width="long", locale=lang)


def here_and_there(at: dt.datetime, announced: str, reader: str, lang: str) -> tuple[str, str]:
    """A moment for one reader: ("Tue 13 Aug 2024, 5:30 am your time", "8:00 pm Eastern, Mon").

    The second is how it was announced. It is "" where both clocks show the same, and when the
    `reader`'s zone is not known (""): then the first is the announced one, with its zone.
    """
    there = at.astimezone(zoneinfo.ZoneInfo(announced))
    here = at.astimezone(zoneinfo.ZoneInfo(reader)) if reader else there
    if here.replace(tzinfo=None) == there.replace(tzinfo=None):
        day = format_date(there, "EEE d MMM y", locale=lang)
        return f"{day}, {clock(there, lang)} {zone_called(at, announced, lang)}", ""
    day = format_date(here, "EEE d MMM y", locale=lang)
    first = gettext("%(when)s your time") % {"when": f"{day}, {clock(here, lang)}"}
    second = f"{clock(there, lang)} {zone_called(at, announced, lang)}"
    if there.date() != here.date():
        second += f", {format_date(there, 'EEE', locale=lang)}"
    return first, second


def zone_called(at: dt.datetime, zone: str, lang: str) -> str:
    """As people call it who announce something: "Eastern" in America, else `zone_name`."""
    meta = get_global("meta_zones").get(_cldr_name(zone), "")
    called = _AMERICAN.get(meta)
    return called if called and lang == "en" else zone_name(at, zone, lang)


_AMERICAN = {
    "America_Eastern": "Eastern",
    "America_Central": "Central",
    "America_Mountain": "Mountain",
    "America_Pacific": "Pacific",
}


@lru_cache(maxsize=256)
def _cldr_name(zone: str) -> str:
    """The name by which CLDR's tables know a zone: Asia/Calcutta for Asia/Kolkata.

    Babel 2.18 puts new names for old ones before it looks into those tables, so that it finds
    no name for India's own time; its aliases, read backwards, mend that.
    """
    known = get_global("meta_zones")
    if zone in known:
        return zone
    aliases = get_global("zone_aliases")
    return next((old for old, new in aliases.items() if new == zone and old in known), zone)


def length(ms: int) -> str:
    """A duration: 0:42, 12:05, 1:32:07."""
    seconds = ms // 1000
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def number(value: int, lang: str) -> str:
    """A whole number with the language's grouping, in Western digits as all our pages."""
    return format_decimal(value, locale=lang, numbering_system="latn")


def clock(at: dt.datetime, lang: str, zone: str = "") -> str:
    """A time of day, "2:30 am", with the zone's name at that moment when `zone` is given."""
    shown = format_time(at, "h:mm a", locale=lang).lower()
    return f"{shown} {zone_name(at, zone, lang)}" if zone else shown


def exact_clock(at: dt.datetime, zone: str, lang: str) -> str:
    """A time of day on the wall of `zone`, to the second: "8:00:07 pm"."""
    local = at.astimezone(zoneinfo.ZoneInfo(zone))
    return format_time(local, "h:mm:ss a", locale=lang).lower()


def joined(names: list[str], lang: str) -> str:
    """A list in words: "A, B and C"."""
    return format_list(names, style="standard", locale="en_GB" if lang == "en" else lang)


def until(at: dt.datetime, now: dt.datetime, lang: str) -> str:
    """How long until then: "in 3 days"."""
    left = max(at - now, dt.timedelta(seconds=1))
    return str(format_timedelta(left, add_direction=True, locale=lang, threshold=1.1))


def ago(at: dt.datetime, now: dt.datetime, lang: str) -> str:
    """How long ago it was, in the largest unit that fits: "5 minutes ago", "3 days ago"."""
    gone = min(at - now, dt.timedelta(seconds=-1))
    return str(format_timedelta(gone, add_direction=True, locale=lang, threshold=1.1))

"""Times on the wall and the moments they mean."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.events import zones
from samvad.events.zones import Exact, Gap, Twice, resolve


def test_eight_in_the_evening_in_new_york_is_half_past_five_the_next_day_in_india():
    meant = resolve(dt.datetime(2026, 8, 10, 20, 0), "America/New_York")
    assert isinstance(meant, Exact)
    assert meant.at.astimezone(zones.info("Asia/Kolkata")).replace(tzinfo=None) == dt.datetime(
        2026, 8, 11, 5, 30
    )
    assert zones.unix_ms(meant.at) == 1_786_406_400_000
    assert zones.from_ms(1_786_406_400_000, "America/New_York") == meant.at


def test_an_hour_that_is_skipped_is_no_time():
    # Germany, 28 March 2027: from 2:00 straight to 3:00.
    assert resolve(dt.datetime(2027, 3, 28, 1, 59), "Europe/Berlin") == Exact(
        dt.datetime(2027, 3, 28, 0, 59, tzinfo=dt.UTC)
    )
    meant = resolve(dt.datetime(2027, 3, 28, 2, 30), "Europe/Berlin")
    assert isinstance(meant, Gap)
    assert meant.instead.replace(tzinfo=None) == dt.datetime(2027, 3, 28, 3, 30)
    assert isinstance(resolve(dt.datetime(2027, 3, 28, 3, 0), "Europe/Berlin"), Exact)


def test_an_hour_that_is_repeated_is_two_times():
    # Germany, 31 October 2027: 2:30 in summer time, and an hour later 2:30 again.
    meant = resolve(dt.datetime(2027, 10, 31, 2, 30), "Europe/Berlin")
    assert isinstance(meant, Twice)
    assert meant.first.astimezone(dt.UTC) == dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC)
    assert meant.second.astimezone(dt.UTC) == dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC)


def test_lord_howe_moves_by_half_an_hour():
    meant = resolve(dt.datetime(2026, 10, 4, 2, 15), "Australia/Lord_Howe")
    assert isinstance(meant, Gap)
    assert meant.instead.replace(tzinfo=None) == dt.datetime(2026, 10, 4, 2, 45)


@given(
    st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2036, 1, 1)),
    st.sampled_from(zones.offered()),
)
def test_every_moment_is_found_again_from_its_wall_time(utc, zone):
    moment = utc.replace(tzinfo=dt.UTC)
    local = moment.astimezone(zoneinfo.ZoneInfo(zone))
    match resolve(local.replace(tzinfo=None, fold=0), zone):
        case Exact(at):
            assert at.astimezone(dt.UTC) == moment
        case Twice(first, second):
            assert moment in (first.astimezone(dt.UTC), second.astimezone(dt.UTC))
        case Gap():
            pytest.fail("a real moment has a time on the wall")


def test_zones_offered_can_be_used_and_hold_those_people_ask_for():
    assert {"UTC", "Asia/Kolkata", "America/New_York", "Africa/Nairobi"} <= set(zones.offered())
    assert all(zones.exists(z) for z in zones.offered())
    assert not zones.exists("Mars/Olympus")
    assert not zones.exists("../../etc/passwd")

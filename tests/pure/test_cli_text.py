"""Small judgements of the command line: times, addresses, lines, words for failures."""

import errno
from pathlib import Path

import pytest
from django.db.utils import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from samvad.base.errors import PlainError
from samvad.base.settings import PublicSettings, Settings
from samvad.cli.checks import Check, https, refuse
from samvad.cli.event import ladder_file, start_time
from samvad.cli.fetch import reachable
from samvad.cli.listen import rows
from samvad.cli.loglines import MOST_LINE, Splitter
from samvad.cli.root import plainly
from samvad.rehearsal.listener import Heard


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-08-10T20:00", "America/New_York", "2026-08-11T00:00:00+00:00"),
        ("2026-12-10T20:00", "America/New_York", "2026-12-11T01:00:00+00:00"),
        ("2026-08-10 20:00", "Asia/Kolkata", "2026-08-10T14:30:00+00:00"),
        ("2026-08-10T20:00Z", "Asia/Kolkata", "2026-08-10T20:00:00+00:00"),
        ("2026-08-10T20:00:30+05:30", "UTC", "2026-08-10T14:30:30+00:00"),
        ("20260810T2000", "UTC", "2026-08-10T20:00:00+00:00"),
    ],
)
def test_starts(text: str, zone: str, utc: str) -> None:
    found = start_time(text, zone)
    assert found is not None
    assert found.isoformat() == utc


def test_without_a_start_there_is_none_but_the_zone_is_looked_at() -> None:
    assert start_time(None, "UTC") is None
    with pytest.raises(PlainError, match="not a time zone"):
        start_time(None, "Mars/Base")


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00", "2026-02-30T10:00", "20:00"])
def test_what_is_no_start(text: str) -> None:
    with pytest.raises(PlainError, match="is not a time"):
        start_time(text, "UTC")


def test_where_to_reach_what_listens() -> None:
    assert reachable("0.0.0.0") == "127.0.0.1"
    assert reachable("::") == "127.0.0.1"
    assert reachable("::1") == "[::1]"
    assert reachable("192.0.2.7") == "192.0.2.7"


@given(st.binary(max_size=400), st.integers(1, 50))
def test_lines_do_not_depend_on_how_the_bytes_came(data: bytes, size: int) -> None:
    whole, pieces = Splitter(), Splitter()
    expected = whole.feed(data) + whole.rest()
    found: list[str] = []
    for at in range(0, len(data), size):
        found += pieces.feed(data[at : at + size])
    assert found + pieces.rest() == expected


def test_a_line_without_end_is_cut_and_nothing_of_it_is_lost() -> None:
    split = Splitter()
    lines = [line for _ in range(5) for line in split.feed(b"x" * MOST_LINE)] + split.rest()
    assert sum(map(len, lines)) == 5 * MOST_LINE
    assert max(map(len, lines)) <= MOST_LINE


@pytest.mark.parametrize(
    ("web", "stage", "fine"),
    [
        ("", "", True),
        ("http://localhost:8000", "http://[::1]:8002", True),
        ("https://talk.example.org", "https://stage.example.org", True),
        ("http://talk.example.org", "https://stage.example.org", False),
        ("https://talk.example.org", "http://192.0.2.7:8002", False),
    ],
)
def test_where_browsers_give_microphones(web: str, stage: str, fine: bool) -> None:
    (check,) = https(Settings(public=PublicSettings(web_url=web, stage_url=stage)))
    assert check.ok is fine


def test_a_start_is_refused_for_what_is_fatal_and_warned_of_the_rest() -> None:
    fine = Check("a", True, "fine")
    odd = Check("b", False, "odd", "look")
    bad = Check("c", False, "bad", "mend", fatal=True)
    assert refuse([fine, odd]) == [odd]
    with pytest.raises(PlainError, match="bad mend"):
        refuse([odd, bad])


def test_failures_of_the_machine_are_said_plainly_and_bugs_are_not() -> None:
    full = plainly(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert full is not None
    assert "No space left on device (/data/x)" in full.says
    locked = plainly(OperationalError("database is locked"))
    assert locked is not None
    assert "database is locked" in locked.says
    assert plainly(ValueError("a bug")) is None
    assert plainly(OSError(errno.EBADF, "Bad file descriptor")) is None


def test_a_report_in_words() -> None:
    told = dict(rows(Heard("admit", first_sound_ms=812, latency_ms=2301, seconds=20.04)))
    assert told["First sound"] == "812 ms"
    assert told["Loudness"] == "silence"
    refused = dict(rows(Heard("refuse", reason="full", replay="http://x/replay.m4a")))
    assert refused == {"Door": "refused: full", "Replay": "http://x/replay.m4a"}


def test_a_ladder_is_a_presets_name_or_a_file_of_ones_own(tmp_path: Path) -> None:
    assert ladder_file("strict") is None
    file = tmp_path / "mine.json"
    file.write_text('[{"effect": "plain", "says": {"hi": "धीरज रखें।"}}, {"effect": "later"}]')
    assert ladder_file(str(file)) == [
        {"effect": "plain", "says": {"hi": "धीरज रखें।"}},
        {"effect": "later"},
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not JSON", "cannot be used"),
        ('{"effect": "plain"}', "a list of rungs"),
        ('[{"effect": "later"}, {"effect": "plain"}]', "the order of effects"),
        ('[{"effect": "plain", "over": {"mood": 1}}]', "mood"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(PlainError, match=says) as refused:
        ladder_file(str(file))
    assert "list of rungs" in refused.value.mend


def test_a_ladder_that_is_not_there_is_said_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="no such file") as refused:
        ladder_file(str(tmp_path / "absent.json"))
    assert "gentle, standard, strict" in refused.value.mend

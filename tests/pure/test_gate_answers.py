"""What goes out: ranges, conditions, languages, encodings, verdicts, state.json; deadlines."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.gate import state
from samvad.gate.answers import Answer
from samvad.gate.counters import COUNTERS
from samvad.gate.http1 import Fields
from samvad.gate.live import form_for
from samvad.gate.pages import Page, Variants, choose
from samvad.gate.range import Whole, not_modified, parse, part_of, wanted
from samvad.gate.state import Counts, Situation, situation_of
from samvad.gate.wheel import Wheel
from samvad.protocol.playlist import Form
from samvad.protocol.room import Phase, RoomSpeaker, RoomState, StatusLine
from tests.kit.gates import EVENT, START_MS, a_plan

OFFERED = ("en", "gu", "hi")


def header(answer: Answer, name: str) -> str | None:
    for line in answer.head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    return None


# -- ranges (RFC 9110, section 14) ------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # 14.1.2's own examples, for a representation of 10000 bytes
        (b"bytes=0-499", (0, 500)),
        (b"bytes=500-999", (500, 1000)),
        (b"bytes=-500", (9500, 10000)),
        (b"bytes=9500-", (9500, 10000)),
        (b"bytes=9990-20000", (9990, 10000)),
        (b"bytes=-20000", (0, 10000)),
        (b"BYTES=0-0", (0, 1)),
        (b"bytes= 0-0 ", (0, 1)),
        (b"bytes=10000-", None),
        (b"bytes=99999-100000", None),
        (b"bytes=-0", None),
        (b"bytes=5-4", Whole.WHOLE),
        (b"bytes=0-0,-1", Whole.WHOLE),
        (b"bytes=", Whole.WHOLE),
        (b"bytes=-", Whole.WHOLE),
        (b"bytes=a-b", Whole.WHOLE),
        (b"lines=0-1", Whole.WHOLE),
        (b"bytes=0-99999999999999999999", Whole.WHOLE),
        (None, Whole.WHOLE),
    ],
)
def test_range(asked: bytes | None, expected: object) -> None:
    assert parse(asked, 10_000) == expected


@given(st.integers(0, 100), st.integers(0, 120), st.integers(0, 120))
def test_a_satisfied_range_lies_inside(size: int, first: int, last: int) -> None:
    found = parse(b"bytes=%d-%d" % (first, last), size)
    if isinstance(found, tuple):
        assert 0 <= found[0] < found[1] <= size


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=4), st.data())
def test_a_part_is_that_part(bodies: list[bytes], data: st.DataObject) -> None:
    joined = b"".join(bodies)
    if not joined:
        return
    first = data.draw(st.integers(0, len(joined) - 1))
    end = data.draw(st.integers(first + 1, len(joined)))
    part = part_of(Answer(200, [], tuple(bodies)), [], first, end)
    assert b"".join(part.body) == joined[first:end]
    assert header(part, "Content-Range") == f"bytes {first}-{end - 1}/{len(joined)}"
    assert header(part, "Content-Length") == str(end - first)


def test_if_range_with_another_version_gives_the_whole() -> None:
    one = Fields(range=b"bytes=0-1", if_range=b'"a"')
    assert wanted(one, b'"a"', 10) == (0, 2)
    assert wanted(one, b'"b"', 10) is Whole.WHOLE
    # 13.1.5: "strong comparison"; a date is no tag of ours either.
    assert wanted(Fields(range=b"bytes=0-1", if_range=b'W/"a"'), b'"a"', 10) is Whole.WHOLE


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (b'"a"', True),
        (b'W/"a"', True),
        (b'"b", "a"', True),
        (b"*", True),
        (b'"b"', False),
        (None, False),
    ],
)
def test_if_none_match(asked: bytes | None, expected: bool) -> None:
    assert not_modified(Fields(if_none_match=asked), b'"a"') is expected


# -- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accepted", "expected"),
    [
        (b"", "", "en"),
        (b"", "gu", "gu"),
        (b"", "GU-in", "gu"),
        (b"", "fr, hi;q=0.3, gu;q=0.7", "gu"),
        (b"", "hi;q=0.9,en;q=0.8", "hi"),
        (b"", "gu;q=0", "en"),
        (b"", "gu;q=x, hi", "hi"),
        (b"", "*", "en"),
        (b"", "gu;q=0.5;level=1", "en"),
        (b"lang=hi", "gu", "hi"),
        (b"a=b&lang=GU", "hi", "gu"),
        (b"lang=xx", "hi", "hi"),
        (b"lang=%67u", "hi", "hi"),
    ],
)
def test_language(query: bytes, accepted: str, expected: str) -> None:
    assert choose(OFFERED, query, accepted) == expected


@given(st.text(max_size=60), st.binary(max_size=30))
def test_any_wish_gets_a_language_that_is_offered(accepted: str, query: bytes) -> None:
    assert choose(OFFERED, query, accepted) in OFFERED


def test_a_page_in_its_language_with_gzip_and_a_tag() -> None:
    page = Page(a_plan().pages)
    answer = page.answer(Fields(gzip=True, languages="gu"), b"")
    assert answer is not None
    assert gzip.decompress(b"".join(answer.body)).decode() == a_plan().pages["gu"]
    assert header(answer, "Content-Encoding") == "gzip"
    assert header(answer, "Content-Language") == "gu"
    assert header(answer, "Vary") == "Accept-Language, Accept-Encoding"
    tag = header(answer, "ETag")
    assert tag is not None
    again = page.answer(Fields(gzip=True, languages="gu", if_none_match=tag.encode()), b"")
    assert again is not None
    assert (again.status, again.body, header(again, "ETag")) == (304, (), tag)
    # The same page without gzip is another representation.
    plain = page.answer(Fields(languages="gu", if_none_match=tag.encode()), b"")
    assert plain is not None
    assert (plain.status, plain.body) == (200, (a_plan().pages["gu"].encode(),))


def test_what_gzip_does_not_shrink_is_sent_as_it_is() -> None:
    answer = Variants(b"ab", []).answer(Fields(gzip=True))
    assert answer.body == (b"ab",)
    assert header(answer, "Content-Encoding") is None


def test_an_event_without_pages_has_none() -> None:
    assert Page({}).answer(Fields(), b"") is None


# -- state.json -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "phase", "expected"),
    [
        ({}, None, Situation.DOORS),
        ({"doors_ms": START_MS + 1}, None, Situation.ANNOUNCED),
        ({"doors_ms": START_MS}, Phase.OFF, Situation.DOORS),
        ({"doors_ms": START_MS + 1}, Phase.LIVE, Situation.LIVE),
        ({}, Phase.LIVE, Situation.LIVE),
        ({}, Phase.ENDED, Situation.ENDED),
        ({"ended": True}, None, Situation.ENDED),
        ({"ended": True}, Phase.LIVE, Situation.ENDED),
        ({"cancelled": True}, Phase.LIVE, Situation.CANCELLED),
    ],
)
def test_situation(changes: dict[str, object], phase: Phase | None, expected: Situation) -> None:
    room = RoomState(EVENT, phase) if phase is not None else None
    assert situation_of(a_plan(**changes), room, START_MS) is expected


def test_state_json_says_what_the_contract_says() -> None:
    room = RoomState(
        EVENT,
        Phase.LIVE,
        START_MS,
        speakers=(RoomSpeaker("s1", "Asha", True, False, True, 0.12345), RoomSpeaker("x", "Guest")),
        status=StatusLine("Back in a minute.", START_MS + 5),
    )
    said = json.loads(
        state.as_json(
            a_plan(),
            room,
            counts=Counts(3, 4, 10),
            form=Form.LOW,
            lean=None,
            replay=None,
            replay_path="/r",
            wall_ms=START_MS + 9,
        )
    )
    assert said == {
        "event": EVENT,
        "slug": "a-talk",
        "title": "A talk",
        "state": "live",
        "starts_ms": None,
        "doors_ms": None,
        "live_since_ms": START_MS,
        "ended_ms": None,
        "now_ms": START_MS + 9,
        "speakers": [
            {"name": "Asha", "here": True, "muted": False, "speaking": True, "level": 0.12},
            {"name": "Bo", "here": False, "muted": False, "speaking": False, "level": 0.0},
            {"name": "Guest", "here": False, "muted": False, "speaking": False, "level": 0.0},
        ],
        "counts": {
            "listening": 3,
            "admitted": 4,
            "seats": 10,
            "in_line": 0,
            "refused": 0,
            "peak": 0,
            "joined": 0,
        },
        "status": {"text": "Back in a minute.", "at_ms": START_MS + 5},
        "rung": None,
        "promise_ms": None,
        "certificate": None,
        "latency": "low",
        "lean": None,
        "back": False,
        "captions": False,
        "mark": "",
        "replay": None,
    }


@pytest.mark.parametrize(
    ("listening", "limit", "before", "after"),
    [
        (0, 10, Form.PLAIN, Form.LOW),
        (10, 10, Form.LOW, Form.LOW),
        (11, 10, Form.LOW, Form.PLAIN),
        (9, 10, Form.PLAIN, Form.PLAIN),  # no flapping
        (9, 10, Form.LOW, Form.LOW),
        (8, 10, Form.PLAIN, Form.LOW),
        (0, 0, Form.LOW, Form.PLAIN),  # a limit of none: never LL-HLS
    ],
)
def test_latency_by_crowd(listening: int, limit: int, before: Form, after: Form) -> None:
    assert form_for(listening, limit, before) is after


# -- the wheel and the counters ---------------------------------------------------------------


class Item:
    def __init__(self) -> None:
        self.deadline, self.bucket = 0.0, 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.floats(0.0, 20.0), st.sampled_from(["set", "later", "drop"])
        ),
        max_size=60,
    )
)
def test_deadlines_are_kept_within_a_grain_and_never_early(
    steps: list[tuple[int, float, str]],
) -> None:
    wheel: Wheel[Item] = Wheel(grain_s=0.5)
    items = [Item() for _ in range(6)]
    armed: dict[int, float] = {}
    now = 100.0
    wheel.due(now)
    for which, seconds, what in steps:
        item = items[which]
        if what == "drop":
            wheel.drop(item)
            armed.pop(which, None)
        elif what == "later" and which in armed:
            armed[which] = item.deadline = max(item.deadline, now + seconds)
        else:
            wheel.set(item, now + seconds)
            armed[which] = now + seconds
        now += 0.25
        for late in wheel.due(now):
            assert armed.pop(items.index(late)) <= now
        assert all(deadline > now - 2 * 0.5 for deadline in armed.values())
        assert len(wheel) == len(armed)


def test_a_busy_item_costs_one_look_a_bucket_not_one_a_request() -> None:
    wheel: Wheel[Item] = Wheel(grain_s=1.0)
    item = Item()
    wheel.set(item, 60.0)
    wheel.due(0.5)
    bucket = item.bucket
    for second in range(1, 50):
        item.deadline = second + 60.0
    assert item.bucket == bucket
    assert wheel.due(61.5) == []
    assert item.bucket > bucket
    assert wheel.due(111.0) == [item]


def test_every_counter_is_explained() -> None:
    assert len({c.name for c in COUNTERS}) == len(COUNTERS)
    assert all(c.text.endswith(".") for c in COUNTERS)

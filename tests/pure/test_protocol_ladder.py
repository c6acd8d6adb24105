"""Ladders as data: the presets hold, and what cannot be climbed says why."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.ladder import EFFECTS, PRESETS, LadderError, check, read


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_climbed_and_is_read_back(name: str) -> None:
    rungs = PRESETS[name]
    check(rungs)
    assert read(json.loads(json.dumps([asdict(r) for r in rungs]))) == rungs


def test_the_standard_ladder_has_every_effect_in_order_and_leaves_the_last_to_people() -> None:
    rungs = PRESETS["standard"]
    assert tuple(r.effect for r in rungs) == EFFECTS
    assert rungs[-1].over == {}


def test_only_the_strict_ladder_puts_everybody_out_by_itself() -> None:
    by_itself = {
        n for n, rungs in PRESETS.items() if rungs[-1].effect == "later" and rungs[-1].over
    }
    assert by_itself == {"strict"}


GOOD = {"effect": "long", "over": {"cpu": 0.7}, "under": {"cpu": 0.5}}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("plain", "list"),
        ({"effect": "plain"}, "list"),
        (7, "list"),
        ([7], "rung 1 is not an object"),
        ([{}], "rung 1: '' is none of"),
        ([GOOD, GOOD], "rung 2 .long.: the order"),
        ([GOOD, {"effect": "plain"}], "rung 2 .plain.: the order"),
        ([GOOD | {"over": {"moon": 1}}], "'moon'"),
        ([GOOD | {"over": {"cpu": 1.5}}], "over.cpu is not from 0 to 1"),
        ([GOOD | {"over": {"cpu": "hot"}}], "over.cpu is not a number"),
        ([GOOD | {"over": {"cpu": True}}], "over.cpu is not a number"),
        ([GOOD | {"over": {"cpu": float("nan")}}], "over.cpu is not a number"),
        ([GOOD | {"over": 1}], "over is not an object"),
        ([GOOD | {"under": {}}], "under.cpu must be given"),
        ([GOOD | {"under": {"cpu": 0.8}}], "under.cpu must be given, and not above"),
        ([GOOD | {"after_s": 0}], "after_s"),
        ([GOOD | {"back_after_s": 1e9}], "back_after_s"),
        ([GOOD | {"says": {"fr": "plus tard"}}], "says"),
        ([GOOD | {"says": {"en": 5}}], "says"),
        ([GOOD | {"says": {"en": "x" * 281}}], "says"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_says_which_rung_and_why(
    data: object, complaint: str
) -> None:
    with pytest.raises(LadderError, match=complaint):
        read(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["effect", "over", "under", "says", "after_s", "cpu", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(_JSON)
def test_any_json_is_a_ladder_or_a_ladder_error(data: object) -> None:
    try:
        rungs = read(data)
    except LadderError:
        return
    check(rungs)

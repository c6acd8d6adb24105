"""The record of an incident: demand and attack told apart, with how sure it is and why."""

import json

import pytest

from samvad.protocol.incident import (
    CLOSED,
    MINUTE,
    OPENED,
    Cause,
    Confidence,
    Incident,
    Minute,
    as_dict,
    judge,
    minute_as_dict,
    minute_from,
    together,
)


def minutes(count: int, good: int, kinds: dict[str, int], **more: object) -> list[Minute]:
    return [
        Minute(at_ms=n * 60_000, good=good, kinds=kinds, newcomers=100, **more)  # type: ignore[arg-type]
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("good", "kinds", "cause"),
    [
        (100_000, {}, Cause.DEMAND),
        (100_000, {"malformed": 900}, Cause.DEMAND),
        (60_000, {"tickets": 40_000}, Cause.BOTH),
        (10_000, {"tickets": 90_000, "malformed": 3_000}, Cause.ATTACK),
    ],
)
def test_a_planted_mix_is_named_with_its_share(
    good: int, kinds: dict[str, int], cause: Cause
) -> None:
    verdict = judge(minutes(5, good, kinds))
    planted = sum(kinds.values()) / (good + sum(kinds.values()))
    assert verdict.cause is cause
    assert verdict.share == pytest.approx(planted)
    assert verdict.confidence is Confidence.HIGH


def test_how_sure_it_is() -> None:
    assert judge([]).cause is Cause.UNKNOWN
    assert judge(minutes(1, 100, {})).cause is Cause.UNKNOWN
    assert judge(minutes(1, 900, {})).confidence is Confidence.LOW
    assert judge(minutes(1, 50_000, {"tickets": 50_000})).confidence is Confidence.MEDIUM
    # Page loads that lead nowhere may be a broken page as well as a flood.
    assert judge(minutes(5, 50_000, {"pages": 50_000})).confidence is Confidence.MEDIUM
    # On the edge between two answers it says so.
    assert judge(minutes(5, 96_000, {"tickets": 4_500})).confidence is Confidence.MEDIUM


def test_the_evidence_is_named() -> None:
    more = {
        "came": {"connections": 1_000, "seats": 700, "deep": 800},
        "networks": (("203.0.113.0/24", 5_000),),
        "sources": 40,
        "success": 0.999,
        "p99_ms": 12.0,
    }
    verdict = judge(minutes(3, 5_000, {"tickets": 6_000, "slow": 10}, **more))
    told = dict(verdict.evidence)
    assert told["far"] == {"share": 0.8, "seats": 2_100}
    assert told["sources"] == {"sources": 40, "networks": 1}
    assert "stalls" not in told  # nobody listened
    heard = minutes(3, 5_000, {}, highest=200) + minutes(1, 5_000, {}, highest=100, stalled=20)
    assert dict(judge(heard).evidence)["stalls"] == {"listeners": 20, "share": 0.2}
    assert told["felt"] == {"success": 0.999, "p99_ms": 12.0}
    assert [n["kind"] for code, n in verdict.evidence if code == "kind"] == ["tickets", "slow"]


def test_incidents_are_put_together_from_facts() -> None:
    one = Minute(60_000, "attack", 10, {"seats": 3}, 900, {"tickets": 800}, 2, (("a", 5),))
    facts: list[tuple[int, dict[str, object]]] = [
        (
            50_000,
            {"id": "x", "what": MINUTE, "minute": minute_as_dict(one)},
        ),  # not open
        (60_000, {"id": "x", "what": OPENED, "by": "detector"}),
        (120_000, {"id": "x", "what": MINUTE, "minute": minute_as_dict(one)}),
        (120_500, {"id": "x", "what": MINUTE, "minute": {"nonsense": 1}}),
        (180_000, {"id": "x", "what": CLOSED, "by": "Asha"}),
        (190_000, {"id": "y", "what": OPENED, "by": "Asha"}),
        (200_000, {"what": "something of a newer version"}),
    ]
    first, second = together(facts, "e")
    assert first == Incident("x", "e", 60_000, "detector", (one,), 180_000, "Asha")
    assert second.to_ms is None


def test_what_is_published_names_nobody() -> None:
    incident = Incident("x", "e", 1, "Asha Patel", tuple(minutes(2, 900, {"slow": 200})), 2, "Bo")
    told = as_dict(incident)
    assert "Asha" not in json.dumps(told)
    assert (told["opened_by"], told["closed_by"]) == ("operator", "operator")
    assert told["verdict"]["share"] == round(200 / 1100, 4)


def test_a_minute_survives_its_journal() -> None:
    one = Minute(1, "attack", 2, {"seats": 3}, 4, {"slow": 5}, 6, (("n", 7),), {"bans": 8}, 0.5)
    assert minute_from(json.loads(json.dumps(minute_as_dict(one)))) == one
    with pytest.raises(ValueError, match="no minute"):
        minute_from({})

"""Who is connected: places in the mix, replacements; ICE servers; figures."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.stage.engine import IceServer, Peer, ice_servers
from samvad.stage.figures import BOUNDS_MS, Figures, Lateness
from samvad.stage.jitter import JitterCounters
from samvad.stage.links import Link, Links


def test_a_replacement_keeps_the_place_and_a_gap_is_filled() -> None:
    links: Links[Peer] = Links(3)
    first, second, third = (Link[Peer](name, 0.0) for name in "abc")
    assert [links.put(x) for x in (first, second, third)] == [None, None, None]
    assert [x.row for x in links] == [0, 1, 2]
    assert links.full_for("d")
    assert not links.full_for("b")
    newer: Link[Peer] = Link("b", 1.0)
    assert links.put(newer) is second
    assert newer.row == 1
    assert not links.take(second)  # the old one is not there any more
    assert links.take(first)
    fourth: Link[Peer] = Link("d", 2.0)
    links.put(fourth)
    assert fourth.row == 0
    assert links.named(newer.resource) is newer
    assert links.named(second.resource) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=60))
def test_no_two_share_a_place(steps: list[tuple[str, bool]]) -> None:
    links: Links[Peer] = Links(4)
    for name, comes in steps:
        if comes and not links.full_for(name):
            links.put(Link(name, 0.0))
        elif not comes:
            held = links.of(name)
            if held is not None:
                assert links.take(held)
        rows = [x.row for x in links]
        assert len(set(rows)) == len(rows) == len(links) <= 4
        assert all(0 <= row < 4 for row in rows)


def test_ice_servers_are_read_and_announced() -> None:
    read = ice_servers(
        "stun:stun.example.org:3478  turn:ann:s3cret:x@turn.example.org?transport=tcp"
    )
    assert read == [
        IceServer("stun:stun.example.org:3478"),
        IceServer("turn:turn.example.org?transport=tcp", "ann", "s3cret:x"),
    ]
    assert read[0].link() == '<stun:stun.example.org:3478>; rel="ice-server"'
    assert ice_servers("  ") == []


@pytest.mark.parametrize(
    "bad",
    ["stun:", "stun:a@b", "turn:host", "turn:user@host", "turn::p@host", "turn:u:p@", "http://x"],
)
def test_what_is_no_ice_server_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match=bad.replace("?", ".")):
        ice_servers(f"stun:ok.example.org {bad}")


def test_quantiles_of_lateness_are_bounds_that_hold() -> None:
    lateness, draw = Lateness(), random.Random(2)
    values = sorted(draw.expovariate(1 / 3) for _ in range(5000))
    for value in values:
        lateness.add(value)
    for share in (0.5, 0.9, 0.99):
        exact = values[int(share * len(values)) - 1]
        bound = lateness.quantile_ms(share)
        assert bound >= exact
        assert bound == min(b for b in BOUNDS_MS if b >= exact)


def test_the_worst_is_known_beyond_the_last_bound() -> None:
    lateness = Lateness()
    assert lateness.quantile_ms(0.99) == 0
    lateness.add(5000)
    assert lateness.quantile_ms(0.99) == lateness.worst_ms == 5000


def test_the_text_is_prometheus_exposition() -> None:
    figures = Figures()
    figures.lateness.add(0.4)
    figures.lateness.add(30)
    figures.count(JitterCounters(received=5, played=4, lost=1))
    figures.count(JitterCounters(received=2, played=2))
    text = figures.text({"speakers": 3})
    assert 'samvad_stage_tick_late_seconds_bucket{le="0.0005"} 1' in text
    assert 'samvad_stage_tick_late_seconds_bucket{le="+Inf"} 2' in text
    assert 'samvad_stage_packets_total{what="received"} 7' in text
    assert "samvad_stage_speakers 3" in text
    for line in text.splitlines():
        assert line.startswith(("# HELP samvad_stage_", "# TYPE samvad_stage_", "samvad_stage_"))
    assert text.endswith("\n")

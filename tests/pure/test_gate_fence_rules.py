"""The fence's rules: whatever is asked, who may be fenced, how many, for how long."""

import pytest

from samvad.gate.fence import LONGEST_S, Ask, Fence, read, setup, write
from samvad.protocol.client_addr import Networks


def fence(most: int = 100) -> Fence:
    return Fence(most, Networks("198.51.100.0/24 2001:db8:7::/48"), ["203.0.113.1", "2001:db8::1"])


def test_sources_are_fenced_for_as_long_as_asked() -> None:
    lines = fence().take([Ask("203.0.113.7", 60), Ask("2001:db8:1:2::/64", 1e9)], 0.0)
    assert lines == [
        "add element inet samvad_fence v4 { 203.0.113.7 timeout 60s }",
        f"add element inet samvad_fence v6 {{ 2001:db8:1:2::/64 timeout {LONGEST_S}s }}",
    ]


@pytest.mark.parametrize(
    "source",
    [
        *("127.0.0.1", "127.200.1.1", "::1", "0.0.0.0", "224.0.0.1", "169.254.1.1", "fe80::/64"),
        *("198.51.100.9", "2001:db8:7:1::/64"),  # allowed, or a proxy
        *("203.0.113.1", "2001:db8::/64"),  # this machine
        *("203.0.113.0/24", "0.0.0.0/0", "::/0", "2001:db8::/32", "203.0.113.7/31"),
        *("", "house", "203.0.113.7; flush ruleset", "203.0.113.7 }\nflush ruleset"),
    ],
)
def test_what_is_never_fenced(source: str) -> None:
    held = fence()
    assert held.take([Ask(source, 60)], 0.0) == []
    assert held.refused == 1


def test_no_more_than_so_many_at_a_time() -> None:
    held = fence(most=2)
    asks = [Ask(f"203.0.113.{n}", 60) for n in range(10, 20)]
    assert len(held.take(asks, 0.0)) == 2
    assert held.take(asks[:2], 1.0) == []  # they are fenced already
    assert held.refused == 8
    assert len(held.take(asks, 61.0)) == 2


@pytest.mark.parametrize(
    "message", [b"", b"[]", b"{}", b'{"fence": 1}', b'{"fence": [[1]]}', b"\xff"]
)
def test_what_is_no_message_asks_for_nothing(message: bytes) -> None:
    assert read(message) == []


def test_a_message_says_what_was_written() -> None:
    asks = [Ask("203.0.113.7", 60.0)]
    assert read(write(asks)) == asks
    assert not fence().take([Ask("203.0.113.7", float("nan"))], 0.0)


def test_only_the_crowds_port_is_fenced() -> None:
    rules = [line for line in setup([8001], 10) if " rule " in line]
    assert len(rules) == 2
    assert all("tcp dport { 8001 } counter drop" in rule for rule in rules)

"""Whose connection it is: what proxies say counts only of declared ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.client_addr import Networks, client_of, network_of, source_of
from samvad.protocol.proxy_header import SIGNATURE, NoHeader, Proxied, read, write

PROXIES = Networks("10.0.0.0/8 2001:db8:1::/48 127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.1.1.1", "203.0.113.9", "203.0.113.9"),
        # The last that is no proxy of ours: what stands before it the client has written.
        ("10.1.1.1", "8.8.8.8, 203.0.113.9, 10.2.2.2", "203.0.113.9"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", "nonsense", "10.1.1.1"),
        ("10.1.1.1", "203.0.113.9, nonsense", "10.1.1.1"),
        ("10.1.1.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.1.1.1", '"[2001:db8::7]:4711"', "2001:db8::7"),
        ("127.0.0.1", "10.9.9.9", "10.9.9.9"),
        # Whoever is no declared proxy speaks for nobody.
        ("203.0.113.1", "8.8.8.8", "203.0.113.1"),
        ("127.0.0.2", "8.8.8.8", "127.0.0.2"),
    ],
)
def test_forwarded_for_is_believed_of_declared_proxies_only(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_without_declared_proxies_nothing_is_believed() -> None:
    assert client_of("127.0.0.1", "8.8.8.8", Networks()) == "127.0.0.1"


def test_networks_hold_addresses_and_sources() -> None:
    assert "10.255.0.1" in PROXIES
    assert "11.0.0.1" not in PROXIES
    assert "::ffff:10.0.0.1" in PROXIES
    assert "2001:db8:1:2::/64" in PROXIES
    assert "2001:db8:2::/64" not in PROXIES
    assert "no address" not in PROXIES
    with pytest.raises(ValueError, match="does not appear"):
        Networks("10.0.0.0/8 house")


def test_published_networks_are_wider_than_sources() -> None:
    assert network_of("203.0.113.9") == "203.0.113.0/24"
    assert network_of(source_of("2001:db8:1:2::9")) == "2001:db8:1::/48"


def test_a_proxy_header_names_the_client() -> None:
    for client in ("203.0.113.9", "2001:db8::9"):
        server = "10.0.0.1" if "." in client else "2001:db8::1"
        header = write(client, 4711, server, 443)
        assert read(header + b"GET / HTTP/1.1\r\n") == Proxied(client, len(header))
        for cut in range(1, len(header)):
            assert read(header[:cut]) is NoHeader.MORE
    local = SIGNATURE + b"\x20\x00\x00\x00"
    assert read(local) == Proxied(None, 16)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n",
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),  # version 3
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),  # a command that is none
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),  # too short for what it says it holds
        SIGNATURE + b"\x21\x11\xff\xff",  # longer than any header
    ],
)
def test_what_is_no_header_of_version_2_is_refused(data: bytes) -> None:
    assert read(data) is NoHeader.BAD


@given(st.binary(max_size=80))
def test_any_bytes_are_understood_or_refused(tail: bytes) -> None:
    told = read(SIGNATURE + tail)
    assert told in tuple(NoHeader) or isinstance(told, Proxied)
    if isinstance(told, Proxied):
        assert 16 <= told.taken <= len(SIGNATURE + tail)

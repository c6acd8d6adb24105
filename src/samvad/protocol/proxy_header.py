"""The PROXY protocol, version 2 (haproxy.org, "The PROXY protocol", section 2.2). Pure.

    signature 12 | version and command 1 | family and transport 1 | length u16 | addresses, TLVs

A header comes before everything else of a connection, and only from a declared proxy: from
anybody else its first bytes are no HTTP and are refused as such. Version 1 is not taken: two
readers could disagree on where its line ends.
"""

import ipaddress
import struct
from dataclasses import dataclass
from enum import Enum

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_HEAD = 16
MOST = 536
"""Bytes of a whole header with its TLVs; a longer one is refused: the addresses are 36 at most,
and what TLVs say (names, certificates) is of no use here."""
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x11: (4, 12), 0x21: (16, 36)}
"""By family and transport (TCP over IPv4, over IPv6): the size of one address, of the block."""


class NoHeader(Enum):
    MORE = "the header is not complete"
    BAD = "there is no header of version 2"


@dataclass(frozen=True, slots=True)
class Proxied:
    """`client` None: the proxy speaks for itself (LOCAL: a health check), or does not say for
    whom. `taken`: bytes of the header."""

    client: str | None
    taken: int


def read(data: bytes) -> Proxied | NoHeader:
    """The header that `data` begins with."""
    if data[:12] != SIGNATURE[: len(data)]:
        return NoHeader.BAD
    if len(data) < _HEAD:
        return NoHeader.MORE
    command, family, length = struct.unpack_from(">BBH", data, 12)
    if command not in (_LOCAL, _PROXY) or _HEAD + length > MOST:
        return NoHeader.BAD
    if len(data) < _HEAD + length:
        return NoHeader.MORE
    taken = _HEAD + length
    known = _ADDRESSES.get(family)
    if command == _LOCAL or known is None:
        return Proxied(None, taken)
    size, block = known
    if length < block:
        return NoHeader.BAD
    address = ipaddress.ip_address(data[_HEAD : _HEAD + size])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return Proxied(str(address.ipv4_mapped), taken)
    return Proxied(str(address), taken)


def write(client: str, client_port: int, server: str, server_port: int) -> bytes:
    """The header a proxy sends for one client (for tests, and programs that stand in for one)."""
    addresses = ipaddress.ip_address(client), ipaddress.ip_address(server)
    family = 0x11 if addresses[0].version == 4 else 0x21
    block = b"".join(one.packed for one in addresses) + struct.pack(">HH", client_port, server_port)
    return SIGNATURE + struct.pack(">BBH", _PROXY, family, len(block)) + block

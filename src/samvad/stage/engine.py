"""The seam to a WebRTC engine. peer.py fills it with aiortc; another engine could stand there.

A room needs three kinds of peers: one that a speaker publishes to, one that a speaker gets
the others from, and, for the program `samvad speak`, one that publishes. An engine makes
them; it negotiates, and moves sound in and out. Everything is called on the event loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from samvad.stage.opus import Pcm
from samvad.stage.voice import Voice


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server as browsers name it (RFC 7064, RFC 7065)."""

    url: str
    username: str = ""
    credential: str = ""

    def link(self) -> str:
        """The Link header field that announces it (RFC 9725, section 4.6)."""
        text = f'<{self.url}>; rel="ice-server"'
        if self.username:
            text += (
                f'; username="{self.username}"; credential="{self.credential}"'
                '; credential-type="password"'
            )
        return text


class Peer(Protocol):
    """A WebRTC connection. `gone` is called once, when it ends without `close`."""

    @property
    def connected(self) -> bool:
        """Whether media can flow now."""

    @property
    def last_packet(self) -> float | None:
        """Monotonic seconds of the newest packet from the other side; None before the first."""

    async def close(self) -> None:
        """End it and free its sockets. Calling it again does nothing."""


class Publisher(Peer, Protocol):
    """A speaker's sound coming in."""

    @property
    def voice(self) -> Voice:
        """Where its packets gather; read by the tick."""


class Returner(Peer, Protocol):
    """The others' sound going out."""

    async def send(self, pcm: Pcm) -> None:
        """int16[960] mono 48 kHz, each 20 ms. Does nothing until connected."""


class Source(Returner, Protocol):
    """A client's connection that publishes."""

    offer: str

    async def accept(self, answer: str) -> None:
        """Take the server's answer. Raises OfferError when it cannot be used."""


class Engine(Protocol):
    """Makes peers. Answers come with all candidates in them (no trickle)."""

    async def publisher(self, offer: str, gone: Callable[[], None]) -> tuple[Publisher, str]:
        """Answer a WHIP offer: the peer and the SDP answer. Raises OfferError."""

    async def returner(self, offer: str, gone: Callable[[], None]) -> tuple[Returner, str]:
        """Answer a WHEP offer. Raises OfferError."""

    async def source(self, gone: Callable[[], None]) -> Source:
        """A publishing client, with its offer."""


def ice_servers(setting: str) -> list[IceServer]:
    """Read the setting stage.ice_servers: URLs separated by spaces.

    `stun:host[:port]`, `turn:user:password@host[:port][?transport=udp|tcp]`, `turns:` likewise.
    Raises ValueError with the entry that is not one.
    """
    servers = []
    for entry in setting.split():
        scheme, _, rest = entry.partition(":")
        if scheme in ("stun", "stuns") and rest and "@" not in rest:
            servers.append(IceServer(entry))
            continue
        login, at, address = rest.rpartition("@")
        username, colon, credential = login.partition(":")
        if scheme not in ("turn", "turns") or not (at and colon and username and address):
            raise ValueError(entry)
        servers.append(IceServer(f"{scheme}:{address}", username, credential))
    return servers

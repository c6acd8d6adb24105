"""Who is connected to one event: at most one publisher and one return a speaker."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from samvad.stage.engine import Peer
from samvad.stage.mixer import Meter

P = TypeVar("P", bound=Peer)


@dataclass(slots=True, eq=False)
class Link(Generic[P]):
    """A connection. `resource` names it in URLs; `row` is a publisher's place in the mix."""

    speaker: str
    since: float
    resource: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    row: int = -1
    joined: bool = False
    meter: Meter = field(default_factory=Meter)
    made: P | None = None

    @property
    def peer(self) -> P:
        """The engine's peer, once it is negotiated."""
        assert self.made is not None
        return self.made


class Links(Generic[P]):
    """The links of one direction, by speaker. `rows`: how many there may be."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._by_speaker: dict[str, Link[P]] = {}

    def __iter__(self) -> Iterator[Link[P]]:
        return iter(list(self._by_speaker.values()))

    def __len__(self) -> int:
        return len(self._by_speaker)

    def of(self, speaker: str) -> Link[P] | None:
        return self._by_speaker.get(speaker)

    def full_for(self, speaker: str) -> bool:
        """Whether there is no row for one more link of this speaker."""
        return speaker not in self._by_speaker and len(self._by_speaker) >= self._rows

    def put(self, link: Link[P]) -> Link[P] | None:
        """The newest link of a speaker is the one that counts; returns the one it replaces.

        A replacement keeps its row, so its sound goes on in its place in the mix.
        """
        old = self._by_speaker.pop(link.speaker, None)
        taken = {other.row for other in self._by_speaker.values()}
        link.row = old.row if old else min(set(range(self._rows)) - taken)
        self._by_speaker[link.speaker] = link
        return old

    def take(self, link: Link[P]) -> bool:
        """Take a link out; False when it is not (or no longer) in here."""
        if self._by_speaker.get(link.speaker) is not link:
            return False
        del self._by_speaker[link.speaker]
        return True

    def named(self, resource: str) -> Link[P] | None:
        return next((x for x in self._by_speaker.values() if x.resource == resource), None)

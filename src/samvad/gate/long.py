"""Long segments, made of three normal ones each, and pairs of six: fewer requests. Pure.

Long segment g holds the segments 3g, 3g+1 and 3g+2, so all gates number and name it alike, and
it begins where a normal one begins. An encoder that began anew in its middle cuts it short: what
of the three comes after that is left out, and the next long segment begins the new run. A pair is
the same of six; it stands in lean.json only.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from samvad.protocol.media import SEGMENTS_PER_LONG
from samvad.protocol.playlist import Window, WindowPart, WindowSegment

Name = Callable[[int, int], str]
"""(discontinuity, long msn) to the long segment's object name."""


@dataclass(frozen=True, slots=True)
class Long:
    """`pieces` are the normal segments in it, in order; `complete` when no more will come."""

    msn: int
    name: str
    pieces: tuple[WindowSegment, ...]
    complete: bool

    def listed(self) -> WindowSegment:
        first = self.pieces[0]
        return WindowSegment(
            self.msn,
            self.name,
            first.init,
            first.wall_ms,
            first.discontinuity,
            tuple(WindowPart(piece.name, piece.duration_48k) for piece in self.pieces),
            self.complete,
        )


def lengthened(
    segments: Sequence[WindowSegment], name: Name, ended: bool, per: int = SEGMENTS_PER_LONG
) -> list[Long]:
    """The long segments in a run of normal ones, `per` in each; a group whose first is missing is
    left out."""
    made: list[Long] = []
    group: list[WindowSegment] = []

    def close(cut: bool) -> None:
        if group and group[0].msn % per == 0:
            first = group[0]
            long_msn = first.msn // per
            whole = len(group) == per and group[-1].complete
            made.append(
                Long(long_msn, name(first.discontinuity, long_msn), tuple(group), whole or cut)
            )
        group.clear()

    for segment in segments:
        if group and (
            segment.msn != group[-1].msn + 1 or segment.discontinuity != group[-1].discontinuity
        ):
            close(cut=True)
        if not group and segment.msn % per:
            continue
        group.append(segment)
        if len(group) == per:
            close(cut=False)
    close(cut=ended)
    return made


def window_of(longs: Iterable[Long], first_msn: int, before: int, ended: bool) -> Window:
    """What of `longs` a playlist tells: those that begin at `first_msn` (a normal segment's
    number) or later. `before`: the discontinuity before all of them."""
    listed: list[WindowSegment] = []
    for long in longs:
        if long.pieces[0].msn < first_msn:
            before = long.pieces[0].discontinuity
        elif long.complete:
            listed.append(long.listed())
    return Window(tuple(listed), before, ended=ended)
